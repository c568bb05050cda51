"""Refresh: what the pages still say is confirmed without a model, only what must be is researched, and what changed is listed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_refreshed import enriched, refreshed
from flows_seen import artifact, task_runs

from flows.cli.app import main
from flows.cli.plan import make_plan
from flows.cli.terminal import Exit
from flows.refreshing import refresh as refresh_flow
from flows.run.announcements import CELLS_CHANGED, of_changes
from flows.run.environment import Environment
from flows.run.events import CellsChanged, Event
from flows.run.options import EnrichOptions, RefreshOptions
from flows.run.prepare import prepare_enrichment
from flows.run.recorded_options import recorded_options
from flows.run.refresh import prepare_refresh
from flows.run.runtime import Runtime, use_runtime
from research.errors import FetchFailed, InvalidInput, InvalidRun, InvalidTable, PageUnreadable
from research.models.scripted import ScriptedModel
from research.pages.page_store import PageStore, StoringFetcher
from research.ports.model import ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.ports.world import World
from research.tables.audit.verify import verify
from research.tables.changes.history import history
from research.tables.layout.made_tables import CHANGES, read_made
from research.tables.review.apply import store
from research.tables.review.run_cells import rows_of
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.run_folder import RunFolder
from research.task.task import Task
from research.testing import Pages
from research.world import Settings
from tests.storage.s3_server import ObjectStorage, s3

__all__ = ["s3"]

SCHEMA = {"properties": {"moons": {"type": ["integer", "null"]}, "colour": {"type": ["string", "null"]}}}
OBJECTIVE = "Moons and colour of {name}"


def page(name: str, moons: int | None = 3, colour: str | None = "blue", *, before: str = "") -> str:
    facts = [f"Moons: {moons}"] * (moons is not None) + [f"Colour: {colour}"] * (colour is not None)
    return "\n\n".join([f"# {name}", *([before] if before else []), "\n".join(facts) or "Nothing is known."])


class Site:
    """A corpus of planets, the model that reads it, and what each was asked."""

    def __init__(self, *names: str) -> None:
        self.pages = Pages({f"test://{name}": page(name) for name in names})
        self.asked: list[tuple[str, str]] = []
        self.failing: set[str] = set()
        self.model = ScriptedModel(self._read, keyless=False, cost_usd=0.25)
        self._state = 1

    def now_says(self, name: str, text: str | Exception | None) -> None:
        self.pages.pages[f"test://{name}"] = text  # type: ignore[assignment]
        if text is None:
            del self.pages.pages[f"test://{name}"]
        self._state += 1
        self.pages.identity = f"pages/{self._state}"

    def forget(self) -> None:
        self.asked.clear()
        self.pages.fetched.clear()
        self.model.calls.clear()

    async def _read(self, task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        name = str(task.input["name"])
        self.asked += [(name, field) for field in subquery.fields]
        if name in self.failing:
            raise PageUnreadable(f"{name}: nothing to read")
        answers: dict[str, FieldAnswer] = {}
        hits = [hit for hit in await tools.search(name) if hit.url == f"test://{name}"]
        for passage in await tools.read(hits[0].url) if hits else ():
            for label, _, value in (line.partition(": ") for line in passage.text.splitlines()):
                if (field := label.lower()) in subquery.fields:
                    typed = int(value) if field == "moons" else value
                    answers[field] = FieldAnswer(field=field, value=typed, passages=(passage.id,), confidence="high")
        return Draft(answers=tuple(answers.get(field, FieldAnswer(field=field)) for field in subquery.fields))

    def runtime(self) -> Runtime:
        @asynccontextmanager
        async def opener(_settings: Settings, folder: Path) -> AsyncIterator[World]:
            yield World(model=self.model, search=self.pages, fetcher=StoringFetcher(self.pages, PageStore(folder)))

        return Runtime(opener=opener, retry_delays=())


class Desk:
    """A table and its runs, which are done without Prefect."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.table, self.out, self.site = folder / "planets.csv", folder / "runs" / "planets", site
        self.counts: Counter[str] = Counter()
        """Of the last refresh."""

    def write(self, rows: list[dict[str, Any]]) -> None:
        pd.DataFrame(rows).to_csv(self.table, index=False)

    def enrichment(self, **options: Any) -> EnrichOptions:
        return EnrichOptions(
            str(self.table), objective=OBJECTIVE, output_schema=SCHEMA, out=str(self.out), shard_size=2, **options
        )

    async def enrich(self, **options: Any) -> RunFolder:
        return (await enriched(self.enrichment(**options), self.site.runtime())).folder

    async def refresh(self, run: Path | None = None, **options: Any) -> RunFolder:
        self.site.forget()
        options = {"table": str(self.table), "shard_size": 2, **options}
        done = await refreshed(RefreshOptions(str(run or self.out), **options), self.site.runtime())
        counts = {} if done.changes is None else done.changes.counts
        self.counts = Counter({kind: count for kind, count in counts.items() if count})
        return done.folder


