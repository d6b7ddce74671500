"""Fits the choice among units and its probability: `collect` asks the questions, `fit` learns qa/answering/choosing/weights.json."""
