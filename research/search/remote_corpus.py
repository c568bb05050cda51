"""A copy of a corpus that is named by a URL. It is read and indexed like any other on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from filelock import FileLock

from research.errors import InvalidCorpus, InvalidLocation
from research.search.corpus import MAX_BYTES, SUFFIXES
from research.storage.reading import mirror

_FOLDER: Final = "copies"


def copy_of(url: str, folder: Path) -> Path:
    """Bring the copy of a corpus up to date: files that are new or changed are read, those that are gone are removed.

    Args:
        folder: where indexes of corpora are kept. Several processes may share it.

    Raises:
        InvalidCorpus: there is nothing at this address, or it cannot be read.
    """
    own = folder / _FOLDER / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    own.mkdir(parents=True, exist_ok=True)
    with FileLock(own.with_suffix(".lock")):
        try:
            return mirror(url, own, _is_document)
        except InvalidLocation as exc:
            raise InvalidCorpus(f"corpus {exc}") from exc


def _is_document(name: str, size: int) -> bool:
    hidden = any(part.startswith(".") for part in name.split("/"))
    return not hidden and size <= MAX_BYTES and Path(name).suffix.lower() in SUFFIXES
