"""A proof as text: the verdict first, then what is not reached, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from bgpctl.guardrails.proof.completeness import Gap
from bgpctl.guardrails.proof.failures import Failure, FailureProof
from bgpctl.guardrails.proof.propagation import Obstacle
from bgpctl.guardrails.proof.prove import FamilyProof, Proof

# Of what is alike enough to be counted, this many are shown.
SHOWN = 20

REMEDIES = {
    Obstacle.NO_SESSION: "give the two parts a session: select these nodes in a BGPPeer, or turn the mesh on",
    Obstacle.SPLIT_HORIZON: "make one of the two a route reflector of the other (routeReflectorClusterID and a "
    "BGPPeer), or give the receiver a session with the routers that send the routes",
    Obstacle.CLUSTER_LOOP: "give every client a session with all reflectors of the cluster ID, or give the reflectors "
    "different cluster IDs and a session with each other",
    Obstacle.ORIGINATOR_LOOP: "give each node a router ID of its own",
    Obstacle.AS_LOOP: "set numAllowedLocalASNumbers on the BGPPeer of the receiver, or use one AS on both sides with a "
    "reflector between",
    Obstacle.ROUTE_LEAK: "remove the role from one of the sessions on the way (bgpctl.io/role), or reverse it",
    Obstacle.NO_NEXT_HOP: "let a session with IPv6 addresses carry both families (bgpctl.io/families), not one with "
    "IPv4 addresses",
    Obstacle.UNSETTLED: "remove sessions between ASes until each node has one best route to the others",
}


def verdict(proof: Proof) -> str:
    """One line a family."""
    return "\n".join(map(_verdict, proof.families)) if proof.families else "topology proof: no node has an address"


def render_proof(proof: Proof) -> str:
    """All of it."""
    return "\n".join(line for each in proof.families for line in _family(each)) or verdict(proof)


def _verdict(each: FamilyProof) -> str:
    what = f"topology proof, IPv{each.family}: "
    if each.gaps:
        return f"{what}NOT COMPLETE: {_pairs(each.gaps)} not reached, among {_size(each)}"
    unknown = f", as far as is known here: {_pairs(each.unknown)} reached only through routers that are no nodes"
    return f"{what}complete: every prefix reaches every node, {_size(each)}{unknown if each.unknown else ''}"


def _size(each: FamilyProof) -> str:
    reflectors = f", {len(each.reflectors)} of them reflectors" if each.reflectors else ""
    return f"{each.nodes} nodes of {each.kinds} kind{'' if each.kinds == 1 else 's'}{reflectors}"


def _pairs(gaps: Sequence[Gap]) -> str:
    count = sum(map(_weight, gaps))
    return f"{count} pair{' of nodes is' if count == 1 else 's of nodes are'}"


def _weight(gap: Gap) -> int:
    """How many pairs of nodes it stands for, in this direction."""
    own = gap.origin == gap.destination
    return gap.origin.count * (gap.destination.count - own)


def _family(each: FamilyProof) -> Iterator[str]:
    yield _verdict(each)
    yield from _gaps(each.gaps)
    if each.unknown:
        yield "  not known, because it depends on routers that are no nodes:"
        yield from _cut([f"    {gap.origin} -> {gap.destination}" for gap in each.unknown])
    if each.single is not None:
        yield from _failures("one failure at a time", each.single)
    if each.double is not None:
        yield from _failures("two failures at a time", each.double)


def _gaps(gaps: Iterable[Gap], indent: str = "  ") -> Iterator[str]:
    """By cause: the place where routes stop, which nodes are not reached for it, and the remedy."""
    by_cause = sorted(gaps, key=lambda gap: (gap.obstacle, gap.sender, gap.receiver))
    for (obstacle, sender, receiver), found in groupby(
        by_cause, key=lambda gap: (gap.obstacle, gap.sender, gap.receiver)
    ):
        here = list(found)
        place = f" between {sender} and {receiver}" if sender else f" to {receiver}" if receiver else ""
        yield f"{indent}stopped{place}: {obstacle}"
        yield from _cut([f"{indent}  {_missing(gap)}" for gap in here])
        yield f"{indent}  to do: {REMEDIES[obstacle]}"


def _missing(gap: Gap) -> str:
    if gap.origin == gap.destination:
        return f"{gap.origin} do not receive each other's routes"
    verb = "does" if gap.destination.count == 1 else "do"
    return f"{gap.destination} {verb} not receive routes of {gap.origin}"


def _failures(title: str, failures: FailureProof) -> Iterator[str]:
    tried = f"{failures.tried} tried" + (f", {failures.untried} more not tried" if failures.untried else "")
    if not failures.breaking:
        yield f"  {title}: none of them cuts off the remaining nodes ({tried})"
        return
    count = len(failures.breaking)
    yield f"  {title}: {count} of them cut{'s' * (count == 1)} off remaining nodes ({tried})"
    for failure in failures.breaking[:SHOWN]:
        yield from _failure(failure)
    if len(failures.breaking) > SHOWN:
        yield f"    and {len(failures.breaking) - SHOWN} more; -o json has them all"


def _failure(failure: Failure) -> Iterator[str]:
    yield f"    without {' and '.join(failure.units)}: {_pairs(failure.gaps)} not reached"
    yield from _cut([f"      {_missing(gap)}: {gap.obstacle}" for gap in failure.gaps])


def _cut(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
        yield f"{indent}and {len(lines) - SHOWN} more; -o json has them all"


def proof_data(proof: Proof) -> dict[str, Any]:
    """The proof as JSON types; groups of nodes are their first name and their number."""
    return {"complete": proof.is_complete, "families": [_family_data(each) for each in proof.families]}


def _family_data(each: FamilyProof) -> dict[str, Any]:
    return {
        "family": each.family,
        "complete": not each.gaps,
        "nodes": each.nodes,
        "kinds": each.kinds,
        "reflectors": list(each.reflectors),
        "gaps": [_gap_data(gap) for gap in each.gaps],
        "unknown": [_gap_data(gap) for gap in each.unknown],
        "single_failures": _failures_data(each.single),
        "double_failures": _failures_data(each.double),
    }


def _gap_data(gap: Gap) -> dict[str, Any]:
    return {
        "origin": {"name": gap.origin.name, "count": gap.origin.count},
        "destination": {"name": gap.destination.name, "count": gap.destination.count},
        "obstacle": gap.obstacle.name.lower().replace("_", "-"),
        "sender": gap.sender,
        "receiver": gap.receiver,
    }


def _failures_data(failures: FailureProof | None) -> dict[str, Any] | None:
    if failures is None:
        return None
    breaking = [
        {"without": list(each.units), "gaps": [_gap_data(gap) for gap in each.gaps]} for each in failures.breaking
    ]
    return {"tried": failures.tried, "untried": failures.untried, "breaking": breaking}
