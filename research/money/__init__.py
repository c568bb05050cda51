"""Processors and their prices, the budget of a run, and what was used."""
