"""The kinds of objects that commands name: one table, with the names that people use for each.

Rule: a kind is one row whatever the API version it is written in. Who writes its objects in a cluster is part of the
row: what Kubernetes or the controller writes there is only read. In a directory every kind is written alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.kinds import (
    ENDPOINT_SLICE,
    KUBERNETES_NODE,
    NODE,
    SECRET,
    SERVICE,
    V1,
    V3,
    ApiKind,
    Group,
)
from bgpctl.kubernetes.kinds import NODE_PLAN as PLAN

ALL = "all"


class Writers(Enum):
    """Who writes an object in a cluster."""

    OPERATOR = "bgpctl"
    KUBERNETES = "kubectl"
    CONTROLLER = "bgpctl controller"


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """names     short ones, besides kind, singular and plural
    groups       with version, in which its objects are written; the first is the usual one
    is_listed    the word `all` means it as well, in a cluster
    """

    kind: str
    plural: str
    names: tuple[str, ...]
    groups: tuple[Group, ...]
    writers: Writers = Writers.OPERATOR
    namespaced: bool = False
    is_listed: bool = True

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def api_versions(self) -> tuple[str, ...]:
        return tuple("/".join(part for part in group if part) for group in self.groups)

    @property
    def resource(self) -> str:
        """As kubectl names it with -o name: "bgppeer.projectcalico.org", "node"."""
        return ".".join(part for part in (self.singular, self.groups[0][0]) if part)

    def api_kind(self, group: Group) -> ApiKind:
        """As it is asked for in this one of its groups."""
        source = f"{self.plural}.{group[0]}" if self is CALICO_NODE else ""
        return ApiKind(self.kind, self.plural, *group, source=source, namespaced=self.namespaced)


def _calico(kind: str, plural: str, *names: str) -> ObjectKind:
    return ObjectKind(kind, plural, names, (V3, V1))


def _kubernetes(kind: ApiKind, *names: str, is_listed: bool = False) -> ObjectKind:
    group = (kind.group, kind.version)
    return ObjectKind(kind.kind, kind.plural, names, (group,), Writers.KUBERNETES, kind.namespaced, is_listed)


CALICO_NODE = ObjectKind(NODE, "nodes", ("no",), (V3,))
NODE_PLAN = ObjectKind(
    PLAN.kind, PLAN.plural, ("nplan", "plan", "plans"), ((PLAN.group, PLAN.version),), Writers.CONTROLLER
)
SECRET_KIND = _kubernetes(SECRET)
# In the order of tables, and in which objects are created: what others name comes before them.
KINDS = (
    SECRET_KIND,
    _kubernetes(KUBERNETES_NODE, "no", is_listed=True),
    CALICO_NODE,
    _calico("ClusterInformation", "clusterinformations", "clusterinfo"),
    _calico("FelixConfiguration", "felixconfigurations", "felixconfig"),
    _calico("IPPool", "ippools", "ipp", "pool", "pools"),
    _calico("BlockAffinity", "blockaffinities", "blockaff", "block", "blocks"),
    _calico("BGPFilter", "bgpfilters", "bgpf", "filter", "filters"),
    _calico("BGPConfiguration", "bgpconfigurations", "bgpconfig"),
    _calico("BGPPeer", "bgppeers", "bgpp", "peer", "peers"),
    _calico("CalicoNodeStatus", "caliconodestatuses", "nodestatus"),
    _kubernetes(SERVICE, "svc"),
    _kubernetes(ENDPOINT_SLICE),
    NODE_PLAN,
)
_BY_VERSION = {(version, kind.kind): kind for kind in KINDS for version in kind.api_versions}


def kind_of(api_version: str, kind: str) -> ObjectKind | None:
    """None: it is none of ours."""
    return _BY_VERSION.get((api_version, kind))


def kinds_named(word: str) -> tuple[ObjectKind, ...]:
    """The kinds that a person means by one word: `peers`, `bgppeer.projectcalico.org`, `all`. A name may mean two, the
    Nodes of Kubernetes and of Calico. Raises NotReadyError."""
    if word.lower() == ALL:
        return KINDS
    name, _, group = word.lower().partition(".")
    found = tuple(kind for kind in KINDS if name in _names(kind) and _is_of_group(kind, group))
    if not found:
        raise NotReadyError(f"there is no kind {word!r} here{_nearest(name)}")
    return found


def _names(kind: ObjectKind) -> tuple[str, ...]:
    return (kind.singular, kind.plural, *kind.names)


def _is_of_group(kind: ObjectKind, group: str) -> bool:
    """`group` may begin with a version, as in kubectl: v3.projectcalico.org."""
    return not group or any(group in (name, f"{version}.{name}") for name, version in kind.groups)


def _nearest(name: str) -> str:
    from bgpctl.yaml_source.spelling import nearest

    meant = nearest(name, all_names())
    plurals = dict.fromkeys(each.plural for each in KINDS)
    return f"; did you mean {meant}?" if meant else f"; there are {', '.join(plurals)}"


def all_names(kinds: Iterable[ObjectKind] = KINDS) -> list[str]:
    """Every word that names one of these kinds, but for `all`."""
    return sorted({name for kind in kinds for name in _names(kind)})
