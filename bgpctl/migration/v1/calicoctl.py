"""Resources as calicoctl v1 writes them (apiVersion v1, kinds that begin with a small letter), as objects of v1.

    bgpPeer    metadata: scope (global or node), node, peerIP; spec: asNumber
    ipPool     metadata: cidr; spec: ipip {enabled, mode}, nat-outgoing, disabled
    node       metadata: name; spec: bgp {asNumber, ipv4Address, ipv6Address}, orchRefs

`node` is Calico's and `Node` is Kubernetes'. A field that there is not is an error, as it is in calicoctl.
"""

from __future__ import annotations

from collections.abc import Callable

from bgpctl.migration.fate import Fate, Origin, Outcome
from bgpctl.migration.names import qualified_name, qualified_name_without_dots
from bgpctl.migration.source.fields import Fields, address, as_number, flag, network, one_of, text
from bgpctl.migration.source.sources import Item
from bgpctl.migration.v1.objects import CROSS_SUBNET, Interface, Node, Object, Peer, Pool
from bgpctl.yaml_source.problem import Problem
from bgpctl.yaml_source.shown import name_shown
from reflector.addresses import Address

V1 = "v1"
GLOBAL, OF_NODE = "global", "node"
POLICY = "not for BGP, left to Calico's own tool"
MODES = ("", "always", CROSS_SUBNET)


def kind_of(item: Item) -> str:
    """The kind of calicoctl v1, as it is written there; "" for what is something else."""
    data = item.data
    if not isinstance(data, dict) or data.get("apiVersion") != V1 or not isinstance(data.get("kind"), str):
        return ""
    kind: str = data["kind"]
    if kind in _KINDS or kind in _LEFT:
        return kind
    lower = {name.lower(): name for name in (*_KINDS, *_LEFT) if name != "node"}
    return lower.get(kind.lower(), "")


def read(item: Item, kind: str, problems: list[Problem], fates: list[Fate]) -> Object | None:
    """None where it is not converted, with a fate, and where it is wrong, with a problem."""
    data = item.data
    origin = Origin(item.file, item.line_of(()), _name(item, kind))
    if kind in _LEFT:
        what, name = _LEFT[kind]
        written = data.get("metadata", {}).get("name") if isinstance(data.get("metadata"), dict) else None
        becomes = name(written) if name and isinstance(written, str) else ""
        fates.append(Fate(origin, Outcome.LEFT, what, becomes, reason=POLICY))
        return None
    whole = Fields(origin, data, problems, (), item.line_of)
    metadata, spec = whole.within("metadata"), whole.within("spec")
    found = _KINDS[kind](origin, metadata, spec)
    for fields, ignored in ((whole, ("apiVersion", "kind")), (metadata, ()), (spec, ())):
        fields.refuse_others(ignored)
    if whole.is_right:
        return found
    fates.append(Fate(origin, Outcome.REFUSED, kind))
    return None


def _peer(origin: Origin, metadata: Fields, spec: Fields) -> Object | None:
    scope = metadata.needed("scope", one_of(GLOBAL, OF_NODE))
    node, found = metadata.read("node", text, ""), metadata.needed("peerIP", address)
    number = spec.read("asNumber", as_number, None)
    if scope == GLOBAL and node:
        metadata.refuse("exclusive-fields", "node", "a peer of scope global has no node; remove one of the two")
    elif scope == OF_NODE and not node:
        metadata.refuse("required-field", "node", "a peer of scope node must name its node")
    return None if found is None else Peer(origin, node, found, number)


def _pool(origin: Origin, metadata: Fields, spec: Fields) -> Object | None:
    cidr = metadata.needed("cidr", network)
    ipip = spec.within("ipip")
    is_on, mode = ipip.read("enabled", flag, False), ipip.read("mode", one_of(*MODES), "")
    ipip.refuse_others()
    nat, disabled = spec.read("nat-outgoing", flag, False), spec.read("disabled", flag, False)
    return None if cidr is None else Pool(origin, *cidr, is_on, mode, nat, disabled)


def _node(origin: Origin, metadata: Fields, spec: Fields) -> Object | None:
    name, has_bgp = metadata.needed("name", text), spec.has("bgp")
    bgp = spec.within("bgp")
    number = bgp.read("asNumber", as_number, None)
    ipv4, ipv6 = (_interface(bgp, field, version) for field, version in (("ipv4Address", 4), ("ipv6Address", 6)))
    bgp.refuse_others()
    if has_bgp and ipv4 is None and ipv6 is None:
        spec.refuse("required-field", "bgp", "bgp must have ipv4Address or ipv6Address")
    names = tuple(_orchestrator(each) for each in spec.each_within("orchRefs"))
    return None if name is None else Node(origin, name, ipv4, ipv6, number, names=names)


def _interface(bgp: Fields, field: str, version: int) -> Interface | None:
    found: tuple[Address, int] | None = bgp.read(field, network, None)
    if found is not None and found[0].version != version:
        bgp.refuse("not-an-address", field, f"{found[0]} is not of IPv{version}")
        return None
    return None if found is None else Interface(*found)


def _orchestrator(fields: Fields) -> tuple[str, str]:
    found = fields.needed("orchestrator", text) or "", fields.read("nodeName", text, "")
    fields.refuse_others()
    return found


def _name(item: Item, kind: str) -> str:
    """ "bgpPeer 10.0.0.1", "bgpPeer node-1 10.0.0.1": what it is called in messages."""
    metadata = item.data.get("metadata")
    fields = metadata if isinstance(metadata, dict) else {}
    named = [fields.get(field) for field in ("node", "name", "peerIP", "cidr")]
    return " ".join([kind, *(name_shown(each) for each in named if isinstance(each, str) and each)])


_KINDS: dict[str, Callable[[Origin, Fields, Fields], Object | None]] = {
    "bgpPeer": _peer,
    "ipPool": _pool,
    "node": _node,
}
# Kinds that are not for BGP: what they are, and the name that Calico's own tool gives one.
_LEFT: dict[str, tuple[str, Callable[[str], str] | None]] = {
    "hostEndpoint": ("host endpoint", None),
    "policy": ("policy", qualified_name_without_dots),
    "profile": ("profile", qualified_name),
    "workloadEndpoint": ("workload endpoint", None),
}
