"""Learn to answer questions in plain words: `python tests/benchmarks/questions_training.py --eval DIR [--write]`.

Every question of `squad2` (`keyless_sets.py`) is asked. Two models are learned. The first weighs the spans of one question
against each other (a softmax: the right ones should have all of the probability); the second, logistic, tells whether the best
span answers at all. What is printed is of folds whose articles no weight saw; `--write` then learns from all of them and writes
`question_weights.toml` beside the model. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse
from keyless_bench import run, share
from keyless_sets import TEXT, Case, Shelf, is_exact, shelves_of
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

import research.models.keyless.answers as answers
from research.models.keyless.answers import Span, Weights, answered, spans_of
from research.models.keyless.model import KeylessModel
from research.models.keyless.questions import Question
from research.models.keyless.reading import ReadPage
from research.ports.work import FieldAnswer

FOLDS: Final = 5
RARE: Final = 100
"""A feature that fewer spans have gets no weight."""
OF_SITES: Final = 600
"""Questions about pages of other kinds than an encyclopedia's, whose sentences hardly ever answer."""
SMALL: Final = 0.1
"""A smaller weight is left out."""
RIDGE: Final = 2.0
WEIGHTS: Final = Path(answers.__file__).with_name("question_weights.toml")


@dataclass
class Asked:
    """The candidate answers of one question."""

    case: Case
    spans: list[Span]
    right: Any
    cited: list[str]
    """For each span its page."""


async def record(shelf: Shelf) -> list[Asked]:
    last: list[tuple[Span, str]] = []
    found = []

    def answerer(question: Question, asked: str, pages: Sequence[ReadPage]) -> FieldAnswer:
        urls = {passage.id: page.hit.url for page in pages for passage in page.passages}
        last[:] = [(span, urls[span.passage]) for span in spans_of(asked, pages)]
        return FieldAnswer(field=question.field)

    def keep(case: Case) -> None:
        right = np.array([is_exact(span.text, case.gold["answer"], TEXT) for span, _ in last], bool)
        found.append(Asked(case, [span for span, _ in last], right, [url for _, url in last]))
        last.clear()

    await run("questions", shelf, KeylessModel(answerer=answerer), keep)
    return found


class Table:
    """The features of all spans as numbers."""

    def __init__(self, found: Sequence[Asked]) -> None:
        counts = Counter(name for one in found for span in one.spans for name in span.features)
        self.names = sorted(name for name, count in counts.items() if count >= RARE)
        self._column = {name: column for column, name in enumerate(self.names)}

    def rows(self, spans: Sequence[Span]) -> Any:
        cells = [
            (row, self._column[name], value)
            for row, span in enumerate(spans)
            for name, value in span.features.items()
            if value and name in self._column
        ]
        rows, columns, values = zip(*cells, strict=True) if cells else ((), (), ())
        return scipy.sparse.csr_matrix((values, (rows, columns)), shape=(len(spans), len(self.names)))


def learn_spans(names: Sequence[str], rows: Sequence[Any], right: Sequence[Any]) -> dict[str, float]:
    """Weights by which the right spans of each question have the largest share of its softmax."""
    kept = [place for place, each in enumerate(right) if each.any()]
    matrix, truth = scipy.sparse.vstack([rows[p] for p in kept]).tocsr(), np.concatenate([right[p] for p in kept])
    lengths = [len(right[place]) for place in kept]
    starts, transposed = np.cumsum([0, *lengths[:-1]]), matrix.T.tocsr()

    def loss(weights: Any) -> tuple[float, Any]:
        odds = matrix @ weights
        shares = np.exp(odds - np.repeat(np.maximum.reduceat(odds, starts), lengths))
        true = shares * truth
        whole, part = np.add.reduceat(shares, starts), np.add.reduceat(true, starts)
        slope = transposed @ (shares / np.repeat(whole, lengths) - true / np.repeat(part, lengths))
        return float(np.sum(np.log(whole / part)) + RIDGE * weights @ weights), slope + 2 * RIDGE * weights

    learned = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return {name: round(float(w), 2) for name, w in zip(names, learned, strict=True) if abs(w) >= SMALL}


