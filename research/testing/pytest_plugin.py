"""Keeps tests away from real models: no connection but to loopback, no model keys in the environment.

Opt in with `-p research.testing.pytest_plugin` (in `addopts`, say), or in the top conftest.py with

    pytest_plugins = ["research.testing.pytest_plugin"]

A connection to anywhere else fails at once, and so does the test that tried it, even if the code under test swallowed the error.
`@pytest.mark.real_network` lets one test through; its keys are still gone. Processes that a test starts have no keys either, but
their connections are their own.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

_KEY_ENDINGS = ("_API_KEY", "_AUTH_TOKEN")
_SDK_PREFIX = "ANTHROPIC_"
"""Of the variables that the SDK reads: keys, and the address of the service."""


class RealNetworkBlocked(PermissionError):
    """A test tried to leave loopback."""


class _LoopbackOnly:
    """Replaces the functions of `socket` that connect or look up a name, and records the hosts that were refused."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.allow_all = False
        self._patch = pytest.MonkeyPatch()

    def install(self) -> None:
        for name in ("connect", "connect_ex", "sendto"):
            self._patch.setattr(socket.socket, name, self._guarded(getattr(socket.socket, name)))
        self._patch.setattr(socket, "getaddrinfo", self._guarded_lookup(socket.getaddrinfo))
        for name in list(os.environ):
            if name.startswith(_SDK_PREFIX) or name.endswith(_KEY_ENDINGS):
                self._patch.delenv(name)
        # The SDK also finds credentials in a profile on disk: it looks where there is none.
        self._patch.setenv("ANTHROPIC_CONFIG_DIR", os.path.join(tempfile.gettempdir(), "no-anthropic-profile"))  # noqa: PTH118

    def uninstall(self) -> None:
        self._patch.undo()

    def _refuse(self, host: object) -> None:
        self.attempts.append(str(host))
        raise RealNetworkBlocked(f"a test tried to connect to {host}; tests talk to loopback only")

    def _guarded(self, real: Any) -> Any:
        def guarded(sock: socket.socket, *args: Any) -> Any:
            address = args[-1]  # of connect(address) and of sendto(data, address) and sendto(data, flags, address)
            if sock.family in (socket.AF_INET, socket.AF_INET6) and not self.allow_all and not _is_loopback(address[0]):
                self._refuse(address[0])
            return real(sock, *args)

        return guarded

    def _guarded_lookup(self, real: Any) -> Any:
        def guarded(host: Any, *args: Any, **options: Any) -> Any:
            if host is not None and not self.allow_all and not _is_loopback(host):
                self._refuse(host)
            return real(host, *args, **options)

        return guarded


_GUARD = pytest.StashKey[_LoopbackOnly]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_network: this test may leave loopback")
    guard = config.stash[_GUARD] = _LoopbackOnly()
    guard.install()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _GUARD in config.stash:
        config.stash[_GUARD].uninstall()


@pytest.fixture(autouse=True)
def _no_real_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test that tried to leave loopback."""
    guard = request.config.stash[_GUARD]
    guard.allow_all = request.node.get_closest_marker("real_network") is not None
    guard.attempts.clear()
    yield
    guard.allow_all = False
    if guard.attempts:
        pytest.fail(f"the test tried to leave loopback: {', '.join(dict.fromkeys(guard.attempts))}", pytrace=False)


def _is_loopback(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in ("localhost", "", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return True
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False
