"""Learn the keyless model's weights: `python tests/benchmarks/keyless_training.py --eval DIR [--write]`.

Every case of the sets (`keyless_sets.py`) and of the project's own sample is asked; each candidate that the model finds is
labelled right or wrong by its gold. Sites and documents are kept apart: what is printed is of folds whose sites (documents) no
weight saw. `--write` then learns from all of them and writes `weights.toml` beside the model. Needs scikit-learn. `--keep FILE`
keeps what was found, so that fitting again needs no second reading.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import pickle
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from keyless_bench import run, share
from keyless_sets import SETS, Case, Shelf, is_exact, shelves_of
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

import research.models.keyless.scoring as scoring
from research.models.keyless.candidates import KEY
from research.models.keyless.choosing import MAX_GROUPS, Backing, Group, choose, standing
from research.models.keyless.model import KeylessModel
from research.models.keyless.questions import Question
from research.models.keyless.scoring import Scorer, confidence, features
from research.models.keyless.surroundings import WORD
from research.ports.work import FieldAnswer
from research.result.result import Confidence
from research.values.values import same

TRAINED_ON: Final = ("sites", "recipes", "shops", "articles", "tables", "contracts", "sample", "prose")
FOLDS: Final = 5
INNER_FOLDS: Final = 3
RIDGE: Final = 3.0
"""How strongly a weight is drawn to nothing."""
WEIGHTS: Final = Path(scoring.__file__).with_name("weights.toml")
CAUTION: Final = 1.25
"""How much more a wrong answer counts than a right one, so that what is given is rather too sure than not sure enough."""
RARE: Final = 5
"""A feature that fewer candidates have gets no weight."""
SPELLED: Final = (f"sentence {WORD}", f"data {KEY}")
"""How features begin that name a word: one near a value, a key of page data."""
WIDESPREAD: Final = 12
"""A word that stands in fewer sites or documents gets none."""


@dataclass
class Found:
    """The candidates of one field of one case."""

    set: str
    group: str
    question: Question
    gold: list[Any]
    schema: Any
    backings: list[Backing]
    right: list[bool] = field(default_factory=list)
    direct: bool = False
    """What is right stands in the document as it is, as far as the set tells."""

    @cached_property
    def features(self) -> list[tuple[str, ...]]:
        """What is true of each candidate."""
        return [tuple(dict.fromkeys(features(self.question, b.candidate))) for b in self.backings]

    @cached_property
    def sorts(self) -> list[int]:
        """Which candidates say the same: for each the place of the first that says so."""
        firsts: dict[str, int] = {}
        found: list[int] = []
        for at, backing in enumerate(self.backings):
            value = backing.candidate.value
            if (spelled := repr(value)) not in firsts:
                known = dict.fromkeys(firsts.values())
                firsts[spelled] = next((s for s in known if same(self.backings[s].candidate.value, value, self.schema)), at)
            found.append(firsts[spelled])
        return found

    def groups(self, scorer: Scorer) -> list[Group]:
        """As `choosing.grouped` gives them."""
        for backing, names in zip(self.backings, self.features, strict=True):
            backing.log_odds = scorer.sum(names)
        found: dict[int, Group] = {}
        for backing, sort in sorted(zip(self.backings, self.sorts, strict=True), key=lambda pair: -pair[0].log_odds):
            if sort in found or len(found) < MAX_GROUPS:
                found.setdefault(sort, Group(backing.candidate.value)).backings.append(backing)
        return list(found.values())


class Recorder:
    """A chooser that keeps what it was given."""

    def __init__(self) -> None:
        self.last: dict[str, tuple[Question, list[Backing]]] = {}

    def __call__(self, question: Question, backings: Sequence[Backing]) -> FieldAnswer:
        self.last[question.field] = (question, list(backings))
        return choose(question, backings)


async def record(name: str, shelf: Shelf) -> list[Found]:
    recorder, found = Recorder(), []

    def keep(case: Case) -> None:
        for field_name, gold in case.gold.items():
            if field_name in recorder.last:
                question, backings = recorder.last[field_name]
                one = Found(name, f"{name}/{case.group}", question, gold, question.schema, backings)
                one.direct = field_name in case.direct
                one.right = [is_exact(b.candidate.value, gold, question.schema) for b in backings]
                found.append(one)
        recorder.last.clear()

    await run(name, shelf, KeylessModel(recorder), keep)
    return found


class Fitted:
    """The two models, as learned from some of what was found."""

    def __init__(self, found: Sequence[Found], begin: Mapping[str, float] | None = None) -> None:
        self.candidate = _conditional(found, begin)
        # The second model must see log-odds of candidates that the first was not learned from.
        rows: list[tuple[dict[str, float], bool, float]] = []
        groups = np.array([f.group for f in found])
        for train, held in GroupKFold(INNER_FOLDS).split(groups, groups=groups):
            inner = Scorer({"candidate": _conditional([found[i] for i in train], self.candidate), "answer": {}})
            rows += _answer_rows([found[i] for i in held], inner)
        self.answer = _weights([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], c=3.0)
        self.scorer = Scorer({"candidate": self.candidate, "answer": self.answer})


def _conditional(found: Sequence[Found], begin: Mapping[str, float] | None = None) -> dict[str, float]:
    """Weights by which, of a question's candidates and there being no answer, what is right is the likeliest."""
    found = [one for one in found if one.backings]
    counts = Counter(name for one in found for names in one.features for name in names)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for one in found:
        for name in {n for names in one.features for n in names if n.startswith(SPELLED)}:
            groups[name].add(one.group)
    kept = (n for n, count in counts.items() if count >= RARE and not 0 < len(groups.get(n, ())) < WIDESPREAD)
    place = {name: at for at, name in enumerate(("bias", *sorted(kept)))}
    columns = [[0, *(place[n] for n in names if n in place)] for one in found for names in one.features]
    ends = np.cumsum([0, *map(len, columns)])
    indices = np.fromiter(chain.from_iterable(columns), int)
    table = csr_matrix((np.ones(len(indices)), indices, ends), shape=(len(columns), len(place)))
    asked = np.repeat(np.arange(len(found)), [len(one.backings) for one in found])
    right = np.array([r for one in found for r in one.right])
    reachable = np.array([any(one.right) for one in found])
    weight = _share_of(found)
    weights = np.array([weight[one.group] for one in found])

    def loss(theta: Any) -> tuple[float, Any]:
        score = table @ theta
        most = np.zeros(len(found))
        np.maximum.at(most, asked, score)
        likely = np.exp(score - most[asked])
        none = np.exp(-most)
        whole = np.bincount(asked, likely, len(found)) + none
        good = np.where(reachable, np.bincount(asked, likely * right, len(found)), none)
        wanted = np.where(right, likely / good[asked], 0.0)
        slope = table.T @ (weights[asked] * (likely / whole[asked] - wanted))
        penalty = np.where(np.arange(len(theta)) == 0, 0.0, RIDGE * theta)
        return float(-(weights * np.log(good / whole)).sum() + (penalty * theta).sum() / 2), slope + penalty

    start = np.array([(begin or {}).get(name, 0.0) for name in place])
    theta = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 150, "ftol": 1e-6}).x
    return {name: round(float(theta[at]), 4) for name, at in place.items() if at == 0 or abs(theta[at]) >= 0.005}


