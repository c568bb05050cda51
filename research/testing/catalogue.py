"""Which models the double knows, and what each accepts: the names are the SDK's own, the rules go by their version.

Rules by version (platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting): up to 4.5 thinking is `enabled` with a
budget; 4.6 takes both forms; from 4.7 on `adaptive` only. Effort is known from Opus 4.5 and the 4.6 models on, prefill until 4.5.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import Any, Final, get_args


class _SdkModels(Collection[str]):
    """Imports the SDK, which takes more than a second, when they are first looked at."""

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        from anthropic.types import Model

        return next(get_args(each) for each in get_args(Model) if each is not str)

    def __contains__(self, model: object) -> bool:
        return model in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


SDK_MODELS: Final[Collection[str]] = _SdkModels()
"""The model ids that the installed SDK names."""

_VERSION = re.compile(r"-(\d{1,2})(?:-(\d{1,2}))?(?:-\d{8})?$")


def version(model: str) -> tuple[int, int] | None:
    """(5, 5) for `claude-sonnet-5-5`; None for a name without one: nothing is known of such a model."""
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found and model.startswith("claude-") else None


def thinking_types(model: str) -> tuple[str, ...]:
    """The values of `thinking.type` that a model accepts."""
    which = version(model)
    if which is None:
        return ("enabled", "adaptive", "disabled", "between_tools")
    if model == "claude-sonnet-5-5":
        return ("adaptive", "between_tools")
    if which <= (4, 5):
        return ("enabled", "disabled")
    return ("enabled", "adaptive", "disabled") if which == (4, 6) else ("adaptive", "disabled")


def takes_effort(model: str) -> bool:
    which = version(model)
    return which is None or which >= (4, 6) or (which == (4, 5) and "opus" in model)


def takes_prefill(model: str) -> bool:
    which = version(model)
    return which is None or which <= (4, 5)


def model_info(model: str, *, max_input_tokens: int, max_tokens: int) -> dict[str, Any]:
    """One model as `GET /v1/models` lists it."""
    line = next((each for each in ("haiku", "sonnet", "opus", "fable", "mythos") if each in model), None)
    return {
        "type": "model",
        "id": model,
        "display_name": model.replace("-", " ").title(),
        "created_at": "2025-01-01T00:00:00Z",
        "lifecycle": "active",
        "line": line,
        "max_input_tokens": max_input_tokens,
        "max_tokens": max_tokens,
    }


def page(items: Sequence[dict[str, Any]], query: Any) -> dict[str, Any]:
    """A page of a list that is ordered and has ids, by `limit`, `after_id` and `before_id`."""
    ids = [each["id"] for each in items]
    limit = max(1, min(1000, int(query.get("limit", 20))))
    after, before = query.get("after_id"), query.get("before_id")
    if before in ids:
        end = ids.index(before)
        start = max(0, end - limit)
        more = start > 0
    else:
        start = ids.index(after) + 1 if after in ids else 0
        end = min(len(items), start + limit)
        more = end < len(items)
    shown = list(items[start:end])
    return {
        "data": shown,
        "has_more": more,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }
