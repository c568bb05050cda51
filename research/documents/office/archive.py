"""ZIP files that hold documents: which kind one is, and a copy of it that is safe to hand to a library.

A hostile file cannot make a library unpack gigabytes or expand entities: the copy holds only XML, stored and not compressed,
within bounds, and without document type declarations, which the Office formats forbid. Pictures and fonts are there as empty
members.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable
from typing import Final

from research.errors import PageUnreadable

MAGIC: Final = b"PK\x03\x04"
MAX_MEMBERS: Final = 10_000
MAX_UNPACKED: Final = 60_000_000
"""Bytes of XML in one document. Novels stay below 10 MB."""

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT: Final = "application/vnd.oasis.opendocument.text"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"

_PARTS: Final = {"word/": DOCX, "ppt/": PPTX, "xl/": XLSX}
_OTHERS: Final = {
    "application/epub+zip": "an EPUB book",
    "application/vnd.oasis.opendocument.presentation": "an OpenDocument presentation",
    "application/vnd.oasis.opendocument.graphics": "an OpenDocument drawing",
}
_XML: Final = (".xml", ".rels")
_ENCRYPTED: Final = 0x1
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, KeyError)
"""What `zipfile` raises for files that are cut, damaged, encrypted or packed in a way it does not know."""


def kind(data: bytes, url: str) -> str:
    """The media type of the document in a ZIP file.

    Raises:
        PageUnreadable: there is no document in it that can be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise PageUnreadable(
                    f"{url}: this ZIP file has {len(members):,} members; documents have at most {MAX_MEMBERS:,}."
                )
            names = {member.filename for member in members}
            stated = ""
            if "mimetype" in names:
                with archive.open("mimetype") as member:
                    stated = member.read(200).decode("ascii", "replace").strip()
    except _BROKEN as exc:
        raise PageUnreadable(f"{url}: this ZIP or Office file cannot be opened ({exc}). Is it complete?") from exc
    stated = stated.removesuffix("-template")
    if stated in (ODT, ODS):
        return stated
    if "[Content_Types].xml" in names:
        for folder, found in _PARTS.items():
            if any(name.startswith(folder) for name in names):
                return found
    what = _OTHERS.get(stated, "a ZIP file that is no document")
    raise PageUnreadable(f"{url}: this is {what}. Of ZIP files, .docx, .pptx, .xlsx, .odt and .ods can be read.")


def clean_copy(data: bytes, url: str) -> bytes:
    """A copy that holds nothing but what a reader of text needs.

    Raises:
        PageUnreadable: it is encrypted, broken, larger than `MAX_UNPACKED` once unpacked, or its XML declares a document type.
    """
    out = io.BytesIO()
    written: set[str] = set()
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as copy:
            for member in archive.infolist():
                name = member.filename
                if member.is_dir() or name in written:
                    continue
                if member.flag_bits & _ENCRYPTED:
                    raise PageUnreadable(f"{url}: this file needs a password.")
                content = b""
                if name.lower().endswith(_XML) or name == "mimetype":
                    # `zipfile` never unpacks more than the stated size, and the checksum tells if it is a lie.
                    if member.file_size > left:
                        raise PageUnreadable(
                            f"{url}: this file unpacks to more than {MAX_UNPACKED:,} bytes of text. It is not read."
                        )
                    content = archive.read(member)
                    left -= len(content)
                    if _declares(content):
                        raise PageUnreadable(
                            f"{url}: {name} in this file declares a document type, which no Office program writes."
                        )
                written.add(name)
                copy.writestr(name, content)
    except _BROKEN as exc:
        raise PageUnreadable(f"{url}: this file is broken ({exc}).") from exc
    return out.getvalue()


def members(data: bytes, names: Iterable[str]) -> dict[str, bytes]:
    """Members of a clean copy, those that are there."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        there = set(archive.namelist())
        return {name: archive.read(name) for name in names if name in there}


def _declares(xml: bytes) -> bool:
    text = xml.replace(b"\0", b"") if b"\0" in xml[:200] else xml  # UTF-16
    return b"<!DOCTYPE" in text or b"<!ENTITY" in text
