"""CSV, feeds, XML, JSON and Office files become a page's text; hostile ones become a typed error."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from research.documents import csv_text
from research.documents.blocks import clean
from research.documents.extract import extract
from research.documents.extracted import Extracted
from research.documents.office import archive
from research.documents.tabular.dialect import choose
from research.documents.version import EXTRACTION_VERSION
from research.errors import PageUnreadable
from research.testing import WebServer

W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ODF: Final = "urn:oasis:names:tc:opendocument:xmlns"


def read(data: bytes | str, url: str = "https://e.org/x", media_type: str | None = None) -> Extracted:
    return extract(data.encode() if isinstance(data, str) else data, url=url, media_type=media_type)


def packed(members: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return out.getvalue()


def docx(body: str, doctype: str = "", more: Mapping[str, str | bytes] | None = None) -> bytes:
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>'
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
    )
    styles = (
        f'<w:styles xmlns:w="{W}"><w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style></w:styles>'
    )
    core = (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
        "<dc:title>Probe report</dc:title><dc:creator>Ann Lee</dc:creator>"
        "<dcterms:created>2021-03-04T05:06:07Z</dcterms:created></cp:coreProperties>"
    )
    document = f'<?xml version="1.0"?>{doctype}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    return packed(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": relations,
            "word/styles.xml": styles,
            "word/document.xml": document,
            "docProps/core.xml": core,
            **(more or {}),
        }
    )


def paragraph(text: str, style: str = "") -> str:
    return f"<w:p>{f'<w:pPr><w:pStyle w:val={style!r}/></w:pPr>' if style else ''}<w:r><w:t>{text}</w:t></w:r></w:p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    return (
        "<w:tbl>"
        + "".join("<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>" for row in rows)
        + "</w:tbl>"
    )


def odf(kind: str, body: str, manifest: str = "") -> bytes:
    return packed(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "META-INF/manifest.xml": f'<m:manifest xmlns:m="{ODF}:manifest:1.0">{manifest}</m:manifest>',
            "meta.xml": '<meta><title xmlns="http://purl.org/dc/elements/1.1/">Luna</title><creation-date>2020-05-06T01:02:03</creation-date></meta>',
            "content.xml": f'<office:document-content xmlns:office="{ODF}:office:1.0" xmlns:text="{ODF}:text:1.0" '
            f'xmlns:table="{ODF}:table:1.0"><office:body>{body}</office:body></office:document-content>',
        },
        zipfile.ZIP_STORED,
    )


def workbook(fill: Callable[[openpyxl.Workbook], None]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    fill(book)
    book.save(out)
    return out.getvalue()


# CSV


@pytest.mark.parametrize(
    ("data", "url", "media_type"),
    [
        ("name,price\nLamp,12.5\nBulb,3\n", "https://e.org/x", "text/csv"),
        ("name;price\r\nLamp;12.5\r\nBulb;3\r\n", "https://e.org/x", "text/csv; header=present"),
        ("name\tprice\nLamp\t12.5\nBulb\t3\n", "https://e.org/x.tsv", "text/plain"),
        ("name|price\nLamp|12.5\nBulb|3\n", "corpus://c/x.csv", None),
        ("sep=;\nname;price\nLamp;12.5\nBulb;3\n", "corpus://c/x.csv", "application/octet-stream"),
        ("\ufeffname,price\nLamp,12.5\n\n,\nBulb,3", "corpus://c/x.csv", None),
    ],
)
def test_csv_is_a_table_whatever_divides_its_cells(data: str, url: str, media_type: str | None) -> None:
    assert read(data, url, media_type).text == "| name | price |\n| Lamp | 12.5 |\n| Bulb | 3 |"


def test_a_quoted_cell_may_hold_the_delimiter_quotes_bars_and_lines() -> None:
    text = read('name,note\n"Lamp, big","say ""hi"" | bye"\nBulb,"First line.\nSecond line"\n', "corpus://c/x.csv").text
    assert text == '| name | note |\n| Lamp, big | say "hi" ¦ bye |\n| Bulb | First line.; Second line |'


def test_a_decimal_comma_is_not_taken_for_the_delimiter() -> None:
    assert "| 1,5 | 2,25 |" in read("a;b\n1,5;2,25\n3,5;4,5\n", "corpus://c/x.csv").text


def test_a_stray_quote_does_not_swallow_the_rest_of_the_file() -> None:
    text = read('size\tname\n"6\tpipe\n5\tother pipe\n', "corpus://c/x.tsv").text
    assert text == '| size | name |\n| "6 | pipe |\n| 5 | other pipe |'


def test_lines_above_a_csv_table_are_paragraphs_and_the_title() -> None:
    extracted = read("Report 2024\n\nYear,GDP,Pop\n2020,1,2\n2021,2,3", "corpus://c/x.csv")
    assert extracted.text == "Report 2024\n\n| Year | GDP | Pop |\n| 2020 | 1 | 2 |\n| 2021 | 2 | 3 |"
    assert extracted.title == "Report 2024"


def test_a_title_above_a_csv_table_does_not_decide_its_delimiter() -> None:
    assert read("Report 2024\n\nname;rev\nAcme;1,5\n", "corpus://c/x.csv").text == "Report 2024\n\n| name | rev |\n| Acme | 1,5 |"


def test_a_csv_file_that_is_prose_is_read_as_prose() -> None:
    assert read("Nothing here is a table. It is text.\n\nAnd more of it.", "corpus://c/x.csv").text == (
        "Nothing here is a table. It is text.\n\nAnd more of it."
    )


def test_rows_that_do_not_fit_are_counted() -> None:
    text = read("n,text\n" + f"1,{'x' * 1000}\n" * 3000, "corpus://c/x.csv").text
    assert len(text) < 2_010_000
    kept = text.count("xxx |\n")
    assert f"rows: 3000\nrows_left_out: {3000 - kept}" in text


WORDS = st.text(st.characters(codec="utf-8", exclude_characters='",;\t|\r\n\0'), max_size=8).map(lambda text: f"w{text}")


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=1, max_size=8)))
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_that_wrote_a_table_is_found(delimiter: str, rows: list[list[str]]) -> None:
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    assert choose(text).dialect.delimiter == delimiter
    assert csv_text.read(text).blocks[-1].lines == [
        "| " + " | ".join(clean(cell).replace("|", "¦") for cell in row) + " |" for row in rows
    ]


# Feeds

RSS = (
    '<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>News &amp;amp; more</title>'
    "<link>https://e.org/</link><description>All of it</description><item><title>Up</title><link>/1</link>"
    "<pubDate>Mon, 02 Jan 2023 10:00:00 +0100</pubDate><author>ann@e.org (Ann)</author><category>Space</category>"
    "<g:price>12.50 EUR</g:price><description><![CDATA[<h1>More</h1><p>It <b>flew</b>.</p><ul><li>a<li>b</ul>]]></description>"
    "</item></channel></rss>"
)


def test_keys_of_two_modules_of_a_feed_are_told_apart() -> None:
    spaces = 'xmlns:g="http://base.google.com/ns/1.0" xmlns:shop="http://e.org/shop"'
    item = "<title>Lamp</title><g:price>9 EUR</g:price><shop:price>7 EUR</shop:price><shop:colour>red</shop:colour>"
    text = read(
        f'<rss version="2.0" {spaces}><channel><title>T</title><item>{item}</item></channel></rss>', "https://e.org/feed"
    ).text
    assert "Colour: red" in text
    assert "G price: 9 EUR" in text
    assert "Shop price: 7 EUR" in text


@pytest.mark.parametrize("media_type", ["application/rss+xml", "text/xml", "text/html", None])
def test_rss_is_a_heading_facts_and_text_for_each_entry(media_type: str | None) -> None:
    extracted = read(RSS, "https://e.org/feed", media_type)
    assert extracted.media_type == "application/rss+xml"
    assert extracted.text == (
        "# News & more\n\nLink: https://e.org/\n\nAll of it\n\n## Up\n\nPublished: 2023-01-02T09:00:00Z\nAuthor: Ann\n"
        "Link: https://e.org/1\nCategories: Space\nPrice: 12.50 EUR\n\n### More\n\nIt flew.\n\n- a\n- b"
    )
    assert (extracted.title, extracted.published) == ("News & more", "2023-01-02T09:00:00Z")


def test_atom_is_read() -> None:
    extracted = read(
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><updated>2024-01-02T03:04:05Z</updated><entry><title>T</title>'
        '<link href="/x"/><id>1</id><updated>2024-01-01T00:00:00Z</updated><author><name>Bob</name></author>'
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Hi <i>you</i></p></div></content></entry></feed>',
        "https://e.org/feed",
    )
    assert "## T\n\nUpdated: 2024-01-01T00:00:00Z\nAuthor: Bob\nLink: https://e.org/x\n\nHi you" in extracted.text
    assert (extracted.media_type, extracted.published) == ("application/atom+xml", "2024-01-02T03:04:05Z")


def test_a_title_of_an_entry_is_read_as_the_markup_that_it_is() -> None:
    title = "Up to 10&lt;sup&gt;6&lt;/sup&gt; m of H&lt;sub&gt;2&lt;/sub&gt;O &amp;amp; &lt;b&gt;more&lt;/b&gt;"
    feed = f'<rss version="2.0"><channel><title>N</title><item><title>{title}</title></item></channel></rss>'
    assert "## Up to 10^6 m of H2O & more" in read(feed, "https://e.org/feed").text


def test_rss_1_is_read() -> None:
    text = read(
        '<?xml version="1.0"?><!-- by hand --><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>R</title></channel>'
        "<item><title>One</title><dc:date>2020-01-02</dc:date><dc:creator>Cy</dc:creator><description>text</description></item></rdf:RDF>",
        media_type="application/rdf+xml",
    ).text
    assert "# R\n\n## One\n\nUpdated: 2020-01-02T00:00:00Z\nAuthor: Cy\n\ntext" in text


def test_json_feed_is_read() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "J",
        "items": [
            {
                "id": "1",
                "title": "x",
                "url": "https://e.org/1",
                "content_text": "hello\nyou <3",
                "date_published": "2020-01-02T00:00:00Z",
                "authors": [{"name": "Al"}],
                "tags": ["a", "b"],
            }
        ],
    }
    extracted = read(json.dumps(feed), "https://e.org/feed.json", "application/json")
    assert extracted.text == (
        "# J\n\n## x\n\nPublished: 2020-01-02T00:00:00Z\nAuthor: Al\nLink: https://e.org/1\nCategories: a, b\n\nhello\n\nyou <3"
    )
    assert (extracted.media_type, extracted.published) == ("application/feed+json", "2020-01-02T00:00:00Z")


def test_a_broken_feed_is_read_as_far_as_it_goes() -> None:
    text = read(RSS.replace("</item></channel></rss>", "</item><item><title>Next & last</title>"), "https://e.org/feed").text
    assert "## Up" in text
    assert "## Next & last" in text


def test_a_huge_feed_is_cut_between_entries_and_says_how_many_are_gone() -> None:
    entry = "<item><title>Entry</title><description>" + "word " * 200 + "</description></item>"
    text = read('<rss version="2.0"><channel><title>Big</title>' + entry * 4000 + "</channel></rss>", "https://e.org/feed").text
    kept = text.count("## Entry")
    assert 100 < kept < 4000
    assert int(text.rpartition("entries_left_out: ")[2]) > 100


def test_a_feed_resolves_no_entity_and_asks_no_server(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    bomb = "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 12))
    with WebServer({"/x.dtd": "<!ELEMENT a ANY>", "/e": "LOADED"}) as web:
        text = read(
            f'<?xml version="1.0"?><!DOCTYPE rss SYSTEM "{web.url}/x.dtd" [<!ENTITY l0 "lol">{bomb}'
            f'<!ENTITY f SYSTEM "file://{secret}"><!ENTITY h SYSTEM "{web.url}/e">]>'
            f"<rss version='2.0'><channel><title>T</title><link>{web.url}/e</link><item><title>i &f; &h;</title>"
            f"<description>&lt;img src='{web.url}/e'&gt; text &l11;</description></item></channel></rss>",
            "https://e.org/feed",
            "application/rss+xml",
        ).text
        assert web.requests == []
    assert "TOP SECRET" not in text
    assert "LOADED" not in text
    assert len(text) < 1_000


# Other data


def test_xml_that_is_data_is_read_as_tables_and_paths() -> None:
    extracted = read(
        '<?xml version="1.0"?><catalog xmlns="urn:x" of="ACME"><book id="1"><title>X</title><price cur="EUR">5</price></book>'
        '<book id="2"><title>Y</title><price cur="USD">6</price></book><contact><mail>a@e.org</mail></contact></catalog>',
        "https://e.org/x",
        "application/xml",
    )
    assert extracted.media_type == "application/xml"
    assert extracted.text == (
        "## catalog.book\n\n| id | title | price.cur | price.value |\n| 1 | X | EUR | 5 |\n| 2 | Y | USD | 6 |\n\n"
        "## Page data\n\ncatalog.of: ACME\ncatalog.contact.mail: a@e.org"
    )


def test_xml_that_is_prose_or_broken_is_read_as_before() -> None:
    assert "Hello dear world" in read("<note><p>Hello <em>dear</em> world</p></note>", media_type="text/xml").text
    assert "Hello" in read("<note><p>Hello</p>", media_type="text/xml").text


def test_like_records_in_json_are_a_table() -> None:
    records = [{"name": f"n{number}", "size": number, "at": {"lat": 1.5}, "tags": ["a", "b"]} for number in range(100)]
    text = read(json.dumps({"total": 100, "rows": records}), media_type="application/json").text
    assert "## rows\n\n| name | size | at.lat | tags |\n| n0 | 0 | 1.5 | a; b |\n" in text
    assert "| n99 | 99 |" in text
    assert text.endswith("## Page data\n\ntotal: 100")


# Office


def test_a_word_file_keeps_headings_tables_and_lists_and_says_who_wrote_it_when() -> None:
    extracted = read(
        docx(
            paragraph("Mission", "H1")
            + paragraph("The probe left the ground &amp; flew.")
            + table([["Mass", "815 kg"], ["Crew", "none"]])
            + table([["Name", "Year", "Note"], ["Luna", "1966", "a|b"]])
        ),
        "https://e.org/x",
        "application/octet-stream",
    )
    assert extracted.media_type == archive.DOCX
    assert extracted.text == (
        "# Mission\n\nThe probe left the ground & flew.\n\nMass: 815 kg\nCrew: none\n\n"
        "| Name | Year | Note |\n| Luna | 1966 | a¦b |\n\n"
        "## Page data\n\ntitle: Probe report\nauthor: Ann Lee\ncreated: 2021-03-04T05:06:07Z"
    )
    assert (extracted.title, extracted.published) == ("Probe report", "2021-03-04T05:06:07Z")


def test_a_presentation_gives_titles_text_tables_charts_and_notes() -> None:
    presentation, out = Presentation(), io.BytesIO()
    first = presentation.slides.add_slide(presentation.slide_layouts[1])
    first.shapes.title.text = "Results"
    first.placeholders[1].text = "Up 5 %\nMargin 12 %"
    first.notes_slide.notes_text_frame.text = "Thank the team."
    second = presentation.slides.add_slide(presentation.slide_layouts[5])
    second.shapes.title.text = "Figures"
    cells = second.shapes.add_table(2, 3, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for at, text in enumerate(["Year", "Sales", "Staff", "2020", "5", "6"]):
        cells.cell(at // 3, at % 3).text = text
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("North", (1.5, 2))
    data.add_series("South", (3, 4.25))
    second.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(3), Inches(4), Inches(3), data)
    presentation.save(out)
    extracted = read(out.getvalue())
    assert extracted.media_type == archive.PPTX
    before = extracted.text.partition("\n\n## Page data")[0]
    assert before == (
        "## Results\n\n- Up 5 %\n- Margin 12 %\n\nThank the team.\n\n## Figures\n\n| Year | Sales | Staff |\n| 2020 | 5 | 6 |\n\n"
        "| North | South |\n| Q1 | 1.5 | 3 |\n| Q2 | 2 | 4.25 |"
    ).replace("| North |", "|  | North |")


def test_a_workbook_gives_a_heading_and_a_table_for_each_sheet_that_is_shown() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        prices = book.active
        assert prices is not None
        prices.title = "Prices"
        for line in (
            ["Price list"],
            [],
            [None, "Item", "Price", "Since"],
            [None, "Lamp", 12.5, date(2024, 1, 2)],
            [None, "Bulb", 3.0],
        ):
            prices.append(line)
        book.create_sheet("Empty")
        hidden = book.create_sheet("Hidden")
        hidden.append(["secret"])
        hidden.sheet_state = "hidden"
        book.properties.creator = "Ann Lee"

    extracted = read(workbook(fill), "corpus://c/x.xlsx")
    assert extracted.media_type == archive.XLSX
    assert extracted.text.startswith("## Prices\n\nPrice list\n\n")
    assert "| Item | Price | Since |\n" in extracted.text.replace("|  | Item", "| Item")
    assert "Lamp | 12.5 | 2024-01-02 |" in extracted.text
    assert "Bulb | 3 |" in extracted.text
    assert "author: Ann Lee" in extracted.text
    assert "secret" not in extracted.text
    assert "Empty" not in extracted.text


def test_a_workbook_page_says_what_its_cells_show() -> None:
    """Percent signs, currencies, units and leading zeros; long numbers whole; the address behind a cell; merged labels in each
    row; and which formulas have no value."""

    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        assert sheet is not None
        for line in (
            ["kind", "name", "share", "price", "mass", "id", "code", "sum"],
            ["A", "Acme", 0.075, 1234.5, 12.5, 1234567890123456, 123, "=1+1"],
            [None, "Foo", 0.65, -99, 3, 1e20, 7, None],
        ):
            sheet.append(line)
        formats = ("0.0%", "[$€-407] #,##0.00", '0.0" kg"', "0", "00000")
        for row in (2, 3):
            for column, code in enumerate(formats, 3):
                sheet.cell(row, column).number_format = code
        sheet.merge_cells("A2:A3")
        sheet["B2"].hyperlink = "https://acme.org/"
        sheet["B2"].value = "Acme"

    text = read(workbook(fill), "corpus://c/x.xlsx").text
    assert "| A | Acme (https://acme.org/) | 7.5% | € 1,234.50 | 12.5 kg | 1234567890123456 | 00123 |  |" in text
    assert "| A | Foo | 65.0% | -€ 99.00 | 3.0 kg | 100000000000000000000 | 00007 |  |" in text
    assert "formulas_without_value: H2 of sheet Sheet" in text


def test_a_workbook_page_has_the_units_of_its_heads_and_of_what_stands_above_in_its_cells() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        assert sheet is not None
        for line in (["(in EUR million)"], ["name", "revenue", "staff", "mass (kg)"], ["A", 12.5, 300, 3], ["B", 7, 40, 5]):
            sheet.append(line)

    text = read(workbook(fill), "corpus://c/x.xlsx").text
    assert "| A | 12.5 million EUR | 300 | 3 kg |\n| B | 7 million EUR | 40 | 5 kg |" in text


def test_an_open_document_text_keeps_its_structure() -> None:
    def row(*cells: str) -> str:
        written = "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells)
        return f"<table:table-row>{written}</table:table-row>"

    item = "<text:list-item><text:p>{}</text:p></text:list-item>".format
    body = (
        '<office:text><text:h text:outline-level="2">Luna</text:h>'
        "<text:p>Mass <text:span>and</text:span><text:s/>more &lt;b&gt;</text:p>"
        f"<text:list>{item('one')}{item('two')}</text:list>"
        f"<table:table>{row('Mass', '3 kg')}{row('Crew', 'none')}</table:table></office:text>"
    )
    extracted = read(odf("text", body))
    assert extracted.text.startswith("## Luna\n\nMass and more <b>\n\n- one\n- two\n\nMass: 3 kg\nCrew: none\n\n## Page data")
    assert (extracted.media_type, extracted.title, extracted.published) == (archive.ODT, "Luna", "2020-05-06T01:02:03")


def test_an_open_document_sheet_is_read() -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    rows = "".join(
        f"<table:table-row>{cell.format(a)}{cell.format(b)}</table:table-row>" for a, b in (("Name", "Mass"), ("Luna", "3 kg"))
    )
    extracted = read(
        odf("spreadsheet", f'<office:spreadsheet><table:table table:name="S">{rows}</table:table></office:spreadsheet>')
    )
    assert extracted.text.startswith("## S\n\n| Name | Mass |\n| Luna | 3 kg |")


# What is hostile or broken

XLSX_PARTS = ("xl/workbook.xml", "[Content_Types].xml", "_rels/.rels")


def lying(data: bytes, name: str) -> bytes:
    """A ZIP file that says that a member is small."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        size = file.getinfo(name).file_size
    return data.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))


