"""A wire without a network: it takes down which addresses are dialled, and answers every request with `ok`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import httpcore

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


class Wire(httpcore.AsyncNetworkBackend):
    """`peers` are the addresses that answer instead of the ones dialled; None: nobody knows which. `dead` addresses refuse,
    `mute` ones never answer. `dialled` are all addresses dialled, `open` those whose connection is open, `waiting` those that are
    waited for, `server_names` what TLS asked for."""

    def __init__(
        self, *, peers: Mapping[str, str | None] | None = None, dead: Collection[str] = (), mute: Collection[str] = ()
    ) -> None:
        self._peers = peers or {}
        self._dead = dead
        self._mute = mute
        self.dialled: list[str] = []
        self.server_names: list[str | None] = []
        self.open: list[str] = []
        self.waiting: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append(host)
        if host in self._dead:
            raise httpcore.ConnectError("connection refused")
        if host in self._mute:
            self.waiting.append(host)
            try:
                await asyncio.Event().wait()
            finally:
                self.waiting.remove(host)
        self.open.append(host)
        return _Stream(self, host, self._peers.get(host, host), port)


class _Stream(httpcore.AsyncMockStream):
    def __init__(self, wire: Wire, host: str, peer: str | None, port: int) -> None:
        super().__init__([_ANSWER])
        self._wire = wire
        self._host = host
        self._peer = None if peer is None else (peer, port)

    def get_extra_info(self, info: str) -> Any:
        return self._peer if info == "server_addr" else super().get_extra_info(info)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        self._wire.server_names.append(server_hostname)
        return self

    async def aclose(self) -> None:
        if self._host in self._wire.open:
            self._wire.open.remove(self._host)
        await super().aclose()
