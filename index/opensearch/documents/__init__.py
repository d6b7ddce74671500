"""Documents on a cluster: records, texts and passages in one index, whose commit is the record.

In: documents with their passages and vectors, and conditions. Out: what is committed, as values of `index.types`. `mapping` is the index,
`fields` and `rows` its contents, `queries` what is asked of it, `records` reads and `writing` changes documents.
"""
