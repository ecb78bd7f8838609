"""A plan as people read it: one line a fact, in the order in which the node uses them. Passwords do not show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from reflector.plan import (
    AddCommunity,
    KernelPlan,
    KernelRule,
    KernelVerdict,
    LimitAction,
    Match,
    MaximumPrefixes,
    NodePlan,
    Operation,
    Password,
    Policy,
    PolicyRule,
    PrefixMatch,
    PrependAsPath,
    RemoveCommunity,
    SessionPlan,
    SetLocalPref,
    SetMed,
    SetNextHop,
    VxlanPlan,
)

HIDDEN = Password("hidden")


def without_passwords(plan: NodePlan) -> NodePlan:
    """The plan with every password replaced by the word "hidden"."""
    sessions = (replace(each, password=HIDDEN) if each.password else each for each in plan.sessions)
    return replace(plan, sessions=tuple(sessions))


def render_plan(plan: NodePlan) -> str:
    """The whole plan as text."""
    cluster = f", route reflector of cluster {plan.cluster_id}" if plan.cluster_id else ""
    listen = ", ".join(f"{each.address} port {each.port}" for each in plan.listen) or "nowhere"
    lines = [
        f"node {plan.node}: AS {plan.local_as}, router ID {plan.router_id}{cluster}",
        f"listens on {listen}; logs at level {plan.log_level}",
        *_decision(plan),
        *_section("sessions", map(_session, plan.sessions)),
        *_section("suppressed", (f"{each.name}: {each.reason}" for each in plan.suppressed)),
        *_section(
            "originates",
            (f"{each.prefix} {each.source}, priority {each.priority}: {each.defined_by}" for each in plan.originations),
        ),
        *(line for policy in plan.policies for line in _policy(policy)),
        *_section("kernel", _kernel(plan.kernel)),
    ]
    return "\n".join(lines) + "\n"


def _decision(plan: NodePlan) -> Iterator[str]:
    """What is unusual in how routes are chosen."""
    if plan.always_compare_med:
        yield "compares MULTI_EXIT_DISC between routes of different neighbouring ASes"
    if not plan.resolve_next_hops:
        yield "uses routes whatever the kernel knows of their next hops"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)


# -------------------------------------------------------------------------------------------- sessions


def _session(session: SessionPlan) -> str:
    parts = [
        f"AS {session.peer_as}",
        str(session.session_type),
        *_differences(session),
        f"import {_chain(session.import_policies, session.import_default)}",
        f"export {_chain(session.export_policies, session.export_default)}",
    ]
    node = f" ({session.peer_node})" if session.peer_node else ""
    return f"{session.peer_address}{node} port {session.peer_port}: {', '.join(parts)}: {session.defined_by}"


def _differences(session: SessionPlan) -> Iterator[str]:
    """What is not as usual."""
    bare = SessionPlan("", session.kind, "", 0, 0, ())
    facts = {
        "passive": session.passive,
        "client" + (f" in cluster {session.cluster_id}" if session.cluster_id else ""): session.rr_client,
        f"families {families_text(session.families)}": len(session.families) > 1,
        "password": session.password is not None,
        "no source address": not session.local_address,
        f"as AS {session.local_as}": session.local_as != session.peer_as,
        f"next hop {session.next_hop_mode}": session.next_hop_mode != bare.next_hop_mode,
        f"TTL security over {session.ttl_security} hops": bool(session.ttl_security),
        f"own AS allowed {session.allow_local_as} times": bool(session.allow_local_as),
        "no add-path": not session.add_path,
        f"at most {session.add_path_limit} paths of a prefix": bool(session.add_path_limit),
        f"hold time {session.hold_time} s": session.hold_time != bare.hold_time,
        f"keepalive time {session.keepalive_time} s": bool(session.keepalive_time),
        f"restart time {session.restart_time} s": session.restart_time != bare.restart_time,
        f"long-lived stale time {session.long_lived_stale_time} s": bool(session.long_lived_stale_time),
        f"at most {_limit(session)}": session.maximum_prefixes is not None,
        f"martians allowed in {', '.join(session.allow_martians)}": bool(session.allow_martians),
        f"attributes {', '.join(map(str, session.discard_attributes))} discarded": bool(session.discard_attributes),
        f"role {session.role}{' (strict)' if session.role_strict else ''}": session.role is not None,
    }
    return (text for text, holds in facts.items() if holds)


def families_text(families: Iterable[int]) -> str:
    return "+".join(f"IPv{family}" for family in families)


def _limit(session: SessionPlan) -> str:
    return limit_text(session.maximum_prefixes) if session.maximum_prefixes is not None else ""


def limit_text(limit: MaximumPrefixes) -> str:
    """ "1000 prefixes, else cease for 300 s (warns at 75 %)"."""
    stays = f" for {limit.restart_delay} s" if limit.restart_delay and limit.action is LimitAction.CEASE else ""
    return f"{limit.limit} prefixes, else {limit.action}{stays} (warns at {limit.warning_percent} %)"


def _chain(policies: tuple[str, ...], default: str) -> str:
    return " > ".join((*policies, default))


# -------------------------------------------------------------------------------------------- policies


def _policy(policy: Policy) -> Iterator[str]:
    return _section(f"policy {policy.name}", map(rule_text, policy.rules))


def rule_text(rule: PolicyRule) -> str:
    """One rule of a policy on one line."""
    condition = " and ".join(_conditions(rule.match)) or "everything"
    operations = "".join(f", {_operation(each)}" for each in rule.operations)
    return f"{rule.verdict} {condition}{operations}" + (f": {rule.defined_by}" if rule.defined_by else "")


def _conditions(match: Match) -> Iterator[str]:
    if match.prefix is not None:
        yield _prefix(match.prefix)
    if match.session_type is not None:
        yield f"session {match.session_type}"
    if match.sources:
        yield f"source {'|'.join(match.sources)}"
    if match.interfaces:
        yield f"interface {'|'.join(match.interfaces)}"
    if match.community is not None:
        yield f"community {match.community}"
    if match.as_path_prefix:
        yield f"AS path begins {' '.join(map(str, match.as_path_prefix))}"
    if match.local_pref is not None:
        yield f"LOCAL_PREF {match.local_pref}"
    if match.metric_below is not None:
        yield f"priority below {match.metric_below}"


def _prefix(prefix: PrefixMatch) -> str:
    lengths = f"length {prefix.min_length}" + (
        f" to {prefix.max_length}" if prefix.max_length != prefix.min_length else ""
    )
    return f"{'not ' if prefix.negate else ''}inside {prefix.network} {lengths}"


def _operation(operation: Operation) -> str:
    match operation:
        case AddCommunity(community):
            return f"add community {community}"
        case RemoveCommunity(community):
            return f"remove community {community}"
        case PrependAsPath(asns):
            return f"prepend {' '.join(map(str, asns))}"
        case SetLocalPref(local_pref):
            return f"set LOCAL_PREF {local_pref}"
        case SetNextHop(next_hop):
            return f"set next hop {next_hop}"
        case SetMed(med):
            return "remove MULTI_EXIT_DISC" if med is None else f"set MULTI_EXIT_DISC {med}"


# ---------------------------------------------------------------------------------------------- kernel


def _kernel(kernel: KernelPlan) -> Iterator[str]:
    yield f"routes of protocol {kernel.protocol} in table {kernel.table}"
    yield from map(_kernel_rule, kernel.rules)
    yield from (f"blackhole {prefix}" for prefix in kernel.blackholes)
    yield from (f"{each.address} via {each.gateway}: {each.defined_by}" for each in kernel.host_routes)
    yield from (f"leave routes through {address}: WireGuard" for address in kernel.excluded_next_hops)
    if kernel.workload_networks:
        yield f"originates routes to workloads inside {', '.join(kernel.workload_networks)}"
    if kernel.allow_underlay_routes:
        yield f"programs routes over the underlay inside {', '.join(kernel.allow_underlay_routes)}"
    if kernel.ipip_mtu:
        yield f"tunl0: MTU {kernel.ipip_mtu}"
    yield from (line for vxlan in kernel.vxlans for line in _vxlan(vxlan))
    yield from (f"{each.prefix} via {each.gateway}: {each.defined_by}" for each in kernel.tunnel_routes)


def _vxlan(vxlan: VxlanPlan) -> Iterator[str]:
    own = f"{vxlan.tunnel_address} ({vxlan.mac}) on {vxlan.local_address}"
    yield f"{vxlan.device}: VNI {vxlan.vni}, port {vxlan.port}, {own}"
    yield from (f"  {each.node}: {each.tunnel_address} ({each.mac}) at {each.node_address}" for each in vxlan.vteps)


def _kernel_rule(rule: KernelRule) -> str:
    tunnel = "" if rule.verdict is KernelVerdict.LEAVE else f" encapsulation {rule.encapsulation}"
    near = " across subnets only" if rule.cross_subnet else ""
    return f"{rule.verdict} {rule.network}{tunnel}{near}: {rule.defined_by}"
