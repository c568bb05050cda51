"""Measure the keyless model on real pages: `python tests/benchmarks/extraction_bench.py --eval DIR [--set NAME] …`.

`DIR` holds `recipe_pages`, `product_pages` and `squad2`: documents as Parquet, gold as JSON lines. One row an entity (or a
question), the corpus is the set's own documents. Recipes and products: the fields are those that the gold has, with a plain
schema. A field counts as `stands` if its gold value stands in the page's text; the aim is over those. SQuAD 2.0: one `answer`
field a question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from research.errors import PageUnreadable
from research.models.keyless.model import KeylessModel
from research.output_schema.output_spec import OutputSpec
from research.pipeline import research
from research.ports.page import Page
from research.ports.world import World
from research.result.result import Result
from research.search.local import LocalCorpus
from research.task.source_policy import SourcePolicy
from research.task.task import Task
from research.values.values import places, same

SETS = ("recipe_pages", "product_pages", "squad2")

SCHEMAS: dict[str, dict[str, dict[str, Any]]] = {
    "recipe_pages": {
        "title": {"type": "string", "description": "Name of the recipe"},
        "author": {"type": "string", "description": "Who wrote the recipe"},
        "site_name": {"type": "string", "description": "Name of the web site that published it"},
        "description": {"type": "string", "description": "Short description of the recipe"},
        "category": {"type": "string", "description": "Category or course, such as dessert"},
        "cuisine": {"type": "string", "description": "Cuisine the dish belongs to"},
        "cooking_method": {"type": "string", "description": "How it is cooked, such as baking"},
        "yields": {"type": "string", "description": "How many servings or pieces it makes"},
        "total_time": {"type": "integer", "description": "Total time in minutes"},
        "prep_time": {"type": "integer", "description": "Preparation time in minutes"},
        "cook_time": {"type": "integer", "description": "Cooking time in minutes"},
        "language": {"type": "string", "description": "Language code of the page"},
        "ratings": {"type": "number", "description": "Average rating"},
        "ratings_count": {"type": "integer", "description": "Number of ratings"},
        "ingredients": {"type": "array", "items": {"type": "string"}, "description": "All ingredients, one line each"},
        "instructions_list": {"type": "array", "items": {"type": "string"}, "description": "All steps, in order"},
        "keywords": {"type": "array", "items": {"type": "string"}, "description": "Keywords"},
    },
    "product_pages": {
        "InStock": {"enum": ["InStock", "OutOfStock"], "description": "Whether it can be bought now"},
        "availability": {"enum": ["InStock", "OutOfStock"], "description": "Availability of the product"},
        "brand": {"type": "string", "description": "Brand of the product"},
        "currency": {"type": "string", "description": "Currency symbol of the price, as shown"},
        "price": {"type": "number", "description": "Price now asked for the product"},
        "regularPrice": {"type": "number", "description": "Regular price before a discount"},
        "sku": {"type": "string", "description": "SKU: the shop's own number of the product"},
        "mpn": {"type": "string", "description": "MPN: the manufacturer's part number"},
        "gtin": {"type": "string", "description": "GTIN: EAN, UPC or ISBN"},
    },
}


@dataclass
class Row:
    task: Task
    doc_url: str
    gold: dict[str, list[Any]]
    passage: str | None = None
    """SQuAD: the text of the gold passage."""


class Pages:
    """A corpus's pages, each read once, so that what is timed is research and not the reading of HTML."""

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


@dataclass
class Tally:
    """Figures of one set."""

    rows: int = 0
    failed: int = 0
    right_document: int = 0
    answered: int = 0
    right_passage: int = 0
    unanswerable: int = 0
    abstained: int = 0
    excerpts: int = 0
    verified: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    """Processor seconds: what the rows cost however busy the machine is."""
    fields: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    f1: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def normalised(text: Any) -> str:
    """As SQuAD's own scorer: case, punctuation, articles and white space do not count."""
    folded = re.sub(r"[^\w\s]", "", str(text).casefold())
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", folded).split())


