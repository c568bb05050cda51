"""Records, the data that rooms exchange, and tables of data, which lie beside a room's modules as TOML."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Immutable data of known fields, changed by a copy that is checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def changed(self, **fields: Any) -> Self:
        """A copy in which these fields are others.

        Raises:
            pydantic.ValidationError: there is no such field, or it cannot hold that value.
        """
        return self.model_validate({**dict(self), **fields})


class PublishedRecord(Record):
    """One whose JSON Schema others read, with what the docstrings of the fields say. pydantic looks for these in the source of
    each class that is imported: for all records that was a twelfth of a command's start."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def read_table(package: str, name: str) -> dict[str, Any]:
    """The contents of a package's TOML file."""
    return tomllib.loads(files(package).joinpath(name).read_text("utf-8"))
