"""Which of the controllers writes: the one that holds the Lease (coordination.k8s.io/v1), renewed every few seconds.

Rule: clocks of different machines are never compared. Somebody else's Lease is over when it has not changed for
LEASE_SECONDS of our own clock; our own is over RENEW_SECONDS after it was last renewed, which is earlier. A write to
the Lease names the version that it replaces, so of two that see it end one gets it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError

LEASE_SECONDS = 15
RENEW_SECONDS = 10.0
# Between two attempts.
PAUSE = 2.0
JSON = "application/json"
# The annotation of what the leader has to leave to the next one.
NOTE = "bgpctl.io/note"


class _Metadata(msgspec.Struct, rename="camel", omit_defaults=True):
    name: str
    namespace: str
    resource_version: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Spec(msgspec.Struct, rename="camel", omit_defaults=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(msgspec.Struct, rename="camel"):
    metadata: _Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    api_version: str = "coordination.k8s.io/v1"
    kind: str = "Lease"


class Leadership:
    """One candidate. `clock` is monotonic; `holder` is who has the Lease as far as is known. `note` is written into it
    with each renewal, unless it is ""; `found_note` is the one that stood in it when it was read last."""

    def __init__(
        self,
        server: ApiServer,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.holder = self.note = self.found_note = ""
        self._server = server
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._seen: Lease | None = None
        self._seen_at = 0.0
        self._renewed_at: float | None = None

    @property
    def is_leader(self) -> bool:
        return self._renewed_at is not None and self._clock() - self._renewed_at < RENEW_SECONDS

    async def attempt(self) -> None:
        """Renews the Lease, or takes one that is over. Raises FailedError when the API does not answer."""
        began = self._clock()
        lease = await self._read()
        if lease is not None:
            self.found_note = lease.metadata.annotations.get(NOTE, "")
        if lease is None:
            lease = Lease(_Metadata(self._name, self._namespace))
        elif self._belongs_to_another(lease):
            self._renewed_at = None
            self.holder = lease.spec.holder_identity or ""
            return
        try:
            self._seen = await self._write(lease)
        except FailedError as error:
            if error.failure.cause is not Cause.CONFLICT:
                raise
            self._renewed_at = None  # somebody was quicker
            return
        self.holder, self._seen_at, self._renewed_at = self._identity, began, began

    async def release(self) -> None:
        """So that the next one need not wait for its end. Raises FailedError."""
        if not self.is_leader:
            return
        self._renewed_at = None
        # What was seen last need not be the newest: a renewal that was broken off may have arrived.
        lease = await self._read()
        if lease is not None and lease.spec.holder_identity == self._identity:
            lease.spec.holder_identity = ""
            await self._put(lease)

    def _belongs_to_another(self, lease: Lease) -> bool:
        if self._seen is None or lease.metadata.resource_version != self._seen.metadata.resource_version:
            self._seen, self._seen_at = lease, self._clock()
        if lease.spec.holder_identity in (None, "", self._identity):
            return False
        return self._clock() - self._seen_at < (lease.spec.lease_duration_seconds or LEASE_SECONDS)

    async def _read(self) -> Lease | None:
        try:
            return msgspec.json.decode(await self._server.get(f"{self._collection}/{self._name}"), type=Lease)
        except FailedError as error:
            if error.failure.cause is Cause.ABSENT:
                return None
            raise

    async def _write(self, lease: Lease) -> Lease:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = lease.spec
        if spec.holder_identity != self._identity:
            spec.lease_transitions = (spec.lease_transitions or 0) + (lease.metadata.resource_version != "")
            spec.acquire_time = now
        if self.note:
            lease.metadata.annotations = {**lease.metadata.annotations, NOTE: self.note}
        spec.holder_identity, spec.lease_duration_seconds, spec.renew_time = self._identity, LEASE_SECONDS, now
        return await self._put(lease)

    async def _put(self, lease: Lease) -> Lease:
        is_new = not lease.metadata.resource_version
        method, path = ("POST", self._collection) if is_new else ("PUT", f"{self._collection}/{self._name}")
        return msgspec.json.decode(await self._server.send(method, path, msgspec.json.encode(lease), JSON), type=Lease)
