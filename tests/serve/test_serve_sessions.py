"""Tasks of a session in the service: a later one knows the earlier ones and their pages, on whichever machine it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.serve.records.task_records import Submission, TaskRecord
from flows.serve.service.service import Service
from research.errors import UnknownSession
from research.models.scripted import ScriptedModel, quoting
from research.task.task import Task
from tests.serve.conftest import Served
from tests.serve.serve_parts import ALICE, BOB, door, submission

PATH = "/api/v1/tasks"
LIT = {"task": "When was it first lit?", "output_schema": {"first_lit": "date"}}


async def done(service: Service, **fields: Any) -> TaskRecord:
    record = await service.submit(ALICE, submission(**fields))
    return await service.wait(ALICE, record.id, 30)


def test_a_question_that_names_nothing_is_about_what_the_task_before_it_was_about(served: Served) -> None:
    with served.client() as client:
        first = client.post(PATH, json={"input": "Who built the Eddystone Lighthouse?", "response_format": "json"}).json()
        served.wait(f"{PATH}/{first['task_id']}")
        asked = {**LIT, "session_id": first["session_id"], "response_format": "json"}
        second = client.post(PATH, json=asked).json()
        told = served.wait(f"{PATH}/{second['task_id']}")
        again = client.post(PATH, json={**LIT, "task_id": first["task_id"], "response_format": "json"}).json()
    assert (told["output"], told["session_id"]) == ({"first_lit": "1759-10-16"}, first["session_id"])
    assert any("Eddystone Lighthouse" in warning for warning in told["warnings"])
    assert again["session_id"] == first["session_id"]
    assert again["task_id"] != first["task_id"]
    assert any(first["task_id"] in warning for warning in again["warnings"])


async def test_the_pages_of_a_session_are_at_hand_on_a_machine_that_has_not_read_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    reads = ScriptedModel(quoting(lambda _: {"first_lit": "1759-10-16"}))
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    async with door(one, url=url, model=reads) as opened:
        task = "When was the Eddystone Lighthouse first lit?"
        first = await done(opened.service, task=task, output_schema=LIT["output_schema"], session_id="s1")
        assert first.status == "completed"
    async with door(other, url=url, model=reads, pages={"weather.md": "# Weather\n\nIt rains.\n"}) as opened:
        going_on = Submission(task=Task.model_validate({**LIT, "session_id": "s1"}), dialect="tasks")
        later = await opened.service.submit(ALICE, going_on)
        second = await opened.service.wait(ALICE, later.id, 30)
        with pytest.raises(UnknownSession):
            await opened.service.submit(BOB, going_on)
    assert second.result is not None
    assert second.result.basis[0].citations[0].url.endswith("lighthouse.md")


async def test_an_ephemeral_task_leaves_no_session_and_no_page(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        pages = tmp_path / "cache" / "pages"
        before = {path for path in pages.rglob("*") if path.is_file()}
        record = await done(opened.service, ephemeral=True)
        assert (record.status, record.session_id) == ("completed", None)
        assert {path for path in pages.rglob("*") if path.is_file()} == before
        await done(opened.service)
        assert {path for path in pages.rglob("*") if path.is_file()} != before
