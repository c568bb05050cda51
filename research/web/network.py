"""Whether the web as a whole can be reached. One host that cannot is that page's trouble, and never the run's."""

from __future__ import annotations

import socket
from contextlib import AbstractAsyncContextManager
from typing import Final

from research.concurrency.outages import Attempt, Outages
from research.web.connections import Resolver

NAME: Final = "the web"
HOSTS: Final = 6
"""Hosts in a row that could not be connected to, and no answer of any other between them, before the network may be at fault."""
WITNESS: Final = "example.com"
"""A name that exists as long as there is a name service (RFC 2606). It is looked up where other names are not found, and nothing
is sent there."""
AFTER_SECONDS: Final = 8.0
"""Seconds for which that has to last. Shorter than a fetch is tried, so that no page fails for it."""


class Network:
    """The health of the web, as all fetches of a process see it. Belongs to one event loop.

    Args:
        outages: of the world.
        resolver: looks up the witness.
    """

    def __init__(self, outages: Outages, resolver: Resolver) -> None:
        self.traffic = outages.traffic
        """Counts what hosts answer."""
        self._health = outages.service(NAME, after=AFTER_SECONDS)
        self._resolver = resolver
        self._hosts: set[str] = set()

    @property
    def is_out(self) -> bool:
        """Whether fetches wait for the network."""
        return self._health.is_out

    def attempt(self) -> AbstractAsyncContextManager[Attempt]:
        """Wait while there is no network; the block is one attempt.

        Raises:
            ServiceUnavailable: there was none for longer than there is patience.
        """
        return self._health.attempt()

    def reached(self, attempt: Attempt) -> None:
        """A host answered, with whatever."""
        self._hosts.clear()
        attempt.answered()

    async def not_connected(self, attempt: Attempt, host: str, error: BaseException) -> None:
        """There is no connection to a host."""
        causes = _os_errors(error)
        if any(isinstance(cause, ConnectionRefusedError | ConnectionResetError) for cause in causes):
            self.reached(attempt)  # its machine said so
            return
        self._hosts.add(host)
        if len(self._hosts) < HOSTS and not self.is_out:
            return
        if any(isinstance(cause, socket.gaierror) for cause in causes) and await self._finds_witness():
            self.reached(attempt)  # these names do not exist
            return
        attempt.failed(host, f"no host could be connected to, {host} the last of them ({error})", certain=True)

    async def _finds_witness(self) -> bool:
        try:
            return bool(await self._resolver.resolve(WITNESS))
        except OSError:
            return False


def _os_errors(error: BaseException) -> list[OSError]:
    """The operating system's errors in a chain of exceptions."""
    found: list[OSError] = []
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, OSError):
            found.append(link)
        link = link.__cause__ or link.__context__
    return found
