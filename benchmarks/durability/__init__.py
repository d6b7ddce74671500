"""Fault injection: kills, refused calls, flipped bytes, a full disk and power loss, and whether any data is lost.

In: a kind of fault and a number of rounds, `python -m benchmarks.durability KIND --rounds N`. Out: counts as JSON, with a line for
each loss in `lost`; the exit code is 1 if there is any. `small` builds and verifies the data folder that the faults hit.
"""
