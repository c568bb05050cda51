"""The page that a row's research begins with: from a template over columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from research.tables.inputs.template import Template

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)


class StartPage:
    """Where a row's start page comes from: `{website}`, `https://en.wikipedia.org/wiki/{title}`."""

    def __init__(self, template: str) -> None:
        """
        Raises:
            InvalidTask: the template is empty, or a brace is open; the message names the position.
        """
        self._template = Template(template, "start_url")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made from."""
        return self._template.columns

    def check(self, schema: pa.Schema) -> None:
        """See that every column it names exists.

        Raises:
            InvalidTable: one does not.
        """
        self._template.check(schema)

    def render(self, values: Mapping[str, Any]) -> str | None:
        """The page of one row; None where its columns are empty. Tables often hold bare domains: `example.com` is read as
        `https://example.com`."""
        if self._template.is_empty_for(values):
            return None
        url = self._template.filled(values)
        # `example.com:8080/a` looks like a scheme, and is none.
        return url if _SCHEME.match(url) and not re.match(r"[\w.-]+:\d", url) else f"https://{url}"
