"""Turns files and web pages into documents, and documents into passages.

Enters: bytes and a name, or the address of a page. Leaves: `Document`, then `Passage`, with exact offsets into the text.
Imports nothing else of the project. Order: types, languages, press_release, readers, sandbox; splitting and sources use types only.
"""
