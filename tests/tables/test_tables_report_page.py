"""The review sheet: one file that loads nothing, runs only what is its own, and holds every cell's evidence."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from run_samples import INPUT, completed, create, finished, page

from flows.cli import main
from research.output_schema.output_spec import OutputSpec
from research.ports.page import page_hash
from research.result.result import Citation, Excerpt, FieldBasis
from research.tables import RunFolder
from research.tables.report_page.chunks import unpacked
from research.tables.report_page.evidence import CONTEXT, windows
from research.tables.report_page.report import EmbedPages, write_report

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "javascript:alert(3)",
    "<!-- data --> {{nonce}} ]]> \u2028 \x00",
]


class Sheet(HTMLParser):
    """What a browser would find in the file: every element, and the text of scripts and styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.packed: dict[str, str] = {}
        self._inside: dict[str, str | None] | None = None
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = {"tag": tag, **dict(attrs)} if tag in ("script", "style") else None

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            return
        if self._inside["tag"] == "style":
            self.styles.append(data)
        elif self._inside.get("type") is None:
            self.scripts.append(data)
        else:
            self.packed[str(self._inside["id"])] = data

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def piece(self, name: str) -> Any:
        return unpacked(self.packed[name])

    @property
    def policy(self) -> str:
        return next(str(a["content"]) for tag, a in self.elements if a.get("http-equiv") == "Content-Security-Policy")


def sheet_of(run: RunFolder, embed_pages: EmbedPages = "cited") -> Sheet:
    return Sheet(write_report(run, embed_pages=embed_pages))


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Sheet:
    """Of a run of four rows, the last of which failed."""
    return sheet_of(finished(tmp_path_factory.mktemp("sheet") / "missions", failing={3}))


