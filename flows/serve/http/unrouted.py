"""Paths that no route has, of requests and of WebSockets, and methods that none of a path's routes takes: answered in the words
of the nearest dialect."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from flows.serve.http.routing import Errors

Segments = tuple[str, ...]


class Unrouted:
    """Answers what no route does."""

    def __init__(self) -> None:
        self._paths: list[tuple[Segments, int, Errors]] = []
        self._routes: list[tuple[str, APIRoute]] = []

    def add(self, router: APIRouter, prefix: str, errors: Errors) -> None:
        """A dialect is mounted.

        Args:
            prefix: of its paths.
            errors: makes its answer to an error.
        """
        least = 1 if prefix else 2  # at the root, all begin with their version
        self._routes += [(prefix, route) for route in router.routes if isinstance(route, APIRoute)]
        paths = dict.fromkeys(prefix + route.path for route in router.routes if isinstance(route, APIRoute))
        self._paths += [(_segments(path), least, errors) for path in paths]

    def answer(self, request: Request, error: Exception) -> Response:
        """The answer to an `HTTPException` that no route has raised."""
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
        path, method = request.url.path, request.method
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        status, why = HTTPStatus(error.status_code), error.detail
        if status == HTTPStatus.NOT_FOUND:
            return self._nothing_at(method, path)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = ", ".join(self._methods_at(path)) or headers.get("allow", "")
            why = f"{method} {path[:300]} is not possible: use {headers['allow'].replace(', ', ' or ')} (/docs says how)"
        response = self._told(path, status, why)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    async def refuse(self, websocket: WebSocket) -> None:
        """Answer a WebSocket to a path that has none."""
        await websocket.send_denial_response(self._nothing_at("WebSocket", websocket.url.path))

    def _nothing_at(self, method: str, path: str) -> Response:
        return self._told(path, HTTPStatus.NOT_FOUND, f"there is nothing at {method} {path[:300]}: /docs lists what there is")

    def _told(self, path: str, status: HTTPStatus, why: str) -> Response:
        errors = self._nearest(path)
        return JSONResponse({"detail": why}, status) if errors is None else errors(HTTPException(status, why))

    def _nearest(self, path: str) -> Errors | None:
        """The errors of the dialect that has the path most like this one: its name, or its version and first noun, at least."""
        asked = _segments(path)
        found = [(alike, -len(known), its) for known, least, its in self._paths if (alike := _alike(known, asked)) >= least]
        return max(found, key=lambda each: each[:2])[2] if found else None

    def _methods_at(self, path: str) -> list[str]:
        """The methods that some dialect takes at a path."""
        at = [route for prefix, route in self._routes if path.startswith(prefix) and route.path_regex.match(path[len(prefix) :])]
        return sorted({method for route in at for method in route.methods or ()})

    def mount(self, app: FastAPI) -> None:
        app.add_exception_handler(HTTPException, self.answer)
        app.add_api_websocket_route("/{path:path}", self.refuse)


def _segments(path: str) -> Segments:
    return tuple(part for part in path.split("/") if part)


def _alike(known: Segments, asked: Segments) -> int:
    """How many segments are the same from the beginning."""
    count = 0
    for one, other in zip(known, asked, strict=False):
        if one != other and not one.startswith("{"):
            break
        count += 1
    return count
