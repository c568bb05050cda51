"""When one task ends: a webhook is told, an artifact is kept or handed over, events say how it went. And a task's own id."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import research
from research.errors import InvalidTask, TaskConflict
from research.result.artifact import CompletionArtifact
from research.result.progress import ProgressEvent
from research.result.result import Result
from research.task.task import Task
from research.testing import WebhookReceiver
from research.web.settings import WebSettings
from research.webhooks.delivery import Patience
from research.webhooks.signing import WebhookSecret
from research.webhooks.task_end import TaskEnd, artifact_file
from research.world import Settings

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
LOOPBACK = WebSettings(allow_private_hosts=("127.0.0.1",))
QUESTION = "How high is the lighthouse?"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "lighthouse.md").write_text("# Lighthouse\n\nHeight: 49 m\n")
    return folder


async def asked(pages: Path, /, *, listens: Any = None, resume: Path | None = None, **fields: Any) -> Result:
    return await research.run(
        {"task": QUESTION, "output_schema": {"height_m": "number"}, **fields},
        corpus=pages,
        model="extractive",
        settings=Settings(cache_dir=pages.parent / "cache", web=LOOPBACK),
        webhook_secret=SECRET,
        on_event=listens,
        resume=resume,
    )


async def test_a_webhook_is_told_the_result_once_and_under_the_same_id(pages: Path) -> None:
    async with WebhookReceiver(WebhookSecret(SECRET)) as receiver:
        for _ in range(2):
            result = await asked(
                pages, webhook=receiver.url, metadata={"for": "me"}, resume=pages.parent / "results", task_id="task-1"
            )
        assert result.output == {"height_m": 49}
        (told,) = receiver.accepted
    assert told.event["type"] == "research.task.completed"
    assert told.event["data"]["output"] == {"height_m": 49}
    assert (told.event["data"]["task_id"], told.event["data"]["metadata"]) == ("task-1", {"for": "me"})


async def test_only_events_that_are_wanted_are_told_and_an_artifact_is_handed_over(pages: Path) -> None:
    async with WebhookReceiver(WebhookSecret(SECRET)) as receiver:
        wants = {"url": receiver.url, "event_types": ["research.task.artifact"]}
        await asked(pages, webhook=wants, handoff="webhook", processor="research", project_id="p")
        (told,) = receiver.accepted
    artifact = CompletionArtifact.model_validate(told.event["data"])
    assert (artifact.project_id, artifact.result.output) == ("p", {"height_m": 49})
    assert artifact.request["task"] == QUESTION
    assert "webhook" not in artifact.request
    assert [event.data["status"] for event in artifact.events if event.type == "status"] == ["running", "completed"]


async def test_an_artifact_is_kept_where_it_can_be_found(pages: Path) -> None:
    result = await asked(pages, completion_handoff="artifact")
    file = artifact_file(pages.parent / "cache" / "artifacts", result.task_id)
    assert file.name == f"{result.task_id}.json"
    kept = CompletionArtifact.model_validate_json(file.read_bytes())
    assert kept.result.task_id == result.task_id
    assert not kept.events, "core records no events unless it is asked to"


@pytest.mark.parametrize("name", ["../x", "CON", "a/b", "a" * 300, "Ab", ""])
def test_any_task_id_has_a_safe_file(name: str) -> None:
    file = artifact_file(Path("folder"), name)
    assert file.parent == Path("folder")
    assert len(file.name) == 64 + len(".json")
    assert artifact_file(Path("folder"), "ab") != artifact_file(Path("folder"), "Ab")


@pytest.mark.parametrize(
    ("fields", "secret", "pointer"),
    [
        ({"webhook": "http://169.254.169.254/"}, SECRET, "/webhook"),
        ({"webhook": "https://a.example:8443/"}, SECRET, "/webhook"),
        ({"webhook": "https://a.example/"}, None, "/webhook"),
        ({"webhook": "https://a.example/"}, "whsec_short", "/webhook"),
        ({"handoff": "webhook"}, SECRET, "/handoff"),
    ],
)
async def test_what_cannot_be_told_is_refused_before_anything_is_spent(
    pages: Path, fields: dict[str, str], secret: str | None, pointer: str
) -> None:
    events: list[ProgressEvent] = []
    with pytest.raises(InvalidTask) as refused:
        await research.run(
            {"task": QUESTION, **fields},
            corpus=pages,
            model="extractive",
            cache_dir=pages.parent / "cache",
            webhook_secret=secret,
            on_event=events.append,
        )
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    assert not events


async def test_a_receiver_that_fails_is_a_warning(pages: Path, tmp_path: Path) -> None:
    result = await asked(pages)
    async with WebhookReceiver(WebhookSecret(SECRET), failures=[503, 503, 503]) as receiver:
        task = Task(task=QUESTION).changed(webhook=receiver.url)
        end = TaskEnd(task, secret=SecretStr(SECRET), web=LOOPBACK, state=tmp_path, artifacts=tmp_path)
        told = await end.reached(result, patience=Patience(delays=(0.0,)))
    assert told.output == result.output
    assert "not accepted" in told.warnings[-1]
    assert "after 2 attempts" in told.warnings[-1]


async def test_events_say_how_a_task_went_where_they_are_recorded(pages: Path) -> None:
    events: list[ProgressEvent] = []
    await asked(pages, listens=events.append)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[0].data == {"status": "running"}
    assert events[-1].data == {"status": "completed"}
    steps = [(event.data["step"], event.data["state"]) for event in events if event.type == "progress"]
    assert ("investigate", "started") in steps
    assert ("synthesize", "finished") in steps
    silent: list[ProgressEvent] = []
    await asked(pages, listens=silent.append, enable_events=False)
    assert not silent


async def test_an_id_with_another_content_is_a_conflict_that_says_what_differs(pages: Path) -> None:
    folder = pages.parent / "results"
    first = await asked(pages, task_id="mine", resume=folder)
    assert (await asked(pages, task_id="mine", resume=folder, metadata={"a": "b"})).output == first.output
    with pytest.raises(TaskConflict) as conflict:
        await asked(pages, task_id="mine", resume=folder, max_fetches=3)
    assert [fault.pointer for fault in conflict.value.faults] == ["/max_fetches"]
    assert (await asked(pages, task_id="other", resume=folder, max_fetches=3)).task_id == "other"


async def test_a_task_goes_on_from_what_its_session_held_when_it_was_first_begun(pages: Path) -> None:
    """It adds itself to its session; asked again with the same folder it is still the same task."""
    session = (await asked(pages)).session_id
    folder = pages.parent / "results"
    first = await asked(pages, session_id=session, resume=folder)
    await asked(pages, session_id=session)
    events: list[ProgressEvent] = []
    again = await asked(pages, session_id=session, resume=folder, listens=events.append)
    assert (again.task_id, again.session_id) == (first.task_id, session)
    assert {event.type for event in events} == {"status"}, "every step was found"
    begun = await asked(pages, resume=folder)
    assert (await asked(pages, resume=folder)).session_id == begun.session_id


async def test_a_field_that_means_nothing_here_is_left_out_with_a_warning(pages: Path) -> None:
    result = await asked(pages, sandbox="s-1", memory_scope_key="m")
    assert [warning.split(" ")[0] for warning in result.warnings[:2]] == ["sandbox", "memory_scope_key"]
