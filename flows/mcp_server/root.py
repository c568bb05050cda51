"""`Root`: the folder that callers may name files in, and no other."""

from __future__ import annotations

from pathlib import Path

from research.errors import InvalidInput


class Root:
    """A folder of this disk.

    Raises:
        InvalidInput: there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder.expanduser().resolve()
        if not self.path.is_dir():
            raise InvalidInput(f"{folder} is no folder: name one that holds the tables, and will hold the runs, with --root")

    def inside(self, name: str) -> Path:
        """The path that a caller names, links followed.

        Raises:
            InvalidInput: it leads out of the folder, or is no path.
        """
        if not name.strip() or "\0" in name or "://" in name or "::" in name:
            raise InvalidInput(f"{name[:80]!r} is no path inside the folder of this server")
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path) or path == self.path:
            raise InvalidInput(
                f"{name[:80]!r} leads out of the folder of this server; name a path inside it, such as 'runs/mine'"
            )
        return path

    def name(self, path: Path | str) -> str:
        """A path inside, as callers name it."""
        resolved = Path(path).resolve()
        return str(resolved.relative_to(self.path)) if resolved.is_relative_to(self.path) else resolved.name
