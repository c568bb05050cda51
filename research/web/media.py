"""Which answers hold no page, by their headers or first bytes: their bodies are not read."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from research.documents.sniffing import sniff
from research.errors import PageUnreadable

HEAD_BYTES: Final = 1024
"""Decoded bytes after which it is looked what an answer is."""

_NEVER: Final = re.compile(
    r"(?P<picture>image)/.+|(?P<film>video)/.+|(?P<sound>audio)/.+|(?P<font>font/.+|application/(?:vnd\.ms-fontobject|x?-?font-\w+))"
    r"|(?P<archive>application/(?:x-)?(?:zip(?:-compressed)?|gzip|bzip2?|xz|zstd|tar|gtar|7z-compressed|rar(?:-compressed)?"
    r"|java-archive|iso9660-image|apple-diskimage|debian-package|rpm)|application/vnd\.(?:rar|android\.package-archive))"
    r"|(?P<program>application/(?:x-)?(?:msdownload|executable|elf|mach-binary|sharedlib|wasm|shockwave-flash|dosexec))"
)
_ARTICLE: Final = {
    "picture": "a picture",
    "film": "a film",
    "sound": "sound",
    "font": "a font",
    "archive": "an archive",
    "program": "a program",
}
_OFFICE: Final = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub")
"""Are ZIP files, and some servers call them so."""
_CONTAINERS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""May be Office documents: what they are stands further behind."""


def refuse_type(url: str, media_type: str | None) -> None:
    """Look at the headers.

    Raises:
        PageUnreadable: what comes is no page.
    """
    served = (media_type or "").split(";")[0].strip().lower()
    match = _NEVER.fullmatch(served)
    if match is None or (match.lastgroup == "archive" and PurePosixPath(unquote(urlsplit(url).path)).suffix.lower() in _OFFICE):
        return
    raise PageUnreadable(f"{url}: this is {_ARTICLE[match.lastgroup or 'picture']} ({served[:60]}), and holds no text to read.")


def refuse_head(url: str, media_type: str | None, head: bytes) -> None:
    """Look at the first bytes, whatever the headers say of them.

    Raises:
        PageUnreadable: it is nothing that can be read.
    """
    if not head.startswith(_CONTAINERS):
        sniff(head, url=url, media_type=media_type)
