"""A PDF is read as it is read on paper: turned lines, columns side by side, tables."""

from __future__ import annotations

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


def test_ligatures_of_a_pdf_are_unfolded() -> None:
    # Two letters by their glyph's name: as the fonts of most books do it.
    data = pdf_of(at(72, 700, "Of\x80ce")).replace(
        b"/Encoding /WinAnsiEncoding", b"/Encoding << /Type /Encoding /Differences [128 /fi] >>"
    )
    assert extract(data, url="corpus://c/a.pdf").text == "Office"


def test_raised_digits_of_a_pdf_are_not_glued_to_the_number_before_them() -> None:
    def raised(text: str) -> str:
        return f"/F1 7 Tf 4 Ts ({text}) Tj 0 Ts /F1 11 Tf "

    stream = f"BT /F1 11 Tf 72 700 Td (Mass: 5.97 x 10) Tj {raised('24')} ( kg, area 25 m) Tj {raised('2')} (, staff 310) Tj "
    stream += f"{raised('3')} ( in Boston) Tj {raised('4')} (, founded 1976, CO) Tj /F1 7 Tf -3 Ts (2) Tj ET"
    text = " ".join(text_of(stream).split()).replace(" ,", ",")
    assert text == "Mass: 5.97 x 10^24 kg, area 25 m², staff 310^3 in Boston, founded 1976, CO2"


def test_a_corner_of_a_table_in_a_pdf_says_what_its_cells_are() -> None:
    rows = [("In millions of USD", "2023", "2024"), ("Revenue", "12.1", "12.5"), ("Net loss", "(1.2)", "(0.8)")]
    stream = "".join(
        at(x, 700 - 14 * number, cell) for number, row in enumerate(rows) for x, cell in zip((72, 250, 330), row, strict=True)
    )
    assert text_of(stream).endswith(
        "| Revenue | 12.1 million USD | 12.5 million USD |\n| Net loss | (1.2) million USD | (0.8) million USD |"
    )


def test_letters_are_words_however_little_stands_on_the_page() -> None:
    # With so few lines, PDFium takes the page for upright script and ends a line behind every letter.
    text = text_of(at(72, 700, "Berlin office") + at(72, 670, "Phone: 030 111") + at(72, 655, "Staff: 40"))
    assert text == "Berlin office\n\nPhone: 030 111\nStaff: 40"


def test_turned_letters_are_words() -> None:
    assert "Document no. 4711" in text_of(at(72, 700, "Plan") + at(40, 300, "Document no. 4711", turned=True))


def test_a_character_that_the_font_does_not_name_is_not_left_out_of_its_word() -> None:
    data = pdf_of(at(72, 700, "No. 4\x807 of 2023")).replace(
        b"/Encoding /WinAnsiEncoding", b"/Encoding << /Type /Encoding /Differences [128 /g0999] >>"
    )
    assert "47" not in extract(data, url="corpus://c/a.pdf").text


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


def test_two_lines_of_cells_are_a_table_and_one_is_a_line() -> None:
    stream = at(72, 700, "Maker") + at(200, 700, "Nordpump AB") + at(72, 686, "Flow") + at(200, 686, "120 l/h")
    stream += at(72, 640, "Both as delivered.") + at(72, 600, "Total") + at(200, 600, "99")
    assert text_of(stream) == "| Maker | Nordpump AB |\n| Flow | 120 l/h |\n\nBoth as delivered.\n\nTotal 99"


def test_dots_that_lead_from_a_key_to_a_value_are_part_of_neither() -> None:
    rows = [
        ("Maker ..................", "Nordpump AB"),
        ("Flow ...................", "120 l/h"),
        ("Mass ...............", "9 kg"),
    ]
    stream = "".join(at(x, 700 - 14 * n, cell) for n, row in enumerate(rows) for x, cell in zip((72, 300), row, strict=True))
    assert text_of(stream) == "| Maker | Nordpump AB |\n| Flow | 120 l/h |\n| Mass | 9 kg |"