def _share_of(found: Sequence[Found]) -> dict[str, float]:
    """Every site counts alike, with its square root; and so does every set."""
    sites: defaultdict[str, int] = defaultdict(int)
    for one in found:
        sites[one.group] += 1
    weight = {group: min(1.0, math.sqrt(60 / count)) if count > 60 else 1.0 for group, count in sites.items()}
    sets: defaultdict[str, float] = defaultdict(float)
    for one in found:
        sets[one.set] += weight[one.group]
    return {g: w * math.sqrt(1000 / max(sets[g.split("/")[0]], 100)) for g, w in weight.items()}


def _answer_rows(found: Sequence[Found], scorer: Scorer) -> list[tuple[dict[str, float], bool, float]]:
    weight = _share_of(found)
    rows = []
    for one in found:
        groups = one.groups(scorer)
        for place, group in enumerate(groups[:2]):
            right = is_exact(group.value, one.gold, one.schema)
            counts = weight[one.group] * (1.0 if place == 0 else 0.5) * (1.0 if right else CAUTION)
            rows.append((standing(one.question, groups, place), right, counts))
    return rows


def _weights(rows: list[dict[str, float]], right: list[bool], weights: list[float], c: float) -> dict[str, float]:
    counts: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        for name in row:
            counts[name] += 1
    kept = [{n: v for n, v in row.items() if counts[n] >= RARE} for row in rows]
    names = DictVectorizer()
    model = LogisticRegression(C=c, max_iter=2000)
    model.fit(names.fit_transform(kept), np.array(right), sample_weight=np.array(weights))
    learned = dict(zip(names.get_feature_names_out(), map(float, model.coef_[0]), strict=True))
    return {"bias": float(model.intercept_[0]), **{n: round(w, 4) for n, w in sorted(learned.items()) if abs(w) >= 0.005}}


