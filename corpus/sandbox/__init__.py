"""Runs readers in confined child processes, so that a hostile file ends as one reported failure.

Enters: the bytes or path of a file, and its name. Leaves: `Document` and `ReadFailure`, never an exception; or a page of a PDF file.
`pool` keeps the processes, `pages` shows a page, `reader_process` is one of the processes seen from the parent, `child` is its program,
`confinement` what it gives up, `wire` and `page_wire` the checked formats between them.
"""
