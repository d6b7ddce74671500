"""Whatever bytes come, a reader, the splitter, a filter and a request model answer as they say they do: `python -m benchmarks.fuzzing`."""