@dataclass
class Answer:
    set: str
    group: str
    field: str
    probability: float
    right: bool
    null: bool
    """Nothing is right: the gold is null."""
    reachable: bool
    direct: bool
    confidence: Confidence | None
    """As the model gives it: the probability's, or the most that the kind of evidence allows."""
    value: Any = None
    gold: Any = None
    how: str = ""


def answers(found: Sequence[Found], scorer: Scorer) -> list[Answer]:
    chosen = []
    for one in found:
        groups = one.groups(scorer)
        ranked = sorted(
            ((scorer.probability(standing(one.question, groups, p)), g) for p, g in enumerate(groups)), key=lambda r: -r[0]
        )
        p, best = ranked[0] if ranked else (0.0, None)
        right = best is not None and is_exact(best.value, one.gold, one.schema)
        value, how = (best.value, best.best.candidate.how) if best else (None, "")
        sure = confidence(p, most=best.most) if best else None
        of = (one.set, one.group, one.question.field)
        chosen.append(Answer(*of, p, right, not one.gold, any(one.right), one.direct, sure, value, one.gold, how))
    return chosen


def report(chosen: Sequence[Answer], shown: int, only: str) -> None:
    for name in dict.fromkeys(a.set for a in chosen):
        part = [a for a in chosen if a.set == name]
        answerable = [a for a in part if not a.null]
        given = [a for a in answerable if a.probability >= 0.5]
        print(f"== {name}: exact {share(sum(a.right for a in given), len(answerable))}, "
              f"wrong {sum(not a.right for a in given) / len(answerable):.3f}, "
              f"a right candidate for {sum(a.reachable for a in answerable) / len(answerable):.3f}")  # fmt: skip
        if direct := [a for a in answerable if a.direct]:
            found = [a.right for a in direct if a.probability >= 0.5]
            exact, wrong = sum(found), len(found) - sum(found)
            print(f"   cells that stand in the text: exact {share(exact, len(direct))}, wrong {share(wrong, len(direct))}")
        if empty := [a for a in part if a.null]:
            print(f"   null where nothing is right {share(sum(a.probability < 0.5 for a in empty), len(empty))}")
        for title in ("high", "medium", "low"):
            inside = [a for a in part if a.confidence == title]
            print(f"   right at {title:7} {share(sum(a.right for a in inside), len(inside))}")
    wrong = [a for a in chosen if not a.right and (a.probability >= 0.5 or not a.null)]
    wrong = [a for a in wrong if only in f"{a.group} {a.field} {a.confidence}"]
    for a in sorted(wrong, key=lambda a: -a.probability)[:shown]:
        reachable = " reachable" if a.reachable else ""
        print(f"  {a.probability:.3f} {a.group} {a.field}: {str(a.value)[:80]!r} gold {str(a.gold)[:90]} [{a.how}]{reachable}")


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--eval", type=Path, required=True, help="the folder of the evaluation data")
    parser.add_argument("--set", choices=TRAINED_ON, action="append", help="default: all")
    parser.add_argument("--sample", type=int, help="about so many cases of each set")
    parser.add_argument("--keep", type=Path, help="a file that keeps what was found; if it is there, it is used")
    parser.add_argument("--write", action="store_true", help="write the weights")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--only", default="")
    options = parser.parse_args(list(arguments) if arguments is not None else None)
    found: list[Found] = []
    for name in options.set or TRAINED_ON:
        kept = options.keep and options.keep.with_suffix(f".{name}.pickle")
        if kept and kept.exists():
            found += pickle.loads(kept.read_bytes())  # noqa: S301  # its own file
            continue
        part = [f for shelf in shelves_of(options.eval, name, options.sample) for f in asyncio.run(record(name, shelf))]
        if kept:
            kept.write_bytes(pickle.dumps(part))
        found += part
    groups = np.array([f.group for f in found])
    chosen: list[Answer] = []
    whole = _conditional(found)  # only where to begin from: what is found is the same, sooner
    for train, held in GroupKFold(FOLDS).split(groups, groups=groups):
        fitted = Fitted([found[i] for i in train], whole)
        chosen += answers([found[i] for i in held], fitted.scorer)
    report(sorted(chosen, key=lambda a: list(SETS).index(a.set)), options.show, options.only)
    if options.write:
        write(Fitted(found, whole))


def write(fitted: Fitted) -> None:
    lines = ["# Written by tests/benchmarks/keyless_training.py: what each feature adds to the log-odds of being right.\n"]
    for title, weights in (("candidate", fitted.candidate), ("answer", fitted.answer)):
        lines.append(f"\n[{title}]\n")
        lines += [f"{json.dumps(name, ensure_ascii=False)} = {round(weight, 4)}\n" for name, weight in weights.items()]
    WEIGHTS.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    main()
