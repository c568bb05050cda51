"""Reads files and folders by URL, through Arrow's own filesystems (s3, gs, abfss, hdfs, file), else fsspec's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.fs as pafs

from research.errors import InvalidLocation
from research.storage.location import refuse_secrets

_THREADS: Final = 16
"""Files that are copied side by side."""
_PARTIAL: Final = ".part"


def filesystem_of(url: str) -> tuple[pafs.FileSystem, str]:
    """The filesystem that a URL names, and the path in it.

    Raises:
        InvalidLocation: no filesystem is known for the scheme, it does not answer, or the URL holds a password.
    """
    refuse_secrets(url)
    try:
        return pafs.FileSystem.from_uri(url)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass  # not one of Arrow's: fsspec knows more schemes
    except OSError as exc:
        raise InvalidLocation(f"{url}: {_reason(exc)}") from exc
    import fsspec  # only where it is needed

    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError, OSError) as exc:
        raise InvalidLocation(f"{url}: no filesystem can read it: {exc}") from exc
    return pafs.PyFileSystem(pafs.FSSpecHandler(filesystem)), path  # type: ignore[abstract]  # the stubs' fault


def download(url: str, folder: Path) -> Path:
    """A copy of a file or a folder, under its own name in a folder of this machine.

    Raises:
        InvalidLocation: there is nothing there, or it cannot be read.
    """
    filesystem, path = filesystem_of(url)
    target = folder / (Path(path).name or "table")
    try:
        found = filesystem.get_file_info(path).type
        if found == pafs.FileType.NotFound:
            raise InvalidLocation(f"{url}: there is no such file")
        if found == pafs.FileType.Directory:
            target.mkdir()
        pafs.copy_files(path, str(target), source_filesystem=filesystem, destination_filesystem=pafs.LocalFileSystem())
    except OSError as exc:
        raise InvalidLocation(f"{url}: cannot be read: {_reason(exc)}") from exc
    return target


def mirror(url: str, folder: Path, wanted: Callable[[str, int], bool]) -> Path:
    """Bring a copy of a file or a folder up to date. What has the same size and time is not read again.

    Args:
        folder: holds this copy and nothing else.
        wanted: whether a file of a folder is copied, by its path inside the folder and its size.

    Returns: the file or folder, under its own name.

    Raises:
        InvalidLocation: there is nothing there, or it cannot be read.
    """
    filesystem, path = filesystem_of(url)
    target = folder / (Path(path).name or "root")
    try:
        root = filesystem.get_file_info(path)
        if root.type == pafs.FileType.NotFound:
            raise InvalidLocation(f"{url}: there is no such folder or file")
        is_file = root.type == pafs.FileType.File
        found = {"": root} if is_file else {name: info for name, info in _files(filesystem, path) if wanted(name, info.size)}
        for other in _other_files(folder, target, found):
            other.unlink()
        with ThreadPoolExecutor(_THREADS) as threads:
            for _ in threads.map(lambda each: _copy(filesystem, each[1], target / each[0]), found.items()):
                pass
        if not is_file:
            target.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InvalidLocation(f"{url}: cannot be read: {_reason(exc)}") from exc
    return target


def _files(filesystem: pafs.FileSystem, path: str) -> Iterator[tuple[str, pafs.FileInfo]]:
    for info in filesystem.get_file_info(pafs.FileSelector(path, recursive=True)):
        name = info.path[len(path.rstrip("/")) + 1 :]
        if info.type == pafs.FileType.File and ".." not in name.split("/"):
            yield name, info


def _other_files(folder: Path, target: Path, found: dict[str, pafs.FileInfo]) -> list[Path]:
    """What was copied before, and is not there any more."""
    known = {target / name for name in found}
    return [file for file in folder.rglob("*") if file.is_file() and file not in known]


def _copy(filesystem: pafs.FileSystem, info: pafs.FileInfo, target: Path) -> None:
    time = info.mtime_ns or 0
    if target.exists() and (there := target.stat()).st_size == info.size and there.st_mtime_ns == time:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + _PARTIAL)
    with filesystem.open_input_stream(info.path) as source, partial.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    os.utime(partial, ns=(time, time))
    partial.replace(target)


def _reason(error: OSError) -> str:
    """What the filesystem says, on one line."""
    return " ".join(str(error).split())
