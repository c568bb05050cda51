"""Decodes the body of an answer in bounded steps: a bomb is given up before it expands."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from research.errors import FetchFailed, PageUnreadable
from research.web.settings import WebLimits

ACCEPT_ENCODING: Final = "gzip, deflate"
"""What is asked for: encodings whose expansion can be bounded step by step with the standard library."""
STEP: Final = 65_536
"""Bytes that one step may expand to."""
INNOCENT: Final = 1_000_000
"""Decoded bytes below which no ratio is a bomb."""
_GZIP: Final = b"\x1f\x8b"


class CutBody(FetchFailed):
    """A body ended before its encoding did. The next try may bring all of it."""


class Decoder:
    """Decodes one body. Feed it what arrives; ask `finish` at the end."""

    def __init__(self, encoding: str | None, url: str, limits: WebLimits) -> None:
        """Nothing was decoded yet.

        Args:
            encoding: the answer's `Content-Encoding`.
            url: for messages.
            limits: how far it may expand.

        Raises:
            PageUnreadable: an encoding that was not asked for.
        """
        self._url = url
        self._limits = limits
        self._received = 0
        self._decoded = 0
        names = [name for part in (encoding or "").lower().split(",") if (name := part.strip()) and name != "identity"]
        if len(names) > 1 or (names and names[0] not in ("gzip", "x-gzip", "deflate")):
            raise PageUnreadable(
                f"{url}: the body is encoded as {', '.join(names)[:60]!r}, and only {ACCEPT_ENCODING} was asked for."
            )
        self._name = names[0] if names else ""
        self._inflate: zlib._Decompress | None = None
        self._held = b""
        self._members = 0
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decoded pieces of at most `STEP` bytes each, so that the caller can stop between any two.

        Raises:
            PageUnreadable: it expands beyond the limits, or is not encoded as its header says.
        """
        self._received += len(data)
        if not self._name:
            yield self._counted(data)
            return
        data, self._held = self._held + data, b""
        more = False  # zlib has taken all of the data and holds more than one step of what came of it
        while (data or more) and not self._ended:
            if self._inflate is None:
                # Two bytes tell gzip from padding, and zlib's form from raw deflate, which some servers send by the same name.
                if len(data) < 2:
                    self._held = data
                    return
                if self._members and not data.startswith(_GZIP):
                    self._ended = True  # Padding after the end: browsers pass over it, too.
                    return
                self._inflate = zlib.decompressobj(self._window(data))
            try:
                piece = self._inflate.decompress(data, STEP)
            except zlib.error as exc:
                raise PageUnreadable(f"{self._url}: the body is not {self._name}, as its header says ({exc}).") from exc
            if piece:
                yield self._counted(piece)
            more = len(piece) == STEP and not self._inflate.eof
            data = self._inflate.unconsumed_tail
            if self._inflate.eof:
                # Gzip may consist of several members, one after the other.
                data, self._inflate = self._inflate.unused_data, None
                self._members += 1
                self._ended = self._name == "deflate"

    def finish(self) -> None:
        """Say that nothing more comes.

        Raises:
            CutBody: the encoding has not ended.
        """
        if self._inflate is not None or (self._held and not self._members):
            raise CutBody(f"{self._url}: the body ended in the middle of its {self._name}.")

    def _window(self, data: bytes) -> int:
        """What tells zlib the form of the data."""
        if self._name != "deflate":
            return 16 + zlib.MAX_WBITS
        is_zlib = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
        return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS

    def _counted(self, piece: bytes) -> bytes:
        self._decoded += len(piece)
        if self._decoded > self._limits.max_decoded_bytes:
            raise PageUnreadable(f"{self._url}: the body expands to more than {self._limits.max_decoded_bytes / 1e6:,.1f} MB.")
        if self._decoded > INNOCENT and self._decoded > self._received * self._limits.max_ratio:
            raise PageUnreadable(
                f"{self._url}: the body expands to more than {self._limits.max_ratio:g} times its size, which no page does: "
                f"it is a decompression bomb."
            )
        return piece
