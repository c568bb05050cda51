"""A calibration: how often values of each confidence were right, in runs of one kind whose truth is known, and what that makes of
the same words in later runs of the kind.

A kind of job is an output schema and a model (its identity, so that a newer version of a model is another one).
`research/tables/audit/calibrate.py` makes one. It is kept as a JSON file, which a run reads when it begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from research.errors import InvalidRun
from research.identity import content_key
from research.records import Record
from research.result.result import UtcTime
from research.tables.layout.durable import write_whole
from research.tables.layout.probabilities import Probabilities

_WITHOUT: Final = "this run goes without; `research calibrate` makes it anew"


class CalibratedWord(Record):
    """One confidence, of all fields or of one."""

    p_correct: float
    right: int
    cells: int
    """Values of this confidence."""
    interval: tuple[float, float] | None
    """Of right among them: 95 %, Wilson. None: there were none, and `p_correct` is that of all fields, or of a
    lower confidence of the field that is right more often."""


class CalibratedRun(Record):
    """A run that was counted."""

    run: str
    """The name of its folder."""
    key: str
    cells: int
    """Its values that the truth speaks of."""


class Calibration(Record):
    """The table of one kind of job."""

    format_version: Literal["1"] = "1"
    kind: str
    fields: tuple[str, ...]
    """The output's fields."""
    model: str
    """Its identity."""
    answered_by: tuple[str, ...]
    """The models as rows name them."""
    made_at: UtcTime
    runs: tuple[CalibratedRun, ...]
    overall: dict[str, CalibratedWord]
    """By confidence."""
    by_field: dict[str, dict[str, CalibratedWord]]
    """Of fields with enough values."""

    @property
    def probabilities(self) -> Probabilities:
        """What a run keeps of it."""
        overall = {word: each.p_correct for word, each in self.overall.items()}
        fields = {name: {word: each.p_correct for word, each in words.items()} for name, words in self.by_field.items()}
        parts = {"answered_by": list(self.answered_by), "overall": overall, "fields": fields}
        return Probabilities(content_key("calibration", of=self.kind, **parts), self.answered_by, overall, fields)

    def write(self, folder: Path) -> Path:
        """Keep it where later runs of its kind find it, in place of an earlier one.

        Returns: the file.

        Raises:
            OSError: it cannot be written; what was there stays.
        """
        folder.mkdir(parents=True, exist_ok=True)
        file = _file(folder, self.kind)
        write_whole(file, (self.model_dump_json(indent=2) + "\n").encode("utf-8", "surrogatepass"))
        return file


def kind_of(request: Mapping[str, Any]) -> str:
    """Which kind of job a run is.

    Args:
        request: as its `run.json` has it.

    Raises:
        InvalidRun: it does not say.
    """
    try:
        return content_key("kind of job", output_schema=request["task"]["output_schema"], model=request["model"])
    except (KeyError, TypeError) as exc:
        raise InvalidRun("the run's request names no output schema or no model, so it is of no known kind") from exc


@dataclass(frozen=True, slots=True)
class KeptCalibration:
    """What is kept for a kind of job."""

    calibration: Calibration | None = None
    warning: str = ""
    """What is wrong with the file, for a person. A damaged one counts as none."""


def find_calibration(folder: Path, request: Mapping[str, Any]) -> KeptCalibration:
    """The calibration of a run's kind.

    Args:
        folder: where calibrations are kept. It need not exist.

    Raises:
        InvalidRun: the request does not say of which kind the run is.
    """
    kind = kind_of(request)
    file = _file(folder, kind)
    try:
        found = Calibration.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return KeptCalibration()
    except OSError as error:
        return KeptCalibration(warning=f"the calibration {file} cannot be read ({error.strerror}): {_WITHOUT}")
    except ValidationError:
        return KeptCalibration(warning=f"the calibration {file} is damaged: {_WITHOUT}")
    if found.kind != kind:
        return KeptCalibration(warning=f"the calibration {file} is of another kind of job than its name says: {_WITHOUT}")
    return KeptCalibration(found)


def _file(folder: Path, kind: str) -> Path:
    return folder / f"{kind[:16]}.json"
