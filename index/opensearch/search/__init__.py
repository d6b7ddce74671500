"""Searches on a cluster: points in time that questions share, and rankings by the formulas of every engine.

In: a prepared query and a filter. Out: a Ranking.
"""
