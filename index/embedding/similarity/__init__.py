"""The scale of a model's cosines, measured when a model other than the default is prepared.

Cosines differ by model: of unrelated texts they are near 0 in one and near .75 in another. `pairs.json` has questions with passages that
answer them, by language; an embedder enters, and the scale of its cosines leaves, or why it cannot tell related from unrelated text.
"""
