"""Measures `research.documents.extract` on pages with human gold: `python tests/benchmarks/content_bench.py --eval DIR`.

- Articles: F1 of 4-shingles as in scrapinghub/article-extraction-benchmark (precision and recall averaged over pages), of the
text
  before `## Page data`, beside trafilatura's own in the same run.
- Recipes and products: the share of gold values that stand in our text, of those that stand in the visible text of the page.
- CPU seconds a page. Absolute times say nothing of another machine.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import lxml.html
import pyarrow.parquet as pq
from trafilatura import bare_extraction

from research.documents.extract import extract
from research.errors import PageUnreadable
from research.ports.page import PAGE_DATA_HEADING

TOKEN = re.compile(r"\w+")


def shingles(text: str) -> Counter[tuple[str, ...]]:
    tokens = TOKEN.findall(text)
    return Counter(tuple(tokens[at : at + 4]) for at in range(max(1, len(tokens) - 3))) if tokens else Counter()


def precision_recall(gold: str, found: str) -> tuple[float, float]:
    want, have = shingles(gold), shingles(found)
    shared = (want & have).total()
    return (shared / have.total() if have else 0.0), (shared / want.total() if want else 1.0)


def f1(pairs: list[tuple[float, float]]) -> float:
    precision, recall = (statistics.mean(column) for column in zip(*pairs, strict=True))
    return 2 * precision * recall / (precision + recall)


def folded(text: str) -> str:
    return " ".join(text.casefold().split())


def read(html: str, url: str, seconds: list[float]) -> str:
    started = time.process_time()
    try:
        text = extract(html.encode("utf-8", "replace"), url=url, media_type="text/html; charset=utf-8").text
    except PageUnreadable:
        text = ""
    seconds.append(time.process_time() - started)
    return text


def speed(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    middle = statistics.median(ordered)
    return f"CPU seconds a page: median {middle:.3f}, p95 {ordered[len(ordered) * 95 // 100]:.3f}, most {ordered[-1]:.3f}"


def articles(folder: Path, verbose: bool) -> None:
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    seconds: list[float] = []
    for page in pq.read_table(folder / "documents.parquet").to_pylist():
        text = read(page["html"], page["url"], seconds).partition(PAGE_DATA_HEADING)[0]
        ours.append(precision_recall(page["gold_text"], text))
        document = bare_extraction(page["html"], include_comments=False)
        theirs.append(precision_recall(page["gold_text"], document.text if document else ""))
        if verbose and sum(ours[-1]) < sum(theirs[-1]) - 0.1:
            print("   ", page["url"], ours[-1], theirs[-1])
    print(f"{folder.name}: {len(ours)} pages; F1 {f1(ours):.3f}, trafilatura {f1(theirs):.3f}, ratio {f1(ours) / f1(theirs):.3f}")
    print(f"  {speed(seconds)}")


def visible(html: str) -> str:
    """What a reader can see, or unfold: the text of a page without scripts and styles."""
    tree = lxml.html.document_fromstring(
        html.encode("utf-8", "replace"), parser=lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
    )
    for element in list(tree.iter("script", "style", "noscript", "template")):
        element.drop_tree()
    return " ".join(tree.itertext())


def gold_values(record: dict[str, object]) -> Iterator[tuple[str, str]]:
    fields = record["fields"]
    assert isinstance(fields, dict)
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and one.strip():
                yield name, one


def things(folder: Path, verbose: bool) -> None:
    gold = {record["doc_id"]: record for record in map(json.loads, (folder / "gold.jsonl").read_text("utf-8").splitlines())}
    want: Counter[str] = Counter()
    have: Counter[str] = Counter()
    before: Counter[str] = Counter()
    sizes: list[int] = []
    seconds: list[float] = []
    for page in pq.read_table(folder / "documents.parquet").to_pylist():
        text = read(page["html"], page["url"], seconds)
        sizes.append(len(text))
        seen, ours, main = folded(visible(page["html"])), folded(text), folded(text.partition(PAGE_DATA_HEADING)[0])
        for name, value in gold_values(gold[page["doc_id"]]):
            if folded(value) in seen:
                want[name] += 1
                have[name] += folded(value) in ours
                before[name] += folded(value) in main
                if verbose and folded(value) not in ours:
                    print("   ", page["url"][:90], name, value[:80])
    print(
        f"{folder.name}: {len(seconds)} pages; {have.total()} of {want.total()} gold values of the visible text: "
        f"{have.total() / want.total():.3f} ({before.total() / want.total():.3f} before the page data); "
        f"median {statistics.median(sizes):,.0f} characters"
    )
    print("  " + ", ".join(f"{name} {have[name]}/{count}" for name, count in want.items()))
    print(f"  {speed(seconds)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--eval", type=Path, required=True, help="folder with article_extraction_benchmark, recipe_pages, product_pages"
    )
    parser.add_argument("--verbose", action="store_true", help="print each page that falls behind, each value that is missing")
    options = parser.parse_args()
    articles(options.eval / "article_extraction_benchmark", options.verbose)
    things(options.eval / "recipe_pages", options.verbose)
    things(options.eval / "product_pages", options.verbose)


if __name__ == "__main__":
    main()
