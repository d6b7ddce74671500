"""Settings: declared once, read from the command line, the environment and a TOML file, validated and immutable.

In: command-line options, `QA_` variables and the configuration file; nothing else in the project reads those.
Out: `Settings`, and a `Configuration` that says where each value was set. Imports no other room of qa.
"""
