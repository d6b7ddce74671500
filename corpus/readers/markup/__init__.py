"""Readers of HTML, Markdown, EPUB and GOV.UK content items.

Enters: bytes and a name. Leaves: a `Document` with headings and their anchors. `html_text` is also used for e-mail.
"""
