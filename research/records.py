"""The base of the data that rooms exchange: frozen, of known fields only, and changed by a copy that is checked."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Immutable data with known fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def changed(self, **fields: Any) -> Self:
        """A copy in which these fields are others.

        Raises:
            pydantic.ValidationError: there is no such field, or it cannot hold that value.
        """
        return self.model_validate({**dict(self), **fields})
