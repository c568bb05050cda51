"""Which columns an export has: the input's, the output's, what was asked for beside each of them, and the run's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import pyarrow as pa

from research.errors import Fault, InvalidInput
from research.faults import nearest
from research.tables.layout.result_columns import ResultColumns, free_name

OF_A_TABLE: Final = ("status", "error")
"""What the run says of a row in a table for people."""


class Role(Enum):
    """What a column of an export holds."""

    INPUT = "input"
    OUTPUT = "output"
    RUN = "run"
    SOURCES = "sources"
    CONFIDENCE = "confidence"
    P_CORRECT = "p_correct"


BESIDE: Final = {
    Role.SOURCES: pa.list_(pa.string()),
    Role.CONFIDENCE: pa.string(),
    Role.P_CORRECT: pa.float64(),
}
"""The columns that stand beside an output field on request, and their types."""


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """One column."""

    name: str
    role: Role
    of: str
    """The column of `results`; of one that stands beside an output field, the field."""
    type: pa.DataType

    @property
    def is_of_results(self) -> bool:
        return self.role not in BESIDE


def plan_columns(
    columns: ResultColumns, *, beside: Sequence[Role] = (), run: Sequence[str] = OF_A_TABLE, chosen: Sequence[str] | None = None
) -> tuple[ExportColumn, ...]:
    """The columns of an export, in order.

    Args:
        beside: what stands beside each output field: `<field>_sources`, `<field>_confidence`, `<field>_p_correct`. A name that is
            taken gives way as in `results`.
        run: which columns of the run there are, by the run's own names for them.
        chosen: the names of the columns that there are, in this order; of all that the run has. What stands
            beside an output field follows it.

    Raises:
        InvalidInput: a column is chosen that there is not.
    """
    if chosen is None:
        of_run = {columns.run[name] for name in run if name in columns.run}
        return tuple(each for each in _every(columns, beside) if each.role is not Role.RUN or each.of in of_run)
    every = _every(columns, list(BESIDE))
    known = {each.name: each for each in every}
    if missing := [name for name in chosen if name not in known]:
        faults = [Fault(name, f"there is no such column{nearest(name, known)}") for name in missing]
        raise InvalidInput(f"Some columns are not in the run. It has {', '.join(known)}.", faults)
    fields = {output.column: output.field for output in columns.outputs}
    with_others: list[ExportColumn] = []
    for name in chosen:
        field = fields.get(name)
        others = [each for each in every if each.role in beside and each.of == field and each.name not in chosen]
        with_others += [known[name], *others]
    return tuple(dict.fromkeys(with_others))


def _every(columns: ResultColumns, beside: Sequence[Role]) -> list[ExportColumn]:
    taken = {name.casefold() for name in columns.schema.names}

    def free(name: str) -> str:
        chosen = free_name(name, taken)
        taken.add(chosen.casefold())
        return chosen

    def of_results(role: Role, name: str) -> ExportColumn:
        return ExportColumn(name, role, name, columns.schema.field(name).type)

    every = [of_results(Role.RUN, columns.row_index), *(of_results(Role.INPUT, name) for name in columns.inputs)]
    for output in columns.outputs:
        every.append(of_results(Role.OUTPUT, output.column))
        every += [
            ExportColumn(free(f"{output.column}_{role.value}"), role, output.field, kind)
            for role, kind in BESIDE.items()
            if role in beside
        ]
    return every + [of_results(Role.RUN, name) for name in columns.run.values() if name != columns.row_index]
