"""The pages of one document: its text, and the pages of a PDF file as images, each with a linked quote marked; its versions.

In: a document's id, a page number, the place of a quote. Out: HTML, and images drawn in a confined process.
"""
