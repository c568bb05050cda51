"""Which column of `results` is what: their names, their types, and what gives way when two want one name."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from research.errors import Fault, InvalidTable
from research.output_schema.field_paths import field_of
from research.output_schema.output_spec import Field, OutputSpec
from research.tables.layout.columns import arrow_schema, json_value

ROW_INDEX: Final = "row_index"
SUFFIX: Final = "_research"

RUN_COLUMNS: Final = pa.schema(
    [
        pa.field("status", pa.string()),
        pa.field("error", pa.string()),
        pa.field("warnings", pa.list_(pa.string())),
        pa.field("confidence", pa.string()),
        pa.field("processor", pa.string()),
        pa.field("model", pa.string()),
        pa.field("cost_usd", pa.float64()),
        pa.field("task_id", pa.string()),
        pa.field("completed_at", pa.timestamp("us", tz="UTC")),
        pa.field("error_kind", pa.string()),
        pa.field("tiers", pa.list_(pa.string())),
        pa.field("field_warnings", pa.list_(pa.struct([("field", pa.string()), ("text", pa.string())]))),
        pa.field("p_correct", pa.float64()),
        pa.field("agents", pa.list_(pa.string())),
    ]
)
"""Runs that were made before the last five have their columns without them."""


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One field of the output, and the column that holds it."""

    field: str
    column: str
    schema: Mapping[str, Any]
    """The field's JSON Schema."""
    description: str = ""

    @property
    def as_field(self) -> Field:
        return Field(name=self.field, schema=self.schema, description=self.description, required=False)

    def json_values(self, column: pa.ChunkedArray[Any]) -> list[Any]:
        """The column's values as the JSON values that the answers held."""
        return [json_value(self.as_field, value) for value in column.to_pylist()]


@dataclass(frozen=True, slots=True)
class ResultColumns:
    """The columns of `results`: row index, the input's columns, the output's columns, the run's columns.

    An input column keeps its name. An output field, and after it a column of the run, whose name is taken (upper and lower
    case are one name, as in SQL) is called `<name>_research`; if that is taken too, `<name>_research2`, `_research3`, … The
    names follow from the input's schema and the output's alone.
    """

    schema: pa.Schema
    inputs: tuple[str, ...]
    outputs: tuple[OutputColumn, ...]
    run: Mapping[str, str]
    """What the run says of a row (`row_index`, `status`, …), and the column that holds it."""

    @classmethod
    def plan(cls, input_schema: pa.Schema, spec: OutputSpec) -> ResultColumns:
        """Name and type the columns.

        Raises:
            InvalidTable: two input columns have one name, or a type that Parquet cannot hold.
        """
        _check_inputs(input_schema)
        taken = {name.casefold() for name in input_schema.names}

        def free(name: str) -> str:
            chosen = free_name(name, taken)
            taken.add(chosen.casefold())
            return chosen

        outputs = tuple(OutputColumn(f.name, free(f.name), _plain(f.schema), f.description) for f in spec.fields)
        run = {name: free(name) for name in (ROW_INDEX, *RUN_COLUMNS.names)}
        output_types = arrow_schema(spec)
        schema = pa.schema(
            [
                pa.field(run[ROW_INDEX], pa.int64(), nullable=False),
                *input_schema,
                *(output_types.field(i).with_name(o.column) for i, o in enumerate(outputs)),
                *(pa.field(run[f.name], f.type) for f in RUN_COLUMNS),
            ]
        )
        return cls(schema, tuple(input_schema.names), outputs, run)

    @property
    def run_types(self) -> pa.Schema:
        """The run's columns that this run has, under the run's own names for them."""
        return pa.schema([field for field in RUN_COLUMNS if field.name in self.run])

    @property
    def input_schema(self) -> pa.Schema:
        return pa.schema([self.schema.field(i) for i in range(1, 1 + len(self.inputs))])

    @property
    def row_index(self) -> str:
        return self.run[ROW_INDEX]

    def tiers(self, results: pa.Table) -> list[list[str]]:
        """The processors that answered each row. A run without the column `tiers` joins their names by `+` in `processor`."""
        if "tiers" in self.run:
            return [names or [] for names in results[self.run["tiers"]].to_pylist()]
        # The documented form of older folders (docs/run-folder.md), which have no column of lists.
        return [str(name).split("+") for name in results[self.run["processor"]].to_pylist()]

    def output(self, field: str) -> OutputColumn:
        """The column of a field.

        Raises:
            KeyError: the output has no such field.
        """
        for output in self.outputs:
            if output.field == field:
                return output
        raise KeyError(field)

    def field_of(self, path: str) -> str | None:
        """The output field that a basis path belongs to: the longest that begins it. `key_people.0.name` is of `key_people`."""
        return field_of(path, (output.field for output in self.outputs))

    def to_json(self) -> dict[str, Any]:
        """The form kept in `run.json`. The Arrow schema is there twice: to read, and exactly (its IPC bytes)."""
        return {
            "inputs": list(self.inputs),
            "outputs": [
                {"field": o.field, "column": o.column, "schema": o.schema, "description": o.description} for o in self.outputs
            ],
            "run": dict(self.run),
            "types": {field.name: str(field.type) for field in self.schema},
            "arrow_schema": base64.b64encode(self.schema.serialize()).decode("ascii"),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ResultColumns:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(value["arrow_schema"])))
        return cls(schema, tuple(value["inputs"]), tuple(OutputColumn(**o) for o in value["outputs"]), dict(value["run"]))


def free_name(name: str, taken: Collection[str]) -> str:
    """A column's name, or what it gives way to.

    Args:
        taken: the names that there are, case-folded.
    """
    candidates = (name, f"{name}{SUFFIX}", *(f"{name}{SUFFIX}{n}" for n in range(2, len(taken) + 3)))
    return next(each for each in candidates if each.casefold() not in taken)


def _check_inputs(schema: pa.Schema) -> None:
    faults = [Fault(name, f"{n} columns have this name") for name, n in Counter(schema.names).items() if n > 1]
    if faults:
        raise InvalidTable("A table's columns need names of their own: rename them and run again.", faults)
    for field in schema:
        try:
            pq.write_table(pa.table({"x": pa.nulls(0, field.type)}), io.BytesIO())
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as exc:
            faults.append(Fault(field.name, f"Parquet cannot hold {field.type} ({exc})"))
    if faults:
        raise InvalidTable("Some columns cannot be kept as they are: cast them, or leave them out with a query.", faults)


def _plain(value: Any) -> Any:
    """The same JSON value made of dicts and lists only."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
