"""What a confidence is worth, measured: sets of real data are enriched by the command, without a key, scored and calibrated.

    python tests/benchmarks/calibration_bench.py --eval FOLDER [--set recipes] [--sample 40]

Each kind of row is enriched twice: a first half, which is scored and calibrated, and then a second half, of other sites and
documents, whose run finds the calibration and shows `p_correct`. Printed are, for each set, the accuracy at each confidence with
its 95 % interval (Wilson) over both halves, what a review would gain, and of the second half the Brier score of `p_correct`
beside that of what the words are published to mean. `sample` is the project's own data, whose truth is a file as users have
one. Where the folder of a set is missing, the set is left out.

Right is what `keyless_sets.py` takes for right in each set. No row names its page, so that of `sites` it has to be found.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from keyless_sets import SETS, Case, is_exact, shelves_of

DATA: Final = Path(__file__).parents[2] / "data"
MOST_DOCUMENTS_OF_ITS_OWN: Final = 4
"""Of `tables`, where each case is a run with its own schema: so many cases, unless `--sample` says otherwise."""


@dataclass
class Kind:
    """Rows with one schema over one corpus."""

    name: str
    corpus: Path
    fields: dict[str, Any]
    cases: list[Case] = field(default_factory=list)

    @property
    def halves(self) -> tuple[list[Case], list[Case]]:
        """Sites and documents are on one side only, where there are several."""
        groups = sorted({case.group for case in self.cases})
        if len(groups) == 1:
            return self.cases[::2], self.cases[1::2]
        first = set(groups[::2])
        return [c for c in self.cases if c.group in first], [c for c in self.cases if c.group not in first]


class Gold:
    """The truth of one run, by the set's own rule: a value that is right by it is among those expected."""

    def __init__(self, run: Path, cases: Sequence[Case], fields: Mapping[str, Any]) -> None:
        from research.tables import RunFolder

        folder = RunFolder.open(run)
        self.fields = tuple(fields)
        self.keys = (folder.columns.row_index,)
        self._expected: dict[int, dict[str, tuple[Any, ...]]] = {}
        for shard in folder.committed_shards():
            table = folder.read("results", shard)
            values = {o.field: o.json_values(table[o.column]) for o in folder.columns.outputs}
            for place, row in enumerate(table[self.keys[0]].to_pylist()):
                self._expected[row] = {
                    name: self._of(values[name][place], gold, fields[name]) for name, gold in cases[row].gold.items()
                }

    def expected(self, row: Mapping[str, Any]) -> Mapping[str, tuple[Any, ...]] | None:
        return self._expected.get(row[self.keys[0]])

    @staticmethod
    def _of(value: Any, gold: list[Any], schema: Mapping[str, Any]) -> tuple[Any, ...]:
        if not gold:
            return (None,)
        return (*gold, value) if is_exact(value, gold, schema) else tuple(gold)


def kinds_of(folder: Path, name: str, sample: int | None, scratch: Path) -> Iterator[Kind]:
    """A set's rows, by the schema that they are asked with."""
    shelves = shelves_of(folder, name, sample)
    if name == "tables" and sample is None:
        shelves = shelves[:MOST_DOCUMENTS_OF_ITS_OWN]
    for place, shelf in enumerate(shelves):
        corpus = scratch / f"{name}-{place}.parquet"
        pq.write_table(pa.Table.from_pylist(shelf.documents), corpus)
        kinds: defaultdict[tuple[str, ...], Kind] = defaultdict(lambda: Kind("", corpus, {}))  # noqa: B023 - used in this turn
        for case in shelf.cases:
            kind = kinds[case.kind, *case.task.input]
            kind.name = f"{name}-{place}-{len(kinds)}" if not kind.name else kind.name
            kind.fields |= {f.name: dict(f.schema) | ({"description": f.description} if f.description else {}) for f in
                            case.task.output_schema.fields}  # fmt: skip
            kind.cases.append(case)
        yield from (kind for kind in kinds.values() if min(map(len, kind.halves)) > 1)


def command(*arguments: str) -> str:
    """Run a command in this process. Returns what it prints."""
    from flows.cli import main

    printed, noted = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(noted):
        code = main(arguments)
    if code not in (0, 3):
        raise SystemExit(f"research {' '.join(arguments)} ended with {code}:\n{noted.getvalue()}")
    return printed.getvalue()


def enrich(kind: Kind, cases: Sequence[Case], out: Path) -> None:
    table, schema = out.with_suffix(".table.parquet"), out.with_suffix(".schema.json")
    pq.write_table(pa.Table.from_pylist([dict(case.task.input) for case in cases]), table)
    schema.write_text(json.dumps({"type": "object", "properties": kind.fields}))
    entity = next(iter(cases[0].task.input))
    objective = cases[0].task.task if cases[0].task.task.startswith("Facts for") else f"Facts about {{{entity}}}"
    asked = ("--schema", str(schema), "--objective", objective, "--corpus", str(kind.corpus))
    command("enrich", str(table), *asked, "--model", "extractive", "--task-runs", "shards", "--out", str(out))


