"""Measures `research.search.local`: `python tests/benchmarks/local_search_bench.py --eval DIR`.

- squad2: a question finds the article it is about (document@1), and the snippet is the passage that answers it (passage@1).
- recipe_pages, product_pages: the title of a thing finds its page (document@1).
- Seconds to build an index, to open it again, and milliseconds a search. Absolute times say nothing of another machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from research.search.local import LocalCorpus


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def squashed(text: str) -> str:
    return re.sub(r"\W+", "", text.casefold())


def opened(folder: Path, index: Path) -> LocalCorpus:
    started = time.perf_counter()
    LocalCorpus.open(folder / "documents.parquet", index)
    built = time.perf_counter()
    corpus = LocalCorpus.open(folder / "documents.parquet", index)
    again = time.perf_counter() - built
    seconds = f"built in {built - started:.1f} s, opened again in {again * 1000:.0f} ms"
    print(f"{folder.name}: {corpus.document_count} documents; {seconds}")
    for warning in corpus.warnings:
        print("  warning:", warning)
    return corpus


def addresses(folder: Path) -> dict[str, str]:
    """doc_id -> URL."""
    rows = pq.read_table(folder / "documents.parquet", columns=["doc_id", "url"]).to_pylist()
    return {row["doc_id"]: row["url"] for row in rows}


async def squad(folder: Path, index: Path) -> None:
    corpus = opened(folder, index)
    urls = addresses(folder)
    passages = {row["passage_id"]: squashed(row["text"]) for row in pq.read_table(folder / "passages.parquet").to_pylist()}
    questions = [question for question in records(folder / "questions.jsonl") if question.get("passage_id")]
    documents = right = 0
    started = time.perf_counter()
    for question in questions:
        hits = (await corpus.search(question["question"], limit=1)).hits
        if not hits:
            continue
        documents += hits[0].url == urls[question["doc_id"]]
        snippet, gold = squashed(hits[0].snippet), passages[question["passage_id"]]
        right += bool(snippet) and (snippet in gold or gold in snippet)
    spent = (time.perf_counter() - started) * 1000 / len(questions)
    count = len(questions)
    print(f"  {count} questions: document@1 {documents / count:.3f}, passage@1 {right / count:.3f}, {spent:.2f} ms a search")


async def things(folder: Path, index: Path, title: str) -> None:
    corpus = opened(folder, index)
    urls = addresses(folder)
    gold = records(folder / "gold.jsonl")
    found = 0
    for record in gold:
        hits = (await corpus.search(record[title], limit=1)).hits
        found += bool(hits) and hits[0].url == urls[record["doc_id"]]
    print(f"  {len(gold)} titles: document@1 {found / len(gold):.3f}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="folder with squad2, recipe_pages, product_pages")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as index:
        await squad(options.eval / "squad2", Path(index))
        await things(options.eval / "recipe_pages", Path(index), "entity")
        await things(options.eval / "product_pages", Path(index), "page_title")


if __name__ == "__main__":
    asyncio.run(main())
