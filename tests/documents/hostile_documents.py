"""Documents that were written to make a reader take for ever, or all memory: small code each, and no files."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple


class Hostile(NamedTuple):
    """A document, as it would come from the web."""

    url: str
    data: bytes
    media_type: str | None = None


def html(body: str, head: str = "") -> Hostile:
    page = f"<!DOCTYPE html><html><head><title>Probe</title>{head}</head><body>{body}</body></html>"
    return Hostile("https://evil.example/page.html", page.encode(), "text/html; charset=utf-8")


def text(written: str | bytes, suffix: str) -> Hostile:
    return Hostile(f"https://evil.example/file.{suffix}", written if isinstance(written, bytes) else written.encode())


def packed(members: dict[str, str | bytes], suffix: str) -> Hostile:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return text(out.getvalue(), suffix)


_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"


def docx(body: str) -> Hostile:
    return packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
            f'Type="{_RELATIONS}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>',
        },
        "docx",
    )


def xlsx(rows: str, shared: str = "") -> Hostile:
    types = f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>'
    relation = '<Relationship Id="{}" Type="' + _RELATIONS + '/{}" Target="{}"/>'
    return packed(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
            + relation.format("r1", "officeDocument", "xl/workbook.xml")
            + "</Relationships>",
            "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_RELATIONS}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
            + relation.format("r1", "worksheet", "worksheets/sheet1.xml")
            + relation.format("r2", "sharedStrings", "sharedStrings.xml")
            + "</Relationships>",
            "xl/sharedStrings.xml": f'<sst xmlns="{_SHEET}">{shared}</sst>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEET}"><sheetData>{rows}</sheetData></worksheet>',
        },
        "xlsx",
    )


def odt(body: str) -> Hostile:
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f'<o:document-content xmlns:o="{office}office:1.0" xmlns:t="{office}text:1.0" '
            f'xmlns:b="{office}table:1.0"><o:body><o:text>{body}</o:text></o:body></o:document-content>',
        },
        "odt",
    )


def pdf(objects: list[bytes], streams: dict[int, bytes] | None = None) -> Hostile:
    out = b"%PDF-1.4\n"
    for number, body in enumerate(objects, 1):
        stream = (streams or {}).get(number)
        out += b"%d 0 obj\n%s\n" % (number, body)
        out += b"stream\n" + stream + b"\nendstream\n" if stream is not None else b""
        out += b"endobj\n"
    return text(out + b"trailer\n<< /Root 1 0 R >>\n%%EOF", "pdf")


def _page_pdf(content: bytes, kids: bytes = b"[3 0 R]", count: int = 1) -> Hostile:
    squeezed = zlib.compress(content, 9)
    return pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids %s /Count %d >>" % (kids, count),
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
            b"<< /Length %d /Filter /FlateDecode >>" % len(squeezed),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        ],
        {4: squeezed},
    )


def _ld(script: str) -> Hostile:
    return html("<p>It was launched in 1977.</p>", f'<script type="application/ld+json">{script}</script>')


def _state(script: str) -> Hostile:
    return html('<div id="app"></div>', f"<script>{script}</script>")


def _xml(body: str, declared: str = "") -> Hostile:
    return Hostile("https://evil.example/data.xml", f'<?xml version="1.0"?>{declared}{body}'.encode(), "application/xml")


def _feed(items: str) -> Hostile:
    whole = f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}</channel></rss>'
    return Hostile("https://evil.example/feed", whole.encode(), "application/rss+xml")


_ENTITIES: Final = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
_LOL: Final = f'<!DOCTYPE x [<!ENTITY e0 "lol">{_ENTITIES}]>'

HOSTILE: Final[dict[str, Callable[[], Hostile]]] = {
    # JSON for machines
    "blank lines in JSON-LD": lambda: _ld("{" + "\n" * 300_000 + "x"),
    "blanks before a brace in JSON-LD": lambda: _ld("{" + "," + " " * 300_000 + "x"),
    "braces and blanks in JSON-LD": lambda: _ld("} ;" * 2 + "}" + " " * 300_000 + "x"),
    "comment marks in JSON-LD": lambda: _ld("<!-- " * 100_000),
    "deep JSON-LD": lambda: _ld("[" * 500_000),
    "200,000 things in JSON-LD": lambda: _ld(json.dumps([{"@type": "Product", "name": f"p{n}"} for n in range(60_000)])),
    "deep graphs in JSON-LD": lambda: _ld('{"@graph":[' * 900 + "1" + "]}" * 900),
    "a number of a million digits": lambda: _ld('{"@type":"Product","price":' + "9" * 1_000_000 + "}"),
    "state that never ends": lambda: _state("window.__INITIAL_STATE__ " + " " * 500_000 + "= x"),
    "windows without a state": lambda: _state("window." * 200_000),
    # HTML
    "a tag with 300,000 attributes": lambda: html("<p " + " ".join(f"a{n}=1" for n in range(300_000)) + ">x</p>"),
    "a tag with 100,000 classes": lambda: html(f'<div class="{"nav-" * 100_000}">x</div>'),
    "spans of a thousand columns": lambda: html(
        "<table>" + ("<tr>" + '<td colspan="1000" rowspan="1000">x</td>' * 10 + "</tr>") * 50 + "</table>"
    ),
    "a row of 200,000 cells": lambda: html("<table><tr>" + "<td>x</td>" * 200_000 + "</tr><tr><td>y<td>z</tr></table>"),
    "tables in tables": lambda: html("<table><tr><td>" * 240 + "x"),
    "divs in divs, 200,000 deep": lambda: html("<div>" * 200_000 + "x"),
    "240 deep, and wide": lambda: html(("<div>" * 240 + "x" + "</div>" * 240) * 800),
    "bold that never closes": lambda: html("<b>x " * 50_000),
    "links that never close": lambda: html("<a href=/x>y " * 50_000),
    "formatting that crosses paragraphs": lambda: html("<p><b><i><u><font>" * 8_000),
    "tags that never end": lambda: html("<a " * 500_000),
    "angle brackets": lambda: html("<" * 2_000_000),
    "half of comments": lambda: html("<!-" * 700_000),
    "comments that never end": lambda: html("<!--" * 500_000),
    "a page of 300,000 paragraphs": lambda: html("<p>It was launched in 1977.</p>" * 150_000),
    "100,000 headings": lambda: html("<h2>Heading</h2>" * 100_000),
    "100,000 links": lambda: html("".join(f'<a href="/{n}">link {n}</a> ' for n in range(100_000))),
    "one list in another, a thousand times": lambda: html("<ul><li>x" * 100 + ("<ul><li>y</ul>" * 20_000)),
    "labels of labels": lambda: html(
        "".join(f"<label for=i{n}>Key {n}</label><input id=i{n} readonly value=v>" for n in range(30_000))
    ),
    "pairs of bold and text": lambda: html("<div>" + "<b>Key:</b> value " * 40_000 + "</div>"),
    "one definition list of 100,000": lambda: html("<dl>" + "<dt>Key<dd>value" * 100_000 + "</dl>"),
    "microdata that refers in circles": lambda: html(
        "".join(
            f'<div itemscope itemref="i{(n + 1) % 3000} i{(n + 7) % 3000}" id="i{n}"><b itemprop=name>x</b></div>'
            for n in range(3_000)
        )
    ),
    "microdata in microdata": lambda: html(
        '<div itemscope itemprop="a" itemtype="http://schema.org/Thing">' * 240 + "x" * 100_000
    ),
    "a megabyte in one word": lambda: html(f"<p>{'x' * 2_000_000}</p>"),
    "a megabyte of blanks": lambda: html(f"<p>a{' ' * 2_000_000}b</p>"),
    "entities that never end": lambda: html("&" * 1_000_000 + "&#x" * 300_000),
    "entities of big numbers": lambda: html("&#" + "9" * 1_000_000 + ";"),
    "meta descriptions": lambda: html("x", '<meta name="description" content="a<b ' + "<a " * 300_000 + '">'),
    "100,000 metas": lambda: html("x", "".join(f'<meta name="citation_{n}" content="v{n}">' for n in range(100_000))),
    "meta refreshes": lambda: html("x", '<meta http-equiv="refresh" content="0; url=' + "/a" * 50 + '">' * 100_000),
    "svg in math in svg": lambda: html("<svg><math>" * 50_000),
    "selects of options": lambda: html("<select>" + "<option>a" * 200_000),
    "dates everywhere": lambda: html("<p>" + "2020-01-01 1/2/2020 January 3, 2020 " * 40_000),
    "addresses of dates": lambda: html(
        "".join(f'<a href="/2020/01/{n}">{n}</a>' for n in range(50_000)), "<link rel=canonical href=/2020/>"
    ),
    "scripts that ask for JavaScript": lambda: html("<noscript>" + "enable " * 200_000 + "</noscript><script>x</script>"),
    "a template in a template": lambda: html("<template>" * 100_000),
    # Text
    "raised in raised text": lambda: html("<p>1" + "<sup>2" * 240 + "x " * 300_000),
    "100,000 raised numbers": lambda: html("<p>" + "10<sup>24</sup> $19<sup>99</sup> " * 50_000),
    "struck in struck text": lambda: html("<del>a " * 240 + "b " * 300_000),
    "formulas in formulas": lambda: html("<math>" + "<msup><mi>x</mi>" * 230 + "y" * 100_000),
    "columns in preformatted text": lambda: html("<pre>" + "a  b   c    d\n" * 100_000 + "x y z   w\n" * 10 + "</pre>"),
    "leaders without an end": lambda: html(
        "<pre>" + ("a" + "." * 300_000 + "\n" + "a" + " ." * 200_000 + "_" * 300_000 + "\n") * 3
    ),
    "labels of websites": lambda: html("<div>" + "<span>Website</span><a href=http://e.org/a>x</a>" * 30_000),
    "a table of scales": lambda: html(
        "<table>" + "<tr><th>In thousands (thousands of euros, thousands of</th><th>(EUR m)</th><td>12</td></tr>" * 30_000
    ),
    "labels above values": lambda: html("<p>Key:</p><p>value</p>" * 60_000),
    "bold labels above values": lambda: html("<div>" + "<b>Key</b><br>value<br>" * 60_000),
    "figures above labels": lambda: html('<div class="stats"><b class="value">1</b><i class="label">L</i></div>' * 40_000),
    "500 kB of [ in Markdown": lambda: text("[" * 499_000, "md"),
    "images in Markdown": lambda: text("![](" * 120_000, "md"),
    "emphasis in Markdown": lambda: text("*a **a " * 70_000, "md"),
    "underscores in Markdown": lambda: text("_a__" * 120_000, "md"),
    "backticks in Markdown": lambda: text("".join("`" * n + "a" for n in range(900)), "md"),
    "quotes in Markdown": lambda: text((">" * 1_000 + "x\n") * 400, "md"),
    "lists in Markdown": lambda: text("".join(" " * n + "- x\n" for n in range(900)), "md"),
    "link definitions in Markdown": lambda: text("".join(f"[{n}]: <{'x' * 20}\n" for n in range(15_000)), "md"),
    "tables in Markdown": lambda: text("|a" * 2_000 + "|\n" + "|-" * 2_000 + "|\n" + "|\n" * 60_000, "md"),
    "HTML that never ends in Markdown": lambda: text("a <!A " * 80_000, "md"),
    "entities in Markdown": lambda: text("&a" * 240_000, "md"),
    "a front matter of dashes": lambda: text("---\n" + "a: b\n" * 100_000, "md"),
    "one line of 20 MB": lambda: text("word " * 4_000_000, "txt"),
    "blank lines in a text": lambda: text("a" + "\n \t" * 500_000 + "b", "txt"),
    "columns in a text": lambda: text("a  b   c\n" * 200_000, "txt"),
    "columns that cross in a text": lambda: text("".join(" " * (n % 97) + "a  b   c\n" for n in range(60_000)), "txt"),
    "facts on one line of a text": lambda: text("Key: value; " * 200_000, "txt"),
    "short lines in a text": lambda: text("ab cd\nx\n" * 200_000, "txt"),
    "colons in a text": lambda: text("a:" * 1_000_000, "txt"),
    "a CSV of quotes": lambda: text('"' * 3_000_000, "csv"),
    "a CSV of delimiters": lambda: text((",;|\t" * 1_000 + "\n") * 1_000, "csv"),
    "a CSV of quotes at starts of cells": lambda: text('a,"b,c\n' * 300_000, "csv"),
    "a CSV of a million columns": lambda: text("a," * 3_000_000 + "\n" + "b,c\n" * 10, "csv"),
    "deep JSON": lambda: text("[" * 2_000_000, "json"),
    "JSON of records without an end": lambda: text(json.dumps([{f"k{n}": n} for n in range(100_000)]), "json"),
    "wide JSON": lambda: text(json.dumps([{f"k{n}_{m}": m for m in range(50)} for n in range(5_000)]), "json"),
    "a JSON number of a million digits": lambda: text('{"a":' + "1" * 3_000_000 + "}", "json"),
    "bytes of no charset": lambda: Hostile("https://evil.example/x.txt", bytes(range(128, 256)) * 40_000),
    "charset of escapes": lambda: Hostile("https://evil.example/x", b"\x1b$B" * 1_000_000, "text/plain; charset=iso-2022-jp"),
    "charset that expands": lambda: Hostile("https://evil.example/x", b"+AAA" * 500_000, "text/plain; charset=utf-7"),
    # XML and feeds
    "a billion laughs": lambda: _xml("<x>&e11;</x>", _LOL),
    "a billion laughs in an attribute": lambda: _xml('<x a="&e11;"/>', _LOL),
    "deep XML": lambda: _xml("<a>" * 500_000),
    "200,000 elements": lambda: _xml("<x>" + "".join(f"<a{n}>1</a{n}>" for n in range(199_000)) + "</x>"),
    "an element of 100,000 attributes": lambda: _xml("<x " + " ".join(f'a{n}="1"' for n in range(100_000)) + "/>"),
    "namespaces": lambda: _xml("<x " + " ".join(f'xmlns:a{n}="u{n}"' for n in range(60_000)) + "/>"),
    "a feed of a billion laughs": lambda: Hostile(
        "https://evil.example/feed",
        f'<?xml version="1.0"?>{_LOL}<rss version="2.0"><channel><title>&e11;</title></channel></rss>'.encode(),
        "application/rss+xml",
    ),
    "a feed of dates": lambda: _feed("<item><title>x</title><pubDate>" + "1 " * 200_000 + "</pubDate></item>"),
    "a feed of 50,000 entries": lambda: _feed("<item><title>x</title><description>&lt;p&gt;y</description></item>" * 50_000),
    "a feed of tags in titles": lambda: _feed("<item><title>" + "&lt;b&gt;" * 300_000 + "</title></item>"),
    "a feed of unclosed items": lambda: _feed("<item><title>" * 60_000),
    # Office
    "a docx of 1.2 million paragraphs": lambda: docx("<w:p/>" * 1_200_000),
    "a docx of 300,000 runs": lambda: docx("<w:p>" + "<w:r><w:t>x</w:t></w:r>" * 300_000 + "</w:p>"),
    "a docx of spanning cells": lambda: docx(
        "<w:tbl>"
        + ("<w:tr>" + '<w:tc><w:tcPr><w:vMerge/><w:gridSpan w:val="1000"/></w:tcPr><w:p/></w:tc>' * 50 + "</w:tr>") * 200
        + "</w:tbl>"
    ),
    "a docx of 50 MB": lambda: docx("<w:p><w:r><w:t>" + "x" * 50_000_000 + "</w:t></w:r></w:p>"),
    "a docx that unpacks to 500 MB": lambda: packed(
        {"[Content_Types].xml": "<Types/>", "word/document.xml": bytes(200_000_000)}, "docx"
    ),
    "a docx of deep tables": lambda: docx("<w:tbl><w:tr><w:tc>" * 3_000),
    "an odt of spanning cells": lambda: odt(
        "<b:table>"
        + (
            "<b:table-row>"
            + '<b:table-cell b:number-columns-spanned="1000" b:number-rows-spanned="1000"/>' * 20
            + "</b:table-row>"
        )
        * 20
        + "</b:table>"
    ),
    "an odt of a million paragraphs": lambda: odt("<t:p>x</t:p>" * 1_000_000),
    "cells in far corners": lambda: xlsx(
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    ),
    "a workbook of a million strings": lambda: xlsx(
        '<row r="1"><c r="A1" t="s"><v>0</v></c></row>', "<si><t>x</t></si>" * 1_500_000
    ),
    "a workbook of a million cells": lambda: xlsx(
        "".join(
            f'<row r="{n}">' + "".join(f'<c r="{c}{n}"><v>1</v></c>' for c in "ABCDEFGHIJ") + "</row>" for n in range(1, 60_001)
        )
    ),
    "10,001 members": lambda: packed({f"word/{n}.xml": "" for n in range(10_001)}, "docx"),
    # PDF
    "a PDF whose stream expands": lambda: _page_pdf(b"BT /F1 12 Tf " + b"(x) Tj " * 8_000_000 + b" ET"),
    "a PDF of nested arrays": lambda: text(b"%PDF-1.4\n1 0 obj\n" + b"[" * 3_000_000, "pdf"),
    "a PDF of pages in a circle": lambda: _page_pdf(b"BT ET", b"[2 0 R 2 0 R 3 0 R]", 1_000_000),
    "a PDF of no objects": lambda: text(b"%PDF-1.7\n" + b"1 0 obj endobj " * 400_000, "pdf"),
    "a PDF of forms in forms": lambda: pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /A 5 0 R >> >> >>",
            b"<< /Length 120 >>",
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 120 /Resources << /XObject << /A 5 0 R >> >> >>",
        ],
        {4: b"/A Do " * 20, 5: b"/A Do " * 20},
    ),
    # Wrapped
    "gzip that is no page": lambda: text(gzip.compress(gzip.compress(bytes(50_000_000))), "gz"),
}