def rows(*names: str, **cells: Any) -> list[dict[str, Any]]:
    return [{"id": sum(map(ord, name)), "name": name, "note": cells.get(name, "")} for name in names]


def changes(run: Path) -> list[tuple[str | None, str | None, str, str | None, str | None]]:
    table = read_made(run, CHANGES)
    assert table is not None
    return [
        (line["row_key"], line["field"], line["change"], line["old_value"], line["new_value"])
        for line in table.to_pylist()
        if line["change"] != "confirmed"
    ]


ENRICHED: dict[tuple[str, ...], Path] = {}
"""Run folders of first runs, by the names in their tables: each is made once."""


async def desk(tmp_path: Path, *names: str) -> Desk:
    """A table whose first run is finished."""
    made = Desk(tmp_path, Site(*names))
    made.write(rows(*names))
    if names in ENRICHED:
        shutil.copytree(ENRICHED[names], made.out)
    else:
        await made.enrich()
        ENRICHED[names] = Path(shutil.copytree(made.out, tmp_path / "first"))
    return made


async def test_the_same_corpus_twice_changes_nothing_and_asks_no_model_and_no_page(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera", "Zeus")
    done = await here.refresh()
    assert done.path == here.out.with_name("planets.2")
    assert done.summary is not None
    assert (done.summary["completed"], done.summary["cost_usd"]) == (3, 0.0)
    assert (here.site.asked, here.site.pages.fetched, here.counts) == ([], [], {"confirmed": 6})
    assert verify(done.path).ok
    again = await here.refresh(done.path)
    assert (again.path.name, here.counts) == ("planets.3", {"confirmed": 6}), "the newest of the series, whichever is named"
    assert open_run(again.path).results()["warnings"].map(len).sum() == 0


async def test_only_a_cell_whose_page_says_otherwise_is_researched_and_the_rest_of_its_row_is_confirmed(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera", "Zeus")
    here.site.now_says("Hera", page("Hera", moons=4, before="A new beginning, so that all else stands further down."))
    here.site.now_says("Zeus", page("Zeus", colour=None))
    done = await here.refresh(key=["name"])
    assert sorted(here.site.asked) == [("Hera", "moons"), ("Zeus", "colour")]
    assert here.counts == {"changed": 1, "lost": 1, "confirmed": 4}
    assert changes(done.path) == [
        ('{"name":"Hera"}', "moons", "changed", "3", "4"),
        ('{"name":"Zeus"}', "colour", "lost", "blue", None),
    ]
    line = next(line for line in read_made(done.path, CHANGES).to_pylist() if line["change"] == "changed")  # type: ignore[union-attr]
    assert (line["old_excerpt"], line["new_excerpt"], line["why"]) == ("Moons: 3", "Moons: 4", "its page says something else now")
    assert open_run(done.path).cell(1, "colour").evidence[0].before.endswith("Moons: 4\n"), (
        "its offsets are those of the new page"
    )
    assert verify(done.path).ok
    assert open_run(done.path).changes()["change"].tolist().count("confirmed") == 4
    assert open_run(done.path).sql("SELECT change, count(*) AS n FROM changes GROUP BY 1 ORDER BY 1")["n"].tolist() == [1, 4, 1]


async def test_rows_added_edited_removed_and_moved_are_known_by_their_key(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera", "Leto", "Zeus")
    here.site.now_says("Hebe", page("Hebe"))
    here.write(rows("Hebe", "Zeus", "Hera", "Ares", Zeus="the elder"))
    done = await here.refresh(key=["name"])
    assert {name for name, _ in here.site.asked} == {"Zeus", "Hebe"}
    assert here.counts == {"new": 2, "gone": 2, "confirmed": 6}
    assert [line[:3] for line in changes(done.path)] == [
        ('{"name":"Hebe"}', "colour", "new"),
        ('{"name":"Hebe"}', "moons", "new"),
        ('{"name":"Leto"}', "colour", "gone"),
        ('{"name":"Leto"}', "moons", "gone"),
    ]
    assert verify(done.path).ok
    here.write([*rows("Hebe", "Hera", "Hebe"), *rows("Hera", Hera="the younger")])
    with pytest.raises(InvalidTable, match="rows 1 and 3 have the same key"):
        await here.refresh()  # by the key of the last refresh


async def test_a_table_may_be_emptied_stay_empty_and_be_filled_again(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera", "Zeus")
    here.table.write_text("id,name,note\n")
    for expected in ({"gone": 6}, {}):
        done = await here.refresh()
        assert (here.counts, verify(done.path).ok) == (expected, True)
    here.write(rows("Hera"))
    await here.refresh()
    assert here.counts == {"new": 2}


async def test_without_a_key_rows_are_known_by_what_they_hold(tmp_path: Path) -> None:
    """An edited row is one that is new and one that is gone; a column that is read as another type is no edit."""
    here = await desk(tmp_path, "Ares", "Hera", "Zeus")
    here.write([{**row, "id": "none" if row["name"] == "Ares" else row["id"]} for row in rows("Zeus", "Hera", "Ares")])
    await here.refresh()
    assert {name for name, _ in here.site.asked} == {"Ares"}
    assert here.counts == {"new": 2, "gone": 2, "confirmed": 4}


async def test_what_had_no_answer_is_found_once_its_page_or_a_new_page_has_it(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera")
    here.site.now_says("Ares", page("Ares", moons=None))
    here.write(rows("Ares", "Hera", "Zeus"))
    first = await here.refresh(key=["name"])
    assert here.counts == {"lost": 1, "new": 1, "confirmed": 3}
    here.site.now_says("Gaia", page("Gaia"))
    await here.refresh()
    assert {name for name, _ in here.site.asked} == {"Ares", "Zeus"}, "a page that no row had considered may answer them"
    here.site.now_says("Ares", page("Ares", moons=9))
    here.site.now_says("Zeus", page("Zeus"))
    done = await here.refresh(first.path)
    assert here.counts == {"new": 3, "confirmed": 3}
    assert ("moons", "new", None, "9") in [line[1:] for line in changes(done.path)]


async def test_which_cells_are_stale_is_said_by_kind_and_age(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera")
    here.site.now_says("Ares", page("Ares", moons=8))
    await here.refresh(older_than="30d")
    assert (here.site.asked, here.counts) == ([], {}), "nothing is that old"
    await here.refresh(stale=["low", "rejected", "failed"])
    assert (here.site.asked, here.counts) == ([], {})
    await here.refresh(stale=["low"], older_than="0")
    assert (here.site.asked, here.counts) == ([("Ares", "moons")], {"changed": 1, "confirmed": 3})


async def test_a_rejected_value_is_researched_though_its_page_is_the_same_and_what_was_accepted_stays_so(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera")
    decided = {"row_index": 1, "found": "3", "value": None, "note": "", "reviewer": "ann", "decided_at": datetime.now(UTC)}
    decisions = [
        {**decided, "field": "moons", "decision": "reject"},
        {**decided, "field": "colour", "decision": "accept", "found": "blue"},
    ]
    keys = {row.index: row.key for row in rows_of(RunFolder.open(here.out), ["moons"])}
    times = {"row_key": keys[1], "applied_at": datetime.now(UTC), "carried_from": None}
    store(here.out, [{**decision, **times} for decision in decisions])
    done = await here.refresh()
    assert here.site.asked == [("Hera", "moons")]
    assert here.counts == {"confirmed": 4}
    await here.refresh(done.path, stale=["failed"])
    assert here.site.asked == []


async def test_a_page_that_does_not_answer_leaves_its_cells_as_they_are_and_one_that_is_gone_does_not(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera")
    here.site.now_says("Ares", FetchFailed("test://Ares: no answer"))
    here.site.now_says("Hera", None)
    done = await here.refresh()
    assert here.counts == {"lost": 2}
    assert open_run(done.path).results()["moons"].tolist()[0] == 3
    here.site.now_says("Ares", page("Ares", moons=4))
    await here.refresh()
    assert here.counts == {"changed": 1, "confirmed": 1}, "what was not checked is stale still"


async def test_a_refresh_that_was_stopped_goes_on_with_the_same_call(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera", "Leto", "Zeus")
    for name in ("Ares", "Hera", "Zeus"):
        here.site.now_says(name, page(name, moons=5))
    stopped = await here.refresh(max_cost=0.3)
    assert (stopped.status, here.site.asked) == ("stopped", [("Ares", "moons"), ("Hera", "moons")])
    assert read_made(stopped.path, CHANGES) is None
    done = await here.refresh()
    assert (done.path, done.status, here.site.asked) == (stopped.path, "finished", [("Zeus", "moons")])
    assert here.counts == {"changed": 3, "confirmed": 5}


async def test_a_refresh_that_was_begun_of_another_state_of_the_table_stands_in_nobody_s_way(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera", "Leto")
    for name in ("Ares", "Hera", "Leto"):
        here.site.now_says(name, page(name, moons=5))
    assert (await here.refresh(max_cost=0.3)).status == "stopped"
    here.write(rows("Ares", "Leto"))
    done = await here.refresh()
    assert (done.path.name, here.counts) == ("planets.3", {"changed": 2, "gone": 2, "confirmed": 2})


async def test_a_row_that_fails_has_no_line_and_is_tried_again_from_the_folder_alone(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera")
    for name in ("Ares", "Hera"):
        here.site.now_says(name, page(name, moons=5))
    here.site.failing = {"Hera"}
    failed = await here.refresh(key=["name"])
    assert (failed.summary or {})["failed"] == 1
    assert here.counts == {"changed": 1, "confirmed": 1}
    here.site.failing = set()
    options = recorded_options(RunFolder.open(failed.path), str(failed.path))
    assert isinstance(options, RefreshOptions)
    again = await refreshed(options, here.site.runtime())
    assert (again.folder.path, again.folder.key) == (failed.path, failed.key)
    assert again.changes is not None
    assert (again.changes.changed, again.changes.confirmed) == (2, 2)


async def test_the_settings_of_the_next_refresh_come_from_the_one_before(tmp_path: Path) -> None:
    """Also where the first folder is gone."""
    here = await desk(tmp_path, "Ares")
    done = await here.refresh(table=str(here.table), key=["name"])
    here.out.rename(tmp_path / "moved")
    again = await here.refresh(done.path)
    assert (again.path.name, again.status, here.counts) == ("planets.3", "finished", {"confirmed": 2})


async def test_a_run_that_is_not_finished_or_did_not_keep_its_options_is_refused(tmp_path: Path) -> None:
    here = Desk(tmp_path, Site("Ares"))
    here.write(rows("Ares"))
    async with prepare_enrichment(here.enrichment(), here.site.runtime()) as prepared:
        prepared.folder()
    with pytest.raises(InvalidRun, match="is not finished"):
        await here.refresh()
    prepared.folder().finish()
    with pytest.raises(InvalidRun, match="did not keep its options"):
        await here.refresh()
    with pytest.raises(InvalidInput, match="is one of all, low"):
        await here.refresh(stale=["old"])


async def test_a_copy_of_the_first_run_is_a_series_of_its_own(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera", "Zeus")
    copied = Path(shutil.copytree(here.out, here.out.with_name("kept")))
    second = await here.refresh()
    for run, names in ((here.out, ["planets", "planets.2"]), (second.path, ["planets", "planets.2"]), (copied, ["kept"])):
        assert [Path(version.run).name for version in history(run, 0, "moons")] == names
    assert (await here.refresh(copied)).path.name == "kept.2"
    assert (await here.refresh()).path.name == "planets.3"


async def test_a_dry_run_shows_the_objectives_of_the_rows_that_are_researched(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera", "Zeus")
    here.write(rows("Ares", "Hera", "Zeus", "Leto"))
    options = RefreshOptions(str(here.out), table=str(here.table), key=["name"])
    async with prepare_refresh(options, here.site.runtime()) as prepared:
        assert (await make_plan(prepared)).objectives == {3: "Moons and colour of Leto"}
    anew = replace(here.enrichment(), out=str(tmp_path / "anew"))
    async with prepare_enrichment(anew, here.site.runtime()) as prepared:
        assert list((await make_plan(prepared)).objectives) == [0, 1, 2]


async def test_show_lists_what_a_refresh_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = await desk(tmp_path, "Ares", "Hera")
    here.site.now_says("Hera", page("Hera", moons=4, colour=None))
    second = await here.refresh(key=["name"])

    def show(*line: str, code: Exit = Exit.OK) -> tuple[str, str]:
        assert main(["show", *line]) == code
        shown = capsys.readouterr()
        return " ".join(shown.out.split()), " ".join(shown.err.split())

    out, err = show(str(second.path), "--changes")
    assert "1 Hera moons changed 3 4" in out
    assert "1 Hera colour lost blue –" in out
    assert "Ares" not in out
    assert err == "1 lost, 1 changed; 2 confirmed"
    assert show(str(second.path), "--changes", "--field", "moons")[1] == "1 changed; 1 confirmed"
    assert show(str(second.path), "--changes", "--row", "0")[1] == "nothing has changed; 2 confirmed"
    (line,) = map(json.loads, show(str(second.path), "--changes", "--json", "--field", "colour")[0].splitlines())
    assert (line["field"], line["change"], line["old_value"], line["new_value"]) == ("colour", "lost", "blue", None)
    assert f"name the newest, {second.path}" in show(str(here.out), "--changes", code=Exit.BAD_INPUT)[1]
    assert "leave out" in show(str(second.path), "--changes", "--failed", code=Exit.BAD_INPUT)[1]


async def test_the_history_of_a_cell_follows_its_row_through_the_series(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera")
    here.site.now_says("Hera", page("Hera", moons=4))
    here.write(rows("Zeus", "Hera"))
    second = await here.refresh(key=["name"])
    here.write(rows("Zeus", "Ares", "Hera"))
    await here.refresh()
    told = history(second.path, 1, "moons")
    assert [(Path(each.run).name, each.row_index, each.value, each.change) for each in told] == [
        ("planets", 1, 3, None),
        ("planets.2", 1, 4, "changed"),
        ("planets.3", 2, 4, "confirmed"),
    ]
    assert [Path(each.run).name for each in history(here.out, 0, "moons")] == ["planets"], "it was gone after that"
    with pytest.raises(InvalidRun, match="no field 'rings'; it has moons, colour"):
        history(here.out, 0, "rings")
    with pytest.raises(InvalidRun, match=r"row 99 is not in .*planets: it has 2 rows, counted from 0"):
        history(here.out, 99, "moons")


async def test_the_keyless_model_and_a_corpus_on_disk_are_refreshed_alike(tmp_path: Path) -> None:
    corpus = tmp_path / "pages"
    corpus.mkdir()
    names = ["Zeus", "Hera", "Leto"]
    for name in names:
        (corpus / f"{name}.md").write_text(f"# {name}\n\n{name} is a planet.\n\n## Facts\n\n- Moons: 3\n- Colour: blue\n")
    here = Desk(tmp_path, Site())
    here.write(rows(*names))
    runtime = Runtime(environment=Environment(cache_dir=tmp_path / "cache"))
    await enriched(here.enrichment(corpus=str(corpus), model="extractive"), runtime)
    same = await refreshed(RefreshOptions(str(here.out)), runtime)
    assert same.changes is not None
    assert same.changes.counts == {"changed": 0, "lost": 0, "new": 0, "gone": 0, "confirmed": 6}
    assert open_run(same.folder.path).usage()["pages_fetched"].sum() == 0
    (corpus / "Hera.md").write_text(
        "# Hera\n\nHera is a planet, and was looked at again.\n\n## Facts\n\n- Moons: 4\n- Colour: blue\n"
    )
    done = await refreshed(RefreshOptions(str(here.out), key=["name"]), runtime)
    assert changes(done.folder.path) == [('{"name":"Hera"}', "moons", "changed", "3", "4")]
    usage = open_run(done.folder.path).usage()
    assert usage["tool_calls"].astype(bool).tolist() == [False, True, False]
    assert verify(done.folder.path).ok


async def test_a_run_folder_by_url_is_refreshed_into_another_one(s3: ObjectStorage, tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera")
    here.site.now_says("Hera", page("Hera", moons=4))
    url = f"s3://{s3.bucket()}/runs/planets"
    await here.refresh(out=url)
    assert here.counts == {"changed": 1, "confirmed": 3}
    assert open_run(url).changes()["change"].tolist().count("changed") == 1
    with pytest.raises(InvalidRun, match=r"name the folder of the refresh with --out, such as .*/planets\.2"):
        await refreshed(RefreshOptions(url), here.site.runtime())
    again = await refreshed(RefreshOptions(url, table=str(here.table), out=str(tmp_path / "again")), here.site.runtime())
    assert again.changes is not None
    assert (again.changes.confirmed, again.changes.has_changes) == (4, False)
    assert verify(url).ok


@pytest.mark.usefixtures("prefect_server")
async def test_as_a_flow_run_it_tells_what_has_changed(tmp_path: Path) -> None:
    here = await desk(tmp_path, "Ares", "Hera")
    here.site.now_says("Hera", page("Hera", moons=4))
    heard: list[Event] = []
    with use_runtime(replace(here.site.runtime(), listener=heard.append)):
        done = await refresh_flow(str(here.out), table=str(here.table))
    (told,) = [event for event in heard if isinstance(event, CellsChanged)]
    assert (done.run.name, str(told)) == ("planets.2", "1 changed; 3 confirmed")
    event = of_changes(told, open_run(done.run).changes().to_dict("records"))
    assert (event.name, event.payload["changed"], event.payload["confirmed"]) == (CELLS_CHANGED, 1, 3)
    change = {"field": "moons", "change": "changed", "old_value": "3", "new_value": "4", "new_url": "test://Hera"}
    assert event.payload["first"] == [{"row": 1, **change}]
    flow_run, _ = await task_runs("refresh planets · 2 rows")
    shown = await artifact(flow_run.id, "refresh-changes")
    assert (shown.description, json.loads(str(shown.data))) == (
        r"1 changed\; 3 confirmed",
        [{"row": "row 1", **change, "why": "its page says something else now"}],
    )
