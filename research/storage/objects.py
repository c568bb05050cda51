"""The objects below a URL of an object storage: whole puts, conditional puts, reads.

The client is obstore (the extra `s3`): pyarrow's filesystems know no conditional put. Keys and the endpoint come from the
environment, as the tools of the storage have them: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`,
`AWS_ENDPOINT_URL`, or the roles of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

from research.errors import InvalidLocation, TransientError
from research.faults import shortened
from research.storage.location import refuse_secrets

if TYPE_CHECKING:
    from obstore.store import S3Store

SCHEMES: Final = ("s3",)
"""Where a run folder can be kept: those that are tested."""
_TIMEOUT: Final = timedelta(seconds=60)
_CONNECT: Final = timedelta(seconds=10)
_RETRIES: Final = 3
_RETRY_SECONDS: Final = timedelta(seconds=20)
_REASON: Final = 300
"""Characters of what a storage says."""


class StorageFailed(TransientError):
    """An object storage did not answer, or failed in passing."""


class Conflict(Exception):
    """A conditional put found another object than it expected."""


class Entry(NamedTuple):
    """An object in a listing."""

    size: int
    etag: str
    modified: datetime


class Stored(NamedTuple):
    """An object that was read."""

    data: bytes
    etag: str
    modified: datetime
    """By the storage's clock."""


class ObjectFolder:
    """What lies below one URL. Its methods block, and may be called in any thread."""

    def __init__(self, url: str) -> None:
        """
        Raises:
            InvalidLocation: it is no URL of an object storage, holds a password, or the client is not installed.
        """
        self.url = folder_url(url)
        try:
            from obstore.store import S3Store  # only for who keeps a run there
        except ImportError as exc:
            raise InvalidLocation(f"{url}: run folders on object storage need the extra `s3` of research-flows.") from exc
        bucket, _, prefix = self.url.partition("://")[2].partition("/")
        with self._translated():
            self._store: S3Store = S3Store(
                bucket,
                prefix=prefix,
                client_options={"allow_http": True, "timeout": _TIMEOUT, "connect_timeout": _CONNECT},
                retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_SECONDS},
            )

    def check(self) -> datetime:
        """See that objects can be written, and remove the one that was. Returns the storage's time.

        Raises:
            InvalidLocation: they cannot be, or the storage does not answer; says why.
        """
        probe = f".state/probe-{uuid4().hex[:12]}"
        try:
            self.put(probe, b"")
            now = self.entry(probe)
            self.delete([probe])
        except StorageFailed as exc:
            raise InvalidLocation(f"{exc} (see AWS_ENDPOINT_URL, AWS_REGION and the keys).") from exc
        if now is None:
            raise InvalidLocation(f"{self.url}: what is written there cannot be found again.")
        return now.modified

    def put(self, path: str, data: bytes | Path) -> str:
        """Write an object whole. Returns its ETag.

        Raises:
            StorageFailed; InvalidLocation; FileNotFoundError: there is no such file here.
        """
        return self._put(path, data)

    def create(self, path: str, data: bytes) -> str:
        """Write an object that is not there yet. Returns its ETag.

        Raises:
            Conflict: it is there.
        """
        return self._put(path, data, mode="create")

    def replace(self, path: str, data: bytes, etag: str) -> str:
        """Write an object in the place of the one that has this ETag. Returns the new one.

        Raises:
            Conflict: there is another one, or none.
        """
        return self._put(path, data, mode={"e_tag": etag})

    def read(self, path: str) -> Stored | None:
        """An object; None if there is none."""
        import obstore

        with self._translated():
            try:
                found = obstore.get(self._store, path)
                return Stored(bytes(found.bytes()), found.meta["e_tag"] or "", found.meta["last_modified"])
            except FileNotFoundError:
                return None

    def download(self, path: str, target: Path) -> bool:
        """Write an object into a file of this machine. Returns whether there is one."""
        import obstore

        with self._translated():
            try:
                found = obstore.get(self._store, path)
                with target.open("wb") as file:
                    for chunk in found.stream():
                        file.write(chunk)
            except FileNotFoundError:
                return False
        return True

    def entry(self, path: str) -> Entry | None:
        import obstore

        with self._translated():
            try:
                return _entry(obstore.head(self._store, path))
            except FileNotFoundError:
                return None

    def entries(self) -> dict[str, Entry]:
        """All objects, by their paths below the URL."""
        import obstore

        with self._translated():
            return {each["path"]: _entry(each) for page in obstore.list(self._store) for each in page}

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the storage, over another one."""
        import obstore

        with self._translated():
            obstore.copy(self._store, source, target)

    def delete(self, paths: Iterable[str]) -> None:
        """Remove objects. Those that are not there are no fault."""
        import obstore

        with self._translated():
            for path in paths:
                try:
                    obstore.delete(self._store, path)
                except FileNotFoundError:
                    continue

    def _put(self, path: str, data: bytes | Path, **options: Any) -> str:
        import obstore

        if isinstance(data, Path):
            data.stat()  # a file that is gone is not the storage's fault
        with self._translated():
            return str(obstore.put(self._store, path, data, **options)["e_tag"] or "")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from obstore import exceptions

        try:
            yield
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as exc:
            raise Conflict from exc
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as exc:
            raise InvalidLocation(f"{self.url}: the storage refuses access with these keys: {_said(exc)}") from exc
        except FileNotFoundError as exc:
            raise InvalidLocation(f"{self.url}: there is no such bucket.") from exc
        except exceptions.BaseError as exc:
            raise StorageFailed(f"{self.url} does not answer: {_said(exc)}") from exc


def folder_url(url: str) -> str:
    """A URL of a folder, in one spelling.

    Raises:
        InvalidLocation: no run can be kept there.
    """
    refuse_secrets(url)
    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    parts = [part for part in prefix.split("/") if part]
    if scheme not in SCHEMES:
        raise InvalidLocation(f"{url}: a run folder is kept on this disk, or on object storage by a URL of s3://.")
    if not bucket or not parts or {"?", "#", "@"} & set(rest) or {".", ".."} & set(parts):
        raise InvalidLocation(f"{url}: write a run folder's URL as s3://bucket/name-of-the-run.")
    return f"{scheme}://{bucket}/{'/'.join(parts)}"


def _entry(meta: Any) -> Entry:
    return Entry(meta["size"], meta["e_tag"] or "", meta["last_modified"])


def _said(error: Exception) -> str:
    """What the client says, without its own debugging."""
    return shortened(" ".join(str(error).partition("\n\nDebug source:")[0].split()), _REASON)
