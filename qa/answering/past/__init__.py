"""The documents as they were at a time.

In: what a caller may read, and a time. Out: the same with the texts that were valid then, for answers as of that time.
"""
