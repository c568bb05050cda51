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
