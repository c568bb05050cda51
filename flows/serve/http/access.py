"""Who asks: the owner of the key that a request shows, as `Authorization: Bearer KEY` or `x-api-key: KEY`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection
from fastapi.security.utils import get_authorization_scheme_param

from flows.serve.errors import NotAuthenticated
from flows.serve.http.keys import Keys
from flows.serve.http.limits import RequestRate
from flows.serve.records.task_records import Owner


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask, and how often. Kept at `app.state.access`."""

    keys: Keys
    rate: RequestRate

    def owner_of(self, connection: HTTPConnection) -> Owner:
        """The owner of the key that a request shows. The request is counted.

        Raises:
            NotAuthenticated, KeyRevoked: the request shows no key that is accepted.
            OverLimit: its owner asks too often.
        """
        scheme, key = get_authorization_scheme_param(connection.headers.get("authorization"))
        shown = key if scheme.lower() == "bearer" else connection.headers.get("x-api-key")
        if not shown:
            raise NotAuthenticated("a key is needed: `Authorization: Bearer KEY`, or `x-api-key: KEY`")
        owner = self.keys.owner_of(shown.strip())
        self.rate.count(owner)
        return owner


def current_owner(connection: HTTPConnection) -> Owner:
    """The owner of the key that a request or a WebSocket shows. It is looked up, and counted, once."""
    known: Owner | None = getattr(connection.state, "owner", None)
    if known is None:
        access: Access = connection.app.state.access
        known = connection.state.owner = access.owner_of(connection)
    return known


CurrentOwner = Annotated[Owner, Depends(current_owner)]
"""A parameter of a route: who asks. `async def get(task_id: str, owner: CurrentOwner)`."""
