"""How likely a cell is right: what a calibration made of the three words of confidence (`research calibrate`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from research.output_schema.field_paths import field_of
from research.result.result import Result

SETTING: Final = "calibration"
"""The name of a run's setting that holds its probabilities."""


@dataclass(frozen=True, slots=True)
class Probabilities:
    """A probability for each confidence, and for fields that were seen often enough their own.

    A run keeps the ones that it began with among its settings, so that all its rows are told by the same.
    """

    sha256: str
    """Of the calibration they are from."""
    models: tuple[str, ...]
    """As rows name them (`results.model`). Of a row that another one answered nothing is known."""
    overall: Mapping[str, float]
    """By confidence."""
    fields: Mapping[str, Mapping[str, float]]
    """By field and confidence."""

    def of(self, path: str, confidence: str | None) -> float | None:
        """The probability that a value is right.

        Args:
            path: of the basis: a field, or a part of it (`key_people.0.name`).
        """
        if confidence is None:
            return None
        field = path if path in self.fields else field_of(path, self.fields)
        return self.fields.get(field or "", self.overall).get(confidence)

    def of_result(self, result: Result) -> dict[str, float | None]:
        """By path of the result's basis."""
        if result.model not in self.models:
            return {}
        return {basis.field: self.of(basis.field, basis.confidence) for basis in result.basis}

    def to_json(self) -> dict[str, Any]:
        """The form kept among the settings in `run.json`."""
        fields = {name: dict(words) for name, words in self.fields.items()}
        return {"sha256": self.sha256, "models": list(self.models), "overall": dict(self.overall), "fields": fields}

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> Probabilities | None:
        """Those that a run began with. None: it had none."""
        if (value := settings.get(SETTING)) is None:
            return None
        return cls(value["sha256"], tuple(value["models"]), dict(value["overall"]), dict(value["fields"]))


def lowest(probabilities: Iterable[float | None]) -> float | None:
    """The lowest of those that are known; None: none is."""
    return min((each for each in probabilities if each is not None), default=None)
