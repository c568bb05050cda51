"""The keys that callers show: a file that holds their hashes and whose they are, never the keys.

    {"id": "k_3f9a…", "owner": "alice", "sha256": "…", "created_at": "2026-01-31T09:15:00Z", "revoked_at": null, …}

One line a key. The file is read again when it has changed, so a key that is added or revoked counts from the next request on.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock
from platformdirs import user_data_path
from pydantic import ValidationError

from flows.serve.errors import KeyRevoked, NotAuthenticated
from flows.serve.records.task_records import Owner
from research.durable.surroundings import writing
from research.errors import InvalidInput
from research.records import Record
from research.result.result import UtcTime, utc_now
from research.secrets.known import NAME

FILE: Final = "keys.jsonl"
PREFIX: Final = "rsk_"
_BYTES: Final = 32


def default_folder() -> Path:
    """The folder of a service that was given none."""
    return user_data_path("research-flows") / "serve"


def keys_of(folder: Path | None) -> Keys:
    """The keys of a service.

    Args:
        folder: its folder; None: the default one.
    """
    return Keys((folder or default_folder()) / FILE)


class Key(Record):
    """A key as it is kept."""

    id: str
    """Names it where it is listed and revoked; tells nothing of it."""
    sha256: str
    """Of the key. A key is 256 random bits, so no slower hash is needed."""
    owner: str
    created_at: UtcTime
    revoked_at: UtcTime | None = None
    team: str | None = None
    max_cost_usd: float | None = None
    max_open_tasks: int | None = None
    requests_per_minute: int | None = None
    secrets: tuple[str, ...] = ()
    """The secrets of the service that its owner's tasks may name. None, unless it is said."""

    def as_owner(self) -> Owner:
        """Who shows it."""
        return Owner(
            id=self.owner,
            team=self.team,
            max_cost_usd=self.max_cost_usd,
            max_open_tasks=self.max_open_tasks,
            requests_per_minute=self.requests_per_minute,
            secrets=self.secrets,
        )


class Keys:
    """The keys of a file. It need not exist: then there are none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._by_hash: dict[str, Key] = {}

    def owner_of(self, key: str) -> Owner:
        """The owner of a key.

        Raises:
            NotAuthenticated: there is no such key.
            KeyRevoked: it is not accepted any more.
        """
        self._refresh()
        found = self._by_hash.get(_hash(key))
        if found is None:
            raise NotAuthenticated("this key is not known")
        if found.revoked_at is not None:
            raise KeyRevoked("this key was revoked")
        return found.as_owner()

    def owner_by_id(self, id: str) -> Owner | None:
        """An owner as its latest key has it, for what it has asked for in advance. None: no key of it is accepted any more."""
        held = [key for key in self.all() if key.owner == id and key.revoked_at is None]
        return held[-1].as_owner() if held else None

    def all(self) -> list[Key]:
        """Every key, revoked ones too, the oldest first."""
        self._refresh()
        return list(self._by_hash.values())

    def add(
        self,
        owner: str,
        *,
        team: str | None = None,
        max_cost_usd: float | None = None,
        max_open_tasks: int | None = None,
        requests_per_minute: int | None = None,
        secrets_allowed: Sequence[str] = (),
    ) -> tuple[Key, str]:
        """Make a key. Returns it as it is kept, and the key itself, which is nowhere else.

        Raises:
            InvalidInput: the owner has no name, or a secret's name can be none.
            SurroundingsFault: the folder cannot be written.
        """
        if wrong := [name for name in secrets_allowed if not NAME.fullmatch(name)]:
            raise InvalidInput(f"{wrong[0]!r:.80} is no name of a secret: letters, digits and _, a letter first")
        if not owner.strip() or len(owner) > 256:
            raise InvalidInput("a key needs an owner: a name of 1 to 256 characters")
        secret = PREFIX + secrets.token_urlsafe(_BYTES)
        key = Key(
            id=f"k_{secrets.token_hex(6)}",
            sha256=_hash(secret),
            owner=owner.strip(),
            team=(team or "").strip() or None,
            created_at=utc_now(),
            max_cost_usd=max_cost_usd,
            max_open_tasks=max_open_tasks,
            requests_per_minute=requests_per_minute,
            secrets=tuple(secrets_allowed),
        )
        with self._lock():
            self._write([*self.all(), key])
        return key, secret

    def revoke(self, id: str) -> Key:
        """Refuse a key from now on.

        Raises:
            InvalidInput: there is no key of this id.
            SurroundingsFault: the folder cannot be written.
        """
        with self._lock():
            keys = {key.id: key for key in self.all()}
            if id not in keys:
                raise InvalidInput(f"there is no key {id!r}: `research keys list` shows those there are")
            if keys[id].revoked_at is None:
                keys[id] = keys[id].changed(revoked_at=utc_now())
            self._write(list(keys.values()))
            return keys[id]

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with writing(self._file.parent, "the folder of keys", "--folder"):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._file}.lock"):
                yield

    def _write(self, keys: list[Key]) -> None:
        aside = self._file.with_suffix(".new")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{key.model_dump_json()}\n" for key in keys)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._file)
        self._seen = None

    def _refresh(self) -> None:
        """Read the file, if it has changed.

        Raises:
            InvalidInput: the file cannot be read as keys.
        """
        try:
            status = self._file.stat()
            seen = (status.st_mtime_ns, status.st_ino)
            if seen == self._seen:
                return
            lines = self._file.read_text("utf-8").splitlines()
        except FileNotFoundError:
            self._by_hash, self._seen = {}, None
            return
        try:
            keys = [Key.model_validate_json(line) for line in lines if line.strip()]
        except ValidationError as error:
            raise InvalidInput(f"{self._file} is no file of keys: {error.error_count()} lines of it cannot be read") from error
        self._by_hash, self._seen = {key.sha256: key for key in keys}, seen


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
