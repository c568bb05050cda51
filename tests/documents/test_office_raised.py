"""Raised, lowered and struck text of Office files stays what it is."""

from __future__ import annotations

import io
import zipfile

import pytest
import xlsxwriter
from lxml import etree
from pptx import Presentation
from pptx.util import Inches

from research.documents.extract import extract
from tests.documents.test_documents_formats import ODF, docx

MAIN = "http://schemas.openxmlformats.org/drawingml/2006/main"
RUNS = [("10", ""), ("24", "sup"), (" kg, CO", ""), ("2", "sub"), (", ", ""), ("€120", "s"), (" €90", "")]
SHOWN = "10^24 kg, CO2, ~~€120~~ €90"


def _docx() -> bytes:
    looks = {
        "": "",
        "sup": '<w:vertAlign w:val="superscript"/>',
        "sub": '<w:vertAlign w:val="subscript"/>',
        "s": "<w:strike/>",
    }
    runs = "".join(f'<w:r><w:rPr>{looks[look]}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>' for text, look in RUNS)
    return docx(f"<w:p>{runs}</w:p>")


def _odt() -> bytes:
    spans = "".join(f'<text:span text:style-name="{look}">{text}</text:span>' if look else text for text, look in RUNS)
    names = " ".join(f'xmlns:{name}="{ODF}:{name}:1.0"' for name in ("office", "text", "style"))
    content = (
        f"<office:document-content {names}><office:automatic-styles>"
        '<style:style style:name="sup"><style:text-properties style:text-position="super 58%"/></style:style>'
        '<style:style style:name="sub"><style:text-properties style:text-position="-25% 58%"/></style:style>'
        '<style:style style:name="s"><style:text-properties style:text-line-through-style="solid"/></style:style>'
        f"</office:automatic-styles><office:body><office:text><text:p>{spans}</text:p></office:text></office:body>"
        "</office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        file.writestr("content.xml", content)
    return out.getvalue()


def _looking(paragraph: etree._Element) -> None:
    """Give a paragraph of a slide the runs of this page."""
    looks = {"": {}, "sup": {"baseline": "30000"}, "sub": {"baseline": "-25000"}, "s": {"strike": "sngStrike"}}
    for text, look in RUNS:
        run = etree.SubElement(paragraph, f"{{{MAIN}}}r")
        etree.SubElement(run, f"{{{MAIN}}}rPr", looks[look])
        etree.SubElement(run, f"{{{MAIN}}}t").text = text


def _pptx() -> bytes:
    presentation, out = Presentation(), io.BytesIO()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    box = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(4), Inches(1))
    _looking(next(box.element.iter(f"{{{MAIN}}}p")))
    presentation.save(out)
    return out.getvalue()


def _xlsx() -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        looks = {"sup": {"font_script": 1}, "sub": {"font_script": 2}, "s": {"font_strikeout": True}}
        formats = {look: book.add_format(how) for look, how in looks.items()}
        pieces = [piece for text, look in RUNS for piece in ([formats[look], text] if look else [text])]
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["name", "value"])
        sheet.write(1, 0, "a")
        sheet.write_rich_string(1, 1, *pieces)
    return out.getvalue()


@pytest.mark.parametrize(("suffix", "written"), [("docx", _docx), ("odt", _odt), ("pptx", _pptx), ("xlsx", _xlsx)])
def test_raised_lowered_and_struck_runs_are_told_apart(suffix: str, written) -> None:  # type: ignore[no-untyped-def]
    assert SHOWN in extract(written(), url=f"corpus://c/a.{suffix}").text


def _shown(*pieces: tuple[str, str], is_struck: bool = False) -> str:
    """How a page shows a cell of these parts, in a workbook."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        looks = {"sup": {"font_script": 1}, "s": {"font_strikeout": True}, "": {"bold": True}}
        formats = {look: book.add_format(how) for look, how in looks.items()}
        parts = [part for text, look in pieces for part in ([text] if look == "plain" else [formats[look], text])]
        cell = [book.add_format({"font_strikeout": True})] if is_struck else []
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["name", "value"])
        sheet.write(1, 0, "a")
        sheet.write_rich_string(1, 1, *parts, *cell)
    return extract(out.getvalue(), url="corpus://c/a.xlsx").text.partition("\n| a | ")[2].partition(" |\n")[0]


def test_raised_text_of_a_workbook_is_written_as_that_of_a_page() -> None:
    assert _shown(("the 19", "plain"), ("th", "sup"), (" of May", "plain")) == "the 19th of May"
    assert _shown(("Acme", "plain"), ("TM", "sup")) == "Acme™"
    assert _shown(("€19", "plain"), ("99", "sup")) == "€19.99"
    assert _shown(("a", "plain"), (" ", "s"), ("b", "plain")) == "a b"


def test_a_cell_that_is_struck_out_is_struck_whatever_is_raised_in_it() -> None:
    assert _shown(("10", "plain"), ("6", "sup"), is_struck=True) == "~~10~~"
    assert _shown(("10", ""), ("6", "sup"), is_struck=True) == "~~10^6~~"
    assert _shown(("€120", "plain"), (" or €90", "s"), is_struck=True) == "~~€120~~~~or €90~~"


def test_merged_cells_of_a_slide_span_what_they_span() -> None:
    presentation, out = Presentation(), io.BytesIO()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    table = slide.shapes.add_table(3, 3, Inches(1), Inches(1), Inches(6), Inches(2)).table
    for line, texts in enumerate([("State", "Capital", "Largest city"), ("Alda", "Bern", ""), ("Bora", "Cap", "Big")]):
        for column, text in enumerate(texts):
            table.cell(line, column).text = text
    table.cell(1, 1).merge(table.cell(1, 2))
    presentation.save(out)
    text = extract(out.getvalue(), url="corpus://c/a.pptx").text
    assert text.startswith("| State | Capital | Largest city |\n| Alda | Bern | Bern |\n| Bora | Cap | Big |")


def test_a_slide_that_is_hidden_is_not_read_and_that_is_told() -> None:
    presentation, out = Presentation(), io.BytesIO()
    for number, shown in ((1, "1"), (2, "0")):
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        slide.shapes.title.text = f"Slide number {number}"
        slide.element.set("show", shown)
    presentation.save(out)
    text = extract(out.getvalue(), url="corpus://c/a.pptx").text
    assert text.partition("\n")[0] == "## Slide number 1"
    assert "Slide number 2" not in text
    assert "hidden_slides: 1" in text
