"""Forms' controls that state something: the choices there are, and values that cannot be changed."""

from __future__ import annotations

from typing import Final

from lxml.html import HtmlElement

from research.documents.blocks import clean
from research.documents.html.inline import value
from research.documents.html.pairs import labelled

MAX_CHOICES: Final = 30
"""Of one field. More are all countries or all years, and no property of what the page is about."""
MAX_VALUE: Final = 400
"""Characters."""
CONTROLS: Final = frozenset({"select", "input", "textarea"})

_TYPES: Final = frozenset({"text", "number", "date", "email", "tel", "url"})


class Controls:
    """The controls of one page, and what they are called."""

    def __init__(self, body: HtmlElement) -> None:
        self._labels = {label.get("for"): label for label in body.iter("label") if label.get("for")}

    def stated(self, control: HtmlElement) -> str:
        """`Key: value` for a control that states something; "" for any other."""
        if control.tag == "select":
            options = [clean(option.text_content()) for option in control.iter("option") if option.get("value") != ""]
            return _choices(self._name(control), options)
        if control.get("readonly") is None and control.get("disabled") is None:
            return ""
        text = clean((control.text_content() if control.tag == "textarea" else control.get("value")) or "")
        if (control.get("type") or "text").lower() not in _TYPES:
            return ""
        return labelled(self._name(control), text[:MAX_VALUE], longest=60)

    def _name(self, control: HtmlElement) -> str:
        label = self._labels.get(control.get("id"))
        if label is None:
            before = control.getprevious()
            label = before if before is not None and before.tag in ("label", "b", "strong", "span") else None
        return value(label) if label is not None else clean(control.get("aria-label") or control.get("title") or "")


def group(fieldset: HtmlElement) -> str:
    """`Colour: red; blue` for radio buttons or boxes to tick under one legend; "" for any other fieldset."""
    legend = next(fieldset.iterchildren("legend"), None)
    options = [value(label) for label in fieldset.iter("label") if next(label.iter("input"), None) is not None]
    return _choices(value(legend), options) if legend is not None else ""


def _choices(key: str, options: list[str]) -> str:
    different = list(dict.fromkeys(option for option in options if option))
    if not 2 <= len(different) <= MAX_CHOICES or sum(map(len, different)) > MAX_VALUE:
        return ""
    return labelled(key, "; ".join(different), longest=40)
