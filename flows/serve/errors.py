"""What can go wrong between a caller and the service. A dialect decides on these types, and gives each its own code and body.

    ServiceError
    ├── NotAuthenticated    no key, or none that is known
    ├── KeyRevoked          a key that was known and is not accepted any more
    ├── UnknownRecord       no such record of this owner: not there, or somebody else's, which is not told apart
    │   ├── UnknownTask
    │   ├── UnknownGroup
    │   └── UnknownMonitor
    ├── TaskConflict        the same id or idempotency key with other content
    ├── MonitorCancelled    what a cancelled monitor cannot do any more
    ├── NotWaiting          a decision for a task that waits for none
    ├── OverLimit           too many requests or open tasks; `retry_after` seconds may help
    └── RecordsUnavailable  the database does not answer, or takes nothing more

A request that is wrong in itself is an `InvalidInput` of `research.errors`, whose `faults` name each place.
"""

from __future__ import annotations

from research.errors import ResearchError


class ServiceError(ResearchError):
    """Any error of the service that its caller can do something about."""

    http_status = 400
    """What it is answered with where a dialect says nothing else."""


class NotAuthenticated(ServiceError):
    """There is no key, or none that is known."""

    http_status = 401


class KeyRevoked(ServiceError):
    """The key was known, and is not accepted any more."""

    http_status = 403


class UnknownRecord(ServiceError):
    """There is no such record of this owner. Another owner's looks the same."""

    http_status = 404


class UnknownTask(UnknownRecord):
    """There is no such task of this owner."""


class UnknownGroup(UnknownRecord):
    """There is no such group of this owner."""


class UnknownMonitor(UnknownRecord):
    """There is no such monitor of this owner."""


class MonitorCancelled(ServiceError):
    """The monitor is cancelled, which is for good."""

    http_status = 409


class TaskConflict(ServiceError):
    """The same id, or the same idempotency key, was used for other content."""

    http_status = 409


class NotWaiting(ServiceError):
    """The task waits for no decision."""

    http_status = 409


class OverLimit(ServiceError):
    """Too many requests, or too many open tasks.

    Args:
        retry_after: seconds after which it may be tried again.
    """

    http_status = 429

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class RecordsUnavailable(ServiceError):
    """The database does not answer, or takes nothing more."""

    http_status = 503
