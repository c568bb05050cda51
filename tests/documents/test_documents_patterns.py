"""What pages write facts in: each pattern survives, on a page that is an article and on one that is not."""

from __future__ import annotations

import pytest

from research.documents.extract import extract

PROSE = "The probe left the ground on a clear morning and was tracked by three stations until it passed behind the Moon. " * 6
ARTICLE = f"<html><body><main><h1>Probe</h1><p>{PROSE}</p>{{}}<p>{PROSE[:300]}</p></main></body></html>"
BARE = '<html><body><div id="c"><h1>Probe</h1>{}</div></body></html>'

MASS_AND_CREW = "Mass: 815 kg\nCrew: none"
FACTS = {
    "definitions in divs of their own": (
        '<dl><div class="row"><div class="c"><dt>Mass</dt></div><div class="c"><dd>815 kg</dd></div></div>'
        '<div class="row"><div class="c"><dt>Crew</dt></div><div class="c"><dd>none</dd></div></div></dl>',
        MASS_AND_CREW,
    ),
    "definitions in spans": (
        "<dl><span><dt>Mass</dt><dd>815 kg</dd></span><span><dt>Crew</dt><dd>none</dd></span></dl>",
        MASS_AND_CREW,
    ),
    "definitions without a list": ("<div><dt>Mass</dt><dd>815 kg</dd><dt>Crew</dt><dd>none</dd></div>", MASS_AND_CREW),
    "a flat grid of labels and values": (
        '<div><div class="label">Mass</div><div class=v>815 kg</div><div class="label">Crew</div><div class=v>none</div></div>',
        MASS_AND_CREW,
    ),
    "a flat grid of two unnamed classes": (
        "<div><div class=a>Mass</div><div class=b>815 kg</div><div class=a>Crew</div><div class=b>none</div>"
        "<div class=a>Owner</div><div class=b>NASA</div></div>",
        f"{MASS_AND_CREW}\nOwner: NASA",
    ),
    "a flat grid that calls itself specifications": (
        "<div class=specs><div>Mass</div><div>815 kg</div><div>Crew</div><div>none</div><div>Owner</div><div>NASA</div></div>",
        f"{MASS_AND_CREW}\nOwner: NASA",
    ),
    "a table of two pairs a row": (
        "<table><tr><th>Mass</th><td>815 kg</td><th>Crew</th><td>none</td></tr>"
        "<tr><th>Owner</th><td>NASA</td><th>Orbit</th><td>polar</td></tr></table>",
        f"{MASS_AND_CREW}\nOwner: NASA\nOrbit: polar",
    ),
    "a table with headings over its columns": (
        "<table><tr><th>Model</th><th>Mass</th><th>Range</th></tr><tr><td>A1</td><td>3 kg</td><td>10 km</td></tr></table>",
        "| Model | Mass | Range |\n| A1 | 3 kg | 10 km |",
    ),
    "a table by its roles": (
        '<div role="table"><div role="rowgroup"><div role="row"><span role="columnheader">Model</span>'
        '<span role="columnheader">Mass</span><span role="columnheader">Range</span></div></div><div role="rowgroup">'
        "<div role=row><span role=cell>A1</span><span role=cell>3 kg</span><span role=cell>10 km</span></div></div></div>",
        "| Model | Mass | Range |\n| A1 | 3 kg | 10 km |",
    ),
    "facts by their roles": (
        '<div role="table"><div role="row"><div role="rowheader">Mass</div><div role="cell">815 kg</div></div>'
        '<div role="row"><div role="rowheader">Crew</div><div role="cell">none</div></div></div>',
        MASS_AND_CREW,
    ),
    "list items of two spans": (
        "<ul><li><span>Mass</span><span>815 kg</span></li><li><span>Crew</span><span>none</span></li>"
        "<li><span>Owner</span><span>NASA</span></li></ul>",
        f"{MASS_AND_CREW}\nOwner: NASA",
    ),
    "labels in bold on one line": (
        "<div><b>Mass:</b> 815 kg <b>Crew:</b> none</div>",
        MASS_AND_CREW,
    ),
    "lines parted by br": ("<div>Address: 1 Main St<br>Phone: 555-1234</div>", "Address: 1 Main St\nPhone: 555-1234"),
    "made-up elements": (
        "<spec-list><spec-row><spec-name>Mass</spec-name><spec-value>815 kg</spec-value></spec-row>"
        "<spec-row><spec-name>Crew</spec-name><spec-value>none</spec-value></spec-row></spec-list>",
        MASS_AND_CREW,
    ),
    "a shadow root written into the page": (
        '<x-card><template shadowrootmode="open"><table><tr><th>Mass</th><td>815 kg</td></tr></table></template></x-card>',
        "Mass: 815 kg",
    ),
    "an infobox beside the text, its labels headings": (
        '<aside class="portable-infobox"><div class="pi-item"><h3 class="pi-data-label">Mass</h3><div class="pi-value">815 kg'
        '</div></div><div class="pi-item"><h3 class="pi-data-label">Crew</h3><div class="pi-data-value">none</div></div></aside>',
        MASS_AND_CREW,
    ),
    "a table beside the text": (
        "<aside><table><tr><th>Mass</th><td>815 kg</td></tr><tr><th>Crew</th><td>none</td></tr></table></aside>",
        MASS_AND_CREW,
    ),
    "a closed tab": ('<div style="display:none"><dl><dt>Mass</dt><dd>815 kg</dd></dl></div>', "Mass: 815 kg"),
    "a folded section": (
        "<details><summary>More</summary><ul><li>Mass: 815 kg</li><li>Crew: none</li></ul></details>",
        MASS_AND_CREW,
    ),
    "daily values": (
        "<section><h3>Nutrition</h3><div><span>Calories</span> <span>250</span></div>"
        "<div><span><b>Total Fat</b> 12g</span><span>15%</span></div>"
        "<div><span>Sodium 470mg</span><span>20%</span></div></section>",
        "Calories: 250\nTotal Fat 12g: 15%\nSodium 470mg: 20%",
    ),
    "a value that is a picture": (
        '<ul><li><span class="label">Energy class</span><span><img alt="A+++" src="x.png"></span></li></ul>',
        "Energy class: A+++",
    ),
    "ticks and crosses in a table": (
        '<table><tr><th>Feature</th><th>Basic</th><th>Pro</th></tr><tr><td>SSO</td><td><i aria-label="No"></i></td>'
        "<td><svg><title>Yes</title></svg></td></tr></table>",
        "| Feature | Basic | Pro |\n| SSO | No | Yes |",
    ),
    "choices of a select": (
        '<label for="s">Size</label><select id="s"><option value="">Choose…</option><option>10 cm</option>'
        "<option>20 cm</option></select>",
        "Size: 10 cm; 20 cm",
    ),
    "choices of radio buttons": (
        "<fieldset><legend>Colour</legend><label><input type=radio>Red</label><label><input type=radio>Blue</label></fieldset>",
        "Colour: Red; Blue",
    ),
    "a field that cannot be filled in": (
        '<label>Serial number</label><input readonly value="SN-12345">',
        "Serial number: SN-12345",
    ),
}