def encrypted(data: bytes) -> bytes:
    """A ZIP file whose members say that they are encrypted."""
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data = data[: at + offset] + bytes([data[at + offset] | 1]) + data[at + offset + 1 :]
            at = data.find(mark, at + 1)
    return data


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
BILLION = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: docx(paragraph("x" * 100) * 1_000_000), "unpacks to more than"),
        (lambda: lying(docx(paragraph("x" * 5_000)), "word/document.xml"), "broken|cannot be opened"),
        (lambda: docx(paragraph("&b;"), BILLION), "document type"),
        (lambda: docx("", more={"word/footnotes.xml": f"<?xml version='1.0'?>{BILLION}<a>&b;</a>"}), "document type"),
        (lambda: docx(paragraph("x"), BILLION.encode("utf-16").decode("latin-1")), "."),
        (lambda: docx("<w:p><w:r>" * 5_000), "cannot be read"),
        (lambda: docx("<w:tbl><w:tr><w:tc>" * 3_000 + "</w:tc></w:tr></w:tbl>" * 3_000), "cannot be read|no text"),
        (lambda: docx(paragraph("x"), more={f"word/m{number}.bin": b"" for number in range(10_001)}), "members"),
        (lambda: encrypted(docx(paragraph("x"))), "password"),
        (lambda: OLE + "EncryptedPackage".encode("utf-16-le") + bytes(40), "password"),
        (lambda: OLE + "WordDocument".encode("utf-16-le") + bytes(40), "old Word file"),
        (lambda: OLE + "Workbook".encode("utf-16-le") + bytes(40), "workbook cannot be read"),
        (lambda: docx(paragraph("x"))[:400], "cannot be opened"),
        (lambda: packed({"[Content_Types].xml": "<Types/>", "ppt/presentation.xml": "<x/>"}), "PowerPoint file cannot be read"),
        (lambda: packed(dict.fromkeys(XLSX_PARTS, "<x/>")), "workbook cannot be read"),
        (lambda: odf("text", "", "<m:encryption-data/>"), "password"),
        (lambda: packed({"mimetype": "application/epub+zip"}), "EPUB"),
        (lambda: packed({"a.txt": "hello"}), "ZIP file that is no document"),
        (lambda: b"{\\rtf1 hello}", "RTF"),
    ],
)
def test_hostile_and_broken_files_say_what_is_wrong(make: Callable[[], bytes], says: str) -> None:
    with pytest.raises(PageUnreadable, match=says) as caught:
        read(make(), "https://e.org/file")
    assert "https://e.org/file" in str(caught.value)


