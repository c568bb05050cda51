"""`research mcp`: offers the engine to agents, as an MCP server."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.terminal import Exit, Output, note

if TYPE_CHECKING:
    from flows.mcp_server.root import Root
    from flows.run.environment import Environment

NONE = Output()
HERE = Path()


def mcp(
    *,
    root: Path = HERE,
    port: Annotated[int | None, Parameter(validator=Number(gte=1, lte=65_535))] = None,
    max_cost: Annotated[float, Parameter(validator=Number(gt=0))] = 1.0,
    folder: Path | None = None,
    output: Output = NONE,
) -> int:
    """Offer research to agents, as a server of the Model Context Protocol: over standard input and output, or over HTTP.

    Model, documents, search and keys are those of the environment: ANTHROPIC_API_KEY, RESEARCH_CORPUS=pages/ (documents of
    yours), RESEARCH_SEARCH=ddgs, RESEARCH_MODEL.

    Args:
        root: the folder that tables are read from, and that runs are written to. No path leads out of it.
        port: serve Streamable HTTP at this port of 127.0.0.1, at `/mcp`, for callers who show a key of `research keys`.
        max_cost: the most US dollars that one call may cost.
        folder: the folder of `research serve`, where keys and accounts are, if it was given another one than the default.
    """
    from flows.cli.flow_run import quiet_prefect
    from flows.mcp_server.root import Root
    from research.web.proxies import prepare_proxies

    quiet_prefect(output.debug)
    prepare_proxies(os.environ)
    shared = Root(root)
    from flows.mcp_server.engine import Engine
    from flows.mcp_server.server import make_server
    from flows.run.environment import read_environment

    environment = read_environment()
    if port is None:
        make_server(Engine(shared, max_cost, environment)).run("stdio")
        return Exit.OK
    asyncio.run(_serve(shared, max_cost, environment, port, folder))
    return Exit.OK


async def _serve(root: Root, max_cost: float, environment: Environment, port: int, folder: Path | None) -> None:
    """Over HTTP: a key has the limits, the secrets and the account that it has in `research serve`."""
    from flows.mcp_server.engine import Engine
    from flows.mcp_server.owner_money import OwnerMoney
    from flows.mcp_server.server import make_server
    from flows.mcp_server.serving import HOST, serve_http
    from flows.serve.database.database import Database, default_url
    from flows.serve.http.access import Access
    from flows.serve.http.keys import default_folder, keys_of
    from flows.serve.http.limits import RequestRate
    from research.errors import InvalidInput

    keys = keys_of(folder)
    if not any(key.revoked_at is None for key in keys.all()):
        raise InvalidInput("nobody has a key, so nobody could call: `research keys add NAME` makes one")
    stated = environment.database
    database = Database(default_url(folder or default_folder()) if stated is None else stated.get_secret_value())
    await database.open()
    try:
        server = make_server(Engine(root, max_cost, environment, OwnerMoney(database)))
        note(f"http://{HOST}:{port}/mcp")
        await serve_http(server, port, Access(keys, RequestRate()))
    finally:
        await database.close()
