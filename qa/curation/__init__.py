"""Curation: what an editor decided about certain questions, in one TOML file that the service keeps.

In: the file, checked when it is stored (`qa curate FILE`), and a question. Out: the rules for that question: passages to pin, documents
and passages to hide, and a text for where nothing answers. `qa/answering` applies them; nothing here reads documents.
"""
