"""A lease on a folder of an object storage: one process at a time writes it.

One object, `.state/lease.json`, which is only ever put on a condition. Its holder renews it; a lease that was not renewed for
`LEASE_SECONDS`, by the storage's own clock, is free. So is one whose holder is known to be dead: it wrote from the working copy
of this machine, whose lock the operating system has freed.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from research.errors import InvalidRun, SurroundingsFault
from research.storage.objects import Conflict, ObjectFolder, Stored

PATH: Final = ".state/lease.json"
LEASE_SECONDS: Final = 60.0


class Lease:
    """The right to write below one URL.

    Args:
        copy: names the working copy that this process writes from. Whoever makes a lease holds the lock of that copy.
    """

    def __init__(self, place: ObjectFolder, copy: str) -> None:
        self._place = place
        self._copy = copy
        self._id = uuid4().hex
        self._etag = ""
        self._since = ""
        self._content: str | None = None
        """The working copy whose content the folder has."""

    @property
    def content_is_ours(self) -> bool:
        """Whether nobody else has written to the folder since this working copy did."""
        return self._content == self._copy

    def read(self) -> Stored | None:
        """See whose content the folder has."""
        found = self._place.read(PATH)
        self._etag, self._content = "" if found is None else found.etag, _document(found).get("content")
        return found

    def look(self, now: datetime) -> None:
        """See that the lease is free, and whose content the folder has.

        Args:
            now: the storage's time.

        Raises:
            InvalidRun: another process holds it; says which, and until when.
        """
        found = self.read()
        document = _document(found)
        if found is None or document.get("released") or document.get("copy") == self._copy:
            return
        free = found.modified + timedelta(seconds=LEASE_SECONDS)
        if free > now:
            raise InvalidRun(
                f"{self._place.url} is being written by process {document.get('pid')} on {document.get('host')} "
                f"(since {document.get('since')}): wait for it, or end it. If it is dead, the same command goes on after "
                f"{free.astimezone(UTC):%H:%M:%S} UTC."
            )

    def take(self, now: datetime) -> None:
        """Hold the lease from now on.

        Raises:
            InvalidRun: another process holds it; says which, and until when.
        """
        self.look(now)
        self._since = now.astimezone(UTC).isoformat(timespec="seconds")
        try:
            self._write(released=False)
        except Conflict:
            self.look(now)  # says who was faster
            raise InvalidRun(f"{self._place.url} has just been taken by another process: try again.") from None

    def claim_content(self) -> None:
        """Say that the folder has the content of our working copy from now on."""
        self._content = self._copy
        self.renew()

    def renew(self) -> None:
        """Hold the lease for another span of time.

        Raises:
            SurroundingsFault: another process has taken the lease.
        """
        try:
            self._write(released=False)
        except Conflict:
            raise SurroundingsFault(
                f"{self._place.url} was taken over by another process, because this one did not reach it for "
                f"{LEASE_SECONDS:.0f} seconds",
                place=self._place.url,
                setting="--out",
            ) from None

    def release(self) -> None:
        """Let others have it at once. What was taken over by another process is left alone."""
        try:
            self._write(released=True)
        except Conflict:
            return

    def remove(self) -> None:
        """Release it, and leave nothing of it."""
        self._place.delete([PATH])

    def _write(self, *, released: bool) -> None:
        data = json.dumps(
            {
                "id": self._id,
                "copy": self._copy,
                "content": self._content,
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": self._since,
                "released": released,
            }
        ).encode()
        try:
            if self._etag:
                self._etag = self._place.replace(PATH, data, self._etag)
            else:
                self._etag = self._place.create(PATH, data)
        except Conflict:
            found = self._place.read(PATH)
            if found is None or _document(found).get("id") != self._id:
                raise
            self._etag = found.etag  # it was our own put, whose answer was lost


def _document(found: Stored | None) -> Mapping[str, Any]:
    try:
        document = json.loads(found.data) if found is not None else {}
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
