"""Research one task from Python: `await research.run("Who launched Voyager 1?", corpus="pages/")`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import SecretStr

from research.errors import ResearchError
from research.pipeline import ENGINE, refuse_named_pages, research, with_stop
from research.ports.model import Model
from research.result.result import Result
from research.steps.keys import Keys
from research.stored_results.steps import resuming_steps
from research.stored_results.store import ResultStore
from research.task.task import Task
from research.world import Settings, open_world


def default_cache_dir() -> Path:
    """Where indexes and the pages of single tasks are kept: the user's cache folder."""
    return platformdirs.user_cache_path("research-flows")


async def run(
    task: str | Mapping[str, Any] | Task,
    *,
    schema: Any = None,
    corpus: str | Path | None = None,
    search: Sequence[str] = (),
    model: str | Model | None = None,
    cache_dir: Path | None = None,
    api_key: str | SecretStr | None = None,
    base_url: str | None = None,
    processors: Path | None = None,
    settings: Settings | None = None,
    resume: str | Path | None = None,
    **fields: Any,
) -> Result:
    """Research one task.

    Args:
        task: the objective, or a whole request in any accepted spelling, or a Task.
        schema: any spelling of an output schema; None lets the model answer freely.
        corpus: a folder or a file of documents to search.
        search: names of search providers; several are merged. By default the corpus, if there is one.
        model: a model's name, or one of your own that implements `research.Model`.
        cache_dir: where indexes and pages are kept; the user's cache folder by default.
        api_key: of the Messages API; with it, Claude does the research unless `model` says otherwise. It is not looked for in the
            environment: that is the caller's business.
        base_url: another server that speaks the Messages API.
        processors: a TOML file that overrides tiers and prices.
        settings: all else that the world is made of: keys of search providers, how the web is read. What is said beside it wins.
        resume: a folder in which finished steps are stored, and found again: the same task that was interrupted, or failed, goes
            on from there, and one that completed is answered from there. Another model, corpus or provider has other keys. None,
            the default, stores nothing, so that asking again looks at the web again.
        fields: further fields of the request: `processor`, `max_fetches`, …

    Returns:
        The result, `completed` or `failed`.

    Raises:
        InvalidInput: the request, the schema, the corpus or the model's name is wrong. Nothing was spent.
        AccessDenied, RequestRejected: a service lets no request in (a wrong key, an unknown model), or none of this kind.
    """
    if isinstance(task, Task):
        asked = task
    else:
        request = {"task": task} if isinstance(task, str) else dict(task)
        asked = Task.model_validate({**request, **({"output_schema": schema} if schema is not None else {}), **fields})
    said = {
        "cache_dir": cache_dir,
        "corpus": None if corpus is None else str(corpus),
        "search": tuple(search) or None,
        "model": model if isinstance(model, str) else asked.model,
        "api_key": SecretStr(api_key) if isinstance(api_key, str) else api_key,
        "base_url": base_url,
        "processors": processors,
        "names_pages": asked.start_url is not None or bool(asked.files) or None,
    }
    base = settings or Settings(cache_dir=default_cache_dir())
    made = base.changed(**{name: value for name, value in said.items() if value is not None})
    own = None if isinstance(model, str) else model
    async with open_world(made, made.cache_dir / "pages", model=own) as world:
        refuse_named_pages(asked, world)
        refusals: list[ResearchError] = []
        steps = ENGINE if resume is None else resuming_steps(ResultStore(Path(resume)), Keys.of(asked, world.identity))
        result = await research(asked, world, with_stop(steps, refusals.append))
    if refusals and result.status == "failed":
        raise refusals[0]
    return result
