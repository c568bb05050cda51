"""Translates errors of the SDK and of a model's service into this project's errors. The only place that knows both."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import anthropic
import httpx2

from research.concurrency.retrying import retry_after
from research.errors import AccessDenied, AuthenticationFailed, ContextOverflow, ModelUnavailable, RequestRejected, ResearchError
from research.faults import shortened

Kind = Literal["refused", "overloaded", "broken", "lost", "unreachable", "rejected"]
"""`refused`: rate limit. `overloaded`: 529 and 503. `broken`: other errors of the server. `lost`: the answer
did not arrive, or not whole. `unreachable`: nothing there that speaks the Messages API. `rejected`: a retry cannot help."""

_STATUS_OF_TYPE: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""An `error` event in a stream has a type and no status (platform.claude.com/docs/en/api/errors)."""

_PASSING: Final[Mapping[int, Kind]] = {429: "refused", 503: "overloaded", 529: "overloaded"}

_LASTING: Final = frozenset({"contract_spend_limit_reached", "enforced_spend_limit_reached", "organization_on_hold"})
"""Error codes that last until a person acts, although their status is that of a temporary error or of one bad request."""

# The service sends no code for these (as of SDK 2.12). Other servers (vLLM, llama.cpp) word them in their
# own way. This module is the only place that reads the words; what it finds becomes an error's type, or `about_form`.
_TOO_LONG: Final = re.compile(
    r"prompt is too long|exceed.{0,40}context|maximum context length|context (?:size|window|length) (?:has been )?exceeded|"
    r"request_too_large",
    re.IGNORECASE,
)
_NO_CREDIT: Final = re.compile(r"credit balance|billing", re.IGNORECASE)
_ABOUT_FORM: Final = re.compile(r"schema|grammar|output_config", re.IGNORECASE)

_LONGEST_QUOTE: Final = 500


def is_about_form(words: str) -> bool:
    """Whether a rejection is about the schema that the answer must fit, by the service's message."""
    return _ABOUT_FORM.search(words) is not None


class NotAMessage(Exception):
    """What arrived is not a whole message."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt brought no message."""

    kind: Kind
    error: ResearchError
    retry_after: float | None = None
    """Seconds, as the server asks."""
    headers: Mapping[str, str] = field(default_factory=dict)
    cause: Exception | None = None
    """The foreign exception; None where its message contains a secret."""
    reason: tuple[int, str | None, str | None] | None = None
    """The service's status, error type and error code, where it sent them."""

    @property
    def paid(self) -> bool:
        """Whether the service may charge for it: the answer may have been written, and lost in transit."""
        return self.kind == "lost"


