"""The digest of what is held: twelve hexadecimal digits, the same in `diff`, in `status` and in the confirmation.

It covers exactly the parts of the running plan that stay, and what they would have become. What the resources do to
the whole cluster has one digest on all nodes, so that one annotation confirms it; anything else has the name of the
node in it, so that what is confirmed for one node lets nothing happen to another.

    sessions       of a resource that defines none in the cluster any more, or whose AS is the cluster's: all nodes;
                   likewise what a BGPFilter or an IPPool rejects, what a BGPPeer allows of the own AS, and the
                   maximum of prefixes
    nodes          which are missing: all nodes
    kernel rules   the network and what becomes of it: all nodes
    tunnel routes  the prefixes: all nodes
    the rest       this node
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

import msgspec

from bgpctl.brake.endings import BY_POLICY, Ending, EndingKind
from bgpctl.brake.facts import defining_resource
from bgpctl.brake.losses import Loss, LossKind
from bgpctl.brake.situation import Situation

DIGITS = 12
LETTERS = "abcdef"
# Their tunnel endpoints follow from the rest of the digest.
ENDS_OF_THE_CLUSTER = frozenset({LossKind.NODES, LossKind.TUNNEL_ROUTES})
# What defines rules alike on all nodes.
OF_THE_CLUSTER = ("BGPFilter ", "IPPool ")


def digest_of(situation: Situation, losses: Iterable[Loss]) -> str:
    """For a plan that is wanted."""
    losses = tuple(losses)
    missing = frozenset(name for each in losses if each.kind is LossKind.NODES for name in each.endpoints)
    held = frozenset(name for each in losses for name in each.sessions)
    lines = {
        *(("missing", name) for name in missing),
        *_sessions(situation, frozenset(each for each in held if situation.sessions[each].peer_node not in missing)),
        *_networks(situation, frozenset(network for each in losses for network in each.networks)),
        *(("prefix", situation.running.node, prefix) for each in losses for prefix in each.prefixes),
        *(("tunnel route", prefix) for each in losses for prefix in each.tunnel_routes),
        *(
            ("endpoint", situation.running.node, name)
            for each in losses
            if each.kind not in ENDS_OF_THE_CLUSTER
            for name in each.endpoints
        ),
    }
    return _digest(lines)


def digest_of_missing_node(node: str) -> str:
    """For a node that the resources do not have."""
    return _digest({(LossKind.OWN_NODE.value, node)})


def _digest(lines: set[tuple[str, ...]]) -> str:
    """The first digit is a letter: YAML must not take a digest for a number."""
    digits = sha256(msgspec.json.encode(sorted(lines))).hexdigest()[:DIGITS]
    return LETTERS[int(digits[0], 16) % len(LETTERS)] + digits[1:]


def _sessions(situation: Situation, held: frozenset[str]) -> Iterator[tuple[str, ...]]:
    groups: dict[tuple[str, ...], set[str]] = {}
    for name in held:
        ending = situation.endings[name]
        definer = defining_resource(ending.session.defined_by)
        groups.setdefault((definer, ending.kind.value, *ending.changes), set()).add(name)
    for what, names in groups.items():
        if all(_is_of_the_whole_cluster(situation, situation.endings[name]) for name in names):
            yield ("sessions", *what)
        else:
            yield from (("session", situation.running.node, *what, name) for name in names)


def _is_of_the_whole_cluster(situation: Situation, ending: Ending) -> bool:
    if ending.kind is EndingKind.REMOVED:
        return defining_resource(ending.session.defined_by) in situation.facts.idle
    if ending.kind in BY_POLICY:
        return all(each.startswith(OF_THE_CLUSTER) for each in ending.defined_by)
    if ending.kind in (EndingKind.AS_LOOP, EndingKind.LIMITED):
        return True
    if ending.kind is EndingKind.CHANGED:
        number = situation.facts.as_number
        return set(ending.changes) == {
            f"peer_as {ending.session.peer_as} -> {number}",
            f"local_as {ending.session.local_as} -> {number}",
        }
    return False


def _networks(situation: Situation, held: frozenset[str]) -> Iterator[tuple[str, ...]]:
    after = {rule.network: rule for rule in situation.wanted.kernel.rules}
    for network in held:
        rule = after.get(network)
        becomes = (rule.verdict.value, rule.encapsulation.value) if rule else ("missing",)
        yield ("network", network, *becomes)
