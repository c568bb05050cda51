"""Prefect's server is lost in the middle of a run: how long it is waited for, and what is said when it stays away.

Rows need no answer of it: Prefect notes their task runs as events, and sends those when the server is there again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import httpx
from prefect.client.orchestration import get_client
from prefect.context import SettingsContext, get_settings_context
from prefect.events.worker import EventsWorker
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

from flows.server import folder_without_room, is_temporary, server_url
from research.display.printable import printable
from research.errors import SurroundingsFault

CLIENT_ERRORS: Final = (httpx.HTTPError, ObjectNotFound)
"""What Prefect's client raises of a server that cannot be reached, fails, or has another database than before."""
LOOK_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.5
REST_SECONDS: Final = 20.0
"""How long a process that ends waits for what Prefect still has to send, while the server answers."""


class PrefectLost(SurroundingsFault):
    """Prefect's server stays away. The rows are in the run folder all the same; what Prefect shows of the run is not complete.

    Args:
        why: what the server, or the network, said last.
        end: what the run came to, and where its rows are.
    """

    def __init__(self, why: Exception, end: str = "") -> None:
        url = get_current_settings().api.url or "an unknown address"
        place, setting = url, "PREFECT_API_URL"
        if is_temporary(url):
            which = f"Prefect's temporary server at {url}"
            if (full := folder_without_room()) is not None:
                (place, setting), advice = full, f"There is no room left in {full[0]} ({full[1]}). Make room there"
            else:
                advice = "A new one is started with the next run; PREFECT_API_URL names one of your own"
        else:
            which = f"Prefect's server at {url} (PREFECT_API_URL)"
            advice = "Start it again, or unset PREFECT_API_URL to have one started for the run"
        untold = f"It could not be told how the run ended: {end}" if end else "It could not be told how the run ended"
        super().__init__(f"{which} {_what(why)}. {untold.rstrip('.')}. {advice}", place=place, setting=setting)


def _what(why: Exception) -> str:
    if isinstance(why, ObjectNotFound):
        return "does not know this run any more"
    if isinstance(why, httpx.HTTPStatusError):
        return f"fails: it answers {why.response.status_code} {why.response.reason_phrase}"
    reason = printable(str(why), one_line=True) or type(why).__name__
    return f"does not answer any more: {reason.rstrip('.')}"


async def why_lost(seconds: float) -> Exception | None:
    """Wait for the server for so long. None: it answers; otherwise what it, or the network, said last."""
    clock = asyncio.get_running_loop()
    deadline = clock.time() + seconds
    while True:
        error: Exception | None
        try:
            with _asked_once():
                async with asyncio.timeout(LOOK_SECONDS), get_client() as client:
                    error = await client.api_healthcheck()
        except TimeoutError:
            error = TimeoutError(f"no answer within {LOOK_SECONDS:.0f} seconds")
        except Exception as raised:  # noqa: BLE001 - whatever it is, the server has not answered
            error = raised
        if error is None or clock.time() >= deadline:
            return error
        await asyncio.sleep(POLL_SECONDS)


@contextmanager
def server_asked_once_when_lost() -> Iterator[Callable[[], None]]:
    """Gives a function; from when it is called, for the rest of the block, what a server does not answer is asked only once.
    Prefect asks six times, with growing waits."""
    with ExitStack() as block:

        def ask_once() -> None:
            block.enter_context(_asked_once())

        yield ask_once


def _asked_once() -> SettingsContext:
    """A block in which Prefect's client asks once. (`temporary_settings` reads all settings anew, which takes 20 ms.)"""
    now = get_settings_context()
    client = now.settings.client.model_copy(update={"max_retries": 0})
    return SettingsContext(profile=now.profile, settings=now.settings.model_copy(update={"client": client}))


def send_rest(seconds: float = REST_SECONDS) -> bool:
    """For the end of a process. Wait until Prefect has sent what it holds, events and logs. Returns whether it has: if not, it
    would go on trying, seven seconds for each event (Prefect 3.8.8), and this process would not end before.
    """
    sending = threading.Thread(target=lambda: EventsWorker.drain_all(timeout=seconds), daemon=True)  # also what sends logs
    sending.start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sending.join(POLL_SECONDS)
        if not sending.is_alive():
            return True
        with temporary_settings(updates={PREFECT_API_URL: server_url()}):
            if asyncio.run(why_lost(seconds=0)) is not None:
                return False
    return False
