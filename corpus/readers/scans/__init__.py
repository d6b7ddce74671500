"""Reads scanned pages and images by OCR with Tesseract, if it is installed.

Enters: a page of a PDF file, or the bytes of an image. Leaves: paragraphs. `tesseract` is the only place that calls the C libraries.
"""