@pytest.mark.parametrize("page", [ARTICLE, BARE], ids=["article", "bare"])
@pytest.mark.parametrize("name", FACTS)
def test_facts_survive_in(name: str, page: str) -> None:
    body, fact = FACTS[name]
    text = extract(page.format(body).encode(), url="https://e.org/x", media_type="text/html; charset=utf-8").text
    assert f"\n\n{fact}\n\n" in f"{text}\n\n"


SHOWN = {
    "a meter": ('<p>Rating: <meter min="0" max="5" value="4.3"></meter></p>', "Rating: 4.3 of 5"),
    "a progress bar with words": ("<p>Disk use <progress value=0.6>60%</progress></p>", "Disk use 60%"),
    "a relative date": (
        '<p>Opened <time datetime="2019-05-06T10:00">last spring</time>.</p>',
        "Opened last spring (2019-05-06).",
    ),
    "a date in words": ('<p>Opened <time datetime="2019-05-06">6 May 2019</time>.</p>', "Opened 6 May 2019."),
    "a mail address behind a link": (
        '<p><a href="mailto:info@acme.example?subject=x">E-mail us</a></p>',
        "E-mail us (info@acme.example)",
    ),
    "a telephone number behind an icon": ('<p>Call <a href="tel:+15551234"><i></i></a></p>', "Call (+15551234)"),
    "stars": ('<div><span class="stars" title="4.3 out of 5 stars"></span></div>', "4.3 out of 5 stars"),
    "a property without a thing": ('<p>From <span itemprop="price" content="12.50">12</span></p>', "itemprop.price: 12.50"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_stands_in_attributes_is_read_of(name: str) -> None:
    body, shown = SHOWN[name]
    assert shown in extract(BARE.format(body).encode(), url="https://e.org/x", media_type="text/html; charset=utf-8").text


@pytest.mark.parametrize(
    "body",
    [
        "<select><option>Afghanistan</option><option>Albania</option></select>",  # no label
        '<label for="c">Country</label><select id="c">' + "".join(f"<option>Land {n}</option>" for n in range(200)) + "</select>",
        '<label for="q">Your name</label><input id="q" value="Jane">',  # to be filled in
        '<label for="t">Token</label><input id="t" type="hidden" readonly value="Jane">',
        '<a href="/x" title="10 best lamps"></a>',
        '<p>See <time datetime="2019-05-06">2019</time>.</p>',
    ],
)
def test_what_is_no_fact_is_not_made_one(body: str) -> None:
    text = extract(BARE.format(f"{body}<p>Here.</p>").encode(), url="https://e.org/x", media_type="text/html; charset=utf-8").text
    assert not any(noise in text for noise in ("Albania", "Land 1", "Jane", "10 best", "2019-05-06"))


def test_paragraphs_that_alternate_are_no_facts() -> None:
    body = "".join(f'<div class="{name}">Line of text {n}</div>' for n, name in enumerate(["odd", "even"] * 4))
    text = extract(BARE.format(f"<div>{body}</div>").encode(), url="https://e.org/x", media_type="text/html").text
    assert ": Line" not in text


def test_a_form_of_thousands_of_fields_is_read_in_time() -> None:
    fields = "".join(f'<label for="f{n}">Field {n}</label><input id="f{n}" readonly value="v{n}">' for n in range(5_000))
    assert "Field 4999: v4999" in extract(BARE.format(fields).encode(), url="https://e.org/x", media_type="text/html").text
