"""`research.run(…, resume=folder)`: what was finished is not done again."""

from __future__ import annotations

from pathlib import Path

import pytest

import research
from research.errors import ModelUnavailable
from research.models.scripted import ScriptedModel
from research.ports.model import ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.task.task import Task

QUESTION = "Facts about the lighthouse"
SCHEMA = {"height_m": "its height, a number", "builder": "who built it"}


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "lighthouse.md").write_text("# Lighthouse\n\nHeight: 49 m\n\nBuilder: James Douglass\n")
    return folder


def reader(*, fails: bool = False, identity: str = "reader/1") -> ScriptedModel:
    """Answers every field of a sub-query with nothing; `fails` from its second sub-query on."""

    async def script(_task: Task, subquery: SubQuery, _tools: ResearchTools) -> Draft:
        if fails and subquery.index > 1:
            raise ModelUnavailable("the service is down")
        return Draft(answers=tuple(FieldAnswer(field=field) for field in subquery.fields))

    return ScriptedModel(script, identity=identity)


async def asked(model: ScriptedModel, pages: Path, folder: Path | None) -> research.Result:
    return await research.run(QUESTION, schema=SCHEMA, corpus=pages, model=model, cache_dir=pages.parent / "cache", resume=folder)


async def test_a_task_that_failed_goes_on_from_its_finished_steps(pages: Path, tmp_path: Path) -> None:
    first = await asked(reader(fails=True), pages, tmp_path / "results")
    assert first.status == "failed"
    model = reader()
    assert (await asked(model, pages, tmp_path / "results")).status == "completed"
    assert (model.calls["plan"], model.calls["investigate"]) == (0, 1)


async def test_another_corpus_and_another_task_find_nothing_and_without_a_folder_nothing_is_stored(
    pages: Path, tmp_path: Path
) -> None:
    await asked(reader(), pages, tmp_path / "results")
    same = reader()
    await asked(same, pages, tmp_path / "results")
    assert same.calls["investigate"] == 0
    fresh = reader()
    await asked(fresh, pages, None)
    assert fresh.calls["investigate"] == 2
    (pages / "another.md").write_text("# Another page\n")
    changed = reader()
    await asked(changed, pages, tmp_path / "results")
    assert changed.calls["investigate"] == 2
