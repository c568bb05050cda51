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

from research.ports.work import FieldAnswer, Investigated, Plan, SubQuery
from research.result.result import Result
from research.steps.keys import VERSIONS, Keys
from research.stored_results.store import STORED_TYPES, Done, ResultStore

SUBQUERY = SubQuery(index=1, question="When?", fields=("a",), label="when")
WORK = Investigated.model_validate(
    {"subquery": SUBQUERY, "answers": [], "passages": [], "summary": "", "considered": [], "read": []}
)
PLAN = Plan(subqueries=(SUBQUERY,))
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
    assert (document["kind"], document["value"]["subqueries"][0]["question"]) == ("Plan", "When?")
    assert [file.suffix for file in files(tmp_path)] == [".json"], "no partial file stays"


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
    for length in range(0, len(whole), 9):
        file_of(tmp_path).write_bytes(whole[:length])
        assert await store.get(KEY) is None, f"cut after {length} bytes"


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
    await ResultStore(tmp_path).put(KEY, Plan(subqueries=()))
    file_of(tmp_path).write_text(text)
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
    assert set(STORED_TYPES) == set(VERSIONS)
    assert {kind.model_config.get("extra") for kind in STORED_TYPES.values()} == {"forbid"}
