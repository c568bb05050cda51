"""Bytes become a page's text in the one form that `research.ports.page` describes."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.documents.extract import extract
from research.errors import PageUnreadable
from research.ports.page import PAGE_DATA_HEADING

URL = "https://www.example.org/page"
PROSE = "The probe left the ground on a clear morning and was tracked by three stations until it passed behind the Moon. " * 6


def text_of(html: str, **options: str) -> str:
    return extract(html.encode(), url=URL, media_type=options.get("media_type", "text/html; charset=utf-8")).text


def article(body: str, head: str = "") -> str:
    return f"<html><head><title>Probe</title>{head}</head><body><main><h1>Probe</h1><p>{PROSE}</p>{body}</main></body></html>"


def assert_form(text: str) -> None:
    assert text == unicodedata.normalize("NFC", text) == text.strip()
    assert not re.search("[\r\0\ud800-\udfff]", text)
    assert "\n\n\n" not in text
    text.encode()
    before, *rest = re.split(rf"(?:^|\n\n){PAGE_DATA_HEADING}\n\n", text)
    assert len(rest) <= 1, "the page data stand at most once"
    after = "".join(rest)
    for block in before.strip().split("\n\n") if before.strip() else []:
        assert block != PAGE_DATA_HEADING
        lines = block.split("\n")
        is_laid_out = len(lines) > 1 and not all(re.match(r"- \S|\d+\. \S|\| .* \|$|[^\n]*: \S", line) for line in lines)
        if is_laid_out:  # Lines of an author's own, which may be indented below the first, and are no heading and no row.
            assert not any(re.match(r"#{1,6} |\|", line) for line in lines), f"a heading or a row among other lines: {block!r}"
            lines = [lines[0], *(line.lstrip(" ") for line in lines[1:])]
        assert all(line == " ".join(line.split()) for line in lines), "single spaces, no white space at the ends"
    for line in after.strip().split("\n") if after.strip() else []:
        assert re.match(r"\S+: \S", line), line


PIECES = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<ul>",
        "<li>",
        "</ul>",
        "<ol>",
        "<table>",
        "<tr>",
        "<td>",
        "<th>",
        "</table>",
        "<dl><dt>",
        "<dd>",
        "</dl>",
        "<br>",
        "<h2>",
        "</h2>",
        "<div>",
        "</div>",
        "<span>",
        "</span>",
        "<pre>",
        "</pre>",
        "Mass: 3 kg",
        "## Page data",
        "| a | b |",
        "- x",
        "#",
        ":",
        "1. y",
        " ",
        "\n",
        "\r",
        "\x00",
        "&#0;",
        "&#xD800;",
        "&nbsp;",
        "é",
        "e\u0301",
        "\u2028",
        "\x85",
        "|",
        "Key:",
        "<sup>[1]</sup>",
        '<div class="label">',
        '<div role="table">',
        '<div role="row"><span role="cell">',
        "<b>Mass:</b> 3 ",
        "<dt>",
        "<dd>",
        '<label for="f">Size: x|y</label><select id="f"><option>1</option><option>2: |</option></select>',
        "<fieldset><legend>C</legend><label><input type=radio>r</label><label><input type=radio>b</label></fieldset>",
        '<meter max="5" value="4">',
        '<a href="mailto:a@e.org%0A%0Ax"></a>',
        '<time datetime="2019-05-06">now</time>',
        '<i title="4 of 5"></i>',
        '<template shadowrootmode="open">',
        '<svg aria-label="a|b">',
        "<x-y>",
        '<div id="root"></div><script src="x"></script>',
        '<script type="application/ld+json">{"@type":"Thing","a b":"c|d\\n"}</script>',
        '<meta name="description" content=" x  y ">',
    ]
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=40))
def test_any_html_gives_text_in_the_form_and_the_same_text_again(pieces: list[str]) -> None:
    data = "".join(pieces).encode("utf-8", "surrogatepass")
    try:
        first = extract(data, url=URL, media_type="text/html")
    except PageUnreadable:
        return
    assert_form(first.text)
    assert extract(data, url=URL, media_type="text/html") == first


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))))
@pytest.mark.parametrize("media_type", ["text/html", "text/plain", "text/markdown", "application/json", None])
def test_any_bytes_give_text_in_the_form_or_a_typed_error(media_type: str | None, data: bytes) -> None:
    try:
        extracted = extract(data, url=URL, media_type=media_type)
    except PageUnreadable:
        return
    assert_form(extracted.text)


def test_an_infobox_becomes_facts_without_reference_marks_or_edit_links() -> None:
    text = text_of(
        article(
            '<table class="infobox"><caption>Voyager 1</caption>'
            "<tr><th>Launch date</th><td>5 September 1977,<br>12:56:00<span>&nbsp;</span>UTC"
            "<sup class=reference>[4]</sup></td></tr>"
            '<tr><th>Born</th><td><span style="display:none">(1950-01-02)</span>2 January 1950</td></tr>'
            "<tr><th>Crew</th><td><ul><li>Ann</li><li>Bob</li></ul></td></tr></table>"
            '<h2>Mission<span class="mw-editsection">[<a href="?edit">edit</a>]</span></h2>'
            f"<p>{PROSE}</p>"
        )
    )
    assert "Launch date: 5 September 1977, 12:56:00 UTC\n" in text
    assert "Born: 2 January 1950\n" in text
    assert "Crew: Ann; Bob" in text
    assert "\n## Mission\n" in text


def test_a_table_of_several_columns_keeps_its_header_first_and_fills_spans() -> None:
    text = text_of(
        article(
            "<table><thead><tr><th>Name</th><th>Year</th><th>Note</th></tr></thead>"
            "<tr><td rowspan=2>Luna</td><td>1966</td><td>a|b</td></tr><tr><td>1970</td><td>c</td></tr></table>"
        )
    )
    assert "| Name | Year | Note |\n| Luna | 1966 | a¦b |\n| Luna | 1970 | c |" in text


@pytest.mark.parametrize(
    ("html", "fact"),
    [
        ("<dl><dt>Mass</dt><dd>815 kg</dd><dt>Crew</dt><dd>A</dd><dd>B</dd></dl>", "Mass: 815 kg\nCrew: A; B"),
        ("<ul><li><b>Mass:</b> 815 kg</li><li><b>Power:</b> 470 W</li></ul>", "Mass: 815 kg\nPower: 470 W"),
        ("<p><b>Mass:</b> 815 kg<br><b>Power:</b> 470 W</p>", "Mass: 815 kg\nPower: 470 W"),
        ('<div><span class="label">Brand</span><span class="value">Acme</span></div>', "Brand: Acme"),
        ("<div><div>Prep time</div><div>20</div><div>minutes</div></div>", "Prep time: 20 minutes"),
        (
            "<div><div class=r><i class=a>Owner</i><i class=b>NASA</i></div>"
            "<div class=r><i class=a>Orbit</i><i class=b>polar</i></div>"
            "<div class=r><i class=a>State</i><i class=b>lost</i></div></div>",
            "Owner: NASA\nOrbit: polar\nState: lost",
        ),
        (
            '<table role="presentation"><tr><th>ASIN</th><td>B00X</td></tr><tr><th>Size</th><td>4</td></tr></table>',
            "ASIN: B00X\nSize: 4",
        ),
    ],
)
def test_labels_and_their_values_become_facts(html: str, fact: str) -> None:
    assert fact in text_of(article(html))


def test_navigation_scripts_and_comments_are_left_out_of_an_article() -> None:
    text = text_of(
        "<html><body><nav><ul><li><a href=/>Home</a><li><a href=/b>Blog</a></ul></nav>"
        f"<article><h1>Probe</h1><p>{PROSE}</p></article><script>var secret = 1</script>"
        '<div id="comments"><p>First! What a great post, thank you for writing it.</p></div>'
        "<footer>Imprint</footer></body></html>"
    )
    for noise in ("Home", "secret", "First!", "Imprint"):
        assert noise not in text


def test_a_page_about_a_thing_keeps_short_facts_that_are_no_prose() -> None:
    text = text_of(
        '<html><body><div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Lamp</h1>'
        f'<p>{PROSE}</p><div class="p">€ 12,50</div><div>Ref. LX-12</div></div></body></html>'
    )
    assert "€ 12,50" in text
    assert "Ref. LX-12" in text


def test_page_data_are_paths_with_the_type_of_the_thing_first() -> None:
    text = text_of(
        article(
            '<div itemscope itemtype="http://schema.org/Event"><span itemprop="name">Launch</span></div>',
            '<script type="application/ld+json">{"@context":"x","@type":"Product","name":"A &amp; B","image":"i.png",'
            '"offers":[{"@type":"Offer","price":12.5}]}</script>'
            '<meta property="og:site_name" content="Shop"><meta name="viewport" content="w">',
        )
    )
    data = text.partition(PAGE_DATA_HEADING)[2].strip().split("\n")
    for line in (
        "Product.@type: Product",
        "Product.name: A & B",
        "Product.offers.0.price: 12.5",
        "Event.name: Launch",
        "og.site_name: Shop",
    ):
        assert line in data
    assert not any("i.png" in line or "viewport" in line for line in data)


@pytest.mark.parametrize(
    "script",
    [
        '{"@type":"Product","name":"Lamp",}',
        '<!-- {"@type":"Product","name":"Lamp"} -->',
        '{"@type":"Product","name":"La\nmp"}',
        '{"@type":"Person","name":"x"};{"@type":"Product","name":"Lamp"}',
        '// <![CDATA[\n{"@type":"Product","name":"Lamp"}\n// ]]>',
    ],
)
def test_json_ld_that_is_nearly_json_is_read(script: str) -> None:
    text = text_of(article("", f'<script type="application/ld+json">{script}</script>'))
    assert re.search("Product.name: La ?mp", text)


def test_broken_json_ld_is_passed_over() -> None:
    assert "Product" not in text_of(article("", '<script type="application/ld+json">{"@type":"Product", oops</script>'))


def test_title_and_date_come_from_the_page_itself() -> None:
    page = article(
        "",
        '<script type="application/ld+json">{"@type":"NewsArticle","headline":"Up",'
        '"datePublished":"2021-03-04T05:06:07Z"}</script>',
    )
    extracted = extract(page.encode(), url=URL, media_type="text/html")
    assert (extracted.title, extracted.published) == ("Up", "2021-03-04T05:06:07Z")
    assert extract(article("").encode(), url=URL).title == "Probe"
    assert extract(article("").encode(), url=URL).published is None


def test_lines_of_facts_in_markdown_stay_lines_and_wrapped_prose_does_not() -> None:
    extracted = extract(
        b"# Lamp\n\nHeight: 49 m\n**First lit**: 18 May 1882\n\nIt was lit: so they say,\nand then forgotten.\n",
        url="corpus://c/l.md",
    )
    assert "Height: 49 m\nFirst lit: 18 May 1882\n\nIt was lit: so they say, and then forgotten." in extracted.text


def test_the_language_that_a_page_declares_is_among_its_data() -> None:
    page = b'<html lang="pt-BR"><head><title>Ponte</title></head><body><h1>Ponte</h1><p>Uma ponte.</p></body></html>'
    assert "html.lang: pt-BR" in extract(page, url=URL, media_type="text/html").text


def test_markdown_keeps_its_structure_and_its_front_matter() -> None:
    extracted = extract(
        b"---\ntitle: 'Luna 9'\ndate: 2020-01-02\nurl: https://e.org/l\ntags: [a, b]\n---\n# Luna\n\n"
        b"- Mass: 3 kg\n- Crew: none\n\n"
        b"| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n\n1. one\n2. two\n",
        url="corpus://c/luna.md",
    )
    assert (extracted.title, extracted.published, extracted.media_type) == ("Luna 9", "2020-01-02", "text/markdown")
    for block in (
        "# Luna",
        "Mass: 3 kg\nCrew: none",
        "| a | b | c |\n| 1 | 2 | 3 |",
        "1. one\n2. two",
        "url: https://e.org/l\ntags: a, b",
    ):
        assert block in extracted.text
    assert_form(extracted.text)


def test_front_matter_may_be_toml() -> None:
    extracted = extract(
        b'+++\ntitle = "Luna 9"\ndate = 2020-01-02\ntags = ["a", "b"]\n+++\n\nIt landed.\n', url="corpus://c/l.md"
    )
    assert (extracted.title, extracted.published) == ("Luna 9", "2020-01-02")
    assert extracted.text == "It landed.\n\n## Page data\n\ntitle: Luna 9\ndate: 2020-01-02\ntags: a, b"


@pytest.mark.parametrize("front", ["The pump weighs 9 kg.", "a = " + "[" * 5_000, "a = " + "9" * 5_000])
def test_what_stands_where_toml_would_and_is_none_is_text(front: str) -> None:
    text = extract(f"+++\n{front}\n+++\n\nRest".encode(), url="corpus://c/l.md").text
    assert front[:20] in text
    assert "Rest" in text


def test_tables_of_toml_front_matter_name_their_keys_whatever_ends_its_lines() -> None:
    extracted = extract(b'+++\r\ntitle = "Luna 9"\r\n[extra]\r\nmass = "9 kg"\r\n+++\r\nIt landed.', url="corpus://c/l.md")
    assert extracted.text == "It landed.\n\n## Page data\n\ntitle: Luna 9\nextra_mass: 9 kg"


@pytest.mark.parametrize(
    "ruled", ["Total: 500 EUR\n==============", "- Mass: 9 kg\n------------", "Anna Berg\n_________", "Sum 500\n======="]
)
def test_a_fact_an_item_a_sum_and_a_signature_that_are_ruled_off_are_no_headings(ruled: str) -> None:
    assert "#" not in extract(f"{ruled}\n\nAs agreed.".encode(), url="corpus://c/a.txt").text


def test_plain_text_has_headings_where_lines_are_ruled_off_and_fields_between_colons() -> None:
    data = b"======\nLuna 9\n======\n\n:Author: Ann\n:Version: 2\n\nMass\n----\n\nIt was light.\n\n"
    data += b"Name   Mass\n-----------\nLuna   3 kg\nMars   9 kg\n"
    extracted = extract(data, url="corpus://c/luna.rst")
    assert extracted.title == "Luna 9"
    assert extracted.text.startswith("# Luna 9\n\nAuthor: Ann\nVersion: 2\n\n## Mass\n\nIt was light.\n\n| Name | Mass |")


def test_short_lines_of_plain_text_are_not_run_together() -> None:
    data = b"name: Luna\nlanded: 1966\nparts:\n  - name: camera\n    mass: 1 kg\n"
    assert extract(data, url="corpus://c/luna.yaml").text == data.decode().rstrip()


def test_prose_that_was_wrapped_at_few_letters_is_put_together() -> None:
    data = b"The pump of the new hall\nweighs nine kilograms\nand was made in Bonn.\n\nred onions\nblack beans\nolive oil\n"
    assert extract(data, url="corpus://c/a.txt").text == (
        "The pump of the new hall weighs nine kilograms and was made in Bonn.\n\nred onions\nblack beans\nolive oil"
    )


def test_plain_text_is_cut_at_blank_lines_and_keeps_lists_and_facts() -> None:
    text = extract(
        b"Luna 9\r\n\r\nMass: 3 kg\nCrew: none\n\n* one\n* two\n\nwrapped where a line of it was full\nand goes on",
        url="corpus://c/luna.txt",
    ).text
    assert text == "Luna 9\n\nMass: 3 kg\nCrew: none\n\n- one\n- two\n\nwrapped where a line of it was full and goes on"


def test_a_json_document_is_read_as_its_paths() -> None:
    extracted = extract(b'{"name":"Luna 9","crew":[],"mass":{"kg":3}}', url="https://e.org/x.json", media_type="application/json")
    assert (extracted.title, extracted.text) == ("Luna 9", "## Page data\n\nname: Luna 9\nmass.kg: 3")


def test_a_pdf_is_known_by_its_first_bytes_and_read(one_page_pdf: bytes) -> None:
    extracted = extract(one_page_pdf, url="https://e.org/x", media_type="text/html")
    assert extracted.media_type == "application/pdf"
    assert "Launch mass: 815 kg" in extracted.text
    assert_form(extracted.text)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no text"),
        (b"<html></html>", "no text"),
        (b"%PDF-1.4 broken", "PDF"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"\x89PNG\r\n", "picture"),
    ],
)
def test_what_cannot_be_read_says_what_it_is_and_where(data: bytes, says: str) -> None:
    with pytest.raises(PageUnreadable, match=says) as caught:
        extract(data, url=URL)
    assert URL in str(caught.value)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        ("<p>Émile à Köln".encode(), "text/html"),
        ("<p>Émile à Köln".encode("utf-16"), "text/html"),
        (b"\xef\xbb\xbf" + "<p>Émile à Köln".encode(), "text/html; charset=iso-8859-1"),
        ("<p>Émile à Köln".encode("iso-8859-15"), "text/html; charset=iso-8859-15"),
        ('<meta charset="windows-1252"><p>Émile à Köln'.encode("cp1252"), "text/html"),
        ("<p>Émile à Köln".encode(), "text/html; charset=windows-1252"),
    ],
)
def test_the_charset_is_found(data: bytes, media_type: str) -> None:
    assert extract(data, url=URL, media_type=media_type).text == "Émile à Köln"


@pytest.mark.parametrize("tag", ["div", "span", "table><tr><td", "ul><li", "dl><dd", "blockquote", "b", "made-up"])
def test_elements_nested_ten_thousand_deep_are_read(tag: str) -> None:
    assert "hello" in text_of(f"<{tag}>" * 10_000 + "hello" + "<p>after")


def test_things_in_things_do_not_hold_up_a_page() -> None:
    html = "<div itemscope itemtype=https://schema.org/Thing>" * 100 + "<span itemprop=name>x</span>" * 4000 + "<p>after"
    assert "after" in text_of(html)


def test_a_table_that_claims_a_million_cells_is_bounded() -> None:
    text = text_of(
        "<table><tr>"
        + "<td>a</td><td>b</td>"
        + "<td colspan=1000 rowspan=1000>x</td></tr>"
        + "<tr><td>y</td></tr>" * 900
        + "</table>"
    )
    assert len(text) < 3_000_000


def test_an_entity_that_names_a_file_is_not_resolved(tmp_path) -> None:  # type: ignore[no-untyped-def]
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    page = f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}">]><html><body><p>Before &x; after</p></body></html>'
    for media_type in ("text/html", "application/xhtml+xml", "text/xml"):
        assert "TOP SECRET" not in text_of(page, media_type=media_type)
