"""The version of extraction: part of what identifies a page's text. Known without importing what reads pages."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

_READERS: Final = ("trafilatura", "lxml", "pypdfium2", "feedparser", "mammoth", "python-pptx", "python-calamine", "chardet")
EXTRACTION_VERSION: Final = "22+" + ".".join(version(name) for name in _READERS)
"""Changes whenever the same bytes may give another text: with the code of this folder, and with the libraries that read."""
