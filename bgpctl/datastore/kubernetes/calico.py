"""Calico's kinds in the group that the cluster uses, and when they may be used.

A group is used when each of its kinds is known (or is not to be known) and its ClusterInformation says that the
datastore is ready. Until then what was in use before stays:

    datastoreReady: false            Calico's own lock, for a migration or a restore
    no ClusterInformation, though    the group has changed hands, from an API server of Calico's to CRDs, and is not
    there was one                    filled yet
    another group, with fewer        it is not filled yet. Not so when a DatastoreMigration has converged: then that
    resources than the one before    is what there is

Rule: what becomes ready again is read anew as a whole before it is used, for what changed while it was locked may
come before or after the lock's own end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from bgpctl.kubernetes.kinds import CLUSTER_INFORMATION_NAME, Group


class _Spec(msgspec.Struct):
    ready: bool | None = msgspec.field(name="datastoreReady", default=None)


class _ClusterInformation(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of one group: documents by name. `is_away`: its ClusterInformation cannot be asked for any more."""

    group: Group | None = None
    documents: Mapping[str, str] = field(default_factory=dict)
    is_away: bool = False


LOCKED = "datastoreReady is false, so nothing new is used until the datastore is unlocked (calicoctl datastore migrate)"
NOT_FILLED = (
    "there is no ClusterInformation any more, so nothing new is used: the API group has changed hands and is not filled"
)
FEWER = (
    "the API group {group} has fewer resources than {before} ({kinds}), so nothing of it is used until it has as many, "
    "a DatastoreMigration has converged, or this is started again"
)
# What routes are made of: fewer of the others cost none.
ROUTING = ("BGPConfiguration", "BGPFilter", "BGPPeer", "BlockAffinity", "IPPool")


def not_ready(new: Contents, before: Contents) -> str:
    """Why the datastore must not be used as it is, "" when it may."""
    text = new.documents.get(CLUSTER_INFORMATION_NAME)
    if text is None or new.is_away:
        return NOT_FILLED if CLUSTER_INFORMATION_NAME in before.documents else ""
    return LOCKED if _is_locked(text) else ""


def fewer(new: Contents, before: Contents, *, is_converged: bool) -> str:
    """Why a group must not take the place of another one, "" when it may."""
    if is_converged or new.group == before.group or before.group is None or new.group is None:
        return ""
    were, are = _counts(before.documents), _counts(new.documents)
    lacking = [f"{kind} {are[kind]} of {were[kind]}" for kind in ROUTING if are[kind] < were[kind]]
    if not lacking:
        return ""
    return FEWER.format(group="/".join(new.group), kinds=", ".join(lacking), before="/".join(before.group))


def _counts(documents: Iterable[str]) -> Counter[str]:
    return Counter(name.partition("/")[0] for name in documents)


def _is_locked(text: str) -> bool:
    try:
        return msgspec.json.decode(text, type=_ClusterInformation).spec.ready is False
    except msgspec.MsgspecError:
        return False  # the problem of the resource says what is wrong with it
