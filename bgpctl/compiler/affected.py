"""Which nodes' plans a change of the resources can concern: so that a change in one Node of 5,000 does not mean 5,000
compilations.

Rule: a plan that differs is never left out; one too many costs only its compilation. What a change may concern:

    a Node               itself; where others see a difference (its addresses, AS number, cluster ID, port, or which
                         selectors match it), also every node that has or had a session with it
    a BlockAffinity      the node that has the block, and the one that had it; every node where that one has no BGP
                         speaker, for its blocks are in all plans
    a BGPPeer            the nodes that it is for, and those that it names
    a BGPFilter          those of the BGPPeers that name the filter
    CalicoNodeStatus     no node
    Secrets              no node, where keys are named by reference
    anything else        every node
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Set
from typing import Any

from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.sessions.bgp_peers import owner_of
from bgpctl.compiler.sessions.reverse_peers import scope
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.resource_set import COLLECTIONS
from reflector.addresses import parse_peer_ip

# Kinds that are looked at one by one; of any other a change concerns every node.
_SINGLY = frozenset({"nodes", "block_affinities", "bgp_peers", "bgp_filters", "node_statuses"})


def affected(before: ClusterIndex, after: ClusterIndex, options: CompileOptions) -> frozenset[str]:
    """The nodes of `after` whose plan may be another than it was."""
    everyone = frozenset(after.nodes)
    if _concerns_everyone(before, after, options):
        return everyone
    found = set(_by_blocks(before, after))
    if any(name in index.nodes and not index.nodes[name].has_speaker for index in (before, after) for name in found):
        return everyone
    for peer in _peers_that_differ(before, after):
        for index in (before, after):
            found.update(_of_peer(index, peer))
    nodes = _changed(before.nodes, after.nodes)
    if _shares_address(before, nodes) or _shares_address(after, nodes) or _differ_in_tunnels(before, after, nodes):
        return everyone
    for name in nodes:
        found.add(name)
        if _as_others_see_it(before, name) != _as_others_see_it(after, name):
            found.update(_peers_of(before, name))
            found.update(_peers_of(after, name))
    return everyone & found


def _concerns_everyone(before: ClusterIndex, after: ClusterIndex, options: CompileOptions) -> bool:
    old, new = before.resources, after.resources
    ignored = _SINGLY | ({"secrets"} if options.keys_by_reference else set())
    others = (name for name in COLLECTIONS.values() if name not in ignored)
    return old.waiting != new.waiting or any(getattr(old, name) != getattr(new, name) for name in others)


def _changed(before: Mapping[Any, object], after: Mapping[Any, object]) -> frozenset[Any]:
    """The keys of what differs, came or went. Most values are the same objects as before."""
    if before is after:
        return frozenset()
    differing = {key for key, value in after.items() if before.get(key) is not value and before.get(key) != value}
    return frozenset(differing | (before.keys() - after.keys()))


def _by_blocks(before: ClusterIndex, after: ClusterIndex) -> Iterator[str]:
    old, new = before.resources.block_affinities, after.resources.block_affinities
    for key in _changed(old, new):
        yield from (affinities[key].spec.node for affinities in (old, new) if key in affinities)


def _peers_that_differ(before: ClusterIndex, after: ClusterIndex) -> Iterator[BGPPeer]:
    """In both versions; likewise those that name a BGPFilter that differs."""
    filters = _changed(before.resources.bgp_filters, after.resources.bgp_filters)
    peers = _changed(before.resources.bgp_peers, after.resources.bgp_peers)
    for index in (before, after):
        for name, peer in index.resources.bgp_peers.items():
            if name in peers or not filters.isdisjoint(peer.spec.filters):
                yield peer


def _of_peer(index: ClusterIndex, peer: BGPPeer) -> Iterator[str]:
    yield from scope(index, peer)
    yield from _named(index, peer)


def _named(index: ClusterIndex, peer: BGPPeer) -> tuple[str, ...]:
    """The nodes that a BGPPeer names as the other end."""
    if peer.spec.peer_selector:
        return index.select(peer.spec.peer_selector)
    owner = owner_of(index, peer) if peer.spec.peer_ip else None
    return (owner.node,) if owner is not None else ()


def _peers_of(index: ClusterIndex, name: str) -> Iterator[str]:
    """The nodes that may have a session with this one."""
    if name not in index.nodes:
        return
    facts = index.nodes[name]
    if index.configuration.mesh and not facts.is_reflector:
        yield from (other for other, each in index.nodes.items() if not each.is_reflector)
    for peer in index.resources.bgp_peers.values():
        members = scope(index, peer)
        if _names(index, peer, name):
            yield from members
        if name in members:
            yield from _named(index, peer)


def _names(index: ClusterIndex, peer: BGPPeer, name: str) -> bool:
    spec = peer.spec
    if spec.peer_selector:
        return name in index.selected_set(spec.peer_selector)
    return bool(spec.peer_ip) and parse_peer_ip(spec.peer_ip)[0] in index.nodes[name].addresses.values()


def _as_others_see_it(index: ClusterIndex, name: str) -> Hashable:
    """What the plan of another node can have of this one; None where there is no such node."""
    if name not in index.nodes:
        return None
    facts, peers = index.nodes[name], index.resources.bgp_peers.values()
    selectors = {text for each in peers for text in (each.spec.node_selector, each.spec.peer_selector) if text}
    matching = frozenset(text for text in selectors if name in index.selected_set(text))
    return tuple(facts.addresses.values()), facts.cluster_id, index.endpoints(name), matching


def _shares_address(index: ClusterIndex, names: Iterable[str]) -> bool:
    """Whether another node has an address of one of these: whose it is decides about sessions of third ones."""
    if not names:
        return False
    found: dict[str, int] = {}
    for facts in index.nodes.values():
        for address in facts.addresses.values():
            found[address] = found.get(address, 0) + 1
    return any(
        found[address] > 1
        for name in names
        if name in index.nodes
        for address in index.nodes[name].addresses.values()
        if address
    )


def _differ_in_tunnels(before: ClusterIndex, after: ClusterIndex, names: Set[str]) -> bool:
    """VXLAN and WireGuard lead from every node to every other."""
    return any(_tunnels(before, name) != _tunnels(after, name) for name in names)


def _tunnels(index: ClusterIndex, name: str) -> tuple[object, ...]:
    """The node's ends of them, and the blocks that are reached through them alone; () where it has none."""
    if name not in index.nodes:
        return ()
    facts = index.nodes[name]
    wireguard = facts.node.spec.wireguard
    ends: tuple[object, ...] = tuple(each for each in facts.vteps.values() if each is not None)
    if not facts.has_speaker:
        ends = (*ends, "no speaker", *facts.node.status.pod_cidrs)
    return ends if wireguard is None else (*ends, wireguard, *facts.addresses.values())
