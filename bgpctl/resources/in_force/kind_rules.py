"""What an invalid resource means, kind by kind: the one table. docs/invalid-resources.md is written from it (page.py).

Rule: the last good version stays in force, whatever the kind. What was in use is better than any guess; who wants a
resource to go removes it. Without such a version, at the first start of a node or for a resource that was never valid,
it depends on what the kind decides about: nothing may be accepted, advertised or forwarded that a valid version might
forbid, and nothing waits that does not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.resources.in_force.outcome import Outcome
from bgpctl.resources.reading.unusable import UNKNOWN
from bgpctl.resources.values.model import Key
from bgpctl.resources.values.names import GLOBAL_NAME, NODE_NAME_PREFIX


@dataclass(frozen=True, slots=True)
class KindRule:
    """before    why the last good version is the safer side
    without   what counts where there is none, and `why`
    """

    before: str
    without: Outcome
    why: str


KIND_RULES: dict[str, KindRule] = {
    "Node": KindRule(
        "Absent, the other nodes would end their sessions to it, and it would have no plan itself.",
        Outcome.ABSENT,
        "Nothing is known of it, not even its address. The node itself has no plan until its Node is valid.",
    ),
    "BGPPeer": KindRule(
        "Absent, its sessions would end.",
        Outcome.ABSENT,
        "Neither the peer of the session is known, nor its filters.",
    ),
    "BGPConfiguration": KindRule(
        "Absent, AS number, mesh, communities and service networks of every node would be the defaults.",
        Outcome.PLAN_WAITS,
        "`default` decides about every part of the plan, and `node.<name>` about that of its node; a plan without the "
        "communities that keep routes inside is worse than none. One of another name is not used. A node that ran "
        "without this one goes on without it.",
    ),
    "BGPFilter": KindRule(
        "Absent, its sessions would accept and advertise everything; rejecting everything would isolate the node.",
        Outcome.SESSIONS_WAIT,
        "The sessions whose BGPPeer names it are not set up; all others are.",
    ),
    "IPPool": KindRule(
        "Absent, its routes would be programmed without their tunnel, and exported although that is disabled.",
        Outcome.ROUTES_WAIT,
        "What lies inside its `cidr` is not advertised and stays out of the kernel. If the `cidr` itself is "
        "invalid, it counts as absent.",
    ),
    "BlockAffinity": KindRule(
        "Absent, the block would be withdrawn and its pods unreachable.",
        Outcome.ABSENT,
        "It is not known which block belongs to which node, and no node advertises it.",
    ),
    "Service": KindRule(
        "Absent, its addresses would be withdrawn.",
        Outcome.ABSENT,
        "Its own addresses are not advertised; the service networks are.",
    ),
    "EndpointSlice": KindRule(
        "Absent, its service would have no endpoint, and its addresses would be withdrawn.",
        Outcome.ABSENT,
        "No node attracts traffic for endpoints that are not known.",
    ),
    "Secret": KindRule(
        "Absent, the sessions that use its key would end.",
        Outcome.ABSENT,
        "Sessions that use its key are suppressed, as without any Secret. One that no session uses changes nothing.",
    ),
    "ClusterInformation": KindRule(
        "Absent, the release of Calico would be unknown, and routes of IPIP pools left to Felix.",
        Outcome.ABSENT,
        "The newest release is assumed, with a warning where that matters.",
    ),
    "FelixConfiguration": KindRule(
        "Absent, tunnel devices would be made anew with the defaults.",
        Outcome.ABSENT,
        "Its defaults count, as they do for Felix.",
    ),
    "CalicoNodeStatus": KindRule(
        "Absent, its report would be removed.",
        Outcome.ABSENT,
        "It is not known what to report. No plan depends on it.",
    ),
    UNKNOWN: KindRule(
        "A file that is not readable, a document that is not YAML, of an unknown kind or without a valid name: what "
        "stood there before stays, or half a file would remove the other half.",
        Outcome.ABSENT,
        "Nothing is known of it. What names something that stands in it waits, as above.",
    ),
}


def outcome_without(kind: str, key: Key | None, *, has_stand_in: bool) -> Outcome:
    """What counts for a resource of which no version is known."""
    outcome = KIND_RULES[kind].without
    if outcome is Outcome.PLAN_WAITS and not _is_used(key):
        return Outcome.ABSENT
    if outcome is Outcome.ROUTES_WAIT and not has_stand_in:
        return Outcome.ABSENT
    return outcome


def _is_used(key: Key | None) -> bool:
    return key == GLOBAL_NAME or (isinstance(key, str) and key.startswith(NODE_NAME_PREFIX))
