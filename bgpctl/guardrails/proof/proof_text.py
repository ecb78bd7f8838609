"""A proof as text: the verdict first, then what is not reached, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from bgpctl.guardrails.finding import some
from bgpctl.guardrails.proof.completeness import Gap
from bgpctl.guardrails.proof.failures import Failure, FailureProof
from bgpctl.guardrails.proof.obstacle import Obstacle
from bgpctl.guardrails.proof.prove import FamilyProof, Proof, Verdict

# Of what is alike enough to be counted, this many are shown.
SHOWN = 20

_KEEP = "let the next hop stay the node that has the pods: one AS for the cluster, or nextHopMode Keep on the way"
REMEDIES = {
    Obstacle.NO_SESSION: "give the two parts a session: select these nodes in a BGPPeer, or turn the mesh on",
    Obstacle.SPLIT_HORIZON: "make one of the two a route reflector of the other (routeReflectorClusterID and a "
    "BGPPeer), or give the receiver a session with the routers that send the routes",
    Obstacle.CLUSTER_LOOP: "give every client a session with all reflectors of the cluster ID, or give the reflectors "
    "different cluster IDs and a session with each other",
    Obstacle.ORIGINATOR_LOOP: "give each node a router ID of its own",
    Obstacle.AS_LOOP: "set numAllowedLocalASNumbers on the BGPPeer of the receiver (or as-override on its router), "
    "give the two sides different ASes, or one AS with a reflector between",
    Obstacle.ROUTE_LEAK: "remove the role from one of the sessions on the way (bgpctl.io/role), or reverse it",
    Obstacle.NO_NEXT_HOP: "let a session with IPv6 addresses carry both families (bgpctl.io/families), not one with "
    "IPv4 addresses",
    Obstacle.EXPORT_REJECTED: "let the rule pass the prefix: a BGPFilter of the session, an IPPool that contains it, "
    "or disableBGPExport of the pool",
    Obstacle.IMPORT_REJECTED: "let the BGPFilter of the receiver's session accept the prefix",
    Obstacle.COMMUNITY: "let no BGPFilter on the way add the community",
    Obstacle.REFUSED: "see what the rule says; bgpctl explain shows it on the node",
    Obstacle.UNSETTLED: "remove sessions between ASes until each node has one best route to the others",
    Obstacle.NO_VXLAN_END: f"give the node a tunnel address (ipv4VXLANTunnelAddr), or {_KEEP}",
    Obstacle.OUTSIDE_VXLAN: "let the blocks of both nodes come from pools with vxlanMode (nodeSelector of the pools)",
    Obstacle.PERHAPS_NO_VXLAN_END: f"where bgpctl programs the VXLAN (--without-felix) packets are lost there: {_KEEP}",
    Obstacle.FORWARDING_LOOP: "use nextHopMode Auto or Keep on the sessions between these nodes",
    Obstacle.THROUGH_REFLECTOR: _KEEP,
    Obstacle.FOREIGN_NEXT_HOP: "see that every node has a route to this address",
    Obstacle.THROUGH_OTHERS: "see that those routers pass the routes on; bgpctl explain shows what a node has of them",
}


def verdict(proof: Proof) -> str:
    """One line a family."""
    lines = [_verdict(each, proof.unseen) for each in proof.families]
    return "\n".join(lines) or f"topology proof: {_WORDS[Verdict.NOT_KNOWN]}{'; '.join(proof.unseen)}"


def render_proof(proof: Proof) -> str:
    """All of it."""
    return "\n".join(line for each in proof.families for line in _family(each, proof.unseen)) or verdict(proof)


_WORDS = {
    Verdict.NOT_COMPLETE: "NOT COMPLETE: ",
    Verdict.NOT_KNOWN: "NOT KNOWN: ",
    Verdict.COMPLETE: "complete: every prefix reaches every node",
}


def _verdict(each: FamilyProof, unseen: Sequence[str]) -> str:
    """What is missed, what is not known, what was not looked at, then the size."""
    found = each.verdict if each.gaps or not unseen else Verdict.NOT_KNOWN
    missed = [f"{_pairs(each.gaps)} not reached"] if each.gaps else []
    unknown = [f"of {_pairs(each.unknown, unknown=True)} it is not known"] if each.unknown else []
    seen = ", ".join([*missed, *unknown, *unseen, *_notes(each), _among(each, found)])
    separator = ", " if found is Verdict.COMPLETE else ""
    return f"topology proof, IPv{each.family}: {_WORDS[found]}{separator}{seen}"


def _among(each: FamilyProof, found: Verdict) -> str:
    return _size(each) if found is Verdict.COMPLETE else f"among {_size(each)}"


def _notes(each: FamilyProof) -> Iterator[str]:
    """What the verdict leaves out, and may."""
    if each.spared:
        names = some({gap.destination.name for gap in each.spared})
        yield f"but for routes of the mesh at {names}, which have no blocks"
    if each.without_speaker:
        verb = "is" if len(each.without_speaker) == 1 else "are"
        yield f"{some(each.without_speaker)} {verb} reached through the VXLAN alone"
    if each.not_asked:
        yield f"no pool has a block for {some(each.not_asked)}"


def _size(each: FamilyProof) -> str:
    reflectors = f", {len(each.reflectors)} of them reflectors" if each.reflectors else ""
    return f"{each.nodes} nodes of {each.kinds} kind{'' if each.kinds == 1 else 's'}{reflectors}"


def _pairs(gaps: Sequence[Gap], *, unknown: bool = False) -> str:
    count = sum(map(_weight, gaps))
    verb = "" if unknown else " is" if count == 1 else " are"
    return f"{count} pair{'s' * (count != 1)} of nodes{verb}"


def _weight(gap: Gap) -> int:
    """How many pairs of nodes it stands for, in this direction."""
    own = gap.origin == gap.destination
    return gap.origin.count * (gap.destination.count - own)


def _family(each: FamilyProof, unseen: Sequence[str]) -> Iterator[str]:
    yield _verdict(each, unseen)
    yield from _gaps(each.gaps, "stopped")
    yield from _gaps(each.unknown, "not known")
    if each.single is not None:
        yield from _failures("one failure at a time", each.single)
    if each.double is not None:
        yield from _failures("two failures at a time", each.double)


def _gaps(gaps: Iterable[Gap], word: str) -> Iterator[str]:
    """By cause: the place where routes stop, which nodes are not reached for it, and the remedy."""
    by_cause = sorted(gaps, key=_cause)
    for (obstacle, sender, receiver, rule), found in groupby(by_cause, key=_cause):
        here = list(found)
        place = f" between {sender} and {receiver}" if sender else f" to {receiver}" if receiver else ""
        yield f"  {word}{place}: {obstacle}{f' ({rule})' if rule else ''}"
        yield from _cut([f"    {_missing(gap)}" for gap in here])
        yield f"    to do: {REMEDIES[obstacle]}"


def _cause(gap: Gap) -> tuple[Obstacle, str, str, str]:
    return gap.obstacle, gap.sender, gap.receiver, gap.rule


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
    return {
        "verdict": proof.verdict.value,
        "complete": proof.is_complete,
        "unseen": list(proof.unseen),
        "families": [_family_data(each) for each in proof.families],
    }


def _family_data(each: FamilyProof) -> dict[str, Any]:
    return {
        "family": each.family,
        "verdict": each.verdict.value,
        "complete": each.verdict is Verdict.COMPLETE,
        "nodes": each.nodes,
        "kinds": each.kinds,
        "reflectors": list(each.reflectors),
        "gaps": [_gap_data(gap) for gap in each.gaps],
        "unknown": [_gap_data(gap) for gap in each.unknown],
        "spared": [_gap_data(gap) for gap in each.spared],
        "not_asked": list(each.not_asked),
        "without_speaker": list(each.without_speaker),
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
        "rule": gap.rule,
        "prefix": gap.prefix,
    }


def _failures_data(failures: FailureProof | None) -> dict[str, Any] | None:
    if failures is None:
        return None
    breaking = [
        {"without": list(each.units), "gaps": [_gap_data(gap) for gap in each.gaps]} for each in failures.breaking
    ]
    return {"tried": failures.tried, "untried": failures.untried, "breaking": breaking}
