"""Publishes the contract, the JSON Schemas of what is asked and of what comes back: `python -m research.result.publish`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from research.money.usage import Usage
from research.result.artifact import CompletionArtifact
from research.result.result import SCHEMA_VERSION, FieldBasis, Finding, Result, Source
from research.task.task import Task

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def contract() -> Mapping[str, dict[str, Any]]:
    """The JSON Schema of each part of the contract, by its file name. A task as it is read under its own names, the others as
    they are written."""
    schemas = {"task.schema.json": Task.model_json_schema()}
    for model in (Result, FieldBasis, Finding, Source, Usage, CompletionArtifact):
        schemas[f"{_snake(model.__name__)}.schema.json"] = model.model_json_schema(mode="serialization")
    head = {"$schema": DIALECT, "$comment": f"schema_version {SCHEMA_VERSION}"}
    return {name: {**head, **_summarised(schema)} for name, schema in schemas.items()}


def _summarised(schema: dict[str, Any]) -> dict[str, Any]:
    """With the first paragraph of each model's docstring only: the rest is for Python."""
    for model in (schema, *schema.get("$defs", {}).values()):
        if "description" in model:
            model["description"] = model["description"].split("\n\n")[0]
    return schema


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def as_text(schema: Mapping[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def publish(folder: Path) -> list[Path]:
    """Writes every schema of the contract into a folder, and returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in contract().items():
        (folder / name).write_text(as_text(schema), encoding="utf-8")
        written.append(folder / name)
    return written


if __name__ == "__main__":
    for file in publish(Path(sys.argv[1] if len(sys.argv) > 1 else "schemas/contract")):
        sys.stdout.write(f"{file}\n")