def measure(name: str, kinds: Iterator[Kind], scratch: Path) -> None:
    """Enrich, score and calibrate every kind of a set; print what it comes to."""
    from flows.run.environment import read_environment
    from research.errors import InvalidInput
    from research.tables import calibrate, score
    from research.tables.audit.score import PUBLISHED, Score

    scores: list[Score] = []
    second: list[Score] = []
    published: list[tuple[float, int]] = []
    started, rows, uncalibrated = time.process_time(), 0, 0
    for kind in kinds:
        one, two = kind.halves
        runs = (scratch / f"{kind.name}-first", scratch / f"{kind.name}-second")
        enrich(kind, one, runs[0])
        scores.append(score(runs[0], Gold(runs[0], one, kind.fields)))
        rows += len(one) + len(two)
        try:
            calibrate([(runs[0], Gold(runs[0], one, kind.fields))]).write(read_environment().calibrations)
        except InvalidInput:  # too few values
            uncalibrated += 1
        enrich(kind, two, runs[1])
        scores.append(found := score(runs[1], Gold(runs[1], two, kind.fields)))
        if found.brier.of == "p_correct" and found.brier.score is not None:
            second.append(found)
            tallies = found.confidence
            square = sum(
                t.right * (1 - PUBLISHED[word]) ** 2 + (t.with_value - t.right) * PUBLISHED[word] ** 2
                for word, t in tallies.items()
                if word in PUBLISHED
            )
            published.append((square, sum(t.with_value for word, t in tallies.items() if word in PUBLISHED)))
    print(f"\n== {name}: {rows} rows in {len(scores)} runs, {time.process_time() - started:.0f} processor seconds here")
    report(scores)
    if uncalibrated:
        print(f"  {uncalibrated} schemas had too few values in their first half to be calibrated")
    if second:
        cells = sum(each.brier.cells for each in second)
        brier = sum((each.brier.score or 0) * each.brier.cells for each in second) / cells
        base = sum((each.brier.base_rate or 0) * each.brier.cells for each in second) / cells
        of_words = sum(s for s, _ in published) / sum(n for _, n in published)
        print(f"  second halves, calibrated by the first, {cells} values: Brier score of p_correct {brier:.3f}")
        print(f"    of the words as published {of_words:.3f}; of one probability for all values {base:.3f}")


def report(scores: Sequence[Any]) -> None:
    from research.tables.audit.score import BUCKETS, TO_REVIEW, review_gain

    by_word = {word: summed([each.confidence[word] for each in scores]) for word in BUCKETS}
    for word, tally in by_word.items():
        if tally.with_value:
            print(f"  right at {word:8}{share(tally.precision, tally.precision_interval)} ({tally.right}/{tally.with_value})")
    total = summed([each.total for each in scores])
    print(f"  accuracy of all  {share(total.accuracy, total.accuracy_interval)} ({total.cells} cells)")
    for words in TO_REVIEW:
        gain = review_gain(by_word, words)
        if gain.error is not None and gain.error_after is not None:
            falls = f"the error falls from {gain.error:.1%} to {gain.error_after:.1%}"
            print(f"  review only {' and '.join(words)}: {gain.cells} cells, {falls}")


def summed(tallies: Sequence[Any]) -> Any:
    from research.tables.audit.score import Tally

    names = ("right", "wrong", "missed", "rightly_empty", "invented", "failed")
    return Tally(**{name: sum(getattr(tally, name) for tally in tallies) for name in names})


def share(value: float | None, interval: tuple[float, float] | None) -> str:
    return "–" if value is None or interval is None else f"{value:.3f} [{interval[0]:.3f}–{interval[1]:.3f}]"


def own_sample(scratch: Path) -> None:
    """The project's sample, as a user would: two commands to calibrate, and a later run that shows what came of it."""
    asked = ("--schema", str(DATA / "missions.schema.json"), "--objective", "Facts about the space mission {mission}")
    corpus, truth = ("--corpus", str(DATA / "corpus"), "--model", "extractive"), ("--truth", str(DATA / "missions.truth.jsonl"))
    run, later = str(scratch / "missions"), str(scratch / "missions-later")
    print("\n== sample: research enrich, score, calibrate, and a later run")
    command("enrich", str(DATA / "missions.csv"), *asked, *corpus, "--out", run)
    print(command("score", run, *truth))
    print(command("calibrate", run, *truth))
    command("enrich", str(DATA / "missions.csv"), *asked, *corpus, "--limit", "3", "--out", later)
    print(command("show", later, "--row", "0"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="the folder of the evaluation data")
    parser.add_argument("--set", choices=("sample", "recipes", "shops", "sites", "tables"), action="append", help="default: all")
    parser.add_argument("--sample", type=int, help="about so many cases of each set")
    options = parser.parse_args()
    for name in options.set or ("sample", "recipes", "shops", "sites", "tables"):
        with tempfile.TemporaryDirectory() as place:
            scratch = Path(place)
            os.environ |= {"RESEARCH_CACHE_DIR": str(scratch / "cache"), "RESEARCH_CALIBRATIONS": str(scratch / "calibrations")}
            if name == "sample":
                own_sample(scratch)
            elif not (options.eval / SETS[name][0]).is_dir():
                print(f"\n== {name}: {options.eval / SETS[name][0]} is not there; left out")
            else:
                measure(name, kinds_of(options.eval, name, options.sample, scratch), scratch)


if __name__ == "__main__":
    main()
