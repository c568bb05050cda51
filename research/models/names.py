"""Names of models that are no model's id."""

from typing import Final

KEYLESS: Final = "extractive"
"""The model that needs no key."""
TIERS_OWN: Final = "claude"
"""Claude, each tier with its own models."""
