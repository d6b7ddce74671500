"""Commands on the data folder: its documents (add, remove, list), its state (status) and its storage (check, backup, rebuild, …).

In: paths, addresses and document ids. Out: a line per document or finding, or JSON with `--json`.
"""
