"""Fetches documents by address, protected against server-side request forgery.

Enters: a URL and the hosts that the operator allows. Leaves: bytes, a file name and the final URL, or FetchError.
`http_client` and `deadline` are also used for the language model's server.
"""
