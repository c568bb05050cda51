"""The tree of errors. What may be tried again is decided by an exception's type, and by nothing else.

    ResearchError
    ├── TerminalError              trying again cannot help
    │   ├── InvalidInput           what was asked is wrong; raised before anything is spent
    │   │   ├── InvalidTask        a field of the request
    │   │   │   ├── UnknownSession     a session that is not there, or is somebody else's
    │   │   │   └── TaskConflict       an id that stands for a task with another content
    │   │   ├── InvalidSchema      an output schema
    │   │   ├── InvalidTable       a table, a column, an objective template
    │   │   ├── InvalidCorpus      a corpus that cannot be read at all
    │   │   ├── NotWaiting         a decision about a task that waits for none, or for another one
    │   │   ├── InvalidLocation    a URL at which nothing can be read or written
    │   │   ├── InvalidRun         a run folder that is not one, holds another request, or cannot hold this one
    │   ├── DamagedRun             a run folder lacks a file of its own, or holds one that cannot be read
    │   ├── FetchRefused           a page that may not be read (outside the corpus, outside the policy, an address made up)
    │   ├── QueryRefused           a search query that may not be sent: it holds what the objective does not name
    │   ├── ToolRefused            a tool of a server that may not be called, or that says that it failed
    │   ├── PageUnreadable         a page that was read and holds nothing to read
    │   │   ├── NeedsBrowser       JavaScript makes it; a browser could render it
    │   │   └── ReadingLimitReached    reading it takes more time or memory than it may
    │   ├── InvalidAnswer          an answer that breaks its schema after its one repair
    │   ├── StoppedByPerson        a person decided that the work is not done
    │   ├── ModelRefused           a model declined to answer
    │   ├── ContextOverflow        more was put before a model than it can take
    │   ├── RequestRejected        a model's service rejects a request
    │   └── AccessDenied           a model's or a search provider's service lets no request in: no permission, no such model, a
    │       │                      wrong address
    │       ├── AuthenticationFailed   its key is missing or wrong
    │       └── QuotaExhausted     what it allows, or what was paid for, is used up
    ├── TransientError             the same call may succeed later
    │   ├── FetchFailed            a page did not arrive
    │   ├── SearchFailed           a search provider did not answer
    │   ├── ToolFailed             a server of tools did not answer
    │   └── ModelUnavailable       a model did not answer
    ├── ActionRequired             no failure: a person has to decide before the work goes on
    ├── LimitReached               a limit the caller set; more of it and the work can go on
    │   └── BudgetExhausted        tool calls, fetches or money
    └── Interruption               something around the work failed: what meets it is unfinished, not failed
        ├── ServiceUnavailable     a service did not answer anybody for longer than the caller has patience
        └── SurroundingsFault      a folder, a disk or a server of ours cannot be used any more

An error whose `stops_run` is true would meet every row: the run stops at once instead of failing row after row. A row that meets
an `Interruption` is not written as failed; the same command researches it.

Foreign exceptions are translated once, at the boundary where the foreign library is called, with `raise … from exc`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from research.display.printable import printable

BUDGET_EXHAUSTED: Final = "budget_exhausted"
"""The kind of an error that people filter by: a higher limit, and the same command goes on."""


class ResearchError(Exception):
    """Any error of this project. `str(error)` is written for the person who reads it: what, where, what next."""

    stops_run: bool = False
    """Whether every row of a run would meet it."""

    def __str__(self) -> str:
        return printable(super().__str__())  # pages, servers and cells have their words in many a message

    @property
    def kind(self) -> str:
        """What it is called in the column `error_kind`."""
        return type(self).__name__


class TerminalError(ResearchError):
    """Trying again cannot help."""


class TransientError(ResearchError):
    """The same call may succeed later."""


class LimitReached(ResearchError):
    """A limit that the caller set stopped the work; with a higher limit it can go on."""


class BudgetExhausted(LimitReached):
    """Tool calls, fetches or money have run out."""

    @property
    def kind(self) -> str:
        return BUDGET_EXHAUSTED


class ActionRequired(ResearchError):
    """A person has to decide before the work goes on: no failure. What is finished is stored."""


class Interruption(ResearchError):
    """Something around the work failed. What meets it is unfinished, not failed: the same command goes on with it."""

    stops_run = True


class ServiceUnavailable(Interruption):
    """A service did not answer anybody for longer than the caller has patience.

    Args:
        service: its name, for people.
    """

    def __init__(self, message: str, *, service: str = "") -> None:
        self.service = service
        super().__init__(message)


class SurroundingsFault(Interruption):
    """A folder, a disk or a server of ours cannot be used any more.

    Args:
        place: the folder, the file or the address.
        setting: the option or the variable that chooses another one; "" if there is none.
    """

    def __init__(self, message: str, *, place: str = "", setting: str = "") -> None:
        self.place = place
        self.setting = setting
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where.

    `pointer` is a JSON Pointer (RFC 6901) into the document at fault; "" is the document itself.
    """

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '(root)'}: {self.message}"


