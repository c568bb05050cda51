"""`verify`: a run that was not touched is whole; change one character and the cell is named."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_samples import batch, change, completed, create, finished, page, write

from research.ports.page import Page, page_hash
from research.result.result import Citation, Excerpt, FieldBasis
from research.tables import Problem, RunFolder, Verification, verify

AGENCY = page(0).text.index("Agency 0")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("verify") / "whole", 2, failing=[3]).path


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> RunFolder:
    """A copy of a finished run, to do harm to."""
    return RunFolder.open(shutil.copytree(whole, tmp_path / "run"))


def in_content(verification: Verification) -> list[Problem]:
    """The problems of the parts' content. Whenever one is changed, `research.duckdb` differs, and the part from its record."""
    other = "is not as it was committed"
    return [p for p in verification.problems if p.file != "research.duckdb" and not p.message.startswith(other)]


def told(verification: Verification) -> list[str]:
    return [str(problem) for problem in in_content(verification)]


def without(path: Path, *rows: int) -> None:
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.filter(pa.array([n not in rows for n in range(table.num_rows)], pa.bool_())), path)


def test_an_untouched_run_is_whole(whole: Path) -> None:
    verification = verify(whole)
    assert verification == Verification(rows=4, excerpts=9, pages=3, problems=())
    assert verification.ok


def test_it_is_still_whole_in_another_place_with_a_hard_name(whole: Path, tmp_path: Path) -> None:
    assert verify(shutil.copytree(whole, tmp_path / "x=1" / "it's [1]*")).ok


def test_a_run_that_still_goes_on_can_be_checked(tmp_path: Path) -> None:
    run = create(tmp_path)
    assert verify(tmp_path) == Verification(0, 0, 0, ())
    write(run, 1, [2, 3])
    assert verify(tmp_path).ok


CHANGES: dict[str, tuple[Callable[[RunFolder], None], str]] = {
    "a character of a page": (
        lambda run: change(run.part("pages", 0), 0, text=page(0).text.replace("über", "uber")),
        "row 0, operator: the text of page",
    ),
    "a character of an excerpt": (
        lambda run: change(run.part("basis", 0), 0, excerpt="Agency O"),
        f"row 0, operator: page {page(0).page_hash[:12]} does not hold the excerpt at {AGENCY}:{AGENCY + 8}: "
        "there is 'Agency 0', not 'Agency O' (basis/part-00000.parquet)",
    ),
    "a start": (lambda run: change(run.part("basis", 0), 1, start=3), "row 0, mass: page"),
    "an end": (lambda run: change(run.part("basis", 1), 0, end=AGENCY + 7), "row 2, operator: page"),
    "an offset that counts from the end": (
        lambda run: change(run.part("basis", 0), 0, start=AGENCY - len(page(0).text) - 1, end=AGENCY - len(page(0).text) + 7),
        "row 0, operator: page",
    ),
    "an excerpt's page": (
        lambda run: change(run.part("basis", 0), 0, page_hash="0" * 64),
        "row 0, operator: page 000000000000 is not stored (basis/part-00000.parquet)",
    ),
    "a page taken away": (lambda run: without(run.part("pages", 1), 0), "row 2, operator: page"),
    "a page there twice": (
        lambda run: shutil.copy(run.part("pages", 0), run.part("pages", 1)) and None,
        "is stored more than once (pages/part-00001.parquet)",
    ),
    "a row taken away": (
        lambda run: without(run.part("results", 1), 0),
        "row 3: stands after row 1: a row is missing, repeated or out of order (results/part-00001.parquet)",
    ),
    "a row there twice": (
        lambda run: change(run.part("results", 1), 1, row_index=2),
        "row 2: stands after row 2: a row is missing, repeated or out of order (results/part-00001.parquet)",
    ),
    "the evidence of a value": (
        lambda run: without(run.part("basis", 0), 1),
        "row 0, mass: has a value and no evidence (results/part-00000.parquet)",
    ),
    "confidence without a value": (
        lambda run: change(run.part("basis", 0), 2, confidence="high"),
        "row 0, launched: is empty and claims a confidence (results/part-00000.parquet)",
    ),
    "a row that is not there": (
        lambda run: change(run.part("basis", 1), 0, row_index=77),
        "row 77: belongs to no row of results (basis/part-00001.parquet)",
    ),
    "a task's name": (
        lambda run: change(run.part("sources", 0), 0, task_id="other"),
        "row 0: has task other; results has task-0 (sources/part-00000.parquet)",
    ),
    "a row of usage": (
        lambda run: without(run.part("usage", 0), 1),
        "row 1: has 0 rows in usage, not one (usage/part-00000.parquet)",
    ),
    "a value that its excerpt states": (
        lambda run: change(run.part("results", 0), 1, operator="Agency 7"),
        "row 1, operator: its excerpt does not state 'Agency 7' (basis/part-00000.parquet)",
    ),
    "a part of a value": (
        lambda run: change(run.part("results", 0), 0, crew=[{"name": "Bob"}]),
        "row 0, crew.0.name: its excerpt does not state 'Bob' (basis/part-00000.parquet)",
    ),
    "a missing part": (
        lambda run: run.part("basis", 1).unlink(),
        "is missing, though its shard is committed (basis/part-00001.parquet)",
    ),
    "a file cut short": (
        lambda run: run.part("pages", 0).write_bytes(run.part("pages", 0).read_bytes()[:-9]) and None,
        "cannot be read",
    ),
}


