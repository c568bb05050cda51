"""Audits of a finished run: verify its evidence, score it against the truth."""
