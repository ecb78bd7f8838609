"""What a request can fail with: a cause that decides what is done next, and a sentence for people.

expired          410: what the list or the watch went on from is forgotten; list again
not-supported    400, 422 to a watch that shall begin with all objects; list first
unauthorized     401: the credentials are read again
forbidden        403: a role is lacking; asked again later
absent           404: the kind is not installed; looked for again later
conflict         409: the object is another version, or there already
unavailable      408, 429, 5xx: later, and not before Retry-After
unreachable      no connection, or one that broke
not-readable     an answer that is no JSON
refused          anything else
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    EXPIRED = "expired"
    NOT_SUPPORTED = "not-supported"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    ABSENT = "absent"
    CONFLICT = "conflict"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"
    NOT_READABLE = "not-readable"
    REFUSED = "refused"


_BY_STATUS = {
    401: Cause.UNAUTHORIZED,
    403: Cause.FORBIDDEN,
    404: Cause.ABSENT,
    408: Cause.UNAVAILABLE,
    409: Cause.CONFLICT,
    410: Cause.EXPIRED,
    429: Cause.UNAVAILABLE,
}
_NOT_SUPPORTED = (400, 422)
LONGEST_RETRY_AFTER = 300.0


@dataclass(frozen=True, slots=True)
class Failure:
    """`retry_after`: seconds that the API server asks for; 0 when it asks for none."""

    cause: Cause
    message: str
    retry_after: float = 0.0

    def __str__(self) -> str:
        return self.message


class FailedError(Exception):
    """A request that failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def of_status(status: int, message: str, retry_after: str = "", *, begins_with_all: bool = False) -> Failure:
    """Of an HTTP status, or of the code in an ERROR event. `begins_with_all`: of a watch that shall."""
    if begins_with_all and status in _NOT_SUPPORTED:
        cause = Cause.NOT_SUPPORTED
    elif status in _BY_STATUS:
        cause = _BY_STATUS[status]
    else:
        cause = Cause.UNAVAILABLE if status >= 500 else Cause.REFUSED
    # An HTTP date is not worth a clock here: the pause of our own is as good.
    pause = min(float(retry_after), LONGEST_RETRY_AFTER) if retry_after.isdecimal() else 0.0
    return Failure(cause, f"{status}: {message}" if message else f"status {status}", pause)
