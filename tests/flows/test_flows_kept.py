"""What is kept in `.state/results`, under which keys, and what is made of a file that is not whole or not ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect.results import ResultStore

from flows.results import KINDS, KeptResults, KeptSerializer, Sealed
from research.ports.work import Claim, FieldAnswer, Investigated, Plan, SubQuery
from research.result.result import Result
from research.steps.keys import VERSIONS, Keys
from research.task.task import Task

SUBQUERY = SubQuery(index=1, question="When?", fields=("a",), label="when")
WORK = Investigated.model_validate(
    {"subquery": SUBQUERY, "answers": [], "passages": [], "summary": "", "considered": [], "read": []}
)
CLAIM = Claim(field="a", value="b", passages=())
KEY = Keys(task="t", world="w").plan()


def task(**changed: Any) -> Task:
    return Task.model_validate({"task": "When?", "output_schema": {"a": "a day"}, "input": {"name": "x"}, **changed})


def store(folder: Path) -> ResultStore:
    return ResultStore(result_storage=KeptResults(folder=folder), serializer=KeptSerializer(), cache_result_in_memory=False)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def file_of(folder: Path) -> Path:
    (file,) = files(folder)
    return file


async def test_a_result_comes_back_as_it_was_and_its_file_is_plain_json(tmp_path: Path) -> None:
    plan = Plan(subqueries=(SUBQUERY,))
    await store(tmp_path).awrite(Sealed(plan), key=KEY)
    assert await store(tmp_path).aexists(KEY)
    assert (await store(tmp_path).aread(KEY)).result.value == plan
    document = json.loads(file_of(tmp_path).read_text())
    assert (document["kind"], document["value"]["subqueries"][0]["question"]) == ("Plan", "When?")
    assert [file.suffix for file in files(tmp_path)] == [".json"], "no partial file stays"


async def test_a_file_cut_anywhere_is_a_result_that_is_not_there(tmp_path: Path) -> None:
    kept = store(tmp_path)
    await kept.awrite(Sealed(Plan(subqueries=(SUBQUERY,))), key=KEY)
    whole = file_of(tmp_path).read_bytes()
    for length in range(0, len(whole), 9):
        file_of(tmp_path).write_bytes(whole[:length])
        assert not await store(tmp_path).aexists(KEY), f"cut after {length} bytes"


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "subprocess.Popen", "value": {"args": ["true"]}}',
        '{"__class__": "subprocess.getoutput", "data": "echo"}',
        '{"metadata": {"serializer": {"type": "pickle"}}, "result": "gASVAAAA"}',
        '{"kind": "Plan", "value": {"subqueries": [], "surprise": 1}}',
        '{"kind": "Plan"}',
        "[]",
    ],
)
async def test_a_foreign_file_builds_nothing_and_is_a_result_that_is_not_there(tmp_path: Path, text: str) -> None:
    await store(tmp_path).awrite(Sealed(Plan(subqueries=())), key=KEY)
    file_of(tmp_path).write_text(text)
    assert not await store(tmp_path).aexists(KEY)


async def test_a_value_that_looks_like_a_class_stays_a_value(tmp_path: Path) -> None:
    """Prefect's own JSON serializer would import and call what such a value names."""
    trap = {"__class__": "subprocess.getoutput", "data": ["touch /tmp/trap"], "__exc_type__": "SystemExit", "message": ""}
    work = WORK.model_copy(update={"answers": (FieldAnswer(field="a", value=trap),)})
    key = Keys(task="t", world="w").investigate(SUBQUERY, 3)
    await store(tmp_path).awrite(Sealed(work), key=key)
    assert (await store(tmp_path).aread(key)).result.value.answers[0].value == trap


@settings(max_examples=50)
@given(text=st.text(), number=st.floats(allow_nan=False, allow_infinity=False))
def test_any_result_survives_being_kept(text: str, number: float) -> None:
    result = Result(
        task_id="1",
        status="completed",
        task=text,
        processor="core",
        model="m",
        output={"a": [text, number, None]},
        cost_usd=number,
    )
    assert KeptSerializer().loads(KeptSerializer().dumps(Sealed(result))).value == result


def test_what_is_not_work_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        KeptSerializer().dumps(Sealed({"a": 1}))
    folder = KeptResults(folder=tmp_path)
    for key in ("0123456789abcdef" * 2, "../../etc/passwd", "row-../x", "row-" + "0" * 63):
        folder.write_path(key, b'{"result": "null"}')
    assert list(tmp_path.iterdir()) == []


def test_every_kind_that_is_kept_forbids_what_it_does_not_know() -> None:
    assert {kind.model_config.get("extra") for kind in KINDS.values()} == {"forbid"}


def keys_of(
    of: Keys, subquery: SubQuery = SUBQUERY, most: int = 3, work: Investigated = WORK, claim: Claim = CLAIM
) -> dict[str, str]:
    return {
        "row": of.row(),
        "plan": of.plan(),
        "investigate": of.investigate(subquery, most),
        "grade": of.grade((work,), most),
        "synthesize": of.synthesize((work,)),
        "verify": of.verify((claim,)),
        "judge": of.judge((claim,)),
    }


BASE = keys_of(Keys.of(task(), "world"))


def changed(keys: dict[str, str]) -> set[str]:
    return {step for step, key in keys.items() if key != BASE[step]}


ALL = set(VERSIONS)
OTHER = {
    "task": "Where?",
    "input": {"name": "y"},
    "output_schema": {"a": "another day"},
    "processor": "base",
    "max_subqueries": 3,
    "max_fetches": 3,
    "max_steps": 9,
    "verify_loops": 1,
    "source_policy": {"include_domains": ["example.org"]},
    "start_url": "https://example.org/",
    "files": [{"source": "brief.pdf", "sha256": "0" * 64}],
    "include_html_dump": True,
    "model": "another",
}


def test_every_field_of_a_task_is_in_every_key_or_excused() -> None:
    """A label does not make other work; anything else does, in every step."""
    assert set(OTHER) | {"metadata", "task_id"} == set(Task.model_fields), "a new field: does it make other work?"
    for field, value in OTHER.items():
        assert changed(keys_of(Keys.of(task(**{field: value}), "world"))) == ALL, field
    assert changed(keys_of(Keys.of(task(metadata={"a": "b"}, task_id="7"), "world"))) == set()


def test_the_world_the_sub_query_the_work_so_far_and_the_limits_are_in_the_keys() -> None:
    keys = Keys.of(task(), "world")
    assert changed(keys_of(Keys.of(task(), "another world"))) == ALL
    assert changed(keys_of(keys, most=4)) == {"investigate", "grade"}
    for field, value in {"index": 2, "question": "Why?", "fields": ("b",), "label": "why"}.items():
        other = SUBQUERY.model_copy(update={field: value})
        assert changed(keys_of(keys, subquery=other)) == {"investigate"}, field
    assert changed(keys_of(keys, work=WORK.model_copy(update={"summary": "more"}))) == {"grade", "synthesize"}
    assert changed(keys_of(keys, claim=CLAIM.model_copy(update={"value": "c"}))) == {"verify", "judge"}


def test_a_step_s_version_is_in_its_own_key_and_in_the_row_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for step in VERSIONS:
        with monkeypatch.context() as patch:
            patch.setattr("research.steps.keys.VERSIONS", {**VERSIONS, step: 99})
            assert changed(keys_of(Keys.of(task(), "world"))) == {step, "row"}


def test_a_key_says_which_step_it_is_of() -> None:
    assert {step: key.split("-")[0] for step, key in BASE.items()} == {step: step for step in VERSIONS}
    assert len(set(BASE.values())) == len(BASE)
