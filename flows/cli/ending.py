"""The end of the console process: Prefect sends what it still holds, but a server that is lost is not waited for."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def end_process(code: int) -> NoReturn:
    """Exit. Prefect's own way would try to send each event for seven seconds, and not heed SIGTERM meanwhile (3.8.8).

    What is still alive is left to the operating system: taking the imported modules apart, object by object, took 0.6 s.
    """
    try:
        sent = _send_rest()
    except KeyboardInterrupt:
        sent = False
    if sent:
        gc.freeze()
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # nobody reads it any more
            continue
    os._exit(code)  # a temporary server notices, as it does after `kill -9`


def _send_rest() -> bool:
    if "flows.server_loss" not in sys.modules:
        return True  # Prefect was not used
    from flows.server_loss import send_rest

    return send_rest()
