"""Which field a path belongs to. A path is a field's name, or that name and the way to one of its parts: `key_people.0.name`.

A name may hold dots itself, and may begin another's: of `dim` and `dim.height`, the path `dim.height` means the second.
"""

from __future__ import annotations

from collections.abc import Iterable


def field_of(path: str, names: Iterable[str]) -> str | None:
    """The longest of the names that is the path or leads to it at a dot; None if the path belongs to none of them."""
    return max((name for name in names if is_within(path, name)), key=len, default=None)


def is_within(path: str, above: str) -> bool:
    """Whether a path is the other one, or a part of what that one names."""
    return path == above or path.startswith(f"{above}.")
