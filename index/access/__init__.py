"""Whose documents: collections, the groups that may read a document, and what the audience of a request may read.

In: names and an audience. Out: filters, and an engine as the audience sees it.
"""
