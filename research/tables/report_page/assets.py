"""The sheet's own files: styles, scripts and the grid library, and the policy under which a browser runs them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

GRID: Final = "slickgrid/slickgrid-5.20.2"
_SCRIPTS: Final = ("store", "rows", "decisions", "markdown", "evidence", "audit", "table", "keys", "sheet")
"""The sheet's scripts, each after those it uses."""


@cache
def asset(name: str) -> str:
    """The text of one of the sheet's files."""
    return files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def script() -> str:
    """The grid library and the sheet's scripts, as one script that leaves nothing in the global scope but the library."""
    own = "\n".join(asset(f"{name}.js") for name in _SCRIPTS)
    return f'{asset(f"{GRID}.min.js")}\n(() => {{\n"use strict";\n{own}\n}})();\n'


def style() -> str:
    return f"{asset(f'{GRID}.css')}\n{asset('sheet.css')}"


def policy(script_text: str, style_text: str, nonce: str) -> str:
    """The Content Security Policy: this script and these styles run, and nothing is loaded from anywhere.

    Args:
        nonce: for the style element that the grid library makes for the widths of columns.
    """
    return (
        f"default-src 'none'; script-src {_hash(script_text)}; style-src {_hash(style_text)} 'nonce-{nonce}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
