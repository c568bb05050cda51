"""Tells a webhook what a run came to: the same announcements that Prefect gets, signed, each at least once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from flows.run.announcements import FIRST_ROWS, Announcement, announcements, of_changes
from flows.run.environment import Environment
from flows.run.events import CellsChanged
from flows.run.options import Options
from flows.run.outcome import Enrichment
from flows.run.second_look import second_look
from research.errors import InvalidInput
from research.identity import canonical_json
from research.result.result import utc_now
from research.tables.layout.made_tables import CHANGES, read_made
from research.tables.run_folder.run_folder import RunFolder
from research.webhooks.delivery import Event, Patience, Receiver, deliver
from research.webhooks.signing import WebhookSecret

SECRET: Final = "RESEARCH_WEBHOOK_SECRET"  # noqa: S105 - its name
IN_A_HURRY: Final = Patience(delays=(), seconds=5)
"""Of a run that is being stopped: each delivery is tried once; the same command tries it again."""
_NOT_THE_SAME_TWICE: Final = ("seconds",)
"""Parts of an announcement that differ when the same end is told again."""


def receiver_of(options: Options, environment: Environment) -> Receiver | None:
    """Who is told. None: nobody.

    Raises:
        InvalidInput: the address may not be used, or there is no secret, or it is none.
    """
    if (url := options.webhook or environment.webhook) is None:
        return None
    if environment.webhook_secret is None:
        raise InvalidInput(
            f"--webhook needs the secret that deliveries are signed with, in the variable {SECRET}: "
            "`echo whsec_$(openssl rand -base64 32)` makes one (docs/webhooks.md)"
        )
    return Receiver(url, WebhookSecret(environment.webhook_secret.get_secret_value(), SECRET), environment.web)


async def tell(
    receiver: Receiver,
    folder: RunFolder,
    done: Enrichment,
    max_cost: float | None,
    changes: CellsChanged | None,
    patience: Patience | None = None,
) -> list[str]:
    """Deliver what a run came to, and wait until it is accepted or given up. What was accepted before is not sent again.

    Returns: of each delivery that was not accepted, why.
    """
    told = await asyncio.to_thread(_announcements, folder, done, max_cost, changes)
    events = [Event(each.name, _key(folder, each), each.payload, utc_now()) for each in told]
    try:
        delivered = await asyncio.gather(*(deliver(event, receiver, folder.state, patience=patience) for event in events))
    except OSError as error:
        return [f"what was delivered cannot be written down in {folder.state}: {error.strerror}"]
    return [
        f"{event.type} was not accepted by {receiver.origin} ({each.why}); the same command tries again"
        for event, each in zip(events, delivered, strict=True)
        if not each.accepted
    ]


def _announcements(
    folder: RunFolder, done: Enrichment, max_cost: float | None, changes: CellsChanged | None
) -> Iterable[Announcement]:
    told = list(announcements(done, second_look(done.run, FIRST_ROWS), max_cost))
    if changes is not None and changes.has_changes:
        lines = read_made(folder.path, CHANGES)
        told.append(of_changes(changes, [] if lines is None else lines.to_pylist()))
    return told


def _key(folder: RunFolder, told: Announcement) -> str:
    """The same where a finished run is asked for again, and another where it has come to something else."""
    return f"{folder.key} {canonical_json({n: v for n, v in told.payload.items() if n not in _NOT_THE_SAME_TWICE})}"
