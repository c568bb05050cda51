"""What a robots.txt allows one robot to read. RFC 9309, by protego."""

from __future__ import annotations

import re
from typing import Final

from protego import Protego

from research.web.settings import PRODUCT

MAX_BYTES: Final = 500 * 1024
"""Of a robots.txt that are read; RFC 9309 asks for at least so many."""

_AGENT_LINE: Final = re.compile(r"\s*user[- ]?agent\s*[:\s]\s*([^#]*)", re.I)
_TOKEN: Final = re.compile(r"[A-Za-z_-]+")
_RULE_LINE: Final = re.compile(r"\s*(?:dis+al+[oa]w|diasllow|allow|crawl[- ]delay|request[- ]rate)\b", re.I)
_NOBODY: Final = "~"
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
                kept.append(f"user-agent: {_NOBODY}")
        elif _RULE_LINE.match(line):
            kept.append(line)
    return kept
