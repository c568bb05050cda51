"""What is done when a task has ended: its webhook is told, and its completion artifact is kept or handed over.

What is told: an event of `research.task.webhook.EVENT_TYPES`, whose data is the result as JSON, or the completion artifact.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from research.durable.surroundings import writing
from research.errors import Fault, InvalidInput, InvalidTask, SurroundingsFault
from research.identity import content_key
from research.result.artifact import CompletionArtifact
from research.result.progress import ProgressEvent
from research.result.result import Result, Status
from research.tables.layout.durable import write_whole
from research.task.task import Task
from research.task.webhook import ARTIFACT, STATUS_EVENTS, Webhook
from research.web.settings import WebSettings
from research.webhooks.delivery import Event, Patience, Receiver, deliver
from research.webhooks.signing import WebhookSecret

ENDS: Final[frozenset[Status]] = frozenset({"completed", "failed", "cancelled"})
"""Of these there is a completion artifact."""
_SAFE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_TIMES: Final = {"created_at", "modified_at", "completed_at", "createdAt", "completedAt"}


class TaskEnd:
    """What is to be done when one task ends.

    Args:
        task: says who is told, and how its artifact is handed over.
        secret: deliveries are signed with it; None: there is none.
        web: which addresses are allowed beside the public web's.
        state: the folder that attempts are written down in.
        artifacts: the folder that artifacts are kept in.
        once: an end that was told is not told again when the same result is there again, as from stored steps.

    Raises:
        InvalidTask: the address may not be used, there is no secret, or an artifact is to be posted to nobody.
    """

    def __init__(
        self, task: Task, *, secret: SecretStr | None, web: WebSettings, state: Path, artifacts: Path, once: bool = False
    ) -> None:
        self._task = task
        self._state = state
        self._artifacts = artifacts
        self._once = once
        self._receiver = None if task.webhook is None else _receiver(task.webhook, secret, web)
        if task.handoff == "webhook" and self._receiver is None:
            raise InvalidTask("The task cannot be run:", [Fault("/handoff", "is `webhook`, and the task has none: name one")])

    async def reached(self, result: Result, events: Sequence[ProgressEvent] = (), patience: Patience | None = None) -> Result:
        """Keep and tell what the task has come to. What of it fails is a warning of the result: the answer is there.

        Args:
            events: what the task reported, for the artifact.
            patience: how long the receiver is tried.
        """
        warnings: list[str] = []
        artifact = CompletionArtifact.of(self._task, result, tuple(events)) if self._task.handoff is not None else None
        if artifact is not None and self._task.handoff == "artifact" and result.status in ENDS:
            try:
                await asyncio.to_thread(keep_artifact, artifact, self._artifacts)
            except SurroundingsFault as fault:
                warnings.append(f"handoff: the artifact could not be kept: {fault}")
        if self._receiver is not None:
            posted = artifact if self._task.handoff == "webhook" and result.status in ENDS else None
            told = events_of(self._task, result, posted, once=self._once)
            warnings += await tell(told, self._receiver, self._state, patience)
        return result.changed(warnings=[*result.warnings, *warnings]) if warnings else result


def _receiver(webhook: Webhook, secret: SecretStr | None, web: WebSettings) -> Receiver:
    if secret is None:
        raise InvalidTask(
            "The task cannot be run:",
            [Fault("/webhook", "needs the secret that deliveries are signed with: `webhook_secret` (docs/webhooks.md)")],
        )
    try:
        return Receiver(webhook.url, WebhookSecret(secret.get_secret_value()), web)
    except InvalidInput as error:
        raise InvalidTask("The task cannot be run:", [Fault("/webhook", str(error))]) from error


def events_of(task: Task, result: Result, artifact: CompletionArtifact | None, *, once: bool) -> list[Event]:
    """What a task's webhook is told of what it has come to.

    Args:
        artifact: where the task hands it over to its webhook.
        once: the same result has the same key whenever it was completed: told before, it is not told again.
    """
    if task.webhook is None:
        return []
    document = result.model_dump(mode="json")
    same = {name: value for name, value in document.items() if not (once and name in _TIMES)}
    key = content_key("task event", task_id=result.task_id, result=same)
    told = [(STATUS_EVENTS[result.status], document)] if result.status in STATUS_EVENTS else []
    told += [(ARTIFACT, artifact.model_dump(mode="json"))] if artifact is not None else []
    at = result.completed_at or result.modified_at
    return [Event(name, key, data, at) for name, data in told if task.webhook.wants(name)]


async def tell(events: Sequence[Event], receiver: Receiver, state: Path, patience: Patience | None = None) -> list[str]:
    """Deliver events, each until it is accepted or given up.

    Args:
        state: the folder of the attempts.

    Returns: of each that was not accepted, why, for people.
    """
    try:
        await asyncio.to_thread(state.mkdir, parents=True, exist_ok=True)
        delivered = await asyncio.gather(*(deliver(event, receiver, state, patience=patience) for event in events))
    except OSError as error:
        return [f"webhook: what was delivered cannot be written down in {state}: {error.strerror}"]
    return [
        f"webhook: {event.type} was not accepted by {receiver.origin} after {each.attempts} attempts ({each.why})"
        for event, each in zip(events, delivered, strict=True)
        if not each.accepted
    ]


def artifact_file(folder: Path, task_id: str) -> Path:
    """The file of a task's artifact: `<task_id>.json` where that is a safe name on every disk, else a digest of it."""
    name = task_id if _SAFE.fullmatch(task_id) else content_key("artifact", task_id=task_id)
    return folder / f"{name}.json"


def keep_artifact(artifact: CompletionArtifact, folder: Path) -> Path:
    """Write an artifact into a folder, in place of an earlier one of the same task.

    Raises:
        SurroundingsFault: it cannot be written.
    """
    file = artifact_file(folder, artifact.task_id)
    with writing(folder, "the folder of artifacts"):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, artifact.model_dump_json(indent=2).encode())
    return file
