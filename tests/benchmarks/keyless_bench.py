"""Measure the keyless model on real data: `python tests/benchmarks/keyless_bench.py --eval DIR [--set NAME] …`.

Prints for each set what is exact, wrong and null, and how often each confidence is right, with counts and 95 % intervals
(Wilson). `keyless_sets.py` says what each set asks and how values are compared. `--sample 300` takes about that many cases of
each, the same ones each time; `--workers 2` shares them out to processes; `--show 20` prints wrong answers. Where the folder of
a set is missing, the set is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from keyless_sets import SETS, Case, Shelf, is_exact, shelves_of

from research.errors import PageUnreadable
from research.models.keyless.model import KeylessModel
from research.pipeline import research
from research.ports.page import Page
from research.ports.world import World
from research.search.local import LocalCorpus
from research.task.source_policy import SourcePolicy
from research.values.values import places


class Pages:
    """A corpus's pages, each read once."""

    def __init__(self, corpus: LocalCorpus) -> None:
        self._corpus = corpus
        self.identity = corpus.identity
        self.by_url: dict[str, Page] = {}
        self.by_hash: dict[str, Page] = {}

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        if url not in self.by_url:
            page = await self._corpus.fetch(url)
            self.by_url[url] = self.by_hash[page.page_hash] = page
        return self.by_url[url]

    def recall(self, page_hash: str) -> Page:
        return self.by_hash[page_hash]


@dataclass(frozen=True)
class Outcome:
    """One field of one case."""

    set: str
    kind: str
    group: str
    field: str
    value: Any
    gold: list[Any]
    exact: bool
    stands: bool
    """Gold stands in the text of its page."""
    direct: bool
    confidence: str | None
    reasoning: str
    cited: bool
    """The gold document is among those cited."""
    verified: tuple[int, int]
    """Excerpts that stand in their page, of all."""


@dataclass
class Measured:
    outcomes: list[Outcome] = field(default_factory=list)
    cases: int = 0
    failed: int = 0
    cpu: float = 0.0


async def run(name: str, shelf: Shelf, model: KeylessModel, after: Callable[[Case], None] = lambda case: None) -> Measured:
    """Ask every case of a shelf."""
    measured = Measured()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "documents.parquet"
        if shelf.corpus is None:
            pq.write_table(pa.Table.from_pylist(shelf.documents), path)
        corpus = LocalCorpus.open(shelf.corpus or path, Path(folder) / "index")
        pages = Pages(corpus)
        world = World(model=model, search=corpus, fetcher=pages)
        for case in shelf.cases:
            with suppress(PageUnreadable):
                if case.source:
                    await pages.fetch(case.source)
        started = time.process_time()
        for case in shelf.cases:
            measured.outcomes.extend(await _outcomes(name, case, world, pages))
            measured.cases += 1
            after(case)
        measured.cpu = time.process_time() - started
    return measured


async def _outcomes(name: str, case: Case, world: World, pages: Pages) -> list[Outcome]:
    result = await research(case.task, world)
    output = result.output if isinstance(result.output, dict) else {}
    text = pages.by_url[case.source].text if case.source in pages.by_url else ""
    schemas = {f.name: f.schema for f in case.task.output_schema.fields}
    found = []
    for field_name, gold in case.gold.items():
        schema, value = schemas[field_name], output.get(field_name)
        basis = [b for b in result.basis if b.field.split(".")[0] == field_name]
        excerpts = [e for b in basis for c in b.citations for e in c.excerpts]
        standing = sum(pages.by_hash[e.page_hash].text[e.start : e.end] == e.text for e in excerpts)
        order = ("low", "medium", "high")
        confidences = [b.confidence for b in basis if b.confidence]
        found.append(
            Outcome(
                name,
                case.kind,
                case.group,
                field_name,
                value,
                gold,
                is_exact(value, gold, schema),
                bool(text) and any(places(g, schema, text) for g in gold),
                field_name in case.direct,
                min(confidences, key=order.index) if value is not None and confidences else None,
                basis[0].reasoning if basis else "",
                any(c.url == case.source for b in basis for c in b.citations),
                (standing, len(excerpts)),
            )
        )
    return found


def _run_slice(name: str, folder: Path, sample: int | None, worker: int, workers: int) -> Measured:
    """One process's part of a set. Large shelves are shared case by case, many small ones shelf by shelf."""
    shelves = shelves_of(folder, name, sample)
    if len(shelves) > 2:
        shelves = shelves[worker::workers]
    else:
        for shelf in shelves:
            shelf.cases = shelf.cases[worker::workers]
    model, whole = KeylessModel(), Measured()
    for shelf in shelves:
        part = asyncio.run(run(name, shelf, model))
        whole.outcomes += part.outcomes
        whole.cases += part.cases
        whole.cpu += part.cpu
    return whole


