"""A folder of a corpus holds every kind of file that can be read."""

from __future__ import annotations

import io
from pathlib import Path

import openpyxl
import pytest
from pptx import Presentation

from research.search.corpus import SUFFIXES
from research.search.local import LocalCorpus

DOCUMENTS = Path(__file__).parents[2] / "docs" / "corpus.md"


def workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    for row in (["probe", "mass", "state"], ["Zarya", "812 kg", "lost"]):
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def slides() -> bytes:
    presentation, out = Presentation(), io.BytesIO()
    presentation.slides.add_slide(presentation.slide_layouts[0]).shapes.title.text = "Zarya was lost at sea"
    presentation.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "snippet"),
    [
        ("a.csv", b"probe,mass,state\nZarya,812 kg,lost\n", "| Zarya | 812 kg | lost |"),
        ("a.tsv", b"probe\tmass\tstate\nZarya\t812 kg\tlost\n", "| Zarya | 812 kg | lost |"),
        ("a.xlsx", workbook(), "| Zarya | 812 kg | lost |"),
        ("a.pptx", slides(), "Zarya was lost at sea"),
        ("a.xml", b"<probes><probe><name>Zarya</name></probe><count>3</count></probes>", "probes.probe.name: Zarya"),
        (
            "a.rss",
            b"<rss version='2.0'><channel><title>N</title><item><title>Zarya</title><description>Lost at sea.</description>"
            b"</item></channel></rss>",
            "Lost at sea.",
        ),
        ("a.json", b'{"probe":"Zarya"}', "probe: Zarya"),
    ],
)
async def test_a_file_of_each_kind_is_found_and_cited(tmp_path: Path, name: str, data: bytes, snippet: str) -> None:
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / name).write_bytes(data)
    corpus = LocalCorpus.open(tmp_path / "probes", tmp_path / "index")
    (hit,) = (await corpus.search("Zarya", limit=2)).hits
    assert hit.url == f"corpus://probes/{name}"
    assert snippet in hit.snippet
    assert snippet in (await corpus.fetch(hit.url)).text


def test_the_documentation_names_every_suffix() -> None:
    written = DOCUMENTS.read_text("utf-8")
    assert [suffix for suffix in sorted(SUFFIXES) if suffix not in written] == []
