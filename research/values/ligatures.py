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
_LATIN: Final = (
    *(("ffi", "ﬀi", "fﬁ", "ﬃ"), ("ffl", "ﬀl", "fﬂ", "ﬄ"), ("ff", "ﬀ"), ("fi", "ﬁ"), ("fl", "ﬂ"), ("st", "ﬆ", "ﬅ"), ("ij", "ĳ")),
)
_SPELLINGS: Final = {letters: f"(?:{letters}|{'|'.join(others)})" for letters, *others in _LATIN}
_UNFOLDED: Final = re.compile("|".join(_SPELLINGS))


def unfolded(text: str) -> str:
    """A text with the letters that its ligatures stand for."""
    if text.isascii():
        return text
    return _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)


def spelled_any_way(letters: str) -> str:
    """A pattern that finds lower-case letters (no other signs) with and without ligatures."""
    return _UNFOLDED.sub(lambda match: _SPELLINGS[match.group()], letters)
