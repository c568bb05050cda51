"""Paths that no route has, and methods that none of a path's routes takes: answered in the words of the nearest dialect."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from flows.serve.http.routing import Errors

Segments = tuple[str, ...]


class Unrouted:
    """Answers what no route does."""

    def __init__(self) -> None:
        self._paths: list[tuple[Segments, int, Errors]] = []

    def add(self, router: APIRouter, prefix: str, errors: Errors) -> None:
        """A dialect is mounted.

        Args:
            prefix: of its paths.
            errors: makes its answer to an error.
        """
        least = 1 if prefix else 2  # at the root, all begin with their version
        paths = dict.fromkeys(prefix + route.path for route in router.routes if isinstance(route, APIRoute))
        self._paths += [(_segments(path), least, errors) for path in paths]

    def answer(self, request: Request, error: Exception) -> Response:
        """The answer to an `HTTPException` that no route has raised."""
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
        status, asked = HTTPStatus(error.status_code), f"{request.method} {request.url.path}"[:300]
        why = {
            HTTPStatus.NOT_FOUND: f"there is nothing at {asked}: /docs lists what there is",
            HTTPStatus.METHOD_NOT_ALLOWED: f"{asked} is no request of this service: /docs lists what there is",
        }.get(status, error.detail)
        told = HTTPException(status, why)
        errors = self._nearest(request.url.path)
        response = JSONResponse({"detail": why}, status) if errors is None else errors(told)
        for name, value in (error.headers or {}).items():
            response.headers[name] = value
        return response

    def _nearest(self, path: str) -> Errors | None:
        """The errors of the dialect that has the path most like this one: its name, or its version and first noun, at least."""
        asked = _segments(path)
        found = [(alike, -len(known), its) for known, least, its in self._paths if (alike := _alike(known, asked)) >= least]
        return max(found, key=lambda each: each[:2])[2] if found else None

    def mount(self, app: FastAPI) -> None:
        app.add_exception_handler(HTTPException, self.answer)


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
