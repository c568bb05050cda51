"""Research one task from Python: `await research.run("Who launched Voyager 1?", corpus="pages/")`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import platformdirs
from pydantic import SecretStr

from research.concurrency.outages import Notice
from research.errors import NotWaiting, ResearchError
from research.money.budget import Budget
from research.pipeline import ENGINE, refuse_named_pages, research, with_stop
from research.ports.model import Model
from research.ports.sessions import Sessions
from research.result.progress import ProgressEvent, ProgressRecorder
from research.result.result import Result
from research.secrets import NONE, KnownSecrets, Secrets
from research.sessions.folder import FolderSessions
from research.sessions.of_task import SessionOfTask
from research.steps.keys import Keys
from research.storage.location import local_path
from research.stored_results.steps import recorded_steps, resuming_steps
from research.stored_results.store import ResultStore
from research.stored_results.task_decisions import TaskDecisions
from research.stored_results.task_record import find_record, write_record
from research.task.agents import with_agents
from research.task.decisions import Decision
from research.task.dialects import without_meaningless
from research.task.task import Task
from research.web.proxies import check_proxies
from research.webhooks.task_end import TaskEnd
from research.world import Settings, open_world


def default_cache_dir() -> Path:
    """The folder for indexes and the pages of single tasks: the user's cache folder."""
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
    budget: Budget | None = None,
    resume: str | Path | None = None,
    decision: Decision | None = None,
    agents_dir: str | Path | None = None,
    known_secrets: Mapping[str, str | SecretStr] | Secrets = NONE,
    sessions: Sessions | None = None,
    new_session_id: str | None = None,
    webhook_secret: str | SecretStr | None = None,
    artifacts: str | Path | None = None,
    on_event: Callable[[ProgressEvent], None] | None = None,
    listener: Callable[[Notice], None] | None = None,
    **fields: Any,
) -> Result:
    """Research one task.

    Args:
        task: the objective, or a whole request in any accepted spelling, or a Task.
        schema: any spelling of an output schema; None lets the model answer freely.
        corpus: a folder or a file of documents to search.
        search: names of search providers; several are merged. By default the corpus, if there is one.
        model: a model's name, or one of your own that implements `research.Model`.
        cache_dir: the folder for indexes and pages; the user's cache folder by default.
        api_key: of the Messages API; with it, Claude does the research unless `model` says otherwise. It is not read from
            the environment.
        base_url: another server that speaks the Messages API.
        processors: a TOML file that overrides tiers and prices.
        settings: everything else: keys of search providers, how the web is read. The other arguments override it.
        budget: pays for every call, and may have a cap: `research.money.budget.Budget`. None: nothing is capped.
        resume: a folder in which finished steps are stored, and found again: the same task continues from there if it was
            interrupted or failed, and is answered from there if it completed. Another model, corpus or provider has other keys.
            None, the default, stores nothing, so that the same call researches everything again.
        decision: of a person, about a task that is `action_required`: a `PlanDecision` or `Answers`. With the `resume` folder
            of the call that came to it, the task goes on from where it stood.
        agents_dir: the folder of the profiles that `agent_id` and `agent_ids` name, one TOML file each. By default `agents`.
        known_secrets: the secrets that the task may name in `secrets`, as values by name, or what finds them. They are not read
            from the environment.
        sessions: where the task's session is found and kept; by default the folder `sessions` of `cache_dir`. An `ephemeral` task
            reads and keeps none, and its pages and cached answers are removed in the end.
        new_session_id: what the session is called that a task begins which names none; None: a new random id.
        webhook_secret: what deliveries to the task's `webhook` are signed with. It is not read from the environment.
        artifacts: the folder for completion artifacts (`handoff="artifact"`); by default `artifacts` in `cache_dir`.
        on_event: is called with each event of the task's progress; a list's `append` will do. Without it, the tiers `ultra` and
            `research` record theirs for the artifact all the same.
        listener: is called when a service answers nobody and the task waits for it, and when that is over.
        fields: further fields of the request: `processor`, `max_fetches`, …

    Returns:
        The result: `completed`, `failed`, `action_required` (see `Result.action`), or `cancelled` by a decision. A
        webhook has been told of it then, or given up, with a warning.

    Raises:
        InvalidInput: the request, the schema, the corpus, the model, a secret or a proxy variable is wrong, or the task's session
            is not there, or another end user's (`UnknownSession`). Nothing was spent.
        TaskConflict: the folder of `resume` has the `task_id`, with another content.
        NotWaiting: the task does not wait for this decision.
        ServiceUnavailable: a service answered nobody for longer than `settings.outages.patience` (an hour), which was waited out.
        SurroundingsFault: a folder cannot be written any more.
        AccessDenied, RequestRejected: a service lets no request in (a wrong key, an unknown model), or none of this kind.
    """
    if decision is not None and resume is None:
        raise NotWaiting("a decision goes on from what is stored: give the folder `resume` of the call that waits for it.")
    request, warnings = _request_of(task, schema, fields)
    base = settings or Settings(cache_dir=default_cache_dir())
    request = with_agents(request, base.agents_dir if agents_dir is None else local_path(agents_dir))
    overrides = {
        "cache_dir": cache_dir,
        "corpus": None if corpus is None else str(corpus),
        "search": tuple(search) or None,
        "model": model if isinstance(model, str) else request.model,
        "api_key": SecretStr(api_key) if isinstance(api_key, str) else api_key,
        "base_url": base_url,
        "processors": processors,
        "start_pages": request.start_url is not None or None,
        "names_pages": request.start_url is not None or bool(request.files) or None,
        "names_servers": bool(request.mcp_servers) or None,
    }
    known = KnownSecrets(known_secrets) if isinstance(known_secrets, Mapping) else known_secrets
    base = base.with_secrets(known.resolve(request.secrets))
    chosen = base.changed(**{name: value for name, value in overrides.items() if value is not None})
    own = None if isinstance(model, str) else model
    check_proxies()
    session = SessionOfTask(request, sessions or FolderSessions(chosen.cache_dir / "sessions"), new_session_id)
    await session.load()
    if resume is not None:
        await asyncio.to_thread(_recorded_task, Path(resume), request, session)
    records = request.records_events or (on_event is not None and request.enable_events is None)
    recorder = ProgressRecorder(on_event) if records else None
    with _folders(chosen, ephemeral=request.ephemeral) as (chosen, scratch):
        end = TaskEnd(
            request,
            secret=SecretStr(webhook_secret) if isinstance(webhook_secret, str) else webhook_secret,
            web=chosen.web,
            state=Path(resume) if resume is not None else scratch / "webhooks",
            artifacts=Path(artifacts) if artifacts is not None else chosen.cache_dir / "artifacts",
            once=resume is not None,
        )
        async with open_world(chosen, scratch / "pages", budget=budget, model=own) as opened:
            if listener is not None:
                opened.outages.listener = listener
            refuse_named_pages(request, opened)
            world = await session.continued(opened)
            refusals: list[ResearchError] = []
            steps, decisions = ENGINE if recorder is None else recorded_steps(recorder), None
            if resume is not None:
                store, keys = ResultStore(Path(resume)), Keys.of(request, world.identity)
                decisions = TaskDecisions(store, keys)
                await decisions.load()
                if decision is not None:
                    await decisions.decide(decision)
                steps = resuming_steps(store, keys, decisions.decided, recorder)
            if recorder is not None:
                recorder.status("running")
            result = await session.kept(await research(request, world, with_stop(steps, refusals.append)), world)
            if decisions is not None:
                await decisions.ended(result)
        if refusals and result.status == "failed":
            raise refusals[0]
        if recorder is not None:
            recorder.status(result.status)
        result = result.changed(warnings=[*warnings, *result.warnings]) if warnings else result
        return await end.reached(result, () if recorder is None else recorder.events)


