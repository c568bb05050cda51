"""Refresh a run over 200 pages in which changes were planted: `python tests/benchmarks/refresh_bench.py [--pages 200]`.

A table of companies, a page each, is enriched once: by a paid double, and by the keyless model. Then

1. the same corpus is refreshed: nothing may change, for at most 5 % of the cost (model calls, and pages read);
2. 50 changes are planted (a value changed, removed, or given where none was; a page removed) among as many edits that change no
   value (a new paragraph before everything else, another footer): each must be found, and no other;
3. the table gets rows that are added, edited, removed, and all others in another order: only what must be is researched.

Prints what each step found, asked and read. Exits with 1 if any of it is not as it should be.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))

from flows_refreshed import Ended, enriched, refreshed

from flows.run.environment import Environment
from flows.run.options import EnrichOptions, RefreshOptions
from flows.run.runtime import Runtime
from research.models.scripted import ScriptedModel
from research.ports.model import ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.tables.audit.verify import verify
from research.tables.run_folder.reader import open_run
from research.task.task import Task
from research.world import open_world

SCHEMA = {
    "properties": {
        "founded": {"type": ["integer", "null"], "description": "year in which it was founded"},
        "employees": {"type": ["integer", "null"], "description": "number of employees"},
        "headquarters": {"type": ["string", "null"], "description": "city of its headquarters"},
    }
}
OBJECTIVE = "Facts about the company {company}"
CITIES = ("Lisbon", "Porto", "Genoa", "Bergen", "Leeds", "Graz", "Ghent", "Turku", "Brno", "Varna")
SYLLABLES = ("bar", "cor", "dal", "fen", "gor", "hul", "jas", "kel", "lom", "mir", "nov", "por", "quil", "ras", "tor", "vel")
Facts = dict[str, Any]


def companies(number: int, chance: random.Random) -> dict[str, Facts]:
    found: dict[str, Facts] = {}
    while len(found) < number:
        name = "".join(chance.sample(SYLLABLES, 3)).capitalize() + " Works"
        found[name] = {
            "founded": chance.randrange(1850, 2020),
            "employees": chance.randrange(20, 9000),
            "headquarters": chance.choice(CITIES),
        }
    for name in chance.sample(sorted(found), number // 5):
        found[name]["employees"] = None
    return found


def page(name: str, facts: Facts, *, edited: bool = False) -> str:
    lines = [f"- {field.capitalize()}: {value}" for field, value in facts.items() if value is not None]
    news = "A notice that was not here before, so that everything else stands further down.\n\n" if edited else ""
    footer = "Last edited today." if edited else "Last edited long ago."
    return f"# {name}\n\n{news}{name} is a company.\n\n## Facts\n\n" + "\n".join(lines) + f"\n\n## About\n\n{footer}\n"


class Bench:
    def __init__(self, folder: Path, number: int, *, keyless: bool) -> None:
        self.chance = random.Random(7)
        self.facts = companies(number, self.chance)
        self.corpus, self.table, self.out = folder / "pages", folder / "companies.csv", folder / "runs" / "companies"
        self.corpus.mkdir(parents=True)
        for name, facts in self.facts.items():
            self.write(name, facts)
        self.write_table(list(self.facts))
        self.keyless = keyless
        self.model = ScriptedModel(self.read, keyless=False, cost_usd=0.01)
        opener = open_world if keyless else partial(open_world, model=self.model)
        self.runtime = Runtime(environment=Environment(cache_dir=folder / "cache"), opener=opener)
        self.wrong: list[str] = []

    def file(self, name: str) -> Path:
        return self.corpus / f"{name.replace(' ', '-')}.md"

    def write(self, name: str, facts: Facts, *, edited: bool = False) -> None:
        self.file(name).write_text(page(name, facts, edited=edited), "utf-8")

    def write_table(self, names: list[str], **notes: str) -> None:
        pd.DataFrame([{"company": name, "note": notes.get(name, "-")} for name in names]).to_csv(self.table, index=False)

    async def read(self, task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        """Reads the row's own page."""
        answers: dict[str, FieldAnswer] = {}
        own = [hit for hit in await tools.search(task.input["company"]) if hit.title == task.input["company"]]
        for passage in await tools.read(own[0].url) if own else ():
            for label, _, value in (line.removeprefix("- ").partition(": ") for line in passage.text.splitlines()):
                if (field := label.lower()) in subquery.fields:
                    typed = value if field == "headquarters" else int(value)
                    answers[field] = FieldAnswer(field=field, value=typed, passages=(passage.id,), confidence="high")
        return Draft(answers=tuple(answers.get(field, FieldAnswer(field=field)) for field in subquery.fields))

    async def enrich(self) -> Ended:
        model = "extractive" if self.keyless else None
        return await enriched(
            EnrichOptions(
                str(self.table),
                objective=OBJECTIVE,
                output_schema=SCHEMA,
                corpus=str(self.corpus),
                out=str(self.out),
                model=model,
            ),
            self.runtime,
        )

    async def refresh(self) -> Ended:
        return await refreshed(RefreshOptions(str(self.out), key=["company"]), self.runtime)

    def report(self, step: str, done: Ended, began: float) -> tuple[int, int, set[str]]:
        """Print a step. Returns model calls, pages read, and the companies that were researched."""
        run = open_run(done.folder.path)
        usage, results = run.usage(), run.results()
        calls, pages = self.model.calls.total(), int(usage["pages_fetched"].sum())
        self.model.calls.clear()
        researched = {name for name, tools in zip(results["company"], usage["tool_calls"], strict=True) if tools}
        counts = {} if done.changes is None else {kind: count for kind, count in done.changes.counts.items() if count}
        seconds = time.process_time() - began
        spent = f"{len(researched)} rows researched, {calls} model calls, {pages} pages read, {seconds:.1f} s of CPU"
        print(f"{step}: {spent}; {counts}")
        if problems := verify(done.folder.path).problems:
            self.wrong.append(f"{step}: {len(problems)} problems, such as {problems[0]}")
        return calls, pages, researched

    def expect(self, what: str, got: Any, wanted: Any) -> None:
        if got != wanted:
            self.wrong.append(f"{what}: {got}, not {wanted}")

    async def run(self) -> list[str]:
        began = time.process_time()
        first_calls, first_pages, first = self.report("enriched", await self.enrich(), began)
        self.expect("rows researched first", len(first), len(self.facts))

        began = time.process_time()
        done = await self.refresh()
        calls, pages, _ = self.report("the same corpus again", done, began)
        self.expect("changes of the same corpus", found(done), {})
        self.expect("at most 5 % of the calls", calls <= first_calls * 0.05, True)
        self.expect("at most 5 % of the pages", pages <= first_pages * 0.05, True)

        began = time.process_time()
        before = open_run(done.folder.path).results().set_index("company")
        planted, touched = self.plant(before)
        done = await self.refresh()
        _, _, researched = self.report(f"{len(planted)} changes planted among {len(touched)} edited pages", done, began)
        self.expect("planted changes found", {cell: kind for cell, kind in found(done).items() if cell in planted}, planted)
        self.expect("false changes", {cell: kind for cell, kind in found(done).items() if cell not in planted}, {})
        beyond = researched - {name for name, _ in planted}
        self.expect("rows researched beyond those of the changes", beyond - self.with_empty_cells(done), set())

        began = time.process_time()
        names = list(self.facts)
        gone, edited = set(names[:10]), set(names[20:30])
        added = companies(len(names) + 10, random.Random(8))
        new = {name: facts for name, facts in list(added.items())[-10:] if name not in self.facts}
        for name, facts in new.items():
            self.write(name, facts)
        rows = [name for name in [*names, *new] if name not in gone]
        self.chance.shuffle(rows)
        self.write_table(rows, **dict.fromkeys(edited, "edited"))
        done = await self.refresh()
        _, _, researched = self.report("10 rows added, edited and removed, all moved", done, began)
        must = edited | set(new)
        self.expect("rows not researched", must - researched, set())
        self.expect("rows researched beyond", researched - must - self.with_empty_cells(done), set())
        kinds = Counter(kind for (name, _), kind in found(done).items() if name in gone)
        self.expect("kinds of changes of the rows that are gone", set(kinds), {"gone"})
        others = {cell: kind for cell, kind in found(done).items() if cell[0] not in gone | set(new) and kind != "gone"}
        self.expect("other changes", others, {})
        return self.wrong

    def with_empty_cells(self, done: Ended) -> set[str]:
        """Rows with an empty cell: any page that they had read, or that nobody had, may answer it once it has changed."""
        results = open_run(done.folder.path).results().set_index("company")
        return set(results.index[results[list(SCHEMA["properties"])].isna().any(axis=1)])

    def plant(self, before: pd.DataFrame) -> tuple[dict[tuple[str, str], str], set[str]]:
        """Plant 50 changes where the run has an answer, and edits that change none. Returns the changes by cell."""
        planted: dict[tuple[str, str], str] = {}
        answered = [name for name in self.facts if before.loc[name, ["founded", "headquarters"]].notna().all()]
        empty = [name for name in answered if self.facts[name]["employees"] is None and pd.isna(before.loc[name, "employees"])]
        full = [name for name in answered if name not in empty]
        self.chance.shuffle(full)
        for name in full[:25]:
            self.facts[name]["founded"] += 1
            planted[name, "founded"] = "changed"
        for name in full[25:37]:
            self.facts[name]["headquarters"] = None
            planted[name, "headquarters"] = "lost"
        for name in empty[:10]:
            self.facts[name]["employees"] = 12345
            planted[name, "employees"] = "new"
        removed = full[37:38]
        for name in removed:
            fields = [field for field in SCHEMA["properties"] if pd.notna(before.loc[name, field])]
            planted |= {(name, field): "lost" for field in fields}
            self.file(name).unlink()
        touched = {name for name, _ in planted} | set(full[40:90])
        for name in touched - set(removed):
            self.write(name, self.facts[name], edited=True)
        for name in removed:
            del self.facts[name]
        return planted, touched


def found(done: Ended) -> dict[tuple[str, str], str]:
    """What `changes` says, but for what is confirmed."""
    changes = open_run(done.folder.path).changes()
    lines = changes[changes["change"] != "confirmed"]
    names = lines["row_key"].str.extract(r'"company":"([^"]*)"')[0]
    return {(name, field): kind for name, field, kind in zip(names, lines["field"], lines["change"], strict=True)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=200)
    pages = parser.parse_args().pages
    wrong: list[str] = []
    for keyless in (False, True):
        print("\nby the keyless model" if keyless else "by a paid double")
        with tempfile.TemporaryDirectory() as folder:
            wrong += asyncio.run(Bench(Path(folder), pages, keyless=keyless).run())
    for each in wrong:
        print(f"WRONG {each}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
