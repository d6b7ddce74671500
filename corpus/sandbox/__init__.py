"""Runs readers in confined child processes, so that a hostile file ends as one reported failure.

Enters: the bytes or path of a file, and its name. Leaves: `Document` and `ReadFailure`, never an exception.
`pool` keeps the processes, `reader_process` is one of them seen from the parent, `child` is its program, `confinement` what it gives
up, `wire` the checked format between them.
"""