def measure(name: str, folder: Path, sample: int | None, workers: int) -> Measured:
    if workers == 1:
        return _run_slice(name, folder, sample, 0, 1)
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(_run_slice, *zip(*((name, folder, sample, w, workers) for w in range(workers)), strict=True)))
    return Measured([o for p in parts for o in p.outcomes], sum(p.cases for p in parts), cpu=sum(p.cpu for p in parts))


def share(part: int, whole: int) -> str:
    """A share with its count and its Wilson interval."""
    if not whole:
        return "–"
    z, p = 1.96, part / whole
    middle, spread = p + z * z / (2 * whole), z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    low, high = ((middle + sign * spread) / (1 + z * z / whole) for sign in (-1, 1))
    return f"{p:.3f} [{max(low, 0):.3f}–{min(high, 1):.3f}] ({part}/{whole})"


def report(name: str, measured: Measured) -> None:
    """Print one set's figures."""
    outcomes = measured.outcomes
    answerable = [o for o in outcomes if o.gold]
    empty = [o for o in outcomes if not o.gold]
    print(f"\n== {name}: {measured.cases} cases, {len(outcomes)} fields, {measured.cpu:.1f} processor seconds")
    _line("exact", (o.exact for o in answerable))
    _line("wrong", (o.value is not None and not o.exact for o in answerable))
    _line("exact where gold stands in the page", (o.exact for o in answerable if o.stands))
    if any(o.direct for o in outcomes):
        _line("direct cells exact", (o.exact for o in answerable if o.direct))
        _line("direct cells wrong", (o.value is not None and not o.exact for o in answerable if o.direct))
        _line("other cells exact", (o.exact for o in answerable if not o.direct))
        _line("other cells wrong", (o.value is not None and not o.exact for o in answerable if not o.direct))
    _line("null where there is no answer", (o.value is None for o in empty))
    for confidence in ("high", "medium", "low"):
        _line(f"right at {confidence}", (o.exact for o in outcomes if o.confidence == confidence))
    if name == "questions":
        _line("right document, of answerable", (o.cited for o in answerable))
        for kind in sorted({o.kind for o in empty}):
            _line(f"seen as unanswerable: {kind}", (o.value is None for o in empty if o.kind == kind))
        return
    standing, excerpts = (sum(o.verified[place] for o in outcomes) for place in (0, 1))
    print(f"  {'excerpts that stand':38}{share(standing, excerpts)}")
    if name != "tables":
        _by("field", outcomes, lambda o: o.field)
    if name == "sites":
        by_site: defaultdict[str, list[bool]] = defaultdict(list)
        for o in answerable:
            by_site[o.group].append(o.exact)
        print(f"  {'exact, mean of sites':38}{sum(sum(v) / len(v) for v in by_site.values()) / len(by_site):.3f}")
        _by("site", outcomes, lambda o: o.group)


def _line(title: str, truths: Iterable[bool]) -> None:
    found = list(truths)
    if found:
        print(f"  {title:38}{share(sum(found), len(found))}")


def _by(title: str, outcomes: Sequence[Outcome], key: Any) -> None:
    rows: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for o in outcomes:
        high, given = o.confidence == "high", o.value is not None
        if o.gold:
            rows[key(o)].update(n=1, exact=o.exact, null=not given, high=high, right=high and o.exact)
        else:
            rows[key(o)].update(none=1, invented=given, high=high)
    print(f"  {title:24}{'fields':>7}{'exact':>7}{'wrong':>7}{'null':>6}{'high':>6}{'right':>6}{'invented':>10}")
    for one, c in sorted(rows.items()):
        wrong = c["n"] - c["exact"] - c["null"]
        print(f"  {one:24}{c['n']:7}{c['exact']:7}{wrong:7}{c['null']:6}{c['high']:6}{c['right']:6}{c['invented']:6}/{c['none']}")


def _wrong(measured: Measured, shown: int, only: str) -> Iterator[str]:
    wrong = [o for o in measured.outcomes if not o.exact and (o.value is not None or o.gold)]
    for o in [o for o in wrong if only in f"{o.field} {o.group} {o.confidence}"][:shown]:
        gold = f"gold {str(o.gold)[:120]}{' stands' if o.stands else ''}"
        yield f"{o.group} {o.field}: {str(o.value)[:100]!r} ({o.confidence}) {gold} [{o.reasoning[:150]}]"


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--eval", type=Path, required=True, help="the folder of the evaluation data")
    parser.add_argument("--set", choices=SETS, action="append", help="default: all")
    parser.add_argument("--sample", type=int, help="about so many cases of each set")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="print this many answers that are not right")
    parser.add_argument("--only", default="", help="of these, those of this field, site or confidence")
    options = parser.parse_args(list(arguments) if arguments is not None else None)
    for name in options.set or SETS:
        if not (options.eval / SETS[name][0]).is_dir():
            print(f"\n== {name}: {options.eval / SETS[name][0]} is not there; left out")
            continue
        measured = measure(name, options.eval, options.sample, options.workers)
        report(name, measured)
        for line in _wrong(measured, options.show, options.only):
            print("   ", line)


if __name__ == "__main__":
    main()
