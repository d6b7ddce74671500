"""Benchmarks and long tests of the engine on a cluster. Each takes the address of a running one, such as that of `make cluster`."""
