"""Which documents and passages a search may see: those that a filter allows, and those that an audience may read, with their statistics.

In: filters, audiences, and the index of one moment. Out: numbers, passage ids, counts. Results are kept until the documents change.
"""