class InvalidInput(TerminalError):
    """What was asked is wrong. Raised before anything is spent. `faults` holds every fault found, not just the first."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        self.faults = tuple(faults)
        lines = [message, *(f"  {fault}" for fault in self.faults)]
        super().__init__("\n".join(lines))


class InvalidTask(InvalidInput):
    """A field of the request is wrong."""


class UnknownSession(InvalidTask):
    """A task goes on from a session that is not there, or is another end user's. It does not tell which."""


class TaskConflict(InvalidTask):
    """An id is used again for a task with another content. `faults` say what differs."""


class InvalidSchema(InvalidInput):
    """An output schema cannot be used."""


class InvalidTable(InvalidInput):
    """A table cannot be read, or a column or an objective template does not fit it."""


class InvalidCorpus(InvalidInput):
    """A corpus cannot be read at all."""


class NotWaiting(InvalidInput):
    """A decision about a task that waits for none, or for another one."""


class InvalidLocation(InvalidInput):
    """A URL at which nothing can be read or written: nothing is there, or its server does not let us in, or does not answer."""


class InvalidRun(InvalidInput):
    """A run folder is not one, holds another request, or cannot hold what is asked."""


class DamagedRun(TerminalError):
    """A run folder lacks a file or rows that it says it has, or a file in it cannot be read. May be met after money was spent."""


class FetchRefused(TerminalError):
    """A page that may not be read."""


class QueryRefused(TerminalError):
    """A search query that may not be sent."""


class ToolRefused(TerminalError):
    """A tool of a server may not be called, or not with these arguments; or it says itself that it failed."""


class PageUnreadable(TerminalError):
    """A page was read, and holds nothing to read (empty, encrypted, an unknown format)."""


class NeedsBrowser(PageUnreadable):
    """JavaScript makes the page, and its HTML holds nothing to read. A browser could render it."""


class ReadingLimitReached(PageUnreadable):
    """Reading a page takes more time or memory than the settings allow."""


class InvalidAnswer(TerminalError):
    """A model's answer breaks its schema after its one repair. `faults` are the validator's own words."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join([message, *(f"  {fault}" for fault in self.faults)]))


class StoppedByPerson(TerminalError):
    """A person decided that the work is not done."""


class ModelRefused(TerminalError):
    """A model declined to answer."""


class ContextOverflow(TerminalError):
    """More was put before a model than it can take."""


class RequestRejected(TerminalError):
    """A model's service rejects a request. `stops_run` where it rejects every request of the kind; `about_form` where it does not
    take the form in which the answer is asked for, so that another form may do."""

    def __init__(self, message: str, *, stops_run: bool = False, about_form: bool = False) -> None:
        self.stops_run = stops_run
        self.about_form = about_form
        super().__init__(message)


class AccessDenied(TerminalError):
    """A service, a model's or a search provider's, lets no request in: no permission, no such model, a wrong address."""

    stops_run = True


class AuthenticationFailed(AccessDenied):
    """The key of a service is missing or wrong."""


class QuotaExhausted(AccessDenied):
    """What a service allows, or what was paid for, is used up."""


class FetchFailed(TransientError):
    """A page did not arrive."""


class SearchFailed(TransientError):
    """A search provider did not answer."""


class ToolFailed(TransientError):
    """A server of tools did not answer, or not as it must."""


class ModelUnavailable(TransientError):
    """A model did not answer."""