class Translator:
    """Translates errors of one service, and removes its secrets from every message."""

    def __init__(self, base_url: str, secrets: Iterable[str | None]) -> None:
        self._base_url = base_url
        self._secrets = tuple(sorted({s for s in secrets if s}, key=len, reverse=True))

    def clean(self, text: str) -> str:
        """The text without secrets, in one line, not too long."""
        for secret in self._secrets:
            text = text.replace(secret, "(key)")
        return shortened(" ".join(text.split()), _LONGEST_QUOTE)

    def failure(self, error: Exception, model: str) -> Failure | None:
        """What an exception of the SDK, or of what lies below it, means; None if it is none of theirs."""
        cause = None if self._holds_secret(error) else error
        if isinstance(error, anthropic.APIStatusError):
            return self._status(error, model, cause)
        root = error.__cause__ if isinstance(error, anthropic.APIConnectionError) and error.__cause__ else error
        if isinstance(root, httpx2.UnsupportedProtocol | httpx2.InvalidURL) or _is_bad_header(root):
            words = f"no request can be made to {self._base_url}: {self.clean(str(root))}. Check the base URL and the key."
            return Failure("rejected", AccessDenied(words), cause=cause)
        if isinstance(error, NotAMessage):
            return self._unavailable("unreachable", model, str(error), cause)
        if isinstance(root, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            return self._unavailable("unreachable", model, self._connection_words(root), cause)
        if isinstance(error, anthropic.APITimeoutError) or isinstance(root, httpx2.TimeoutException):
            return self._unavailable("lost", model, "it did not answer in time", cause)
        if isinstance(root, httpx2.HTTPError | httpx2.StreamError) or isinstance(error, anthropic.APIConnectionError):
            words = f"the connection broke: {type(root).__name__}: {root}"
            return self._unavailable("lost", model, words, cause)
        if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | anthropic.APIResponseValidationError):
            return self._unavailable("lost", model, "its answer is not whole JSON", cause)
        return None

    def _status(self, error: anthropic.APIStatusError, model: str, cause: Exception | None) -> Failure:
        status = error.status_code if error.status_code >= 400 else _STATUS_OF_TYPE.get(str(error.type), 500)
        headers = error.response.headers
        summary = self._summary(error, status)
        should_retry = headers.get("x-should-retry")
        passing = status in (408, 409, 429) or status >= 500
        if should_retry in ("true", "false"):
            passing = should_retry == "true"
        if passing and error.error_code not in _LASTING:
            # An answer that turns into an error half way has begun to cost.
            kind: Kind = "lost" if error.status_code < 400 else _PASSING.get(status, "broken")
            unavailable = ModelUnavailable(f"{model} did not answer: {summary}")
            return Failure(kind, unavailable, retry_after(headers), headers, cause)
        reason = (status, error.type, error.error_code)
        return Failure("rejected", self._rejection(error, status, summary, model), None, headers, cause, reason)

    def _rejection(self, error: anthropic.APIStatusError, status: int, summary: str, model: str) -> ResearchError:
        words = error.api_message or str(error.body or "")
        if status == 401:
            return AuthenticationFailed(
                f"the key was not accepted by {self._base_url} ({summary}). Set ANTHROPIC_API_KEY to a valid key, "
                "or choose `--model extractive`, which needs none."
            )
        if status == 402 or error.error_code in _LASTING or error.type == "billing_error" or _NO_CREDIT.search(words):
            return AccessDenied(
                f"the account may not spend any more ({summary}). Add credit or raise its limit in the service's console."
            )
        if status == 403:
            return AccessDenied(f"the key has no permission for {model} ({summary}). Use another key, or another model.")
        if status == 404:
            return AccessDenied(
                f"{self._base_url} knows no model {model!r} ({summary}). Correct the model's id, or the base URL: it is the part "
                "before /v1/messages."
            )
        if status == 413 or _TOO_LONG.search(words):
            return ContextOverflow(
                f"the request is more than {model} can take ({summary}). Use a smaller input, or a larger model."
            )
        return RequestRejected(f"{model} rejected the request ({summary}).", about_form=is_about_form(words))

    def _summary(self, error: anthropic.APIStatusError, status: int) -> str:
        """`429 rate_limit_error: This request would …; request req_1`."""
        words = self.clean(error.api_message or _page_words(error.body))
        kind = f" {error.type}" if error.type else ""
        request = f"; request {error.request_id}" if error.request_id else ""
        return f"{status}{kind}{': ' if words else ''}{words}{request}"

    def _unavailable(self, kind: Kind, model: str, words: str, cause: Exception | None) -> Failure:
        return Failure(kind, ModelUnavailable(f"{model} did not answer: {self.clean(words)} ({self._base_url})"), cause=cause)

    def _connection_words(self, root: BaseException) -> str:
        inner = _innermost(root)
        if isinstance(inner, ssl.SSLError):
            return f"no secure connection: {inner}"
        return f"no connection: {inner or root}"

    def _holds_secret(self, error: BaseException) -> bool:
        seen: set[int] = set()
        link: BaseException | None = error
        while link is not None and id(link) not in seen:
            seen.add(id(link))
            if any(secret in f"{link!s}{link!r}" for secret in self._secrets):
                return True
            link = link.__cause__ or link.__context__
        return False


def _is_bad_header(error: BaseException) -> bool:
    """A key with a line break in it, for one."""
    # httpx2 has one type for all faults of a request that we send.
    return isinstance(error, httpx2.LocalProtocolError) and "header" in str(error).lower()


def _innermost(error: BaseException) -> BaseException | None:
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        deeper = link.__cause__ or link.__context__
        if deeper is None:
            return link
        link = deeper
    return link


def _page_words(body: Any) -> str:
    """What a body says that is not the API's: a proxy's page without its tags."""
    if not isinstance(body, str):
        return "" if body is None else json.dumps(body, ensure_ascii=False, default=str)
    return re.sub(r"<[^>]*>", " ", body)
