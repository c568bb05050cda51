"""A PDF is read as it is read on paper: turned lines, columns side by side, tables."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.documents.extract import extract
from tests.documents.written_pdf import at, pdf_of

LEFT = [
    "The first column tells of the launch and",
    "of the years before it, when nobody had",
    "thought that a probe of this kind would",
    "ever be built by so small a team, and it",
    "ends with the day of the launch.",
]
RIGHT = [
    "Then the second column goes on with the",
    "flight: three stations tracked the probe",
    "until it passed behind the Moon, and all",
    "of them lost it at the same moment, as",
    "had been expected.",
]


def text_of(stream: str) -> str:
    return extract(pdf_of(stream), url="corpus://c/a.pdf").text


def test_lines_of_turned_text_are_not_glued() -> None:
    lines = ["Year 2023", "310 people worked here", "at the end of it"]
    text = text_of("".join(at(100 + 16 * number, 100, line, turned=True) for number, line in enumerate(lines)))
    assert text.split() == " ".join(lines).split()


def test_columns_that_were_drawn_line_by_line_are_read_one_after_the_other() -> None:
    stream = "".join(
        at(72, 700 - 14 * number, left) + at(330, 700 - 14 * number, right)
        for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True))
    )
    assert text_of(at(72, 730, "A short history") + stream).split() == " ".join(["A short history", *LEFT, *RIGHT]).split()


def test_columns_that_were_drawn_one_after_the_other_stay_so() -> None:
    stream = "".join(at(x, 700 - 14 * number, line) for x, part in ((72, LEFT), (330, RIGHT)) for number, line in enumerate(part))
    assert text_of(stream).split() == " ".join([*LEFT, *RIGHT]).split()


def test_cells_with_gaps_between_them_are_a_table_and_prose_around_it_stays_prose() -> None:
    rows = [("Name", "Height", "Year"), ("Mount A", "1,200 m", "1950"), ("Mount Bee", "900 m", "1960"), ("Col", "", "1970")]
    stream = "".join(at(72, 730 - 14 * number, line) for number, line in enumerate(LEFT))
    stream += "".join(
        at(x, 600 - 14 * number, cell)
        for number, row in enumerate(rows)
        for x, cell in zip((72, 200, 300), row, strict=True)
        if cell
    )
    text = text_of(stream)
    assert "| Name | Height | Year |\n| Mount A | 1,200 m | 1950 |\n| Mount Bee | 900 m | 1960 |\n| Col |  | 1970 |" in text
    assert text.startswith(" ".join(LEFT))


def test_bullets_and_numbers_before_a_line_are_no_cells() -> None:
    stream = "".join(at(72, 700 - 14 * n, "•") + at(110, 700 - 14 * n, item) for n, item in enumerate(["one", "two", "three"]))
    assert text_of(stream) == "- one\n- two\n- three"
    rows = [("one", "12"), ("two", "13")]
    stream = "".join(
        at(x, 700 - 14 * n, cell) for n, row in enumerate(rows) for x, cell in zip((72, 90, 250), ("•", *row), strict=True)
    )
    assert text_of(stream) == "| • one | 12 |\n| • two | 13 |"


def test_ligatures_of_a_pdf_are_unfolded() -> None:
    # Two letters by their glyph's name: as the fonts of most books do it.
    assert _with_glyph("Of\x80ce", "fi") == "Office"


def raised(text: str) -> str:
    return f"/F1 7 Tf 4 Ts ({text}) Tj 0 Ts /F1 11 Tf "


def test_raised_digits_of_a_pdf_are_not_glued_to_the_number_before_them() -> None:
    stream = f"BT /F1 11 Tf 72 700 Td (Mass: 5.97 x 10) Tj {raised('24')} ( kg, area 25 m) Tj {raised('2')} (, staff 310) Tj "
    stream += f"{raised('3')} ( in Boston) Tj {raised('4')} (, founded 1976, CO) Tj /F1 7 Tf -3 Ts (2) Tj ET"
    text = " ".join(text_of(stream).split()).replace(" ,", ",")
    assert text == "Mass: 5.97 x 10^24 kg, area 25 m², staff 310^3 in Boston, founded 1976, CO2"


@pytest.mark.parametrize(
    ("before", "mark", "behind", "shown"),
    [
        ("EUR 19", ",99", " net", "EUR 19,99 net"),
        ("$19", "99", " net", "$19.99 net"),
        ("k = 10", "0,5", " mol", "k = 10^0,5 mol"),
        ("k = 10", "2,3", " mol", "k = 10^2,3 mol"),
        ("150 x 10", "9", "/L", "150 x 10^9/L"),
        ("a bolt of 1", "1", "/2 inch", "a bolt of 1 1/2 inch"),
        ("made in 1990", "1,2", " here", "made in 1990 here"),
    ],
)
def test_raised_digits_are_decimals_powers_numerators_or_marks(before: str, mark: str, behind: str, shown: str) -> None:
    stream = f"BT /F1 11 Tf 72 700 Td ({before}) Tj {raised(mark)} ({behind}) Tj ET"
    assert text_of(stream) == shown


def test_a_corner_of_a_table_in_a_pdf_says_what_its_cells_are() -> None:
    rows = [("In millions of USD", "2023", "2024"), ("Revenue", "12.1", "12.5"), ("Net loss", "(1.2)", "(0.8)")]
    stream = "".join(
        at(x, 700 - 14 * number, cell) for number, row in enumerate(rows) for x, cell in zip((72, 250, 330), row, strict=True)
    )
    assert text_of(stream).endswith(
        "| Revenue | 12.1 million USD | 12.5 million USD |\n| Net loss | (1.2) million USD | (0.8) million USD |"
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(40, 90), st.integers(40, 60), st.text("ab 1,.", min_size=1, max_size=4)), max_size=12))
def test_no_places_of_letters_break_the_reader(drawn: list[tuple[int, int, str]]) -> None:
    stream = at(300, 400, "Plan") + "".join(at(x, y * 10, text) for x, y, text in drawn)
    text = text_of(stream)
    assert "Plan" in text
    assert {letter for _, _, piece in drawn for letter in piece if letter.isalnum()} <= set(text)


def test_a_character_that_the_font_does_not_name_is_not_left_out_of_its_word() -> None:
    assert _with_glyph("No. 4\x807 of 2023", "g0999") == "No. 4\ufffd7 of 2023"


def test_a_character_of_two_halves_is_read_as_one() -> None:
    named = b"begincmap 1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfchar <80> <D835DC00> endbfchar endcmap"
    stream = b"9 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\nxref\n0" % (len(named), named)
    data = pdf_of(at(72, 700, "Vector \x80 of 9 kg")).replace(b"xref\n0", stream, 1)
    data = data.replace(b"/WinAnsiEncoding", b"/WinAnsiEncoding /ToUnicode 9 0 R")
    assert extract(data, url="corpus://c/a.pdf").text == "Vector \U0001d400 of 9 kg"


def _with_glyph(text: str, glyph: str) -> str:
    """The text of a PDF whose font draws this glyph for U+0080."""
    data = pdf_of(at(72, 700, text)).replace(
        b"/Encoding /WinAnsiEncoding", f"/Encoding << /Type /Encoding /Differences [128 /{glyph}] >>".encode()
    )
    return extract(data, url="corpus://c/a.pdf").text


def test_the_number_of_a_row_is_a_cell_of_its_own() -> None:
    rows = [("No.", "Name", "Founded"), ("1", "Rowing club", "1901"), ("2.", "Chess club", "1924"), ("3", "Choir", "")]
    stream = "".join(
        at(x, 700 - 14 * n, cell) for n, row in enumerate(rows) for x, cell in zip((72, 120, 300), row, strict=True) if cell
    )
    assert text_of(stream) == (
        "| No. | Name | Founded |\n| 1 | Rowing club | 1901 |\n| 2. | Chess club | 1924 |\n| 3 | Choir |  |"
    )


def test_raised_digits_that_were_drawn_by_themselves_belong_to_the_number_before_them() -> None:
    def raised(x: int, text: str) -> str:
        return f"BT /F1 7 Tf 1 0 0 1 {x} 704 Tm ({text}) Tj ET\n"

    stream = at(72, 700, "Mass: 5 x 10") + raised(135, "24") + at(146, 700, "kg, made in 1990") + raised(231, "1,2")
    stream += at(244, 700, "here, a bolt of 1") + raised(328, "1") + at(332, 700, "/2 inch")
    assert text_of(stream) == "Mass: 5 x 10^24 kg, made in 1990 here, a bolt of 1 1/2 inch"


def test_lines_that_were_not_wrapped_are_not_run_together() -> None:
    lines = ["Nordpump AB", "Hamngatan 3", "411 06 Gothenburg", "Sweden"]
    stream = "".join(at(72, 700 - 14 * n, line) for n, line in enumerate(lines))
    assert text_of(stream).split("\n\n") == lines
    stream = "".join(at(72, 700 - 14 * n, line) for n, line in enumerate(LEFT))
    assert text_of(stream) == " ".join(LEFT)


def test_a_line_that_begins_in_small_or_wide_capitals_goes_on_with_its_paragraph() -> None:
    small = "BT /F1 8 Tf 1 0 0 1 72 686 Tm (NASA) Tj /F1 11 Tf ( had thought that it could be built) Tj ET\n"
    rest = "".join(at(72, 672 - 14 * n, line) for n, line in enumerate(LEFT[2:]))
    assert "\n" not in text_of(at(72, 700, LEFT[0]) + small + rest)
    lines = [
        "a little list of little things that will still fill it in part till all",
        "MWMWMWMWMW is a probe that nobody had ever built nor thought of,",
        "or seen before it was built by so small a team, in those days.",
    ]
    assert text_of("".join(at(72, 700 - 14 * n, line) for n, line in enumerate(lines))) == " ".join(lines)


def test_two_lines_of_cells_are_a_table_and_one_is_a_line() -> None:
    stream = at(72, 700, "Maker") + at(200, 700, "Nordpump AB") + at(72, 686, "Flow") + at(200, 686, "120 l/h")
    stream += at(72, 625, "Both as delivered.") + at(72, 560, "Total") + at(200, 560, "99")
    assert text_of(stream) == "| Maker | Nordpump AB |\n| Flow | 120 l/h |\n\nBoth as delivered.\n\nTotal 99"


def test_dots_that_lead_from_a_key_to_a_value_are_part_of_neither() -> None:
    rows = [
        ("Maker ..................", "Nordpump AB"),
        ("Flow ...................", "120 l/h"),
        ("Mass ...............", "9 kg"),
    ]
    stream = "".join(at(x, 700 - 14 * n, cell) for n, row in enumerate(rows) for x, cell in zip((72, 300), row, strict=True))
    assert text_of(stream) == "| Maker | Nordpump AB |\n| Flow | 120 l/h |\n| Mass | 9 kg |"


def test_cells_that_were_wrapped_and_drawn_one_by_one_are_one_cell_each() -> None:
    rows = [
        [["Name"], ["Role"], ["Phone"]],
        [["Anna", "Berg"], ["Head of research and", "development"], ["030 111"]],
        [["Bo Lind"], ["Clerk"], []],
    ]
    stream, y = "", 700
    for row in rows:
        stream += "".join(
            at(x, y - 13 * n, line) for x, lines in zip((72, 130, 260), row, strict=True) for n, line in enumerate(lines)
        )
        y -= 13 * max(map(len, row)) + 6
    stream += at(72, y - 40, "All of them can be reached from eight to five on every day of the week.")
    assert text_of(stream).split("\n\n") == [
        "| Name | Role | Phone |\n| Anna Berg | Head of research and development | 030 111 |\n| Bo Lind | Clerk |  |",
        "All of them can be reached from eight to five on every day of the week.",
    ]


def test_a_label_above_rows_is_no_part_of_a_cell() -> None:
    rows = [("Soup of the day", "5.50"), ("Mains", ""), ("Trout", "18.00"), ("Risotto", "14.50")]
    stream = "".join(
        at(x, 700 - 14 * n, cell) for n, row in enumerate(rows) for x, cell in zip((72, 300), row, strict=True) if cell
    )
    assert text_of(stream) == "| Soup of the day | 5.50 |\n| Mains |  |\n| Trout | 18.00 |\n| Risotto | 14.50 |"


def _rows(*rows: tuple[str, ...], y: int = 700) -> str:
    return "".join(
        at(x, y - 14 * n, cell) for n, row in enumerate(rows) for x, cell in zip((72, 180, 290), row, strict=False) if cell
    )


def test_a_label_without_a_value_is_a_row_and_no_part_of_the_next_label() -> None:
    stream = _rows(("Operator", "ESA"), ("Contractor", ""), ("Manufacturer", "Airbus"), ("Mass", "9 kg"))
    assert text_of(stream) == "| Operator | ESA |\n| Contractor |  |\n| Manufacturer | Airbus |\n| Mass | 9 kg |"
    stream = _rows(("2020", "9"), ("2021", ""), ("2022", "12"), ("2023", ""), ("2024", "15"))
    assert text_of(stream) == "| 2020 | 9 |\n| 2021 |  |\n| 2022 | 12 |\n| 2023 |  |\n| 2024 | 15 |"


def test_a_heading_or_a_sentence_between_two_tables_ends_the_first() -> None:
    above, below = [("City", "Pop"), ("Bonn", "330"), ("Trier", "112")], [("River", "Length"), ("Rhine", "1230"), ("Ahr", "89")]
    first, second = "| City | Pop |\n| Bonn | 330 |\n| Trier | 112 |", "| River | Length |\n| Rhine | 1230 |\n| Ahr | 89 |"
    assert text_of(_rows(*above) + at(72, 640, "Rivers") + _rows(*below, y=622)) == f"{first}\n\nRivers\n\n{second}"
    assert text_of(_rows(*above, ("As of 2023.",), *below)) == f"{first}\n\nAs of 2023.\n\n{second}"


@pytest.mark.parametrize(
    "rows",
    [
        [("1", "Introduction"), ("1.1", "Purpose of it")],
        [("The pump ran all day.", "", "Made in Bonn."), ("Nobody heard it.", "", "Nor in 1990.")],
        [("Annual report 2023", "", "Page 4"), ("", "The Company", "was founded")],
    ],
)
def test_two_lines_with_gaps_that_are_heads_or_prose_are_no_table(rows: list[tuple[str, ...]]) -> None:
    assert "|" not in text_of(_rows(*rows))


def test_facts_beside_each_other_are_facts_of_their_own() -> None:
    stream = _rows(("Name: Anna", "Born: 1.2.1980"), ("City: Bonn", "Phone: 030"))
    assert text_of(stream) == "Name: Anna\nBorn: 1.2.1980\nCity: Bonn\nPhone: 030"


def test_a_lower_line_of_heads_is_no_row() -> None:
    stream = at(204, 714, "2022") + at(364, 714, "2023")
    rows = [
        ("Kind", "Cost (USD)", "Share (%)", "Cost (USD)", "Share (%)"),
        ("Tin 1", "120", "44", "130", "51"),
        ("Zinc", "88", "31", "93", "36"),
    ]
    stream += "".join(
        at(x, 700 - 14 * n, c) for n, row in enumerate(rows) for x, c in zip((72, 150, 230, 310, 390), row, strict=True)
    )
    assert text_of(stream).endswith("| Tin 1 | 120 USD | 44% | 130 USD | 51% |\n| Zinc | 88 USD | 31% | 93 USD | 36% |")


def test_heads_above_several_columns_are_said_of_each() -> None:
    stream = at(185, 714, "2022") + at(345, 714, "2023")
    rows = [("", "Tonnes", "Dollars", "Tonnes", "Dollars"), ("Chile", "120", "44", "130", "51"), ("Peru", "88", "31", "93", "36")]
    stream += "".join(
        at(x, 700 - 14 * n, cell)
        for n, row in enumerate(rows)
        for x, cell in zip((72, 150, 230, 310, 390), row, strict=True)
        if cell
    )
    assert text_of(stream) == (
        "|  | 2022 | 2022 | 2023 | 2023 |\n|  | Tonnes | Dollars | Tonnes | Dollars |\n"
        "| Chile | 120 | 44 | 130 | 51 |\n| Peru | 88 | 31 | 93 | 36 |"
    )


def test_two_tables_side_by_side_that_were_drawn_one_after_the_other_are_two() -> None:
    tables = [("City", "Pop."), ("Bonn", "330"), ("Trier", "112")], [("River", "Length"), ("Rhine", "1230"), ("Ahr", "89")]
    stream = "".join(
        at(left + x, 700 - 14 * n, cell)
        for left, rows in zip((72, 300), tables, strict=True)
        for n, row in enumerate(rows)
        for x, cell in zip((0, 90), row, strict=True)
    )
    assert (
        text_of(stream)
        == "| City | Pop. |\n| Bonn | 330 |\n| Trier | 112 |\n\n| River | Length |\n| Rhine | 1230 |\n| Ahr | 89 |"
    )


def test_entries_of_a_list_that_fill_their_lines_are_not_run_together() -> None:
    entries = [f"{number}. The chapter about the pumps of hall {number} and of {'.' * 60} {number}" for number in (1, 2, 3)]
    stream = "".join(at(72, 700 - 14 * n, entry) for n, entry in enumerate(entries))
    assert text_of(stream).split("\n\n") == entries


def test_a_title_that_a_program_gave_is_no_title() -> None:
    for own, title in (("Data sheet", "Data sheet"), ("s01_spec.html", "Pump NP-120"), ("untitled", "Pump NP-120")):
        assert extract(pdf_of(at(72, 700, "Pump NP-120"), title=own), url="corpus://c/a.pdf").title == title


def test_what_is_stated_above_the_heads_of_a_table_is_of_its_cells() -> None:
    stream = at(72, 740, "(in millions of USD)") + at(250, 720, "Year ended 31 December")
    rows = [("", "2023", "2024"), ("Net sales", "12.1", "12.5"), ("Net loss", "(1.2)", "(0.8)")]
    stream += "".join(
        at(x, 700 - 14 * n, cell) for n, row in enumerate(rows) for x, cell in zip((72, 250, 330), row, strict=True) if cell
    )
    assert "| Net sales | 12.1 million USD | 12.5 million USD |" in text_of(stream)
