"""Chooses the units that answer a question and says how probable each is.

Enters: a ranking, the passages found and their units, and the reading model or None. Leaves: the units with their probabilities, best
first, and the spans that the reader found. `expectation` says what a question asks for, `features` describes a unit, `reading` lets
the reader read the most promising ones, `weights` has the learned numbers.
"""
