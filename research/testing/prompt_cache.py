"""The prompt cache: which part of a prompt is written, which is read, by the service's published rules.

A breakpoint (`cache_control`) writes the prefix that ends with its block: tools, then system, then messages. A later request
reads the longest prefix that is in store and ends at one of its breakpoints or at most 20 blocks before one. Prefixes below a
minimum are not cached. An entry lives 5 minutes or an hour after its last use, and can be read once the answer that wrote it has
begun.
`tool_choice`, `thinking` and the output format are part of the messages' prefix: a change of them keeps tools and system only.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from research.testing.tokens import PromptBlock, prompt_blocks

LOOKBACK = 20
LIFETIMES = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How the tokens of one prompt divide: `fresh` + `written_5m` + `written_1h` + `read` is the whole prompt."""

    fresh: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    entries: Mapping[str, float] = field(default_factory=dict)
    """Prefix hash → seconds to live: what to keep once the answer begins."""
    could_read: int = 0
    """Tokens of the longest prefix, of at least the minimum, that an earlier request shares: what a perfect use of breakpoints
    would have read."""
    prefixes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        return self.fresh + self.read + self.written_5m + self.written_1h

    def usage(self) -> dict[str, Any]:
        """As it stands in `message.usage`."""
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": self.written_5m + self.written_1h,
            "cache_read_input_tokens": self.read,
            "cache_creation": {"ephemeral_5m_input_tokens": self.written_5m, "ephemeral_1h_input_tokens": self.written_1h},
        }


class PromptCache:
    """`minimum` is the least number of tokens of a cached prefix: one for all models, or one for each (others: 1,024)."""

    def __init__(self, minimum: int | Mapping[str, int] = 1024, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._minimum = minimum
        self._clock = clock
        self._until: dict[str, float] = {}
        self._seen: set[str] = set()

    def measure(self, params: Mapping[str, Any]) -> CacheUse:
        """What this request reads and would write. Changes nothing: see `begin`."""
        blocks = prompt_blocks(params)
        breakpoints = [index for index, block in enumerate(blocks) if block.ttl is not None]
        hashes = _prefix_hashes(params, blocks)
        sizes = list(accumulate((block.tokens for block in blocks), initial=0))
        minimum = self._minimum_of(str(params.get("model")))
        known = max((sizes[index + 1] for index, each in enumerate(hashes) if each in self._seen), default=0)
        could_read = known if known >= minimum else 0
        read_end, read_hash = self._longest_read(hashes, breakpoints)
        read = sizes[read_end]
        entries: dict[str, float] = {read_hash: 0.0} if read_hash else {}
        written = {"5m": 0, "1h": 0}
        done = read
        for index in breakpoints:
            ttl = blocks[index].ttl or "5m"
            if sizes[index + 1] >= minimum:
                entries[hashes[index]] = max(entries.get(hashes[index], 0.0), LIFETIMES[ttl])
                written[ttl] += max(0, sizes[index + 1] - done)
                done = max(done, sizes[index + 1])
        if read_hash and entries[read_hash] == 0.0:
            entries[read_hash] = LIFETIMES["5m"]
        return CacheUse(sizes[-1] - done, read, written["5m"], written["1h"], entries, could_read, tuple(hashes))

    def begin(self, use: CacheUse) -> None:
        """The answer begins: what it wrote can be read from now on, what it read lives on."""
        now = self._clock()
        self._seen.update(use.prefixes)
        for name, seconds in use.entries.items():
            self._until[name] = max(self._until.get(name, 0.0), now + seconds)

    def _minimum_of(self, model: str) -> int:
        return self._minimum if isinstance(self._minimum, int) else self._minimum.get(model, 1024)

    def _longest_read(self, hashes: list[str], breakpoints: list[int]) -> tuple[int, str | None]:
        """The longest stored prefix in reach: how many blocks it has, and its hash."""
        now = self._clock()
        for stop in reversed(breakpoints):
            for index in range(stop, max(-1, stop - LOOKBACK), -1):
                if self._until.get(hashes[index], 0.0) > now:
                    return index + 1, hashes[index]
        return 0, None


def _prefix_hashes(params: Mapping[str, Any], blocks: list[PromptBlock]) -> list[str]:
    """The hash of each prefix, by its last block's index."""
    output = params.get("output_config") or {}
    settings = json.dumps([params.get("tool_choice"), params.get("thinking"), output.get("format")], sort_keys=True)
    running = hashlib.sha256(str(params.get("model")).encode())
    hashes: list[str] = []
    layer = ""
    for block in blocks:
        if block.layer != layer:
            layer = block.layer
            running.update(f"\x01{layer}\x01{settings if layer == 'messages' else ''}".encode())
        running.update(f"\x02{block.text}".encode())
        hashes.append(running.copy().hexdigest())
    return hashes


def cache_share(uses: Iterable[CacheUse]) -> float | None:
    """Tokens read from the cache, of those that could have been; None where nothing could."""
    pairs = [(use.read, use.could_read) for use in uses]
    possible = sum(could for _, could in pairs)
    return sum(min(read, could) for read, could in pairs) / possible if possible else None