def test_the_policy_lets_only_the_sheets_own_script_and_styles_run(sheet: Sheet) -> None:
    (script,), (style,) = sheet.scripts, sheet.styles
    digests = ["'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'" for text in (script, style)]
    rules = dict(rule.split(" ", 1) for rule in sheet.policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == digests[0]
    assert rules["style-src"].split()[0] == digests[1]
    assert "unsafe" not in sheet.policy
    assert rules["base-uri"] == rules["form-action"] == "'none'"


def test_nothing_in_the_file_names_another_file_or_address(sheet: Sheet) -> None:
    assert [(tag, a) for tag, a in sheet.elements if "src" in a or tag == "link"] == []
    assert [a["href"] for tag, a in sheet.elements if tag == "a"] == ["#grid"]
    assert not re.search(
        r"\b(fetch|eval|XMLHttpRequest|WebSocket|importScripts|Function)\(|innerHTML|insertAdjacent", own_script()
    )
    assert "@import" not in sheet.styles[0]
    assert "url(" not in sheet.styles[0]


def own_script() -> str:
    from research.tables.report_page.assets import GRID, asset, script

    return script().removeprefix(asset(f"{GRID}.min.js"))


def test_the_table_holds_every_row_with_its_values_confidence_and_error(sheet: Sheet) -> None:
    about, rows = sheet.piece("about"), sheet.piece("rows-0")
    assert [field["name"] for field in about["fields"]] == ["operator", "mass", "launched", "crew"]
    assert (about["rows"], about["blocks"]) == (4, 1)
    assert rows["index"] == [0, 1, 2, 3]
    assert rows["status"] == ["completed"] * 3 + ["failed"]
    assert rows["error"] == [None] * 3 + ["the search did not answer"]
    assert rows["inputs"][0] == [f"Mission {row}" for row in range(4)]
    assert rows["values"][0] == ["Agency 0", "Agency 1", "Agency 2", None]
    assert rows["values"][3][1] == '[{"name":"Ada 1"}]'
    assert rows["confidence"] == ["3330", "1110", "0000", "2220"]
    assert len(set(rows["key"])) == 4


def test_a_cells_evidence_is_marked_inside_its_pages_text(sheet: Sheet) -> None:
    evidence = sheet.piece("evidence-0")
    cell = evidence["rows"]["1"]["cells"][1]
    (cite,) = cell["cites"]
    piece = evidence["pages"][cite["page"]]["pieces"][0]
    assert piece["text"][cite["start"] - piece["at"] : cite["end"] - piece["at"]] == cite["excerpt"] == "101 kg 😀"
    assert cite["support"] == "inferred"
    assert evidence["rows"]["1"]["cells"][0]["why"] == "It is named."
    assert evidence["rows"]["1"]["cells"][2] == {"why": "No page says when."}
    assert evidence["rows"]["3"]["error"] == "the search did not answer"


def test_pages_are_embedded_around_their_excerpts_and_whole_on_request(tmp_path: Path) -> None:
    run = create(tmp_path / "run", shard_size=1)
    text = "a" * 5_000 + "Agency 0" + "b" * 5_000
    long = page(0).model_copy(update={"text": text, "page_hash": page_hash(text)})
    excerpt = Excerpt(text="Agency 0", page_hash=long.page_hash, start=5_000, end=5_008, support="stated")
    basis = [FieldBasis(field="operator", citations=[Citation(url=long.url, title="", excerpts=[excerpt])], confidence="high")]
    with run.lock():
        run.write_shard(0, pa.record_batch([["Mission 0"], ["flying"]], schema=INPUT), 0, [completed(0, basis=basis)], [long])
        run.finish()
    cited = sheet_of(run)
    (only,) = cited.piece("evidence-0")["pages"][0]["pieces"]
    assert only == {"at": 5_000 - CONTEXT, "text": "a" * CONTEXT + "Agency 0" + "b" * CONTEXT}
    assert [name for name in cited.packed if name.startswith("page-")] == []
    assert sheet_of(run, "all").piece(f"page-{long.page_hash[:16]}") == text


def test_windows_that_overlap_are_one() -> None:
    assert windows([(5_000, 5_010), (700, 710), (100, 110), (5_000, 5_010)], 5_100) == [(0, 1_310), (4_400, 5_100)]
    assert windows([(5, 9)], 0) == []


@pytest.mark.parametrize("words", HOSTILE)
def test_what_a_page_or_a_cell_says_is_nowhere_in_the_file_as_markup(tmp_path: Path, words: str) -> None:
    spec = OutputSpec.parse({"operator": "who flies it"})
    run = create(tmp_path / "<img src=x onerror=alert(9)>", spec=spec, inputs=pa.schema([("mission", pa.string())]))
    bad = page(0).model_copy(update={"url": words, "title": words, "text": words, "page_hash": page_hash(words)})
    excerpt = Excerpt(text=words, page_hash=bad.page_hash, start=0, end=len(words), support="against")
    basis = [FieldBasis(field="operator", citations=[Citation(url=words, title=words, excerpts=[excerpt])], reasoning=words)]
    result = completed(0, output={"operator": words}, basis=basis, findings=[], sources_detailed=[], error=words)
    with run.lock():
        run.write_shard(0, pa.record_batch([[words]], names=["mission"]), 0, [result], [bad])
        run.finish()
    made = sheet_of(run)
    plain = sheet_of(finished(tmp_path / "plain", 1))
    assert [tag for tag, _ in made.elements] == [tag for tag, _ in plain.elements]
    assert words not in made.text.replace(own_script(), "")
    assert made.piece("rows-0")["values"] == [[words]]
    assert made.piece("rows-0")["marks"] == ["3"]  # a source against it, and none for it


def test_a_run_without_a_row_makes_an_empty_sheet(tmp_path: Path) -> None:
    run = create(tmp_path / "run")
    assert sheet_of(run).piece("about")["rows"] == 0


def test_the_command_writes_the_file_where_it_is_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished(tmp_path / "run", 1)
    assert main(["report", str(run.path)]) == 0
    assert (run.path / "report.html").exists()
    assert main(["report", str(run.path), "--out", str(tmp_path / "new" / "sheet.html"), "--json"]) == 0
    assert Sheet(tmp_path / "new" / "sheet.html").piece("about")["name"] == "run"
    assert main(["report", str(run.path), "--out", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err
    assert [path.name for path in run.path.iterdir() if path.name.startswith(".report")] == []
