"""The socket at which the service listens."""

from __future__ import annotations

import socket

from research.errors import InvalidInput


def listen(host: str, port: int) -> socket.socket:
    """Listen at a port; 0 takes a free one. Who connects before the service is up waits for it.

    Raises:
        InvalidInput: nothing can listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InvalidInput(f"nothing can listen at {host}:{port} ({why}): choose another --port or --host") from error
    # A connection has this from its listener, and asyncio sets it for sockets of its own making alone. Without it, the body of
    # each answer waits 40 ms until the client has acknowledged the head (RFC 896 meets delayed acknowledgements, RFC 1122).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
