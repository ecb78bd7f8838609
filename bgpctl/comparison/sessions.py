"""The sessions of a node's BIRD beside those of the plan, by the peer's address."""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.comparison.node_status import BirdSession, NodeStatus
from bgpctl.comparison.outcome import Outcome, Row
from bgpctl.compiler import ClusterIndex
from reflector.addresses import address_order, family_of
from reflector.plan import NodePlan, SessionPlan


def compare_sessions(status: NodeStatus, plan: NodePlan, index: ClusterIndex) -> tuple[Row, ...]:
    """In the order of addresses, of the families that the status has. What calicoctl lists twice (another port, mesh
    and BGPPeer) is one session with us."""
    return tuple(sorted(_rows(status, plan, index), key=lambda row: address_order(row.what)))


def _rows(status: NodeStatus, plan: NodePlan, index: ClusterIndex) -> Iterator[Row]:
    ours = {each.peer_address: each for each in plan.sessions}
    seen: dict[str, BirdSession] = {}
    for there in status.sessions:
        if there.address not in seen or (there.is_established and not seen[there.address].is_established):
            seen[there.address] = there
    for address, there in seen.items():
        wanted = ours.get(address)
        if wanted is None:
            yield Row(address, Outcome.MISSING, _bird(there), note=_why(address, plan, index), line=there.line)
        else:
            yield Row(address, Outcome.SAME, _bird(there), _ours(wanted), _note(there, wanted), there.line)
    for address, wanted in ours.items():
        if address not in seen and family_of(address) in status.families:
            yield Row(address, Outcome.EXTRA, ours=_ours(wanted), note=f"by {wanted.defined_by}")


def _why(address: str, plan: NodePlan, index: ClusterIndex) -> str:
    reason = next((each.reason for each in plan.suppressed if each.peer_address == address), "")
    if reason:
        return f"suppressed: {reason}"
    name = index.node_by_address.get(address)
    if name is not None and not index.nodes[name].has_speaker:
        return f"{name} has no BGP speaker: its blocks are reached through the VXLAN"
    return "no BGPPeer and no mesh of the resources defines it"


def _note(there: BirdSession, wanted: SessionPlan) -> str:
    notes = [] if there.is_established else ["not established today"]
    if there.kind is not wanted.kind:
        notes.append(f"by {wanted.defined_by}")
    return "; ".join(notes)


def _bird(there: BirdSession) -> str:
    return f"{there.kind}, {there.state}, {there.info}"


def _ours(wanted: SessionPlan) -> str:
    node = f" ({wanted.peer_node})" if wanted.peer_node else ""
    return f"{wanted.kind}{node}, AS {wanted.peer_as}"
