"""URLs of files and folders."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from research.errors import InvalidLocation


def is_url(source: str) -> bool:
    return "://" in source


def local_path(path: str | os.PathLike[str]) -> Path:
    """A path on this disk, with the home folder for a `~` at its beginning. What only looks like it (`~$book.xlsx`) stays."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - that of pathlib raises for a user that does not exist


def refuse_secrets(url: str) -> None:
    """See that a URL holds no password: it is shown, logged and written down.

    Raises:
        InvalidLocation: it does. The password is not in the message.
    """
    try:
        parts = urlsplit(url)
        holds_one = parts.password is not None
    except ValueError as exc:
        raise InvalidLocation(f"{url.partition('://')[0]}://…: this is no URL ({exc})") from None
    if holds_one:
        raise InvalidLocation(
            f"a URL of {parts.scheme}:// holds a key or a password. Leave it out, and give it by the environment "
            "(for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY): a URL is shown, logged and written down."
        )