def _request_of(task: str | Mapping[str, Any] | Task, schema: Any, fields: Mapping[str, Any]) -> tuple[Task, tuple[str, ...]]:
    """The task in whichever spelling it was given, with warnings of what means nothing here."""
    if isinstance(task, Task):
        return task, ()
    spelling = {"task": task} if isinstance(task, str) else dict(task)
    known, warnings = without_meaningless({**spelling, **fields})
    return Task.model_validate({**known, **({"output_schema": schema} if schema is not None else {})}), warnings


def _recorded_task(folder: Path, task: Task, session: SessionOfTask) -> None:
    """Go on with the task that a folder has under this id or content, or write down which one it is.

    Raises:
        TaskConflict: the folder has its id with another content.
    """
    if (record := find_record(folder, task)) is None:
        write_record(folder, task, session.id, session.earlier)
        return
    session.only(record.earlier)
    session.id = session.id and (record.session_id or session.id)


@contextmanager
def _folders(settings: Settings, *, ephemeral: bool) -> Iterator[tuple[Settings, Path]]:
    """The settings, and the folder for pages and attempts to tell a webhook. Those of an ephemeral task, and what its requests
    leave in caches, are removed with it."""
    if not ephemeral:
        yield settings, settings.cache_dir
        return
    with TemporaryDirectory(prefix="research-", ignore_cleanup_errors=True) as folder:
        yield settings.changed(web_cache_dir=Path(folder)), Path(folder)
