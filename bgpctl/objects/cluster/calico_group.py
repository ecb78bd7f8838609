"""In which of Calico's two API groups a cluster has its objects, asked once; and whether they may be written now.

Rule: written is the group that is read (bgpctl/datastore/kubernetes/api_group.py). While Calico's datastore is locked,
or copied from one group into the other, nothing is written: it would be lost.
"""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.datastore.kubernetes.api_group import Offer, choose_group, is_open
from bgpctl.datastore.kubernetes.calico import Contents, not_ready
from bgpctl.datastore.kubernetes.offers import offer_of
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError
from bgpctl.kubernetes.kinds import (
    CLUSTER_INFORMATION,
    CLUSTER_INFORMATION_NAME,
    MIGRATION,
    V1,
    V3,
    ApiKind,
    Group,
    calico_kinds,
)
from bgpctl.kubernetes.wire import Reader, phase_of

LOCKED = (
    "Calico's datastore is locked, for a migration or a restore (datastoreReady is false in its ClusterInformation)"
)
MIGRATING = "a DatastoreMigration copies the objects from one API group to the other; what is written now may be lost"


@dataclass(frozen=True, slots=True)
class CalicoGroup:
    """`group` is None where Calico is not installed. `locked`: why nothing may be written, "" where it may."""

    group: Group | None = None
    plurals: frozenset[str] = frozenset()
    locked: str = ""


async def find_group(server: ApiServer) -> CalicoGroup:
    """Raises FailedError."""
    offers: dict[Group, Offer] = {group: await offer_of(server, group) for group in (V3, V1)}
    phase = await _phase(server)
    group = choose_group(offers, phase, None)
    if group is None:
        return CalicoGroup()
    locked = MIGRATING if is_open(phase) else await _lock(server, group)
    return CalicoGroup(group, offers[group].plurals, locked)


async def _phase(server: ApiServer) -> str | None:
    """Of a migration, if there is one that may be seen."""
    documents = await _documents(server, MIGRATION)
    phases = sorted({phase_of(text) for text in documents.values()}, key=lambda phase: (not is_open(phase), phase))
    return phases[0] if phases else None


async def _lock(server: ApiServer, group: Group) -> str:
    (kind,) = (each for each in calico_kinds(group, frozenset()) if each.kind == CLUSTER_INFORMATION)
    documents = await _documents(server, kind)
    contents = Contents(group, {name: text for name, text in documents.items() if name == CLUSTER_INFORMATION_NAME})
    return LOCKED if not_ready(contents, contents) else ""


async def _documents(server: ApiServer, kind: ApiKind) -> dict[str, str]:
    """Those of a kind; of one that is not installed, or that the role does not read, none."""
    try:
        return dict(Reader(kind).page(await server.get(kind.path)).objects)
    except FailedError as error:
        if error.failure.cause in (Cause.ABSENT, Cause.FORBIDDEN):
            return {}
        raise
