"""Requests to the API server: a page, one object, a watch, a write. Each either succeeds or raises FailedError.

Rule: when the API server refuses the credentials, they are read again before the next request; so it is when no
connection comes to be, for the certificate of the authority may be another one as well. A watch that is open goes on.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import CONNECT, Access, credential_failures, open_client
from bgpctl.kubernetes.failure import Cause, FailedError, Failure
from bgpctl.kubernetes.wire import failure_of
from bgpctl.kubernetes.words import words_of

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

SUCCESSES = frozenset({200, 201, 202})
# An object has at most 1.5 MiB, and an event is one object.
LONGEST_LINE = 16 * 1024 * 1024
# Seconds that a watch may be silent after its time is over.
GRACE = 30.0
Parameters = Mapping[str, str]


@dataclass(slots=True)
class _Opened:
    """A client, and how many requests use it."""

    client: AsyncClient
    users: int = 0
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class _Question:
    """accept           the media type of the answer, "" for the usual one
    silence          seconds without an octet after which the answer is given up
    begins_with_all  a watch that shall begin with every object
    """

    method: str
    path: str
    parameters: Parameters
    body: bytes = b""
    content_type: str = ""
    accept: str = ""
    silence: float | None = None
    begins_with_all: bool = False


class ApiServer:
    def __init__(self, access: Access) -> None:
        """Raises NotReadyError."""
        self._access = access
        self._opened = _Opened(open_client(access))
        self._is_doubtful = False

    async def close(self) -> None:
        await self._opened.client.aclose()

    async def get(self, path: str, parameters: Parameters | None = None, accept: str = "") -> bytes:
        async with self._answer(_Question("GET", path, parameters or {}, accept=accept)) as answer:
            return await answer.aread()

    async def send(
        self, method: str, path: str, body: bytes, content_type: str, parameters: Parameters | None = None
    ) -> bytes:
        """POST, PUT, PATCH or DELETE; the object as it is then."""
        async with self._answer(_Question(method, path, parameters or {}, body, content_type)) as answer:
            return await answer.aread()

    @asynccontextmanager
    async def watch(
        self, path: str, parameters: Parameters, seconds: int
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """Its lines, for so many seconds at most. They may raise FailedError as well."""
        asked = {**parameters, "watch": "true", "timeoutSeconds": str(seconds)}
        begins_with_all = "sendInitialEvents" in parameters
        question = _Question("GET", path, asked, silence=seconds + GRACE, begins_with_all=begins_with_all)
        async with self._answer(question) as answer:
            yield _lines(answer)

    @asynccontextmanager
    async def _answer(self, question: _Question) -> AsyncIterator[Response]:
        import httpx2

        opened = await self._current()
        opened.users += 1
        try:
            answer = await self._send(opened, question)
            try:
                if answer.status_code not in SUCCESSES:
                    raise FailedError(await _failure(answer, begins_with_all=question.begins_with_all))
                yield answer
            finally:
                await answer.aclose()
        except FailedError as failed:
            self._doubt(opened, is_doubtful=failed.failure.cause is Cause.UNAUTHORIZED)
            raise
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            self._doubt(opened, is_doubtful=isinstance(error, httpx2.ConnectError))
            raise FailedError(Failure(Cause.UNREACHABLE, words_of(error))) from error
        finally:
            opened.users -= 1
            if not (opened.users or opened.is_current):
                await opened.client.aclose()

    async def _send(self, opened: _Opened, question: _Question) -> Response:
        import httpx2

        silence = question.silence
        request = opened.client.build_request(
            question.method,
            question.path,
            params=question.parameters,
            content=question.body or None,
            headers=_headers(question),
            timeout=httpx2.USE_CLIENT_DEFAULT if silence is None else httpx2.Timeout(silence, connect=CONNECT),
        )
        try:
            return await opened.client.send(request, stream=True)
        except credential_failures(self._access) as error:
            raise FailedError(Failure(Cause.UNAUTHORIZED, f"no credentials: {words_of(error)}")) from error

    def _doubt(self, opened: _Opened, *, is_doubtful: bool) -> None:
        """Whether the credentials have to be read again; those of a client that has been replaced are known to."""
        if opened is self._opened:
            self._is_doubtful |= is_doubtful

    async def _current(self) -> _Opened:
        if self._is_doubtful:
            try:
                client = open_client(self._access)
            except NotReadyError as error:
                raise FailedError(Failure(Cause.UNAUTHORIZED, str(error))) from error
            before, self._opened, self._is_doubtful = self._opened, _Opened(client), False
            before.is_current = False
            if not before.users:
                await before.client.aclose()
        return self._opened


def _headers(question: _Question) -> dict[str, str]:
    headers = {"Content-Type": question.content_type} if question.body else {}
    return headers | ({"Accept": question.accept} if question.accept else {})


async def _failure(answer: Response, *, begins_with_all: bool) -> Failure:
    octets = await answer.aread()
    retry_after = answer.headers.get("Retry-After", "")
    return failure_of(answer.status_code, octets, retry_after, begins_with_all=begins_with_all)


async def _lines(answer: Response) -> AsyncGenerator[bytes, None]:
    rest = b""
    async for octets in answer.aiter_bytes():
        if b"\n" not in octets:
            rest += octets
            if len(rest) > LONGEST_LINE:
                raise FailedError(Failure(Cause.NOT_READABLE, f"an event of more than {LONGEST_LINE >> 20} MiB"))
            continue
        *lines, rest = (rest + octets).split(b"\n")
        for line in lines:
            yield line
