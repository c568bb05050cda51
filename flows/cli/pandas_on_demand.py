"""Keeps Arrow from importing pandas before anything asks for a data frame.

PyArrow imports pandas when it first converts a Python value, to see whether the value is one of pandas' (`pandas-shim.pxi`,
26.0): a second and 30 MB, in the middle of a run, and no value of a command is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _WithoutPandas(MetaPathFinder):
    """Finds that there is no pandas."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)
        return None


def import_pandas_on_demand() -> None:
    """From now on, PyArrow imports pandas only where a data frame is asked for (`to_pandas` and its like). For a process that
    hands no objects of pandas' to Arrow."""
    import pyarrow as pa  # a command whose arguments are wrong does without it

    if "pandas" in sys.modules:
        return
    without = _WithoutPandas()
    sys.meta_path.insert(0, without)
    try:
        pa.array([0])  # it looks for pandas once, and remembers that there was none
    finally:
        sys.meta_path.remove(without)
