"""What every dialect shares: tasks are accepted, worked on, waited for, cancelled, and seen by their owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from serve_parts import ALICE, BOB, door, submission

from flows.serve.errors import OverLimit, TaskConflict, UnknownGroup, UnknownTask
from research.errors import InvalidTask


async def test_an_accepted_task_is_researched_and_keeps_its_evidence(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        accepted = await opened.service.submit(ALICE, submission(output_schema={"first_lit": "date"}))
        assert (accepted.status, accepted.is_new) == ("queued", True)
        done = await opened.service.wait(ALICE, accepted.id, 30)
    assert done.status == "completed"
    assert done.result is not None
    assert done.result.task_id == done.id
    assert done.result.output == {"first_lit": "1811-02-01"}
    assert done.result.basis[0].citations[0].url == "corpus://corpus/bell-rock.md"


async def test_the_events_of_a_task_are_numbered_without_gaps_and_end_with_it(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        accepted = await opened.service.submit(ALICE, submission(enable_events=True))
        events = [event async for event in opened.service.events(ALICE, task_id=accepted.id)]
        later = [event async for event in opened.service.events(ALICE, task_id=accepted.id, after=events[1].sequence)]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.data["status"] for event in events if event.type == "status"] == ["queued", "running", "completed"]
    assert {event.data["step"] for event in events if event.type == "progress"} >= {"plan", "investigate", "synthesize"}
    assert later == events[2:]


async def test_the_same_id_or_idempotency_key_is_the_same_task_and_other_content_a_conflict(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        first = await opened.service.submit(ALICE, submission(task_id="mine", idempotency_key="k"))
        again = await opened.service.submit(ALICE, submission(task_id="mine", idempotency_key="k"))
        assert (again.number, again.is_new) == (first.number, False)
        with pytest.raises(TaskConflict, match="mine"):
            await opened.service.submit(ALICE, submission("Something else?", task_id="mine"))
        with pytest.raises(TaskConflict, match="idempotency"):
            await opened.service.submit(ALICE, submission("Something else?", idempotency_key="k"))
        other = await opened.service.submit(BOB, submission("Something else?", task_id="mine", idempotency_key="k"))
        assert other.number != first.number


async def test_another_owners_records_are_as_unknown_as_those_that_are_not_there(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        service = opened.service
        group = await service.create_group(ALICE, {"a": "b"})
        task = await service.submit(ALICE, submission(group_id=group.id))
        for id in (task.id, "nothing"):
            with pytest.raises(UnknownTask, match=f"^there is no task '{id}'$"):
                await service.get(BOB, id)
            with pytest.raises(UnknownTask):
                await service.cancel(BOB, id)
            with pytest.raises(UnknownTask):
                await service.wait(BOB, id, 0)
            with pytest.raises(UnknownTask):
                await anext(service.events(BOB, task_id=id))
        with pytest.raises(UnknownGroup):
            await service.get_group(BOB, group.id)
        with pytest.raises(UnknownGroup):
            await service.submit(BOB, submission(group_id=group.id))
        with pytest.raises(UnknownGroup):
            await anext(service.events(BOB, group_id=group.id))
        assert (await service.page(BOB)).tasks == []


async def test_a_groups_stream_goes_on_from_any_event_and_ends_when_all_its_tasks_have(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        group = await opened.service.create_group(ALICE)
        accepted = await opened.service.submit_many(ALICE, [submission(f"What is {n}?", group_id=group.id) for n in range(5)])
        events = [event async for event in opened.service.events(ALICE, group_id=group.id)]
        later = [event async for event in opened.service.events(ALICE, group_id=group.id, after=events[7].id)]
        assert (await opened.service.get_group(ALICE, group.id)).counts == {"completed": 5}
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert sorted(e.task_id for e in events if e.data["status"] == "completed") == sorted(task.id for task in accepted)
    assert later == events[8:]


async def test_pages_lead_from_the_latest_task_to_the_first(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        accepted = await opened.service.submit_many(ALICE, [submission(f"What is {n}?") for n in range(5)])
        first = await opened.service.page(ALICE, limit=2)
        second = await opened.service.page(ALICE, limit=2, cursor=first.next_cursor)
        third = await opened.service.page(ALICE, limit=2, cursor=second.next_cursor)
        with pytest.raises(InvalidTask, match="/cursor"):
            await opened.service.page(ALICE, cursor="nonsense")
    shown = [task.id for page in (first, second, third) for task in page.tasks]
    assert shown == [task.id for task in reversed(accepted)]
    assert third.next_cursor is None


async def test_what_may_not_be_read_or_told_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        for fields, place in (
            ({"files": ["/etc/passwd"]}, "/files/0"),
            ({"files": ["http://169.254.169.254/latest/meta-data"]}, "/files/0"),
            ({"start_url": "http://[::1]:8080/"}, "/start_url"),
            ({"webhook": "http://localhost/hook"}, "/webhook"),
            ({"task_id": "../../x"}, "/task_id"),
        ):
            with pytest.raises(InvalidTask) as refused:
                await opened.service.submit(ALICE, submission(**fields))
            assert [fault.pointer for fault in refused.value.faults] == [place]
        assert (await opened.service.page(ALICE)).tasks == []


async def test_an_owner_has_no_more_open_tasks_than_allowed_and_all_or_none_are_accepted(tmp_path: Path) -> None:
    async with door(tmp_path, max_open=3) as opened:
        with pytest.raises(OverLimit, match="3 open tasks"):
            await opened.service.submit_many(ALICE, [submission(f"What is {n}?") for n in range(4)])
        assert (await opened.service.page(ALICE)).tasks == []
        assert len(await opened.service.submit_many(ALICE, [submission(f"What is {n}?") for n in range(3)])) == 3
