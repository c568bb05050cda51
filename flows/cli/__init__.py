"""The `research` command: what a person types. `docs/cli.md` lists every command and option."""

from flows.cli.app import main

__all__ = ["main"]
