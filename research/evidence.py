"""Judges and copies evidence."""

from __future__ import annotations

from research.passages import passages_of, sentences

__all__ = ["passages_of", "sentences"]
