"""An error as the Messages API words it: a status, a type, a message."""

from __future__ import annotations

from typing import Any

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""The `error.type` of each status (platform.claude.com/docs/en/api/errors)."""

_WORDS = {
    401: "invalid x-api-key",
    402: "Your credit balance is too low to access the API.",
    403: "Your API key does not have permission to use the specified resource.",
    404: "Not found",
    413: "Request exceeds the maximum size",
    429: "This request would exceed the rate limit for your organization.",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Request timed out",
    529: "Overloaded",
}


class ApiError(Exception):
    """The request is refused with `status`. `retry_after` is in seconds and goes into the header of that name."""

    def __init__(self, status: int, message: str | None = None, *, retry_after: float | None = None) -> None:
        self.status = status
        self.type = ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
        self.message = message or _WORDS.get(status, "The request was refused")
        self.retry_after = retry_after
        super().__init__(f"{status} {self.type}: {self.message}")

    def body(self, request_id: str | None = None) -> dict[str, Any]:
        """The error as it stands on the wire."""
        return {"type": "error", "error": {"type": self.type, "message": self.message}, "request_id": request_id}


def invalid(message: str) -> ApiError:
    """What is wrong with a request, in the API's own status and type."""
    return ApiError(400, message)
