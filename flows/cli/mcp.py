"""`research mcp`: offers the engine to agents, as an MCP server."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.terminal import Exit, Output, note

NONE = Output()
HERE = Path()


def mcp(
    *,
    root: Path = HERE,
    port: Annotated[int | None, Parameter(validator=Number(gte=1, lte=65_535))] = None,
    max_cost: Annotated[float, Parameter(validator=Number(gt=0))] = 1.0,
    output: Output = NONE,
) -> int:
    """Offer research to agents, as a server of the Model Context Protocol: over standard input and output, or over HTTP.

    Args:
        root: the folder that tables are read from, and that runs are written to. No path leads out of it.
        port: serve Streamable HTTP at this port of 127.0.0.1, at `/mcp`, for callers who show a key of `research keys`.
        max_cost: the most US dollars that one call may cost.
    """
    from flows.cli.flow_run import quiet_prefect
    from flows.mcp.root import Root
    from research.web.proxies import prepare_proxies

    quiet_prefect(output.debug)
    prepare_proxies(os.environ)
    folder = Root(root)
    from flows.mcp.engine import Engine
    from flows.mcp.server import make_server
    from flows.run.environment import read_environment

    server = make_server(Engine(folder, max_cost, read_environment()))
    if port is None:
        server.run("stdio")
        return Exit.OK
    from flows.mcp.serving import HOST, serve_http
    from flows.serve.http.keys import keys_of
    from research.errors import InvalidInput

    keys = keys_of(None)
    if not any(key.revoked_at is None for key in keys.all()):
        raise InvalidInput("nobody has a key, so nobody could call: `research keys add NAME` makes one")
    note(f"http://{HOST}:{port}/mcp")
    asyncio.run(serve_http(server, port, keys))
    return Exit.OK
