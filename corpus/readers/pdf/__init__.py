"""Reads PDF: text in reading order, paragraphs, headings, tables and page offsets.

Enters: the bytes of a file. Leaves: a `Document`. `page_lines` has what PDFium says of a page as lines with their places; `columns`,
`furniture`, `tables` and `paragraphs` are pure: lines in, lines or blocks out; `reader` puts them together.
"""
