"""Measures what a page's text loses and what it keeps too much: `python tests/benchmarks/page_text_bench.py --eval DIR`.

`DIR` holds `site_pages` (pages of several sites with gold values per field) and `article_extraction_benchmark` (articles with
gold text). A set that is not there is left out, and said.

- Values lost: gold values that stand in what the page shows, and not in its text. Per site and over all, with a 95 % interval:
  over all by drawing sites anew (bootstrap), because the pages of one site are alike.
- Boilerplate kept: a segment is a visible block of a page; it is boilerplate if less than half of its words' 4-shingles stand in
  the gold text. Shares: of all boilerplate segments those whose words are kept, and of all kept segments those that are
  boilerplate.
  Trafilatura's in the same run beside ours. F1 as in `content_bench.py`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from content_bench import f1, precision_recall, visible
from trafilatura import bare_extraction

from research.documents.extract import extract
from research.errors import PageUnreadable
from research.ports.page import PAGE_DATA_HEADING

DRAWS = 2_000
LEAST_WORDS = 3
"""A shorter segment is no text to judge."""


def folded(text: str) -> str:
    """Letters, digits and signs: white space, case and compatibility forms do not count."""
    return "".join(unicodedata.normalize("NFKC", text).replace("¦", "|").casefold().split())


def read(html: str, url: str) -> str:
    try:
        return extract(html.encode("utf-8", "replace"), url=url, media_type="text/html; charset=utf-8").text
    except PageUnreadable:
        return ""


def wilson(part: int, whole: int) -> tuple[float, float]:
    if not whole:
        return 0.0, 1.0
    z, share = 1.96, part / whole
    middle, spread = share + z * z / (2 * whole), z * sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    return max(0.0, middle - spread) / (1 + z * z / whole), (middle + spread) / (1 + z * z / whole)


def bootstrap(groups: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """The interval of the mean over groups of (part, whole), drawing groups anew."""
    drawn = random.Random(1)
    shares = sorted(
        sum(part / whole for part, whole in (drawn.choice(groups) for _ in groups)) / len(groups) for _ in range(DRAWS)
    )
    return shares[DRAWS * 25 // 1000], shares[DRAWS * 975 // 1000]


def values_lost(folder: Path, each: int | None, verbose: bool) -> None:
    gold = {record["doc_id"]: record for record in map(json.loads, (folder / "gold.jsonl").read_text("utf-8").splitlines())}
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    total: dict[str, Counter[str]] = defaultdict(Counter)
    counted: Counter[str] = Counter()
    started = time.process_time()
    for page in pq.read_table(folder / "documents.parquet").to_pylist():
        site = f"{page['vertical']}/{page['site']}"
        counted[site] += 1
        if each is not None and counted[site] > each:
            continue
        seen, ours = folded(visible(page["html"])), folded(read(page["html"], page["url"]))
        fields: dict[str, list[str]] = gold[page["doc_id"]]["fields"]
        for name, value in ((name, value) for name, values in fields.items() for value in values):
            if folded(value) not in seen:
                continue
            total[site][name] += 1
            if folded(value) not in ours:
                lost[site][name] += 1
                if verbose:
                    print(f"    {page['doc_id']} {name}: {value[:90]}")
    print(f"{folder.name}: gold values shown by the page that its text has lost")
    for site in sorted(total):
        part, whole = lost[site].total(), total[site].total()
        low, high = wilson(part, whole)
        names = ", ".join(f"{name} {count}/{total[site][name]}" for name, count in lost[site].items())
        print(f"  {site:24}{part:4} of {whole:4} = {part / whole:.3f} [{low:.3f}, {high:.3f}]  {names}")
    groups = [(lost[site].total(), total[site].total()) for site in total]
    part, whole = (sum(column) for column in zip(*groups, strict=True))
    low, high = bootstrap(groups)
    mean = statistics.mean(part / whole for part, whole in groups)
    print(f"  all values {part} of {whole} = {part / whole:.3f}; mean of sites {mean:.3f} [{low:.3f}, {high:.3f}]")
    print(f"  CPU seconds: {time.process_time() - started:.1f}")


BLOCK = re.compile(
    r"(?is)</?(?:address|article|aside|blockquote|body|br|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr|li|main|"
    r"nav|ol|option|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul|button|select|textarea|label)\b[^>]*>"
)
HIDDEN = re.compile(r"(?is)<!--.*?-->|<(script|style|noscript|template|head|svg)\b.*?</\1\s*>")
TAG = re.compile(r"<[^>]*>")
WORD = re.compile(r"\w+")


def segments(html: str) -> Iterator[list[str]]:
    """The words of each visible block."""
    from html import unescape

    for part in BLOCK.split(HIDDEN.sub(" ", html)):
        words = WORD.findall(unescape(TAG.sub("", part)).casefold())
        if len(words) >= LEAST_WORDS:
            yield words


class Shingles:
    def __init__(self, text: str) -> None:
        self.words = WORD.findall(text.casefold())
        self._sets: dict[int, set[tuple[str, ...]]] = {}

    def share(self, words: list[str]) -> float:
        """The share of a segment's shingles (of four words, or of all that it has) that stand here."""
        size = min(4, len(words))
        if size not in self._sets:
            self._sets[size] = {tuple(self.words[at : at + size]) for at in range(len(self.words) - size + 1)}
        pieces = [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
        return sum(piece in self._sets[size] for piece in pieces) / len(pieces)


def boilerplate(folder: Path, verbose: bool) -> None:
    counts: dict[str, Counter[str]] = {"ours": Counter(), "trafilatura": Counter()}
    scores: dict[str, list[tuple[float, float]]] = {"ours": [], "trafilatura": []}
    for page in pq.read_table(folder / "documents.parquet").to_pylist():
        document = bare_extraction(page["html"], include_comments=False)
        texts = {
            "ours": read(page["html"], page["url"]).partition(PAGE_DATA_HEADING)[0],
            "trafilatura": document.text if document else "",
        }
        gold = Shingles(page["gold_text"])
        parts = list(segments(page["html"]))
        wanted = [gold.share(words) >= 0.5 for words in parts]
        for name, text in texts.items():
            scores[name].append(precision_recall(page["gold_text"], text))
            kept = Shingles(text)
            for words, want in zip(parts, wanted, strict=True):
                has = kept.share(words) >= 0.5
                counts[name][("gold" if want else "boilerplate") + (" kept" if has else " left out")] += 1
                if verbose and name == "ours" and has and not want:
                    print(f"    {page['url'][:60]} | {' '.join(words)[:110]}")
            lines = [line for line in text.split("\n") if len(WORD.findall(line)) >= LEAST_WORDS]
            strange = sum(gold.share(WORD.findall(line.casefold())) < 0.5 for line in lines)
            counts[name]["lines"] += len(lines)
            counts[name]["strange lines"] += strange
    print(f"{folder.name}: {len(scores['ours'])} pages")
    for name, count in counts.items():
        kept, left = count["boilerplate kept"], count["boilerplate left out"]
        low, high = wilson(kept, kept + left)
        print(
            f"  {name:12} F1 {f1(scores[name]):.3f}; of boilerplate segments kept {kept}/{kept + left} = "
            f"{kept / (kept + left):.3f} "
            f"[{low:.3f}, {high:.3f}]; of kept segments boilerplate {kept / (kept + count['gold kept']):.3f}; of lines "
            f"{count['strange lines'] / count['lines']:.3f}; gold segments kept "
            f"{count['gold kept'] / (count['gold kept'] + count['gold left out']):.3f}"
        )
    print(f"  ratio of F1 {f1(scores['ours']) / f1(scores['trafilatura']):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="folder with site_pages, article_extraction_benchmark")
    parser.add_argument("--each", type=int, help="at most so many pages of one site")
    parser.add_argument("--set", choices=("site_pages", "article_extraction_benchmark"))
    parser.add_argument("--verbose", action="store_true", help="print each value lost and each boilerplate segment kept")
    options = parser.parse_args()
    sets: dict[str, Any] = {
        "site_pages": lambda folder: values_lost(folder, options.each, options.verbose),
        "article_extraction_benchmark": lambda folder: boilerplate(folder, options.verbose),
    }
    for name in [options.set] if options.set else sets:
        if (options.eval / name).is_dir():
            sets[name](options.eval / name)
        else:
            print(f"{name}: not in {options.eval}, so it is not measured")


if __name__ == "__main__":
    main()
