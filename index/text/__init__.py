"""Text analysis: the same for passages and questions. Pure.

Text enters; words, terms (stems without stop words, by language), normalised notations of dates, numbers and codes, idf weights and
spelling corrections leave.
"""
