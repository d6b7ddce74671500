"""Faults put in on purpose, and whether anything is lost: `python -m benchmarks.durability`."""