def test_a_word_file_names_no_file_that_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"TOP SECRET")
    drawing = (
        '<w:p><w:r><w:drawing><a:blip xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        f'xmlns:r="{OFFICE}" r:link="r9"/>'
        "</w:drawing></w:r></w:p>"
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r9" Type="{OFFICE}/image" Target="file://{secret}" TargetMode="External"/></Relationships>'
    )
    text = read(docx(paragraph("Hello") + drawing, more={"word/_rels/document.xml.rels": relations})).text
    assert text.startswith("Hello\n\n## Page data")


@settings(max_examples=60, deadline=None)
@given(st.data())
@pytest.mark.parametrize("kind", ["docx", "odt", "pptx"])
def test_a_damaged_office_file_is_text_or_a_typed_error(kind: str, data: st.DataObject) -> None:
    whole = SOUND[kind]
    at = data.draw(st.integers(0, len(whole) - 1))
    spoiled = whole[:at] + data.draw(st.binary(max_size=20)) + whole[at + data.draw(st.integers(0, 50)) :]
    try:
        extracted = read(spoiled, f"corpus://c/x.{kind}")
    except PageUnreadable:
        return
    assert extracted.text


def _presentation() -> bytes:
    presentation, out = Presentation(), io.BytesIO()
    presentation.slides.add_slide(presentation.slide_layouts[0]).shapes.title.text = "Results"
    presentation.save(out)
    return out.getvalue()


SOUND = {
    "docx": docx(paragraph("Hello") + table([["a", "b"]])),
    "odt": odf("text", "<office:text><text:p>Hello</text:p></office:text>"),
    "pptx": _presentation(),
}


def test_the_version_of_the_text_names_the_libraries_that_read() -> None:
    # trafilatura, lxml, pypdfium2, feedparser, mammoth, python-pptx, python-calamine: three or four numbers each.
    assert EXTRACTION_VERSION.count(".") >= 6
