"""`research serve`, `research worker`, `research keys`: the front door, its workers, and who may knock."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.table import Table

from flows.cli.terminal import Exit, Output, note, out, print_json
from flows.serve.options import DoorOptions, WorkOptions

if TYPE_CHECKING:
    from flows.serve.running import Listening

NONE = Output()
WORK = WorkOptions()
DOOR = DoorOptions()
keys: Final = App(
    name="keys",
    help="Make, list and revoke the keys that callers of `research serve` show.",
)


def serve(*, work: WorkOptions = WORK, door: DoorOptions = DOOR, output: Output = NONE) -> int:
    """Answer task APIs over HTTP: accept tasks, have them researched by workers, and tell what became of them.

    It runs until it is stopped. What was accepted goes on when it is started again.
    """
    from flows.cli.flow_run import quiet_prefect
    from research.web.proxies import prepare_proxies

    quiet_prefect(output.debug)
    prepare_proxies(os.environ)
    from flows.serve import running

    asyncio.run(running.serve(work, door, lambda listening: _tell(listening, work, output)))
    return Exit.OK


def worker(*, work: WorkOptions = WORK, output: Output = NONE) -> int:
    """Work on the tasks of a `research serve`, on this machine or another one.

    It needs the service's database (`RESEARCH_DATABASE`) and Prefect server (`PREFECT_API_URL`), and runs until it is stopped.
    Stop it at any time: its tasks go on elsewhere, from where they stood.
    """
    from flows.cli.flow_run import quiet_prefect
    from research.web.proxies import prepare_proxies

    quiet_prefect(output.debug)
    prepare_proxies(os.environ)
    from flows.serve import running

    def tell(prefect: str) -> None:
        if output.json:
            print_json({"event": "working", "prefect": prefect})
        else:
            note(f"working on tasks that {prefect} hands out")

    asyncio.run(running.work(work, tell))
    return Exit.OK


@keys.command
def add(
    owner: str,
    /,
    *,
    team: str | None = None,
    max_cost: Annotated[float | None, Parameter(validator=Number(gte=0))] = None,
    max_open_tasks: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    requests_per_minute: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    secret: Annotated[list[str] | None, Parameter(negative=())] = None,
    folder: Path | None = None,
    output: Output = NONE,
) -> int:
    """Make a key, and show it once: it is stored nowhere.

    Args:
        owner: whose it is. Owners see nothing of each other; several keys may be one owner's.
        team: whose owners may read each other's tasks that have the visibility `team`. Default: none.
        max_cost: what all tasks of the owner together may cost, in US dollars. Default: no cap of its own.
        max_open_tasks: open tasks of the owner. Default: the service's limit.
        requests_per_minute: requests of the owner. Default: the service's limit.
        secret: the name of a secret of the service that the owner's tasks may use. Default: none.
        folder: the service's folder, where `serve` was given another one than the default.
    """
    from flows.serve.http.keys import keys_of

    kept, shown = keys_of(folder).add(
        owner,
        team=team,
        max_cost_usd=max_cost,
        max_open_tasks=max_open_tasks,
        requests_per_minute=requests_per_minute,
        secrets_allowed=secret or (),
    )
    if output.json:
        print_json({"id": kept.id, "owner": kept.owner, "key": shown})
    else:
        out().print(shown, markup=False)
        note(f"{kept.id}, a key of {kept.owner}. It is shown this once: only its hash is kept")
    return Exit.OK


@keys.command(name="list")
def show(*, folder: Path | None = None, output: Output = NONE) -> int:
    """List the keys: whose, since when, and whether one is revoked. No key is shown.

    Args:
        folder: the service's folder, where `serve` was given another one than the default.
    """
    from flows.serve.http.keys import keys_of

    table = Table("id", "owner", "made", "revoked", box=None, padding=(0, 2, 0, 0))
    for key in keys_of(folder).all():
        if output.json:
            print_json(key.model_dump(mode="json", exclude={"sha256"}))
        revoked = "" if key.revoked_at is None else f"{key.revoked_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, key.owner, f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
    if not output.json:
        out().print(table)
    return Exit.OK


@keys.command
def revoke(id: str, /, *, folder: Path | None = None, output: Output = NONE) -> int:
    """Refuse a key from now on. What its owner's tasks came to stays.

    Args:
        id: the key's id, as `research keys list` shows it.
        folder: the service's folder, where `serve` was given another one than the default.
    """
    from flows.serve.http.keys import keys_of

    key = keys_of(folder).revoke(id)
    if output.json:
        print_json({"id": key.id, "owner": key.owner, "revoked_at": str(key.revoked_at)})
    else:
        note(f"{key.id}, a key of {key.owner}, is refused from now on")
    return Exit.OK


def _tell(listening: Listening, work: WorkOptions, output: Output) -> None:
    if output.json:
        print_json({"event": "listening", "url": listening.url, "database": listening.database, "prefect": listening.prefect})
        return
    out().print(f"listening at {listening.url} (its API: {listening.url}/docs)", markup=False)
    note(f"records: {listening.database}; background tasks: {listening.prefect or 'in this process'}")
    if not listening.has_keys:
        where = "" if work.folder is None else f" --folder {work.folder}"
        note(f"nobody has a key yet: `research keys add NAME{where}` makes one")