def is_same(left: Any, right: Any, schema: Mapping[str, Any]) -> bool:
    if left is None:
        return False
    if isinstance(left, str) and isinstance(right, str) and "enum" not in schema:
        return normalised(left) == normalised(right) or (schema.get("type") != "string" and same(left, right, schema))
    return same(left, right, schema)


def token_f1(left: Any, right: Any) -> float:
    ours, gold = normalised(_flat(left)).split(), normalised(_flat(right)).split()
    common = sum((Counter(ours) & Counter(gold)).values())
    if not common:
        return float(ours == gold and left is not None)
    precision, recall = common / len(ours), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def _flat(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def rows_of(folder: Path) -> list[Row]:
    """The tasks of a set, and what is right."""
    if folder.name == "squad2":
        passages = {p["passage_id"]: p["text"] for p in pq.read_table(folder / "passages.parquet").to_pylist()}
        urls = {d["doc_id"]: d["url"] for d in pq.read_table(folder / "documents.parquet", columns=["doc_id", "url"]).to_pylist()}
        return [
            Row(
                Task(task=q["question"], output_schema=OutputSpec.parse({"answer": "string"})),
                urls[q["doc_id"]],
                {"answer": q["answers"] if q["answerable"] else []},
                passages[q["passage_id"]],
            )
            for q in _lines(folder / "questions.jsonl")
        ]
    schemas = SCHEMAS[folder.name]
    rows = []
    for gold in _lines(folder / "gold.jsonl"):
        wanted = {
            name: value if folder.name == "product_pages" else [value]
            for name, value in gold["fields"].items()
            if name in schemas
        }
        schema = {"type": "object", "properties": {name: schemas[name] for name in wanted}}
        entity = gold.get("entity") or gold["page_title"]
        task = Task(task=f"Facts about {entity}", input={"entity": entity}, output_schema=OutputSpec.parse(schema))
        rows.append(Row(task, gold["url"], wanted))
    return rows


def score(row: Row, result: Result, pages: Pages, schemas: Mapping[str, Any], tally: Tally) -> None:
    """Add one row's result to the figures."""
    tally.rows += 1
    tally.failed += result.status != "completed"
    cited = [c for b in result.basis for c in b.citations]
    for citation in cited:
        for excerpt in citation.excerpts:
            tally.excerpts += 1
            tally.verified += pages.by_hash[excerpt.page_hash].text[excerpt.start : excerpt.end] == excerpt.text
    output = result.output if isinstance(result.output, dict) else {}
    if not any(row.gold.values()):
        tally.unanswerable += 1
        tally.abstained += all(value is None for value in output.values())
        return
    tally.answered += any(v is not None for v in output.values())
    tally.right_document += any(c.url == row.doc_url for c in cited)
    page = pages.by_url[row.doc_url].text if row.doc_url in pages.by_url else ""
    for name, accepted in row.gold.items():
        value = output.get(name)
        right = any(
            is_same(value, typed(gold, schemas.get(name, {})), schemas.get(name, {"type": "string"})) for gold in accepted
        )
        stands = any(places(typed(gold, schemas.get(name, {})), schemas.get(name, {}), page) for gold in accepted)
        tally.fields[name].update(n=1, right=right, stands=stands, right_standing=right and stands, null=value is None)
        tally.f1[name].append(max(token_f1(value, gold) for gold in accepted))


def typed(gold: Any, schema: Mapping[str, Any]) -> Any:
    """Gold numbers that are kept as text, as numbers."""
    if schema.get("type") in ("number", "integer") and isinstance(gold, str):
        try:
            return float(gold)
        except ValueError:
            return gold
    return gold


async def measure(folder: Path, limit: int | None, half: str | None, shown: int) -> Tally:
    """Run a set and score it."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as index:
        corpus = LocalCorpus.open(folder / "documents.parquet", Path(index))
        pages = Pages(corpus)
        world = World(model=KeylessModel(), search=corpus, fetcher=pages)
        rows = [r for r in rows_of(folder) if half is None or (zlib.crc32(r.doc_url.encode()) % 2 == 0) == (half == "even")][
            :limit
        ]
        for url in pq.read_table(folder / "documents.parquet", columns=["url"])["url"].to_pylist():
            with suppress(PageUnreadable):
                await pages.fetch(url)
        started, cpu = time.perf_counter(), time.process_time()
        results = [await research(row.task, world) for row in rows]
        tally.seconds, tally.cpu = time.perf_counter() - started, time.process_time() - cpu
        for row, result in zip(rows, results, strict=True):
            score(row, result, pages, SCHEMAS.get(folder.name, {}), tally)
            tally.right_passage += bool(row.gold.get("answer")) and _holds(row, result, pages.by_hash)
            if shown > 0:
                shown -= _show(row, result)
    return tally


def _holds(row: Row, result: Result, pages: Mapping[str, Page]) -> bool:
    """Whether an excerpt was cited from the gold passage."""
    gold = _squashed(row.passage or "")
    return any(
        _squashed(excerpt.text) in gold and pages[excerpt.page_hash].url == row.doc_url
        for entry in result.basis
        for citation in entry.citations
        for excerpt in citation.excerpts
    )


def _squashed(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _show(row: Row, result: Result) -> int:
    output = result.output if isinstance(result.output, dict) else {}
    wrong = {n: g for n, g in row.gold.items() if not any(is_same(output.get(n), x, {}) for x in g)}
    if not wrong:
        return 0
    print(f"\n{row.task.task[:120]}  {row.doc_url}")
    for name, gold in wrong.items():
        reason = next((b.reasoning for b in result.basis if b.field.split(".")[0] == name), "")
        print(f"   {name}: {str(output.get(name))[:120]!r} gold {str(gold)[:120]} [{reason[:200]}]")
    return 1


def report(name: str, tally: Tally) -> None:
    """Print one set's figures."""
    answerable = tally.rows - tally.unanswerable
    pace, per_cpu = (tally.rows / max(seconds, 1e-9) for seconds in (tally.seconds, tally.cpu))
    print(f"\n== {name}: {tally.rows} rows, {pace:.1f} rows/s, {per_cpu:.1f} rows per processor second, {tally.failed} failed")
    print(f"cited the right document  {_share(tally.right_document, answerable)}")
    print(f"  of those answered       {_share(tally.right_document, tally.answered)}")
    if name == "squad2":
        print(f"cited the right passage   {_share(tally.right_passage, answerable)}")
        print(f"abstained, answerable     {_share(answerable - tally.answered, answerable)}")
        print(f"abstained, unanswerable   {_share(tally.abstained, tally.unanswerable)}")
    print(f"excerpts verified         {_share(tally.verified, tally.excerpts)}")
    total: Counter[str] = sum(tally.fields.values(), Counter())
    f1 = [f for values in tally.f1.values() for f in values]
    print(f"field exact match         {_share(total['right'], total['n'])}")
    print(f"  gold stands in the page {_share(total['right_standing'], total['stands'])}")
    print(f"token F1                  {sum(f1) / max(len(f1), 1):.3f}")
    print(f"  {'field':20}{'n':>5}{'exact':>8}{'stands':>8}{'exact|stands':>14}{'null':>7}{'F1':>7}")
    for field_name, counts in sorted(tally.fields.items()):
        values = tally.f1[field_name]
        print(
            f"  {field_name:20}{counts['n']:5}{counts['right'] / counts['n']:8.2f}{counts['stands']:8}"
            f"{counts['right_standing'] / max(counts['stands'], 1):14.2f}{counts['null']:7}{sum(values) / len(values):7.2f}"
        )


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} = {part / whole:.3f}" if whole else "–"


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--set", choices=SETS)
    parser.add_argument("--limit", type=int)
    parser.add_argument(
        "--half", choices=("even", "odd"), help="only documents whose address hashes so; tune on one half, check on the other"
    )
    parser.add_argument("--show", type=int, default=0, help="print this many rows with a wrong field")
    options = parser.parse_args(list(arguments) if arguments is not None else None)
    for name in [options.set] if options.set else SETS:
        report(name, asyncio.run(measure(options.eval / name, options.limit, options.half, options.show)))


if __name__ == "__main__":
    main()
