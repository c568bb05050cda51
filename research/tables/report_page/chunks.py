"""Data inside an HTML file: JSON, deflated, in base64, in a script element that no browser runs."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, Final

_LEVEL: Final = 6
_RAW: Final = -15
"""zlib: no header and no checksum (`deflate-raw` in a browser)."""


def chunk(name: str, value: Any) -> str:
    """A script element that holds a JSON value. Nothing of the value can end the element: base64 has no `<`.

    Args:
        name: the element's id: letters, digits and hyphens.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    packed = deflate.compress(text.encode("utf-8", "replace")) + deflate.flush()
    return f'<script type="application/octet-stream" id="{name}">{base64.b64encode(packed).decode("ascii")}</script>\n'


def unpacked(base64_text: str) -> Any:
    """What `chunk` holds between its tags."""
    return json.loads(zlib.decompress(base64.b64decode(base64_text), _RAW))
