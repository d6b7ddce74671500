"""Fuzzing of readers, splitting, filters, quotes and request models: `python -m benchmarks.fuzzing`."""
