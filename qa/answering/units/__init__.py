"""The units of text that can be quoted: sentences, lists with their lead-in, list items, table rows, steps.

Enters: consecutive passages of a document. Leaves: `Unit`s with exact offsets into the document. `structure` finds paragraphs, lists
and tables in plain text, `boilerplate` what is never quoted, `candidates` turns found passages and their neighbours into units. Pure.
"""
