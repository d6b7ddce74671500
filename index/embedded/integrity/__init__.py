"""Integrity of the SQLite store: finding damage, repairing, backing up and migrating.

In: a store file that may be damaged, or a backup. Out: reports of damage, a repaired or restored store, a backup file. `scrub` reads
and checks everything, `write_ahead_log` checks the log before SQLite drops part of it, `repair` and `backup` write a new file and
swap it in by one rename (`replace_store`), `migrations` converts older formats, `re_embedding` makes missing vectors.
"""
