"""The plan in force while something is held: the wanted plan, with the held parts as they run.

Rule: it is valid by itself, and everything that does not depend on what is held is as wanted.

    sessions       the held ones as they are; no wanted one to the same address beside them
    policies       as wanted, for a new block is advertised on held sessions, too; those that only held sessions ask
                   come from all that the resources define, else from the running plan. What would reject most of what
                   a held session accepts stays as it runs, beside the rules of new originations
    identity       router ID, AS, cluster ID and where the speaker listens stay as long as a session is held: another
                   one would reset it, or have its routes rejected
    originations   the held ones beside the wanted ones; export policies accept both
    kernel         the rules of held networks, the blackholes of held prefixes, the host routes of held peers, the
                   tunnel endpoints of held nodes and the tunnel routes to their blocks stay, with their originations

Merging once more changes nothing, and nothing of this remains when the resources are put right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from bgpctl.brake.certain_verdicts import Policies
from bgpctl.brake.facts import Facts
from bgpctl.brake.losses import Loss
from bgpctl.brake.merge_kernel import merge_kernel
from bgpctl.brake.originations import is_of_another_node, lasting
from bgpctl.brake.rejections import Rejections, policies_of
from bgpctl.compiler.policies.export_policy import export_policy_name
from reflector.addresses import address_order, contains, family_of, prefix_order
from reflector.plan import KernelPlan, NodePlan, Origination, Policy, PolicyRule, SessionPlan, Verdict


def plan_in_force(running: NodePlan, wanted: NodePlan, losses: Iterable[Loss], facts: Facts) -> NodePlan:
    """The wanted plan without these losses."""
    losses = tuple(losses)
    held = frozenset(name for each in losses for name in each.sessions)
    prefixes = frozenset(prefix for each in losses for prefix in each.prefixes)
    merged = wanted
    if held:
        merged = _with_sessions(running, merged, held)
    if prefixes:
        gone = [each for each in running.originations if each.prefix in prefixes]
        originations = sorted((*merged.originations, *gone), key=lambda each: prefix_order(each.prefix))
        merged = replace(merged, originations=tuple(originations))
    networks = frozenset(network for each in losses for network in each.networks)
    endpoints = frozenset(node for each in losses for node in each.endpoints)
    tunnel_routes = frozenset(prefix for each in losses for prefix in each.tunnel_routes)
    kernel = merge_kernel(running, merged, prefixes, networks, endpoints, tunnel_routes)
    return replace(
        merged,
        policies=_policies(running, merged, held, prefixes, facts),
        originations=_with_tunnel_routes(running, merged, kernel),
        kernel=kernel,
    )


def _with_tunnel_routes(running: NodePlan, merged: NodePlan, kernel: KernelPlan) -> tuple[Origination, ...]:
    """What is routed through the tunnel goes on being originated."""
    routed = {each.prefix for each in kernel.tunnel_routes} - {each.prefix for each in merged.originations}
    kept = [each for each in running.originations if is_of_another_node(each) and each.prefix in routed]
    if not kept:
        return merged.originations
    return tuple(sorted((*merged.originations, *kept), key=lambda each: prefix_order(each.prefix)))


def _with_sessions(running: NodePlan, wanted: NodePlan, held: frozenset[str]) -> NodePlan:
    kept = [each for each in running.sessions if each.name in held]
    addresses = {each.peer_address for each in kept}
    others = [
        _fitting(running, each)
        for each in wanted.sessions
        if each.name not in held and each.peer_address not in addresses
    ]
    return replace(
        wanted,
        router_id=running.router_id,
        local_as=running.local_as,
        cluster_id=running.cluster_id,
        listen=running.listen,
        sessions=tuple(sorted((*kept, *others), key=lambda each: address_order(each.peer_address))),
        suppressed=tuple(each for each in wanted.suppressed if each.peer_address not in addresses),
    )


def _fitting(running: NodePlan, session: SessionPlan) -> SessionPlan:
    """A node that does not reflect yet has no clients: it takes the peer's routes, and reflects none of them."""
    if session.rr_client and not running.cluster_id and not session.cluster_id:
        return replace(session, rr_client=False)
    return session


# ------------------------------------------------------------------------------------------- policies


def _policies(
    running: NodePlan, merged: NodePlan, held: frozenset[str], prefixes: frozenset[str], facts: Facts
) -> tuple[Policy, ...]:
    """Those that the sessions ask, sorted by name."""
    asked = {name for each in merged.sessions for name in (*each.import_policies, *each.export_policies)}
    found = {each.name: each for policies in (running.policies, facts.policies, merged.policies) for each in policies}
    before = {each.name: each for each in running.policies}
    for name in _kept_policies(running, merged, held, found, facts):
        found[name] = _with_new_originations(before[name], found[name], running, merged)
    for family in sorted({family_of(prefix) for prefix in prefixes}):
        name = export_policy_name(family)
        if name in before and name in found:
            found[name] = replace(found[name], rules=tuple(_accepting(before[name], found[name], prefixes)))
    return tuple(found[name] for name in sorted(asked & found.keys()))


def _kept_policies(
    running: NodePlan, merged: NodePlan, held: frozenset[str], found: Policies, facts: Facts
) -> frozenset[str]:
    """Those that would reject, as wanted, what held sessions accept."""
    judged = Rejections(policies_of(running), found, lasting(running) & lasting(merged), facts)
    names: set[str] = set()
    for session in running.sessions:
        for family in session.families if session.name in held else ():
            if judged.on_import(session, session, family):
                names.update(session.import_policies)
            if judged.on_export(session, session, family):
                names.update(session.export_policies)
    return frozenset(names)


def _with_new_originations(kept: Policy, wanted: Policy, running: NodePlan, merged: NodePlan) -> Policy:
    """What the node begins to originate is advertised all the same: its own rules, in front of all that accept."""
    new = {each.prefix for each in merged.originations} - {each.prefix for each in running.originations}
    own = tuple(rule for rule in wanted.rules if rule.match.prefix is not None and rule.match.prefix.network in new)
    place = next((i for i, rule in enumerate(kept.rules) if rule.verdict is Verdict.ACCEPT), len(kept.rules))
    return replace(kept, rules=(*kept.rules[:place], *own, *kept.rules[place:]))


def _accepting(before: Policy, wanted: Policy, prefixes: frozenset[str]) -> Iterator[PolicyRule]:
    """The rules under which the held prefixes were advertised, and behind them the wanted ones. A rule that both have
    stands in its wanted place."""
    present = frozenset(wanted.rules)
    yield from (rule for rule in before.rules if rule not in present and _is_about(rule, prefixes))
    yield from wanted.rules


def _is_about(rule: PolicyRule, prefixes: Iterable[str]) -> bool:
    match = rule.match.prefix
    return match is not None and any(contains(match.network, prefix) for prefix in prefixes)
