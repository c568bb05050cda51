"""A run's tables as DataFrames that go into a spreadsheet as they are. Imports pandas, so it is imported when a frame is made."""

from __future__ import annotations

import json
from typing import Any, Final, cast

import numpy as np
import pandas as pd
import pyarrow as pa

_NULLABLE: Final = {"bool": "boolean", **{f"{u}int{n}": f"{u.upper()}Int{n}" for u in ("", "u") for n in (8, 16, 32, 64)}}
_NO_FORMULAS: Final = {"options": {"strings_to_formulas": False, "strings_to_urls": False}}


class TableFrame(pd.DataFrame):
    """A DataFrame whose `to_excel` writes what Excel can hold: moments in UTC without their zone, lists and objects as JSON text,
    and no text as a formula. Everywhere else its values keep their types."""

    @property
    def _constructor(self) -> type[TableFrame]:
        return TableFrame

    def to_excel(  # type: ignore[misc]  # final for type checkers only; pandas' own raises at a moment that has a zone (3.1)
        self, excel_writer: Any, *args: Any, **options: Any
    ) -> None:
        """As pandas' own. `research.tables.export_run` writes a workbook with the evidence."""
        if not isinstance(excel_writer, pd.ExcelWriter) and options.get("engine") in (None, "xlsxwriter"):
            options = {"engine": "xlsxwriter", "engine_kwargs": _NO_FORMULAS, **options}
        as_cells = {place: _as_cells(self.iloc[:, place]) for place in range(self.shape[1])}
        plain = pd.concat(as_cells, axis=1) if as_cells else pd.DataFrame(index=self.index)
        plain.columns = self.columns
        pd.DataFrame(plain).to_excel(excel_writer, *args, **options)


def frame_of(table: pa.Table) -> TableFrame:
    """A table as a frame. Integers and booleans stay what they are where some are missing; anything else as pandas has it."""
    return TableFrame(table.to_pandas(types_mapper=_nullable))


def _nullable(kind: pa.DataType) -> Any:
    return pd.api.types.pandas_dtype(_NULLABLE[str(kind)]) if str(kind) in _NULLABLE else None


def _as_cells(column: pd.Series[Any]) -> pd.Series[Any]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return cast("pd.Series[Any]", column.dt.tz_convert("UTC").dt.tz_localize(None))
    if column.dtype == object:
        return column.map(_json_text)
    return column


def _json_text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=_plain) if isinstance(value, list | dict | np.ndarray) else value


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
