"""The end of the console process: Prefect sends what it still holds, but a server that is lost is not waited for."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn


class ProcessEnd:
    """Ends the process, once whoever has something to do at its end has done it: make it before anything else is imported.

    What is still alive then is left to the operating system. Python takes 5,000 imported modules apart, object by object
    (0.6 s), and DuckDB complains on stderr of objects that outlive it.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._at_exit)  # what is registered first runs last

    def __call__(self, code: int) -> NoReturn:
        """Exit. Prefect's own way would try to send each event for seven seconds, and not heed SIGTERM meanwhile (3.8.8)."""
        try:
            sent = _send_rest()
        except KeyboardInterrupt:
            sent = False
        if not sent:
            _leave(code)  # a temporary server notices, as it does after `kill -9`
        self._code = code
        sys.exit(code)

    def _at_exit(self) -> None:
        if self._code is not None:
            _leave(self._code)


def _leave(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # nobody reads it any more
            continue
    os._exit(code)


def _send_rest() -> bool:
    if "flows.server_loss" not in sys.modules:
        return True  # Prefect was not used
    from flows.server_loss import send_rest

    return send_rest()
