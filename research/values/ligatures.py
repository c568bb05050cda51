"""Ligatures: characters that stand for several letters (ﬃ, ĳ, ǆ), and the shapes that Arabic letters take inside a word.

PDFs are full of them, and nobody types them: a page's text has the letters themselves, and values are found however they are
spelled.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LIGATURE: Final = re.compile(
    "[\u0132\u0133\u01c4-\u01cc\ufb00-\ufb06\ufb13-\ufb17\ufb50-\ufbb1\ufbd3-\ufd3d\ufd50-\ufdf9\ufe70-\ufefc]"
)


def unfolded(text: str) -> str:
    """A text with the letters that its ligatures stand for."""
    if text.isascii():
        return text
    return _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)


def has_ligature(text: str) -> bool:
    """Whether a text has a character that stands for several letters, or for the shape of one."""
    return not text.isascii() and _LIGATURE.search(text) is not None


def unfolded_in_place(text: str) -> tuple[str, list[int]]:
    """A text without ligatures, and for each of its characters the place in `text` that it stands for."""
    letters = [unfolded(character) for character in text]
    return "".join(letters), [place for place, part in enumerate(letters) for _ in part]
