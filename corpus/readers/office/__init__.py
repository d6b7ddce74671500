"""Readers of DOCX, ODT, PPTX, XLSX and RTF.

Enters: bytes and a name. Leaves: a `Document`. `archive` and `safe_xml` check the ZIP container and its XML before any library
sees them.
"""
