"""The state in which something began to be held, against which everything counts until nothing is held any more.

Rule: what a node gains meanwhile neither makes up for what it would lose nor adds to what it has. It may replace it
(replaced.py), and resources that are put right take it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from bgpctl.brake.originations import lasting
from reflector.plan import NodePlan, SessionPlan

# How the rules begin that follow what the node originates (compiler/policies/export_policy.py).
OWN_PREFIXES = ("block ", "Service ")
DIGITS = 12


class Before(msgspec.Struct, frozen=True):
    """definition   of the running plan then, as `definition_of` has it
    sessions, prefixes, nodes, networks, tunnel_routes   the names in the best state then
    """

    definition: frozenset[str]
    sessions: frozenset[str]
    prefixes: frozenset[str]
    nodes: frozenset[str]
    networks: frozenset[str]
    tunnel_routes: frozenset[str] = frozenset()


def definition_of(plan: NodePlan) -> Iterator[str]:
    """Everything of a plan whose loss can be held, one text for each part. It holds no password."""
    yield f"cluster ID {plan.cluster_id}"
    yield from (_session(each) for each in plan.sessions)
    yield from _policies(plan)
    yield from (f"prefix {prefix}" for prefix in lasting(plan))
    for rule in plan.kernel.rules:
        yield f"rule {rule.network} {rule.verdict.value} {rule.encapsulation.value}"
    for vxlan in plan.kernel.vxlans:
        yield f"device {vxlan.family} {vxlan.vni} {vxlan.port}"
        yield from (f"tunnel endpoint {vxlan.family} {each.node}" for each in vxlan.vteps)
    yield from (f"tunnel route {each.prefix}" for each in plan.kernel.tunnel_routes)


def _policies(plan: NodePlan) -> Iterator[str]:
    """What each session accepts and advertises, as a whole: a rule that is added may reject what others accept. Without
    the rules of this node's own blocks and of single Services, which come and go, and are prefixes above."""
    rules = {
        each.name: [rule for rule in each.rules if not rule.defined_by.startswith(OWN_PREFIXES)]
        for each in plan.policies
    }
    digests: dict[object, str] = {}
    for session in plan.sessions:
        asked = session.import_policies, session.import_default, session.export_policies, session.export_default
        if asked not in digests:
            chains = [[rules.get(name) for name in names] for names in (asked[0], asked[2])]
            digests[asked] = sha256(msgspec.json.encode((chains, asked[1], asked[3]))).hexdigest()[:DIGITS]
        yield f"policies {session.name} {digests[asked]}"


def _session(session: SessionPlan) -> str:
    password = "no password" if session.password is None else "a password"
    return (
        f"session {session.name} AS {session.local_as} {session.peer_as} from {session.local_address} "
        f"families {session.families} client {session.rr_client} {password} port {session.peer_port} "
        f"ttl {session.ttl_security} role {session.role}"
    )
