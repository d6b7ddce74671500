"""The subcommands of `qa`, one file a concern; `qa/cli/main.py` gathers them."""