def learn_answered(found: Sequence[Asked], span_weights: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Weights that tell questions with an answer from those without, by their best spans."""
    told: list[dict[str, float]] = []

    for one, weights in zip(found, span_weights, strict=True):
        if one.spans:
            odds = np.array([sum(v * weights.get(n, 0.0) for n, v in s.features.items()) for s in one.spans])
            best = int(odds.argmax())
            told.append(answered(one.spans[best], float(np.log(np.exp(odds - odds[best]).sum()))))
    names = sorted(told[0])
    model = LogisticRegression(C=1.0, max_iter=2000)
    has_answer = [one.right.any() if one.case.kind == "sites" else bool(one.case.gold["answer"]) for one in found if one.spans]
    model.fit([[each[name] for name in names] for each in told], has_answer)
    learned = dict(zip(names, map(float, model.coef_[0]), strict=True))
    return {"bias": round(float(model.intercept_[0]), 3), **{name: round(weight, 3) for name, weight in learned.items()}}


@dataclass
class Outcome:
    """The best span of a question."""

    asked: Asked
    place: int | None
    sure: float


def outcomes(found: Sequence[Asked], weights: Weights) -> list[Outcome]:
    chosen = []
    for one in found:
        best, sure = weights.best(one.spans) if one.spans else (None, 0.0)
        chosen.append(Outcome(one, next((p for p, span in enumerate(one.spans) if span is best), None), sure))
    return chosen


def report(chosen: Sequence[Outcome]) -> None:
    """What would be answered, by the least probability that there is an answer."""
    answerable = [o for o in chosen if o.asked.case.kind == "answerable"]
    print(f"a right span is a candidate for {share(sum(o.asked.right.any() for o in answerable), len(answerable))}")
    for least in (0.0, 0.3, 0.4, 0.5, 0.6, 0.7):
        given = [o for o in answerable if o.place is not None and o.sure >= least]
        exact = share(sum(bool(o.asked.right[o.place]) for o in given), len(answerable))
        document = share(sum(o.asked.cited[o.place or 0] == o.asked.case.source for o in given), len(answerable))
        print(f"least {least}: exact {exact}, right document {document}")
        of_sites = [o for o in chosen if o.asked.case.kind == "sites" and o.place is not None and o.sure >= least]
        print(f"  of sites right {share(sum(bool(o.asked.right[o.place]) for o in of_sites), len(of_sites))}")
        for kind in sorted({o.asked.case.kind for o in chosen} - {"answerable", "sites"}):
            none = [o.sure < least or o.place is None for o in chosen if o.asked.case.kind == kind]
            print(f"  {kind} seen {share(sum(none), len(none))}")


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--eval", type=Path, required=True, help="the folder of the evaluation data")
    parser.add_argument("--sample", type=int, help="about so many questions")
    parser.add_argument("--write", action="store_true", help="write the weights")
    options = parser.parse_args(list(arguments) if arguments is not None else None)
    sets = (("questions", options.sample), ("site_questions", options.sample or OF_SITES))
    found = [a for name, count in sets for s in shelves_of(options.eval, name, count) for a in asyncio.run(record(s))]
    table = Table(found)
    rows, right = [table.rows(one.spans) for one in found], [one.right for one in found]
    groups = np.array([one.case.group for one in found])

    def learn(places: Sequence[int]) -> dict[str, float]:
        return learn_spans(table.names, [rows[p] for p in places], [right[p] for p in places])

    # Whether there is an answer is learned from spans chosen by weights that did not see their article.
    unseen: list[dict[str, float]] = [{}] * len(found)
    folds = [(train, held, learn(train)) for train, held in GroupKFold(FOLDS).split(groups, groups=groups)]
    for _, held, weights in folds:
        for place in held:
            unseen[place] = weights
    chosen: list[Outcome] = []
    for train, held, weights in folds:
        told = learn_answered([found[p] for p in train], [unseen[p] for p in train])
        chosen += outcomes([found[p] for p in held], Weights({"span": weights, "answered": told}))
    report(chosen)
    if options.write:
        write({"span": learn(range(len(found))), "answered": learn_answered(found, unseen)})


def write(weights: Mapping[str, Mapping[str, float]]) -> None:
    lines = ["# Written by tests/benchmarks/questions_training.py: what each feature adds to the log-odds.\n"]
    for title, part in weights.items():
        lines.append(f"\n[{title}]\n")
        lines += [f"{json.dumps(name, ensure_ascii=False)} = {weight}\n" for name, weight in part.items()]
    WEIGHTS.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    main()