@pytest.mark.parametrize("harm", CHANGES)
def test_what_was_changed_is_named(run: RunFolder, harm: str) -> None:
    do, expected = CHANGES[harm]
    do(run)
    problems = told(verify(run.path))
    assert any(expected in problem for problem in problems), problems


def test_a_flipped_bit_in_a_part_is_noticed(run: RunFolder) -> None:
    path = run.part("pages", 0)
    data = path.read_bytes()
    for place in range(20, len(data), len(data) // 6):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert not verify(run.path).ok, place


def test_a_missing_database_is_named_with_what_makes_it_anew_and_that_does(run: RunFolder) -> None:
    (run.path / "research.duckdb").unlink()
    assert [str(problem) for problem in verify(run.path).problems] == [
        "is missing: the command of the run makes it anew, and researches no completed row again (research.duckdb)"
    ]
    with run.lock():  # what the command does where every row is completed
        run.finish(rows=4)
    assert verify(run.path).ok


def test_a_changed_database_is_named_by_its_table(run: RunFolder) -> None:
    with duckdb.connect(run.path / "research.duckdb") as db:
        db.execute("UPDATE results SET operator = 'Agency X' WHERE row_index = 1")
    assert [str(p) for p in verify(run.path).problems] == [
        "table results does not hold what the Parquet parts hold (research.duckdb)"
    ]
    with duckdb.connect(run.path / "research.duckdb") as db:
        db.execute("DROP TABLE usage")
    (missing,) = verify(run.path).problems
    assert missing.message.startswith("has no table usage: the command of the run makes it anew")
    (run.path / "research.duckdb").write_bytes(b"no database")
    (unreadable,) = verify(run.path).problems
    assert unreadable.message.startswith("cannot be read (")
    assert "makes it anew" in unreadable.message
    (run.path / "research.duckdb").unlink()
    assert "is missing" in str(verify(run.path).problems[0])


CHARACTERS = st.text(st.sampled_from("aé😀e\u0301中 \n\u200d👩🚀\u0000ß\u00a0"), min_size=1, max_size=40)


@st.composite
def excerpts(draw: st.DrawFn) -> tuple[str, int, int]:
    text = draw(CHARACTERS)
    start = draw(st.integers(0, len(text) - 1))
    return text, start, draw(st.integers(start + 1, len(text)))


@settings(max_examples=5)
@given(st.lists(excerpts(), min_size=1, max_size=20), st.data())
def test_offsets_are_code_points_in_any_script(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    pages, results = [], []
    for row, (text, start, end) in enumerate(drawn):
        pages.append(Page(**{**page(0).model_dump(), "text": text, "page_hash": page_hash(text)}))
        excerpt = Excerpt(text=text[start:end], page_hash=pages[-1].page_hash, start=start, end=end, support="inferred")
        basis = FieldBasis(field="operator", citations=[Citation(url="u", title="", excerpts=[excerpt])], confidence="low")
        results.append(completed(row, output={"operator": "x"}, basis=[basis], findings=[]))
    run = create(tmp_path_factory.mktemp("points"))
    run.write_shard(0, batch(range(len(drawn))), 0, results, pages)
    assert verify(run.path).problems == ()
    row = data.draw(st.integers(0, len(drawn) - 1))
    text, start, end = drawn[row]
    other = data.draw(st.integers(0, len(text)).filter(lambda n: text[n : n + end - start] != text[start:end]))
    change(run.part("basis", 0), row, start=other, end=other + end - start)
    assert [(p.row, p.field) for p in in_content(verify(run.path))] == [(row, "operator")]


def test_the_hash_of_a_page_is_that_of_its_text(run: RunFolder) -> None:
    """Text, excerpt and offsets changed together: the page's hash gives it away."""
    text = page(0).text.replace("Agency 0", "Agency 9")
    change(run.part("pages", 0), 0, text=text)
    change(run.part("basis", 0), 0, excerpt="Agency 9")
    problems = [p for p in in_content(verify(run.path)) if p.file == "pages/part-00000.parquet"]
    assert {(p.row, p.field) for p in problems} == {(0, "operator"), (0, "mass"), (0, "crew.0.name")}
    assert hashlib.sha256(text.encode()).hexdigest() != page(0).page_hash
