"""PowerPoint files (.pptx) -> blocks: each slide's title, text, tables, charts' figures and notes. Pictures are left out."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, Final

from research.documents.blocks import Document
from research.documents.html.content import all_blocks
from research.documents.office import archive, properties
from research.errors import PageUnreadable

_MAIN: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"

MAX_SLIDES: Final = 2_000
MAX_GROUPS: Final = 20
"""Groups inside groups."""


def read(data: bytes, url: str) -> Document:
    """The text of a presentation in slide order, without the slides that are hidden, whose number is in its page data, as its
    properties are.

    Raises:
        PageUnreadable: it is encrypted, broken, or too large once unpacked.
    """
    from pptx import Presentation  # Here, because few runs meet such a file, and it takes a tenth of a second.

    copy = archive.clean_copy(data, url)
    try:
        presentation = Presentation(io.BytesIO(copy))
        slides = list(presentation.slides)
        shown = [slide for slide in slides if slide.element.get("show") not in ("0", "false")]
        written = "".join(part for slide in shown[:MAX_SLIDES] for part in _slide(slide))
    except Exception as exc:
        raise PageUnreadable(f"{url}: this PowerPoint file cannot be read ({type(exc).__name__}: {exc}).") from exc
    own = properties.read(archive.members(copy, properties.MEMBERS))
    hidden = len(slides) - len(shown)
    told = [f"hidden_slides: {hidden}"] if hidden else []
    return Document(own.title, all_blocks(written), own.published, [*own.lines, *told])


def _slide(slide: Any) -> Iterator[str]:
    title = slide.shapes.title
    if title is not None and title.text_frame.text.strip():
        yield f"<h2>{escape(' '.join(title.text_frame.text.split()))}</h2>"
    for shape in _flat(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if shape.has_text_frame:
            yield from _paragraphs(shape.element)
        elif getattr(shape, "has_table", False):
            yield from _cells(shape.element)
        elif getattr(shape, "has_chart", False):
            yield from _chart(shape.chart)
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_placeholder) is not None:
        yield from _paragraphs(notes.element)


def _flat(shapes: Iterable[Any], depth: int = 0) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            if depth < MAX_GROUPS:
                yield from _flat(shape.shapes, depth + 1)
        else:
            yield shape


def _paragraphs(element: Any) -> Iterator[str]:
    """Several short paragraphs are a list: that is how a slide shows them."""
    texts = [text for paragraph in element.iter(f"{_MAIN}p") if (text := _written(paragraph))]
    if len(texts) > 1 and sum(map(len, texts)) / len(texts) < 200:
        yield "<ul>" + "".join(f"<li>{text}</li>" for text in texts) + "</ul>"
    else:
        yield from (f"<p>{text}</p>" for text in texts)


def _written(paragraph: Any) -> str:
    """A paragraph as HTML: what is raised, lowered or struck out in it stays so."""
    pieces: list[str] = []
    for run in paragraph.iterchildren(f"{_MAIN}r", f"{_MAIN}fld", f"{_MAIN}br"):
        text = escape("".join(part.text or "" for part in run.iterchildren(f"{_MAIN}t")))
        if run.tag == f"{_MAIN}br":
            pieces.append(" ")
        elif text:
            tag = _look(run.find(f"{_MAIN}rPr"))
            pieces.append(f"<{tag}>{text}</{tag}>" if tag else text)
    return " ".join("".join(pieces).split())


def _look(properties: Any) -> str:
    if properties is None:
        return ""
    if (properties.get("strike") or "noStrike") != "noStrike":
        return "s"
    baseline = properties.get("baseline") or "0"
    return "" if baseline.strip("0%") == "" else "sub" if baseline.startswith("-") else "sup"


def _cells(element: Any) -> Iterator[str]:
    """A table; cells that are merged span columns and rows."""
    yield "<table>"
    for line in element.iter(f"{_MAIN}tr"):
        yield "<tr>"
        for cell in line.iterchildren(f"{_MAIN}tc"):
            if cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true"):
                continue
            text = "<br>".join(text for paragraph in cell.iter(f"{_MAIN}p") if (text := _written(paragraph)))
            yield f'<td colspan="{escape(cell.get("gridSpan", "1"))}" rowspan="{escape(cell.get("rowSpan", "1"))}">{text}</td>'
        yield "</tr>"
    yield "</table>"


def _chart(chart: Any) -> Iterator[str]:
    """The figures that a chart is drawn from: a row for each category, a column for each series."""
    if chart.has_title and chart.chart_title.has_text_frame:
        yield f"<p>{escape(chart.chart_title.text_frame.text)}</p>"
    for plot in chart.plots:
        names = [str(category) for category in plot.categories]
        series = [(str(each.name or ""), list(each.values)) for each in plot.series]
        rows = [["", *(name for name, _ in series)]]
        rows += [[name, *(_figure(values, at) for _, values in series)] for at, name in enumerate(names)]
        yield _table(rows)


def _figure(values: list[float | None], at: int) -> str:
    value = values[at] if at < len(values) else None
    return "" if value is None else f"{value:.15g}"


def _table(rows: Iterable[Iterable[str]]) -> str:
    return (
        "<table>" + "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows) + "</table>"
    )
