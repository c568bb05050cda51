"""A page's text says what the page says: what is raised, struck, laid out, spanned or stated once stays what it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.documents.cell_units import with_units
from research.documents.extract import extract
from research.documents.plain import separate
from research.values.scales import SCALES

PROSE = "The probe left the ground on a clear morning and was tracked by three stations until it passed behind the Moon. "


def shown(body: str) -> str:
    """The text of a page below its heading."""
    page = f"<html><body><main><h1>Probe</h1>{body}</main></body></html>"
    return extract(page.encode(), url="https://e.org/x", media_type="text/html; charset=utf-8").text.partition("\n\n")[2]


RAISED = {
    "an exponent": ("<p>5.972×10<sup>24</sup>&nbsp;kg</p>", "5.972×10^24 kg"),
    "a negative exponent": ("<p>1.6×10<sup>−19</sup> C</p>", "1.6×10^−19 C"),
    "an exponent in a definition": ("<dl><dt>Mass</dt><dd>10<sup>24</sup> kg</dd></dl>", "Mass: 10^24 kg"),
    "an exponent in a cell": (
        "<table><tr><th>Name</th><th>Mass</th><th>Note</th></tr><tr><td>A</td><td>10<sup>3</sup></td><td>x</td></tr></table>",
        "| Name | Mass | Note |\n| A | 10^3 | x |",
    ),
    "an exponent of MathML": ("<p><math><msup><mn>10</mn><mn>24</mn></msup></math></p>", "10^24"),
    "a fraction of MathML": ("<p><math><mfrac><mn>1</mn><mn>2</mn></mfrac></math></p>", "1/2"),
    "a squared unit": ("<p>25 m<sup>2</sup>, 3 kg m<sup>-3</sup></p>", "25 m², 3 kg m⁻³"),
    "a mark that leads to a note": ("<p>Staff: 310<sup><a href='#fn2'>2</a></sup></p>", "Staff: 310"),
    "a mark inside its link": ("<p>Staff: 310<a href='#fn2'><sup>2</sup></a></p>", "Staff: 310"),
    "a mark by its class": ("<p>Staff: 310<sup class='footnote-ref'>2</sup></p>", "Staff: 310"),
    "a mark behind a word": ("<p>Offices in Boston<sup>3</sup> and Rome.<sup>4</sup></p>", "Offices in Boston and Rome."),
    "a raised number that nothing explains": ("<p>It has 310<sup>2</sup> rooms</p>", "It has 310^2 rooms"),
    "a mark before its note": ("<p><sup>1</sup> Excluding leap years</p>", "1 Excluding leap years"),
    "cents behind a sign": ("<p>Fee: $19<sup>99</sup></p>", "Fee: $19.99"),
    "cents before a sign": ("<p>Preis: 1.299<sup>99</sup> €</p>", "Preis: 1.299,99 €"),
    "cents by their class": ('<p><span>19</span><span class="price-cents">99</span></p>', "19.99"),
    "an ordinal": ("<p>On the 1<sup>st</sup> of May</p>", "On the 1st of May"),
    "a degree": ("<p>At 20<sup>o</sup>C or 30<sup>0</sup> F</p>", "At 20°C or 30° F"),
    "a trade mark": ("<p>Acme<sup>TM</sup> lamps</p>", "Acme™ lamps"),
    "a fraction behind a number": ("<p>2<sup>1</sup>/<sub>2</sub> cups</p>", "2 1/2 cups"),
    "an index behind a letter": ("<p>CO<sub>2</sub> and H<sub>2</sub>O</p>", "CO2 and H2O"),
    "an index behind a digit": ("<p>101<sub>2</sub> is five</p>", "101_2 is five"),
}


@pytest.mark.parametrize("kind", RAISED)
def test_raised_and_lowered_text_is_not_read_as_if_it_stood_on_the_line(kind: str) -> None:
    body, text = RAISED[kind]
    assert shown(body) == text


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 999), st.integers(2, 99), st.sampled_from(["p", "li", "td", "dd", "h3", "span", "b"]))
def test_no_raised_number_is_ever_glued_to_the_number_before_it(number: int, raised: int, tag: str) -> None:
    wrap = {"li": "<ul>{}</ul>", "td": "<table><tr><td>a</td>{}</tr></table>", "dd": "<dl><dt>Key</dt>{}</dl>"}.get(tag, "{}")
    text = shown(wrap.format(f"<{tag}>{number}<sup>{raised}</sup></{tag}>") + f"<p>{PROSE}</p>")
    assert f"{number}{raised}" not in text
    assert str(number) in text


STRUCK = {
    "deleted": ("<p>Price: <del>€120.00</del> <ins>€90.00</ins></p>", "Price: ~~€120.00~~ €90.00"),
    "struck, touching": ("<p>Price: <s>€120.00</s><b>€90.00</b></p>", "Price: ~~€120.00~~ €90.00"),
    "struck by style": (
        '<p>Price: <span style="text-decoration: line-through">€120</span> €90</p>',
        "Price: ~~€120~~ €90",
    ),
    "struck by class": ('<p>Price: <span class="line-through">€120</span> €90</p>', "Price: ~~€120~~ €90"),
    "a label with both prices": (
        '<div><span class="label">Price</span><del>€120</del><ins>€90</ins></div>',
        "Price: ~~€120~~ €90",
    ),
    "a struck definition": ("<dl><dt>Price</dt><dd><s>€120</s> €90</dd></dl>", "Price: ~~€120~~ €90"),
    "a struck block": ('<div><div class="line-through">€30</div><div>€20</div></div>', "~~€30~~\n\n€20"),
}


@pytest.mark.parametrize("kind", STRUCK)
def test_struck_text_is_marked_as_no_longer_said(kind: str) -> None:
    body, text = STRUCK[kind]
    assert shown(body) == text


def test_a_section_that_was_struck_is_not_said() -> None:
    assert "Moon" not in shown(f"<del><p>{PROSE * 4}</p></del><p>It was cancelled.</p>")


LAID_OUT = {
    "code": ("<pre>def f(x):\n    return x\n\nf(1)</pre>", "def f(x):\n    return x\n\nf(1)"),
    "lines of a pre with br": ("<pre>one<br>two</pre>", "one\ntwo"),
    "lines of highlighted code": ("<pre><code><div>a = 1</div><div>b = 2</div></code></pre>", "a = 1\nb = 2"),
    "columns of spaces": (
        "<pre>Name        Height    Year\nMount A     1,200 m   1950\nMount Bee     900 m   1960</pre>",
        "| Name | Height | Year |\n| Mount A | 1,200 m | 1950 |\n| Mount Bee | 900 m | 1960 |",
    ),
    "a drawn table": ("<pre>+---+---+\n| a | b |\n+---+---+\n| 1 | 2 |\n+---+---+</pre>", "| a | b |\n| 1 | 2 |"),
    "leaders": (
        "<pre>Revenue ........ 12,500\nCosts ........... 9,100\nProfit .......... 3,400</pre>",
        "| Revenue | 12,500 |\n| Costs | 9,100 |\n| Profit | 3,400 |",
    ),
    "what looks like a heading or a row": ("<pre># one\n| two\nthree</pre>", "#one\n¦ two\nthree"),
}


@pytest.mark.parametrize("kind", LAID_OUT)
def test_preformatted_text_keeps_its_lines(kind: str) -> None:
    body, text = LAID_OUT[kind]
    assert shown(body) == text


def test_markdown_keeps_the_lines_of_fences_and_of_columns() -> None:
    text = extract(
        b"# T\n\n```\na = 1\n  b = 2\n```\n\n"
        b"Item     Qty    Price\nWidget     3    1.50\nGadget    12   10.00\n\nwrapped\nprose\n",
        url="corpus://c/a.md",
    ).text
    assert (
        text == "# T\n\na = 1\n  b = 2\n\n| Item | Qty | Price |\n| Widget | 3 | 1.50 |\n| Gadget | 12 | 10.00 |\n\nwrapped prose"
    )


def test_plain_text_keeps_lines_that_were_not_wrapped_and_joins_those_that_were() -> None:
    wrapped = (PROSE * 3).split()
    prose, line = [], ""
    for word in wrapped:
        if len(line) + 1 + len(word) > 70:
            prose.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    prose.append(line)
    data = "Acme Ltd\n12 High Street\nSheffield\n\n" + "\n".join(prose)
    text = extract(data.encode(), url="corpus://c/a.txt").text
    assert text == f"Acme Ltd\n12 High Street\nSheffield\n\n{' '.join(wrapped)}"


@pytest.mark.parametrize("suffix", ["md", "txt", "html"])
def test_ligatures_are_unfolded(suffix: str) -> None:
    body = "Acme Proﬁle\n\nHead oﬃce: Sheﬃeld, ﬁrﬆ ﬂoor"
    text = extract(body.encode(), url=f"corpus://c/a.{suffix}").text
    for word in ("Profile", "office", "Sheffield", "first floor"):
        assert word in text


LINKS = {
    "a shortened address": (
        '<dl><dt>Website</dt><dd><a href="https://acme.example/en">acme.example</a></dd></dl>',
        "Website: acme.example (https://acme.example/en)",
    ),
    "a name under a label": (
        '<div><span class=label>Website</span><span><a href="https://acme.example/en">Acme</a></span></div>',
        "Website: Acme (https://acme.example/en)",
    ),
    "a label and nothing else": (
        '<ul><li><a href="https://acme.example/">Official website</a></li></ul>',
        "- Official website (https://acme.example/)",
    ),
    "a row of a table": (
        '<table><tr><th>Homepage</th><td><a href="https://acme.example/en">Visit</a></td></tr>'
        "<tr><th>A</th><td>b</td></tr></table>",
        "Homepage: Visit (https://acme.example/en)\nA: b",
    ),
    "a mail address": (
        '<dl><dt>Email</dt><dd><a href="mailto:info@acme.example">Write to us</a></dd></dl>',
        "Email: Write to us (info@acme.example)",
    ),
    "an address that is shown": ('<p>At <a href="https://www.acme.example/">acme.example</a> now</p>', "At acme.example now"),
    "words of a sentence": ('<p>See <a href="https://acme.example/r">the report</a>.</p>', "See the report."),
}


@pytest.mark.parametrize("kind", LINKS)
def test_the_address_behind_a_label_is_told(kind: str) -> None:
    body, text = LINKS[kind]
    assert shown(body) == text


FACTS = {
    "several on one line": (
        "<p>Founded: 1976; Employees: 120; HQ: Sheffield</p>",
        "Founded: 1976\nEmployees: 120\nHQ: Sheffield",
    ),
    "several with bars between": ("<p>Length: 3 m | Width: 2 m</p>", "Length: 3 m\nWidth: 2 m"),
    "several below one label": (
        "<dl><dt>Contact</dt><dd>Phone: 555-1234<br>Fax: 555-1235</dd></dl>",
        "Contact Phone: 555-1234\nContact Fax: 555-1235",
    ),
    "a figure above its label": (
        "<div class=stat><div class=stat-value>120</div><div class=stat-label>Employees</div></div>",
        "Employees: 120",
    ),
    "a figure before its label": ('<div class="kpi"><span>120+</span><span>Employees</span></div>', "Employees: 120+"),
    "a label with a colon above its value": ("<div><h4>Director:</h4> <a href=/q>Quentin T.</a></div>", "Director: Quentin T."),
    "labels in bold above their values": (
        "<p><strong>Founded</strong><br>1976<br><strong>HQ</strong><br>12 High St<br>Sheffield</p>",
        "Founded: 1976\nHQ: 12 High St; Sheffield",
    ),
    "small headings above short values": (
        "<div><div class=c><h4>Founded</h4><p>1976</p></div><div class=c><h4>HQ</h4><p>Sheffield</p></div>"
        "<div class=c><h4>CEO</h4><p>Ann</p></div></div>",
        "Founded: 1976\nHQ: Sheffield\nCEO: Ann",
    ),
    "facts among other items": (
        "<ul><li>Address: 1 Main St</li><li>Phone: 555-1234</li><li>www.acme.example</li></ul>",
        "Address: 1 Main St\nPhone: 555-1234\n\n- www.acme.example",
    ),
    "how much there is of each thing": (
        "<table><tr><td>120 g</td><td>butter</td></tr><tr><td>½ l</td><td>milk</td></tr><tr><td></td><td>salt</td></tr></table>",
        "- 120 g butter\n- ½ l milk\n- salt",
    ),
    "a sentence with two colons": (
        "<p>The note: it was so; but they said: no.</p>",
        "The note: it was so; but they said: no.",
    ),
}


@pytest.mark.parametrize("kind", FACTS)
def test_labels_find_their_values(kind: str) -> None:
    body, text = FACTS[kind]
    assert shown(body) == text


def test_a_table_of_facts_may_end_with_a_long_description() -> None:
    rows = "".join(f"<tr><td>Label {n}</td><td>value {n}</td></tr>" for n in range(6))
    text = shown(f"<table>{rows}<tr><td>Mission</td><td>{PROSE * 20}</td></tr></table>")
    assert "Label 0: value 0\nLabel 1: value 1" in text
    assert f"###### Mission\n\n{PROSE * 20}".strip() in text


def test_a_value_that_spans_two_columns_is_the_value_of_both() -> None:
    text = shown(
        "<table><tr><th>State</th><th>Capital</th><th>Largest city</th></tr>"
        '<tr><td>Alda State</td><td colspan="2">Bern City</td></tr><tr><td>Bora State</td><td>Cap B</td><td>Big B</td></tr>'
        '<tr><td colspan="2">Total</td><td>2</td></tr><tr><td colspan="3">Sources: survey</td></tr></table>'
    )
    assert "| Alda State | Bern City | Bern City |\n| Bora State | Cap B | Big B |" in text
    assert "| Total |  | 2 |\n| Sources: survey |  |  |" in text


def test_heads_of_several_rows_become_one() -> None:
    text = shown(
        "<table><tr><th rowspan=2>Item</th><th colspan=2>2023</th></tr><tr><th>Q1</th><th>Q2</th></tr>"
        "<tr><td>Sales</td><td>1</td><td>2</td></tr></table>"
    )
    assert text == "| Item | 2023 Q1 | 2023 Q2 |\n| Sales | 1 | 2 |"


UNITS = {
    "a corner": (
        "<table><tr><th>Key figures (in thousands of euros)</th><th>2024</th></tr>"
        "<tr><td>Revenue</td><td>12,500</td></tr></table>",
        "| Revenue | 12,500 thousand euros |",
    ),
    "a caption": (
        "<table><caption>Results in € million</caption><tr><th>Item</th><th>2023</th><th>2024</th></tr>"
        "<tr><td>Revenue</td><td>12</td><td>13</td></tr></table>",
        "| Revenue | 12 million € | 13 million € |",
    ),
    "a line above": (
        "<p>(in millions of USD)</p><table><tr><td>Revenue</td><td>12.5</td></tr><tr><td>Employees</td><td>300</td></tr></table>",
        "Revenue: 12.5 million USD\nEmployees: 300",
    ),
    "a corner of facts": (
        "<table><tr><td>Figures (TEUR)</td><td>2024</td></tr><tr><td>Umsatz</td><td>12.500</td></tr></table>",
        "Umsatz: 12.500 thousand EUR",
    ),
    "a head": (
        "<table><tr><th>Name</th><th>Mass (kg)</th><th>Price ($)</th></tr><tr><td>A</td><td>12.5</td><td>3</td></tr>"
        "<tr><td>B</td><td>8 lb</td><td>n/a</td></tr></table>",
        "| A | 12.5 kg | $3 |\n| B | 8 lb | n/a |",
    ),
    "the label of a row": (
        "<table><tr><th>Item</th><th>2023</th><th>2024</th></tr><tr><td>Revenue (EUR m)</td><td>12</td><td>13</td></tr>"
        "<tr><td>Employees</td><td>30</td><td>31</td></tr></table>",
        "| Revenue (EUR m) | 12 million EUR | 13 million EUR |\n| Employees | 30 | 31 |",
    ),
    "rows that count something else": (
        "<table><caption>In millions, except per share data</caption><tr><th>Item</th><th>Year</th><th>Q1</th></tr>"
        "<tr><td>Revenue</td><td>2024</td><td>12</td></tr><tr><td>Earnings per share</td><td>2024</td><td>1.2</td></tr></table>",
        "| Revenue | 2024 | 12 million |\n| Earnings per share | 2024 | 1.2 |",
    ),
}


@pytest.mark.parametrize("kind", UNITS)
def test_units_that_a_table_states_once_stand_in_its_cells(kind: str) -> None:
    body, text = UNITS[kind]
    assert text in shown(body)


def test_units_stand_in_the_cells_of_tables_of_plain_text_too() -> None:
    data = b"(in thousands of euros)\n\nItem          2023     2024\nRevenue     12,100   12,500\nEmployees      310      315\n"
    text = extract(data, url="corpus://c/a.txt").text
    assert "| Revenue | 12,100 thousand euros | 12,500 thousand euros |\n| Employees | 310 | 315 |" in text


def test_units_stand_in_the_cells_of_separated_text_whose_lines_are_as_long_as_its_head() -> None:
    rows = "".join(f"{name},{place}.5,{place},{place}.25\n" for place, name in enumerate("ABCDEF"))
    data = f"Revenue in thousands of euros\n\nname,revenue,staff,mass (kg)\n{rows}G,1,2,3,4\nH,2.5,4,1 lb\n"
    text = extract(data.encode(), url="corpus://c/a.csv").text
    assert "| B | 1.5 thousand euros | 1 | 1.25 kg |\n| C | 2.5 thousand euros | 2 | 2.25 kg |" in text
    assert "| F | 5.5 thousand euros | 5 | 5.25 kg |\n| H | 2.5 thousand euros | 4 | 1 lb |" in text
    assert "G · 1 · 2 · 3 · 4" in text.splitlines()


@pytest.mark.parametrize("money", ["US dollars", "U.S. $", "pounds", "руб.", "грн", "zł", "A$"])
def test_a_caption_may_name_any_money(money: str) -> None:
    rows = with_units([["Item", "2023"], ["Revenue", "12"]], 1, f"in thousands of {money}")
    assert rows[1] == ["Revenue", f"12 thousand {money}"]


DECLARED = '<html><head><meta property="og:type" content="article">{}<title>Up</title></head><body>{}</body></html>'


def test_an_article_is_its_text_and_its_title_without_what_leads_away_from_it() -> None:
    body = (
        f"<h1>Site of news</h1><h1>Up it went</h1><article><p>{PROSE * 3}</p><p><a href=/b>Read more: a launch</a></p>"
        "<ul><li><a href=/c>Ten best rockets of the year</a></li><li><a href=/d>What to watch tonight on TV</a></li></ul>"
        f"<dl><dt>Launch mass</dt><dd>815 kg</dd></dl><p>{PROSE * 3}</p></article><div>Edition: Europe</div>"
        "<p>Copyright © 2024 The Site</p><p>Most wanted stories now</p>"
    )
    dated = '<meta property="article:published_time" content="2024-05-06">'
    text = extract(DECLARED.format(dated, body).encode(), url="https://e.org/x", media_type="text/html").text
    assert "# Up it went" in text
    assert "Launch mass: 815 kg" in text
    for noise in ("Site of news", "Read more", "Ten best", "Edition", "Copyright", "Most wanted"):
        assert noise not in text


def test_a_page_that_calls_itself_an_article_as_all_pages_of_its_site_do_keeps_its_facts() -> None:
    body = f"<h1>Bombay House</h1><p>{PROSE * 4}</p><dl><dt>Seats</dt><dd>40</dd><dt>Chef</dt><dd>Ann</dd></dl>"
    body += "<div><b>Phone:</b> 555-1234</div><div><b>Open:</b> daily</div><div>Old town, 1 Main St</div>"
    text = extract(DECLARED.format("", body).encode(), url="https://e.org/x", media_type="text/html").text
    assert "Phone: 555-1234\n\nOpen: daily\n\nOld town, 1 Main St" in text


def test_a_page_of_facts_that_declares_nothing_keeps_its_short_lines() -> None:
    body = (
        "<h1>Bombay House</h1><div>Old town, 1 Main St</div>"
        "<div><a href=/g/indian>Indian</a> | <a href=/g/lunch>Lunch</a> 12 dishes</div>"
        f"<ul><li>Phone: 555-1234</li><li>Open: daily</li></ul><dl><dt>Seats</dt><dd>40</dd><dt>Chef</dt><dd>Ann</dd></dl>"
        f"<p>{PROSE * 4}</p><div>Ref. LX-12</div>"
    )
    text = extract(f"<html><body>{body}</body></html>".encode(), url="https://e.org/x", media_type="text/html").text
    for line in ("Old town, 1 Main St", "Indian | Lunch", "Phone: 555-1234", "Ref. LX-12"):
        assert line in text


def test_a_page_of_facts_keeps_short_lists_of_links_below_a_label_and_drops_menus() -> None:
    links = "".join(f"<li><a href=/{name}>{name}</a></li>" for name in ("Crime", "Drama", "Noir"))
    menu = "".join(f"<li><a href=/{name}>{name}</a></li>" for name in ("Home", "Shop", "Blog", "Help"))
    facts = (
        "<dl><dt>Length</dt><dd>154 min</dd><dt>Year</dt><dd>1994</dd><dt>Rated</dt><dd>R</dd><dt>Sound</dt><dd>mono</dd></dl>"
    )
    body = f"<ul>{menu}</ul><h1>A film</h1><p>{PROSE * 3}</p>{facts}<h4>Genres:</h4><ul>{links}</ul><p>End.</p><ul>{menu}</ul>"
    text = extract(f"<html><body>{body}</body></html>".encode(), url="https://e.org/x", media_type="text/html").text
    assert "- Crime\n- Drama\n- Noir" in text
    assert "Help" not in text


def test_a_menu_of_dishes_is_content() -> None:
    facts = "<dl><dt>Seats</dt><dd>40</dd><dt>Chef</dt><dd>Ann</dd><dt>Open</dt><dd>daily</dd><dt>Dogs</dt><dd>no</dd></dl>"
    body = f"<h1>Bombay House</h1>{facts}<div class=menu><p>Lamb korma, 12 dollars</p><p>Palak paneer, 9 dollars</p></div>"
    body += f"<p>{PROSE * 4}</p><div class=menu><p><a href=/a>About us</a></p><p><a href=/b>Careers</a></p></div>"
    text = extract(f"<html><body>{body}</body></html>".encode(), url="https://e.org/x", media_type="text/html").text
    assert "Lamb korma" in text
    assert "Careers" not in text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<div>St. Martin's Press<br>June 29, 2010</div>", "St. Martin's Press\nJune 29, 2010"),
        ("<div>Launched on 5 September 1977,<br>12:56 UTC</div>", "Launched on 5 September 1977, 12:56 UTC"),
        ("<div>It was tracked by<br>three stations</div>", "It was tracked by three stations"),
    ],
)
def test_two_short_lines_stay_lines_unless_one_goes_on(body: str, text: str) -> None:
    assert shown(body) == text


@pytest.mark.parametrize("scale", ["thousand", "million", "billion"])
def test_a_caption_may_name_its_scale_in_any_language_in_which_a_number_may(scale: str) -> None:
    for name in (name for name, factor in SCALES.items() if factor == SCALES[scale]):
        rows = with_units([["Item", "2023"], ["Revenue", "12"]], 1, f"in {name} EUR")
        assert rows[1] == ["Revenue", f"12 {scale} EUR"], name


@pytest.mark.parametrize(
    ("again", "text"),
    [
        ("<th>Lamp</th><th>Mass</th><th>Height</th>", "| Pori | 40 | 1 |\n\n| Lamp | Mass | Height |\n| Ridge | 90 | 3 |"),
        ("<th>Lamp</th><th>Price</th><th>Stock</th>", "| Pori | 40 | 1 |\n| Lamp | Price | Stock |\n| Ridge | 90 | 3 |"),
        ("<th>Total</th><th>40</th><th>1</th>", "| Pori | 40 | 1 |\n| Total | 40 | 1 |\n| Ridge | 90 | 3 |"),
        ("<th>Others</th><th></th><th></th>", "| Pori | 40 | 1 |\n| Others |  |  |\n| Ridge | 90 | 3 |"),
    ],
)
def test_a_row_of_other_heads_further_down_begins_another_table(again: str, text: str) -> None:
    """Read on under `Price`, the mass of what stands below would be its price."""
    head = "<tr><th>Lamp</th><th>Price</th><th>Stock</th></tr><tr><td>Pori</td><td>40</td><td>1</td></tr>"
    row = "<tr><td>Ridge</td><td>90</td><td>3</td></tr>"
    assert text in shown(f"<table>{head}<tr>{again}</tr>{row}</table>")


@pytest.mark.parametrize(
    ("head", "row", "read"),
    [
        (["Property", "Value", "Unit"], ["Mass", "18.5", "g"], ["Mass", "18.5 g", "g"]),
        (["Parameter", "Unit", "Most"], ["Width", "mm", "300"], ["Width", "mm", "300 mm"]),
        (["Eigenschaft", "Wert", "Einheit"], ["Preis", "12", "€"], ["Preis", "€12", "€"]),
        (["Property", "Value", "Unit"], ["Mass", "18.5", "–"], ["Mass", "18.5", "–"]),
        (["Property", "Value", "Unit"], ["Mass", "18.5 kg", "g"], ["Mass", "18.5 kg", "g"]),
    ],
)
def test_a_column_of_units_gives_each_to_the_numbers_of_its_row(head: list[str], row: list[str], read: list[str]) -> None:
    assert with_units([head, row], 1)[1] == read


def test_a_caption_that_says_of_what_it_gives_the_scale_gives_it_too() -> None:
    rows = with_units([["", "2023"], ["Revenue", "12"], ["Employees", "40"]], 1, "Key figures (revenue in millions of USD)")
    assert [row[1] for row in rows[1:]] == ["12 million USD", "40"]


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("Prep: 20 min | Cook: 45 min | Makes 6 jars", ["Prep: 20 min", "Cook: 45 min", "Makes: 6 jars"]),
        ("Prep: 15 min · Cook: 40 min · Serves 4", ["Prep: 15 min", "Cook: 40 min", "Serves: 4"]),
        ("Received: 3 May 2020 / Published online: 1 June 2020", ["Received: 3 May 2020", "Published online: 1 June 2020"]),
        ("Prep: 20 min | Cook: 45 min | see also below", []),
    ],
)
def test_facts_of_one_line_are_told_apart_by_the_marks_between_them(line: str, facts: list[str]) -> None:
    assert separate(line) == facts


@pytest.mark.parametrize(
    "head", ["Billions", "Mars", "MARS", "Mrs", "Maud", "RPM", "Small", "Miles", "All dimensions in mm", "Length in m"]
)
def test_a_heading_that_only_looks_like_a_scale_multiplies_nothing(head: str) -> None:
    assert with_units([["Thing", "Count"], ["Moons", "2"]], 1, head)[1] == ["Moons", "2"]


@pytest.mark.parametrize(
    ("head", "cell"),
    [
        ("Distance (miles)", "12 miles"),
        ("Speed (RPM)", "12"),
        ("Width (mm)", "12 mm"),
        ("Ventas (miles de euros)", "12 thousand euros"),
        ("Ventas (en miles)", "12 thousand"),
        ("Sales (MEUR)", "12 million EUR"),
        ("Sales (EURm)", "12 million EUR"),
        ("Umsatz (TEUR)", "12 thousand EUR"),
        ("Sales (Rs m)", "12 million Rs"),
    ],
)
def test_miles_revolutions_and_millimetres_are_no_thousands_and_millions(head: str, cell: str) -> None:
    assert with_units([["Year", head], ["First", "12"]], 1)[1] == ["First", cell]


@pytest.mark.parametrize(
    ("heading", "right"),
    [
        ("Roe v Poe [1993] UKHL 19", "## Roe v Poe [1993] UKHL 19"),
        ("Prices [EUR]", "## Prices [EUR]"),
        ("History [edit]", "## History"),
        ("History [edit | edit source]", "## History"),
        ("Geschichte [Bearbeiten | Quelltext bearbeiten]", "## Geschichte"),
        ("History [12]", "## History"),
    ],
)
def test_a_heading_keeps_its_brackets_but_for_a_footnotes_mark_and_an_edit_link(heading: str, right: str) -> None:
    assert right in shown(f"<p>{PROSE}</p><h2>{heading}</h2><p>{PROSE}</p>").split("\n\n")
