"""Reads PDF: text in reading order, paragraphs, headings, tables and page offsets. Shows pages.

Enters: the bytes of a file. Leaves: a `Document`; or the image of a page and the boxes of quoted words on it. `page_lines` has what PDFium
says of a page as lines with their places; `columns`, `furniture`, `tables` and `paragraphs` are pure: lines in, lines or blocks out;
`reader` puts them together. `page_view` shows a page, and `boxes` finds its lines in the stored text.
"""
