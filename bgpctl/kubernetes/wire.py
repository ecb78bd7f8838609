"""Objects of the API server, reduced while they are decoded to the fields that resources are made of.

Rule: what is not named here is skipped without being looked at (managedFields, images, conditions, ...), so an event
that changes nothing else makes the same document as the one before. The document is JSON on one line, as a file might
have it; from there on it is read like any other.

Of annotations those of Calico and of bgpctl are kept, without what Calico's client keeps in them for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from bgpctl.kubernetes.collection import Change, Event, Page
from bgpctl.kubernetes.failure import Cause, FailedError, Failure, of_status
from bgpctl.kubernetes.kinds import ENDPOINT_SLICE, KUBERNETES_NODE, MIGRATION, SECRET, SERVICE, ApiKind

T = TypeVar("T")

ANNOTATIONS = ("bgpctl.io/", "projectcalico.org/")
BOOKKEEPING = frozenset({"projectcalico.org/metadata", "projectcalico.org/kube-labels"})
ALL_HAVE_COME = "k8s.io/initial-events-end"
MOST_SHOWN = 300
_NULL = b"null"


class Metadata(Struct):
    name: str = ""
    namespace: str = ""
    labels: Raw | UnsetType = UNSET
    annotations: dict[str, str] | None = None
    version: str = msgspec.field(name="resourceVersion", default="")


class CalicoObject(Struct):
    metadata: Metadata
    spec: Raw | UnsetType = UNSET


class MigrationStatus(Struct):
    phase: str = ""


class MigrationObject(Struct):
    metadata: Metadata
    status: MigrationStatus | None = None


class NodeSpec(Struct, omit_defaults=True):
    podCIDR: str = ""  # noqa: N815  the field's own name, here and below: they are written as they were read
    podCIDRs: list[str] | None = None  # noqa: N815


class NodeAddress(Struct):
    type: str = ""
    address: str = ""


class NodeStatus(Struct, omit_defaults=True):
    addresses: list[NodeAddress] | None = None


class NodeObject(Struct):
    metadata: Metadata
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


class ServiceSpec(Struct, omit_defaults=True):
    type: str = ""
    clusterIP: str = ""  # noqa: N815
    clusterIPs: list[str] | None = None  # noqa: N815
    ipFamilies: list[str] | None = None  # noqa: N815
    externalIPs: list[str] | None = None  # noqa: N815
    loadBalancerIP: str = ""  # noqa: N815
    externalTrafficPolicy: str = ""  # noqa: N815


class Ingress(Struct, omit_defaults=True):
    ip: str = ""


class LoadBalancer(Struct, omit_defaults=True):
    ingress: list[Ingress] | None = None


class ServiceStatus(Struct, omit_defaults=True):
    loadBalancer: LoadBalancer | None = None  # noqa: N815


class ServiceObject(Struct):
    metadata: Metadata
    spec: ServiceSpec | None = None
    status: ServiceStatus | None = None


class Conditions(Struct, omit_defaults=True):
    ready: bool | None = None


class Endpoint(Struct, omit_defaults=True):
    addresses: list[str] | None = None
    nodeName: str | None = None  # noqa: N815
    conditions: Conditions | None = None


class EndpointSliceObject(Struct):
    metadata: Metadata
    addressType: str = ""  # noqa: N815
    endpoints: list[Endpoint] | None = None


class SecretObject(Struct):
    metadata: Metadata
    data: dict[str, str] | None = None


class ListMetadata(Struct):
    version: str = msgspec.field(name="resourceVersion", default="")
    more: str = msgspec.field(name="continue", default="")


class ObjectList(Struct, Generic[T]):
    metadata: ListMetadata
    items: list[T] | None = None


class WatchEvent(Struct, Generic[T]):
    type: str
    object: T


class RetryAfter(Struct):
    seconds: int = msgspec.field(name="retryAfterSeconds", default=0)


class Status(Struct):
    """How the API server words a failure."""

    message: str = ""
    code: int = 0
    details: RetryAfter | None = None


class ApiResource(Struct):
    name: str


class ApiResourceList(Struct):
    """What a group serves."""

    resources: list[ApiResource] | None = None


class _Document(Struct, omit_defaults=True):
    """All that any kind has."""

    apiVersion: str  # noqa: N815
    kind: str
    metadata: dict[str, Any]
    spec: Any = None
    status: Any = None
    addressType: str = ""  # noqa: N815
    endpoints: list[Endpoint] | None = None
    data: dict[str, str] | None = None


_OBJECTS: dict[ApiKind, Any] = {
    KUBERNETES_NODE: NodeObject,
    SERVICE: ServiceObject,
    ENDPOINT_SLICE: EndpointSliceObject,
    SECRET: SecretObject,
    MIGRATION: MigrationObject,
}
_encode = msgspec.json.Encoder().encode
_status = msgspec.json.Decoder(Status)
_error_event = msgspec.json.Decoder(WatchEvent[Status])
_resources = msgspec.json.Decoder(ApiResourceList)


def _decoder(what: Any) -> msgspec.json.Decoder[Any]:
    """Of a type that is chosen at run time."""
    return msgspec.json.Decoder(what)


class Reader:
    """Reads lists and events of one kind. Raises FailedError for what is not readable, and for an ERROR event."""

    def __init__(self, kind: ApiKind) -> None:
        objects: Any = _OBJECTS.get(kind, CalicoObject)
        self._kind = kind
        self._list = _decoder(ObjectList[objects])
        self._event = _decoder(WatchEvent[objects])
        self._object = _decoder(objects)

    def page(self, octets: bytes) -> Page:
        found = _read(self._list.decode, octets)
        objects = tuple((self._name(each), self._text(each)) for each in found.items or ())
        return Page(objects, found.metadata.version, found.metadata.more)

    def event(self, line: bytes | bytearray | memoryview, *, begins_with_all: bool = False) -> Event:
        try:
            found = self._event.decode(line)
            change = Change(found.type)
        except (msgspec.MsgspecError, ValueError):
            raise FailedError(_failure_in(line, begins_with_all=begins_with_all)) from None
        metadata = found.object.metadata
        if change is Change.BOOKMARK:
            return Event(change, metadata.version, is_all=ALL_HAVE_COME in (metadata.annotations or ()))
        text = "" if change is Change.DELETED else self._text(found.object)
        return Event(change, metadata.version, self._name(found.object), text)

    def document(self, octets: bytes, keys: frozenset[str]) -> str:
        """Of a single Secret, with these keys."""
        found = _read(self._object.decode, octets)
        found.data = {key: value for key, value in sorted((found.data or {}).items()) if key in keys}
        return self._text(found)

    def _name(self, found: Any) -> str:
        return self._kind.name_of(found.metadata.namespace, found.metadata.name)

    def _text(self, found: Any) -> str:
        document = _Document(self._kind.api_version, self._kind.kind, _metadata(found.metadata))
        for field in found.__struct_fields__[1:]:
            value = getattr(found, field)
            if value is not None and value is not UNSET:
                setattr(document, field, value)
        octets = _encode(document)
        if b"\n" in octets:
            octets = _encode(msgspec.json.decode(octets))
        return octets.decode()


def phase_of(text: str) -> str:
    """The phase in the document of a DatastoreMigration."""
    status = msgspec.json.decode(text, type=MigrationObject).status
    return status.phase if status else ""


def failure_of(status: int, octets: bytes, retry_after: str, *, begins_with_all: bool = False) -> Failure:
    """Of an answer that is no success."""
    try:
        message = _status.decode(octets).message
    except msgspec.MsgspecError:
        message = octets[:MOST_SHOWN].decode(errors="replace").strip()
    return of_status(status, message[:MOST_SHOWN], retry_after, begins_with_all=begins_with_all)


def plurals_of(octets: bytes) -> frozenset[str]:
    """What a group serves, without subresources."""
    return frozenset(each.name for each in _read(_resources.decode, octets).resources or () if "/" not in each.name)


def _read(decode: Callable[[bytes], T], octets: bytes) -> T:
    try:
        return decode(octets)
    except msgspec.MsgspecError as error:
        raise FailedError(_not_readable(octets, error)) from None


def _failure_in(line: bytes | bytearray | memoryview, *, begins_with_all: bool) -> Failure:
    try:
        found = _error_event.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return _not_readable(bytes(line), error)
    if found.type != "ERROR":
        return Failure(Cause.NOT_READABLE, f"an event of the unknown type {found.type[:20]!r}")
    details = found.object.details
    pause = str(details.seconds) if details else ""
    return of_status(found.object.code, found.object.message[:MOST_SHOWN], pause, begins_with_all=begins_with_all)


def _not_readable(octets: bytes, error: Exception) -> Failure:
    begin = octets[:40].decode(errors="replace")
    return Failure(Cause.NOT_READABLE, f"an answer that cannot be read ({error}); it begins with {begin!r}")


def _metadata(found: Metadata) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": found.name}
    if found.namespace:
        metadata["namespace"] = found.namespace
    if found.labels is not UNSET and bytes(found.labels) != _NULL:
        metadata["labels"] = found.labels
    kept = {
        key: found.annotations[key]
        for key in sorted(found.annotations or ())
        if found.annotations and key.startswith(ANNOTATIONS) and key not in BOOKKEEPING
    }
    if kept:
        metadata["annotations"] = kept
    return metadata
