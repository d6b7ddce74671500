"""Readers of plain text, CSV, e-mail, mailboxes and JSON Lines.

Enters: bytes and a name. Leaves: a `Document`, or a document or failure per record, and the attachments of messages.
"""
