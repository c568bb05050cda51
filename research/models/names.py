"""Names of models: those that are no model's id, and which names can be used where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rapidfuzz import fuzz, process

from research.errors import Fault, InvalidInput
from research.faults import shown

if TYPE_CHECKING:
    from research.money.processors import Processors  # commands that only name a model need no pydantic

KEYLESS: Final = "extractive"
"""The model that needs no key."""
TIERS_OWN: Final = "claude"
"""Claude, each tier with its own models."""

_MAKERS_OWN: Final = "claude-"
"""How the ids of the models begin that Anthropic's service has."""


def usable_models(processors: Processors, like: str = "") -> list[str]:
    """The names that can be given for a model at Anthropic's service, the nearest to `like` first."""
    known = [KEYLESS, TIERS_OWN, *processors.prices]
    return [name for name, _, _ in process.extract(like.casefold(), known, scorer=fuzz.WRatio, limit=None)]


def refuse_other_makers(model: str | None, base_url: str | None, processors: Processors) -> None:
    """See that a model which a request names is one that can be asked. A server of one's own (`base_url`) may have any.

    Raises:
        InvalidInput: it is another maker's; names those that can be used.
    """
    if model is None or base_url is not None or model.startswith(_MAKERS_OWN) or model in usable_models(processors):
        return
    usable = ", ".join(usable_models(processors, model))
    raise InvalidInput(
        "The model cannot be used:",
        [
            Fault(
                "/model",
                f"{shown(model)} is none of Anthropic's service: use one of {usable}. A server of your own that speaks the "
                "Messages API may have any (ANTHROPIC_BASE_URL, docs/local-models.md)",
            )
        ],
    )
