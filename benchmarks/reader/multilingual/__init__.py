"""Trains the upper layers of the multilingual reading model, from English questions alone."""
