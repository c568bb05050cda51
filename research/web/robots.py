"""What each site's robots.txt allows, asked for once a day. RFC 9309, by protego."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Final

import httpx
from cachetools import TLRUCache
from protego import Protego

from research.concurrency.single_flight import InFlight
from research.errors import FetchFailed, FetchRefused, PageUnreadable
from research.task.source_policy import SourcePolicy
from research.web.guard import Guard
from research.web.limits_transport import host_key
from research.web.politeness import Politeness
from research.web.redirects import redirect
from research.web.requesting import Asker
from research.web.settings import PRODUCT

KEPT_SECONDS: Final = 86_400.0
"""Seconds for which a robots.txt is believed: RFC 9309 allows a day."""
UNREACHABLE_SECONDS: Final = 60.0
"""Seconds for which a site whose robots.txt does not load is left alone."""
MAX_SITES: Final = 2_000
MAX_CHARACTERS: Final = 32_000_000
"""Of all files that are remembered."""
MAX_REDIRECTS: Final = 5
THREAD_FROM: Final = 50_000
"""Characters from which a file is parsed in a thread."""
MAX_BYTES: Final = 500 * 1024
"""Of a robots.txt that are read; RFC 9309 asks for at least so many."""

_AGENT_LINE: Final = re.compile(r"\s*user[- ]?agent\s*[:\s]\s*([^#]*)", re.I)
_TOKEN: Final = re.compile(r"[A-Za-z_-]+")
_RULE_LINE: Final = re.compile(r"\s*(?:dis+al+[oa]w|diasllow|allow|crawl[- ]delay|request[- ]rate)\b", re.I)
_OTHER_AGENT: Final = "~"
"""Stands for every other robot: no product token has this character."""


class RobotsRules:
    """The rules of one robots.txt for one robot."""

    def __init__(self, text: str, agent: str = PRODUCT) -> None:
        """Read a robots.txt. Never fails: lines that say nothing known are passed over.

        Args:
            text: the file.
            agent: the robot's product token.
        """
        self._agent = agent
        self._protego = Protego.parse("\n".join(_for_agent(text, agent)))

    def allows(self, url: str) -> bool:
        """Whether a page may be read."""
        return self._protego.can_fetch(url, self._agent)

    @property
    def crawl_delay(self) -> float:
        """Seconds between two requests that the site asks for; 0 if it asks for none."""
        delay = self._protego.crawl_delay(self._agent) or 0.0
        rate = self._protego.request_rate(self._agent)
        return max(delay, rate.seconds / rate.requests if rate is not None else 0.0)


@dataclass(frozen=True, slots=True)
class _Known:
    rules: RobotsRules | None
    """None: everything is allowed."""
    failure: str
    """Why nothing may be read for now; "" if the file is known."""
    seconds: float
    """For which this is known."""
    size: int


class _OutsidePolicy(Exception):
    """A redirect leads where this caller may not ask."""


class Robots:
    """What each site's robots.txt says to us. Belongs to one event loop; bounded in memory."""

    def __init__(
        self,
        asker: Asker,
        guard: Guard,
        politeness: Politeness,
        *,
        max_sites: int = MAX_SITES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._asker = asker
        self._guard = guard
        self._politeness = politeness
        self._known: MutableMapping[str, _Known] = TLRUCache(
            MAX_CHARACTERS,
            ttu=lambda _origin, known, now: now + known.seconds,
            timer=clock,
            getsizeof=lambda known: max(known.size, MAX_CHARACTERS // max_sites),
        )
        self._in_flight: InFlight[tuple[str, SourcePolicy | None], _Known] = InFlight()

    def __len__(self) -> int:
        """Sites that are remembered now."""
        return len(self._known)

    async def check(self, url: str, policy: SourcePolicy | None = None) -> None:
        """Ask whether a page may be read. The URL has passed the guard and the policy.

        Raises:
            FetchRefused: the site's robots.txt forbids it.
            FetchFailed: the robots.txt does not load, which forbids everything for now.
        """
        origin = self._guard.check(url).origin
        known = self._known.get(origin)
        if known is None:
            known = await self._in_flight.once((origin, policy), lambda: self._look(origin, policy))
        if known.failure:
            raise FetchFailed(f"{url}: not read for now, because {known.failure}")
        if known.rules is None:
            return
        if not known.rules.allows(url):
            raise FetchRefused(
                f"{url}: {origin}/robots.txt forbids it to {PRODUCT}. Leave such pages out, or set obey_robots to false if the "
                f"site's owner lets you read it."
            )
        # Set each time: the table of hosts may have dropped it.
        if known.rules.crawl_delay:
            self._politeness.slow_down(host_key(httpx.URL(url)), known.rules.crawl_delay)

    async def close(self) -> None:
        """End what is still in flight."""
        await self._in_flight.close()

    async def _look(self, origin: str, policy: SourcePolicy | None) -> _Known:
        try:
            text = await self._read(f"{origin}/robots.txt", policy)
        except _OutsidePolicy:
            return _Known(None, "", 0.0, 0)  # for this caller only
        except FetchFailed as exc:
            known = _Known(None, f"its robots.txt cannot be had: {exc}", UNREACHABLE_SECONDS, 0)
        else:
            rules = None
            if text:
                rules = await asyncio.to_thread(RobotsRules, text) if len(text) > THREAD_FROM else RobotsRules(text)
            known = _Known(rules, "", KEPT_SECONDS, len(text))
        self._known[origin] = known
        return known

    async def _read(self, url: str, policy: SourcePolicy | None) -> str:
        """The text of a robots.txt; "" if there is none, or none that can be read.

        Raises:
            FetchRefused: the guard refuses the site itself.
            FetchFailed: the site does not answer.
        """
        budget = self._asker.new_budget()
        for hop in range(MAX_REDIRECTS + 1):
            try:
                url = self._guard.check(url).url
                answer = await self._asker.ask(
                    self._asker.request(url, accept="text/plain,*/*;q=0.5"), budget, first_bytes=MAX_BYTES
                )
            except PageUnreadable:
                return ""
            except FetchRefused:
                if hop == 0:
                    raise
                return ""
            try:
                target = redirect(answer)
            except PageUnreadable:
                return ""
            if target is not None:
                if policy is not None and not policy.allows(target):
                    raise _OutsidePolicy
                url = target
                continue
            return answer.body.decode("utf-8", "replace") if answer.status in (200, 203) else ""
        return ""


def _for_agent(text: str, agent: str) -> list[str]:
    """The lines that matter, with each robot's name in the form that protego tells apart rightly.

    Protego takes a group for ours when its name is the beginning of our own (`research` for `research-flows`), does not cut
    `research-flows beta` or `research-flows/2` down to the product token, and lets a line that it does not know end a run of
    user-agent lines. RFC 9309 says otherwise in each case.
    """
    kept: list[str] = []
    for line in text.removeprefix("\ufeff").splitlines():
        named = _AGENT_LINE.match(line)
        if named:
            value = named.group(1).strip()
            token = _TOKEN.match(value)
            if value == "*" or value.startswith("* "):
                kept.append("user-agent: *")
            elif token and token.group().lower() == agent.lower():
                kept.append(f"user-agent: {agent}")
            else:
                kept.append(f"user-agent: {_OTHER_AGENT}")
        elif _RULE_LINE.match(line):
            kept.append(line)
    return kept
