"""A conversation with the documents: replies made of quotes, or written by a language model and checked against them."""
