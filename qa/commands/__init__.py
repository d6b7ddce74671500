"""The subcommands of `qa`, one file a concern; `qa/cli.py` gathers them."""
