"""Routes of a dialect: whatever one of them raises is answered with the dialect's own code and body."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException

from flows.serve.errors import OverLimit, RecordsUnavailable
from flows.serve.http.access import current_owner
from research.display.printable import printable_logger
from research.errors import Fault, InvalidTask, ResearchError

MOST_MEMBERS: Final = 10_000
"""Of one object in the JSON of a body."""
MOST_FAULTS: Final = 100
"""That one answer names."""
RETRY_SECONDS: Final = 10
"""After which a request may be sent again that the database did not take."""
Errors = Callable[[Exception], Response]
"""How a dialect answers a `ResearchError` (those of `flows.serve.errors` among them), a `RequestValidationError` of FastAPI, or
an `HTTPException` of Starlette (a body that is no JSON)."""

_log: Final = printable_logger(__name__)


def answer_to(error: Exception, errors: Errors) -> Response:
    """What a dialect answers to an error. To one that time mends, it says when to ask again."""
    response = errors(_with_few_faults(error))
    if isinstance(error, OverLimit):
        response.headers.setdefault("Retry-After", str(max(1, round(error.retry_after))))
    if isinstance(error, RecordsUnavailable):
        response.headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return response


def dialect_router(errors: Errors, **options: Any) -> APIRouter:
    """A router whose routes answer errors in their dialect.

    Args:
        errors: makes the answer to an error.
        options: those of `fastapi.APIRouter`.
    """

    class DialectRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    current_owner(request)  # before the body is read, which whoever has no key shall not make us do
                    return await handle(_BoundedRequest(request.scope, request.receive))
                except (ResearchError, RequestValidationError, HTTPException) as error:
                    return answer_to(_explained(error), errors)
                except (DataError, IntegrityError, NotSupportedError, ProgrammingError):
                    raise  # no state of the database, but a fault of ours
                except (DBAPIError, NoConnection, OSError) as error:
                    _log.warning("%s %s: the database failed: %s", request.method, request.url.path, _cause(error))
                    why = "the records of the service cannot be read or written at the moment. Send the request again later"
                    return answer_to(RecordsUnavailable(why), errors)

            return answer

    return APIRouter(route_class=DialectRoute, **options)


def _cause(error: Exception) -> str:
    """What the database itself says, without the statement and its values."""
    return str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]


class _BoundedRequest(Request):
    """A request whose JSON holds no object that nobody would write by hand, and that takes seconds to find every fault of."""

    async def json(self) -> Any:
        return json.loads(await self.body(), object_pairs_hook=_members)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_MEMBERS:
        why = f"an object of the body has {len(pairs):,} members; at most {MOST_MEMBERS:,} are read"
        raise InvalidTask("The request cannot be read:", [Fault("", why)])
    return dict(pairs)


def _with_few_faults(error: Exception) -> Exception:
    """The same error, at most so long as somebody reads it: a body may have a fault every few bytes."""
    if isinstance(error, InvalidTask) and (more := len(error.faults) - MOST_FAULTS) > 0:
        headline = str(error).partition("\n")[0]
        return type(error)(headline, [*error.faults[:MOST_FAULTS], Fault("", f"and {more:,} more faults")])
    return error


def _explained(error: Exception) -> Exception:
    """What FastAPI says of a body that it cannot read, in words that say what to do."""
    if isinstance(error, RequestValidationError) and isinstance(error.body, bytes):
        # It leaves a body as bytes that no header calls JSON, as curl's `-d` sends it, and says no word of the header.
        return InvalidTask(
            "The request cannot be read:", [Fault("", "send the header `Content-Type: application/json` with this body")]
        )
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.BAD_REQUEST:
        cause = error.__cause__
        if isinstance(cause, InvalidTask):
            return cause
        if isinstance(cause, RecursionError):
            return HTTPException(error.status_code, "the JSON of the body is nested too deeply to be read")
        if isinstance(cause, UnicodeDecodeError):
            return HTTPException(error.status_code, "the body is no text in UTF-8, so it is no JSON")
        if isinstance(cause, ValueError):
            return HTTPException(error.status_code, "the JSON of the body holds a number with too many digits to be read")
    return error
