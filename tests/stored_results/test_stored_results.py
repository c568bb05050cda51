"""What is stored of finished work, and what is made of a file that is not whole or not ours."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.durable.lines import line_of
from research.durable.work import working_for
from research.ports.work import FieldAnswer, Investigated, Plan, SubQuery
from research.result.result import Result
from research.steps.keys import VERSIONS, WAITING, Keys
from research.stored_results.store import STORED_TYPES, Done, ResultStore

SUBQUERY = SubQuery(index=1, question="When?", fields=("a",), label="when")
WORK = Investigated.model_validate(
    {"subquery": SUBQUERY, "answers": [], "passages": [], "summary": "", "considered": [], "read": []}
)
PLAN = Plan(subqueries=(SUBQUERY,))
RESULT = Result(task_id="1", status="completed", task="", processor="core", model="m")
KEYS = Keys(task="t", world="w")
KEY = KEYS.plan()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def file_of(folder: Path) -> Path:
    (file,) = files(folder)
    return file


async def test_a_result_comes_back_as_it_was_and_its_file_is_plain_json(tmp_path: Path) -> None:
    await ResultStore(tmp_path).put(KEY, PLAN)
    assert await ResultStore(tmp_path).get(KEY) == PLAN
    document = json.loads(file_of(tmp_path).read_text())
    assert (document["key"], document["kind"], document["value"]["subqueries"][0]["question"]) == (KEY, "Plan", "When?")
    assert [file.suffix for file in files(tmp_path)] == [".jsonl"], "no partial file stays"


async def test_work_whose_result_is_stored_is_not_done_again(tmp_path: Path) -> None:
    done: list[int] = []

    async def work() -> Plan:
        done.append(1)
        return PLAN

    found = [await ResultStore(tmp_path).find_or_do(KEY, work) for _ in range(2)]
    assert found == [Done(PLAN, found=False), Done(PLAN, found=True)]
    assert done == [1]


async def test_work_that_fails_is_not_stored(tmp_path: Path) -> None:
    async def work() -> Plan:
        raise LookupError

    with pytest.raises(LookupError):
        await ResultStore(tmp_path).find_or_do(KEY, work)
    assert files(tmp_path) == []


async def test_a_file_cut_anywhere_is_a_result_that_is_not_there(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    await store.put(KEY, PLAN)
    whole = file_of(tmp_path).read_bytes()
    for length in range(0, len(whole) - 1, 9):
        file_of(tmp_path).write_bytes(whole[:length])
        for reader in (store, ResultStore(tmp_path)):
            assert await reader.get(KEY) is None, f"cut after {length} bytes"


async def test_a_flipped_bit_anywhere_is_a_result_that_is_not_there(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    await store.put(KEY, PLAN)
    whole = file_of(tmp_path).read_bytes()
    for place in range(len(whole) - 1):
        file_of(tmp_path).write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        for reader in (store, ResultStore(tmp_path)):
            assert await reader.get(KEY) is None, f"bit {place % 8} of byte {place}"


async def test_half_a_line_of_a_killed_process_is_in_nobody_s_way(tmp_path: Path) -> None:
    await ResultStore(tmp_path).put(KEY, PLAN)
    (tmp_path / "loose-1-00000000.jsonl").write_bytes(file_of(tmp_path).read_bytes()[:-30])
    store = ResultStore(tmp_path)
    await store.put(KEYS.row(), RESULT)
    assert await ResultStore(tmp_path).get(KEY) == PLAN
    assert await ResultStore(tmp_path).get(KEYS.row()) == RESULT


async def test_what_another_process_has_stored_is_found_after_a_look(tmp_path: Path) -> None:
    """As when a worker is lost, and another does its shard: two stores on one folder."""
    lost, other = ResultStore(tmp_path), ResultStore(tmp_path)
    assert await other.get(KEY) is None
    with working_for(3, 31):
        await lost.put(KEY, PLAN)
    assert await other.get(KEY) is None
    other.refresh()
    assert await other.get(KEY) == PLAN


async def test_a_result_that_is_not_there_costs_no_look_at_the_disk(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "results")
    assert await store.get(KEY) is None
    (tmp_path / "results").write_text("not even a folder")
    assert await store.get(KEY) is None


async def test_a_committed_shard_leaves_only_the_steps_of_its_unfinished_rows(tmp_path: Path) -> None:
    """Another shard's stay. An equal row that comes later is found in the run's tables, in this process and in the next."""
    asked: list[int] = []

    def committed(row: int) -> Result:
        asked.append(row)
        return RESULT

    def keys_of(row: int) -> Keys:
        return Keys(task=str(row), world="w")

    store = ResultStore(tmp_path, committed)
    for row in (10, 11, 20):
        with working_for(row // 10, row):
            await store.put(keys_of(row).plan(), PLAN)
            if row != 11:
                await store.put(keys_of(row).row(), RESULT)
    store.sweep(1, unfinished=[11])
    for reader in (store, ResultStore(tmp_path, committed)):
        assert await reader.get(keys_of(10).plan()) is None
        assert await reader.get(keys_of(11).plan()) == PLAN
        assert await reader.get(keys_of(20).plan()) == PLAN
        assert await reader.get(keys_of(10).row()) == RESULT
    assert asked == [10, 10]
    store.sweep(1, unfinished=[])
    store.sweep(2, unfinished=[])
    assert [file.name.split("-")[0] for file in files(tmp_path)] == ["committed"]
    assert await ResultStore(tmp_path, committed).get(keys_of(20).row()) == RESULT


async def test_results_of_earlier_versions_are_found_a_file_each(tmp_path: Path) -> None:
    single = tmp_path / KEY.partition("-")[2][:2] / f"{KEY}.json"
    single.parent.mkdir()
    single.write_text(f'{{"kind":"Plan","value":{PLAN.model_dump_json()}}}')
    assert await ResultStore(tmp_path).get(KEY) == PLAN
    single.write_text(single.read_text()[:-9])
    assert await ResultStore(tmp_path).get(KEY) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "subprocess.Popen", "value": {"args": ["true"]}}',
        '{"__class__": "subprocess.getoutput", "data": "echo"}',
        '{"metadata": {"serializer": {"type": "pickle"}}, "result": "gASVAAAA"}',
        '{"kind": "Plan", "value": {"subqueries": [], "surprise": 1}}',
        '{"kind": "Draft", "value": {"answers": []}}',
        '{"kind": "Plan"}',
        "[]",
        "[" * 200_000,  # deeper than the parser goes
    ],
)
async def test_a_foreign_file_builds_nothing_and_is_a_result_that_is_not_there(tmp_path: Path, text: str) -> None:
    single = tmp_path / KEY.partition("-")[2][:2] / f"{KEY}.json"
    single.parent.mkdir()
    single.write_text(text)
    assert await ResultStore(tmp_path).get(KEY) is None
    single.unlink()
    await ResultStore(tmp_path).put(KEY, Plan(subqueries=()))
    (line,) = (file for file in files(tmp_path))
    for lines in (text, line_of(f'"key":"{KEY}","row":null,{text[1:-1]}'.encode()).decode()):
        line.write_text(lines + "\n")
        assert await ResultStore(tmp_path).get(KEY) is None


async def test_a_value_that_looks_like_a_class_stays_a_value(tmp_path: Path) -> None:
    """A serializer that restores any class would import and call what such a value names."""
    trap = {"__class__": "subprocess.getoutput", "data": ["touch /tmp/trap"], "__exc_type__": "SystemExit", "message": ""}
    work = WORK.model_copy(update={"answers": (FieldAnswer(field="a", value=trap),)})
    key = KEYS.investigate(SUBQUERY, 3)
    await ResultStore(tmp_path).put(key, work)
    assert await ResultStore(tmp_path).get(key) == work


@settings(max_examples=50)
@given(text=st.text(), number=st.floats(allow_nan=False, allow_infinity=False))
def test_any_result_survives_being_stored(text: str, number: float) -> None:
    result = Result(
        task_id="1",
        status="completed",
        task=text,
        processor="core",
        model="m",
        output={"a": [text, number, None]},
        cost_usd=number,
    )

    async def there_and_back(folder: Path) -> object:
        await ResultStore(folder).put(KEYS.row(), result)
        return await ResultStore(folder).get(KEYS.row())

    with tempfile.TemporaryDirectory() as folder:
        assert asyncio.run(there_and_back(Path(folder))) == result


async def test_only_results_under_the_keys_of_their_steps_are_stored(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    for key in ("0123456789abcdef" * 2, "../../etc/passwd", "row-../x", "row-" + "0" * 63, "other-" + "0" * 64):
        with pytest.raises(TypeError):
            await store.put(key, PLAN)
    for result in ({"a": 1}, WORK):
        with pytest.raises(TypeError):
            await store.put(KEY, result)
    assert files(tmp_path) == []


async def test_finished_work_is_not_lost_because_it_cannot_be_stored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The folder is a file, as good as a full disk: the result is returned, and the log says that it will be done again."""
    (tmp_path / "results").write_text("")

    async def work() -> Plan:
        return PLAN

    with caplog.at_level(logging.WARNING):
        assert await ResultStore(tmp_path / "results").find_or_do(KEY, work) == Done(PLAN, found=False)
    assert "could not be stored" in caplog.text


def test_every_step_has_its_type_and_every_type_forbids_what_it_does_not_know() -> None:
    assert set(STORED_TYPES) == {*VERSIONS, *WAITING}
    assert {kind.model_config.get("extra") for kind in STORED_TYPES.values()} == {"forbid"}
