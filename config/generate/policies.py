"""Admission policies about Calico's resources, in both of its API groups.

    resources.yaml     what the product refuses in one resource: the rules of our own definitions, for clusters with
                       Calico's, and guardrails that need no other resource
    annotations.yaml   bgpctl.io/... : the names of the table, where each may stand, and what may stand in it
    advice.yaml        what is legal and has no effect: warnings
    pools.yaml         between resources, as far as CEL goes: it can ask something of every other object, neither
    filters.yaml       count them nor look for one

Rule: a write that changes neither spec nor annotations is never refused, so what was there before can be labelled and
deleted. An expression that fails lets the write pass (failurePolicy Ignore): these policies catch mistakes, they
protect nothing.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from cel import CEL, annotations_of
from yaml_text import yaml_of

from bgpctl.guardrails.routes.networks import SHORTEST_SERVICE_NETWORK
from bgpctl.guardrails.sessions.reserved_as import RESERVED
from bgpctl.guardrails.topology.impossible_addresses import BROADCAST
from bgpctl.kubernetes_schema.definition import schema
from bgpctl.kubernetes_schema.served_kinds import SERVED_KINDS, ServedKind
from bgpctl.kubernetes_schema.structural import RULES
from bgpctl.resources.annotations.table import PREFIX
from bgpctl.resources.checks.advice import ADVICE
from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration
from bgpctl.resources.kinds.bgp_filter import BGPFilter
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.kinds.ip_pool import IPPool
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.values.model import Resource

# group -> version. Where an API server of Calico serves the first, it stores its objects in the second, and there they
# are looked at.
GROUPS = {"projectcalico.org": "v3", "crd.projectcalico.org": "v1"}
KINDS = {kind.model: kind for kind in SERVED_KINDS}
EXAMINED: tuple[type[Resource], ...] = (BGPPeer, BGPConfiguration, BGPFilter, IPPool)
SOURCE = "bgpctl/resources and bgpctl/guardrails"

CHANGED = (
    "request.operation == 'CREATE' || !has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec"
    " || (has(object.metadata.annotations) ? object.metadata.annotations : {})"
    " != (has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {})"
)


class Writes(NamedTuple):
    """What a policy looks at; `resource` is the plural of the kind."""

    resource: str
    groups: tuple[str, ...] = tuple(GROUPS)
    operations: tuple[str, ...] = ("CREATE", "UPDATE")


class Check(NamedTuple):
    """`about` is an expression for a message; otherwise the message is `message`."""

    expression: str
    message: str
    about: str = ""


def files() -> dict[str, str]:
    return {
        "policy/resources.yaml": yaml_of(_resources(), SOURCE),
        "policy/annotations.yaml": yaml_of(_annotations(), "bgpctl/resources/annotations"),
        "policy/advice.yaml": yaml_of(_advice(), "bgpctl/resources/checks/advice.py"),
        "policy/pools.yaml": yaml_of(_pools(), SOURCE),
        "policy/filters.yaml": yaml_of(_filters(), SOURCE),
    }


# ---------------------------------------------------------------------------------------------- one resource


def _resources() -> list[dict[str, Any]]:
    found = []
    for model in EXAMINED:
        checks = [*_rules(KINDS[model]), *GUARDRAILS.get(model, ())]
        if checks:
            found += _policy(f"bgpctl-{KINDS[model].plural}", Writes(KINDS[model].plural), checks)
    return found


def _rules(kind: ServedKind) -> list[Check]:
    """Those of the object and of its spec; what is deeper only our own definitions check."""
    found = schema(kind)
    checks = [_check(rule, "object", "") for rule in found.get(RULES, ())]
    return checks + [_check(rule, "object.spec", ".spec") for rule in found["properties"]["spec"].get(RULES, ())]


def _check(rule: dict[str, str], itself: str, path: str) -> Check:
    expression = re.sub(r"\boldSelf\b", itself.replace("object", "oldObject"), rule["rule"])
    guards = [f"!has({itself})"] if path else []
    if expression != rule["rule"]:
        guards.append("oldObject == null")
    expression = re.sub(r"\bself\b", itself, expression)
    field = path + rule.get("fieldPath", "")
    return Check(
        " || ".join((*guards, f"({expression})" if guards else expression)),
        f"{field.removeprefix('.')}: {rule['message']}" if field else rule["message"],
    )


def _reserved(field: str) -> Check:
    path = f"object.spec.{field}"
    numbers = ", ".join(str(number) for number in RESERVED if number or field != "asNumber")
    return Check(
        f"!has(object.spec) || !has({path}) || !(int({path}) in [{numbers}])",
        f"spec.{field}: this AS number is reserved; use one of your own, such as 64512 (reserved-as-number)",
    )


def _impossible(field: str) -> Check:
    path = f"object.spec.{field}"
    # IPv4, IPv4:port, IPv6, [IPv6]:port
    bracketed, with_port = f"{path}.substring(1).split(']')[0]", f"{path}.split(':')[0]"
    address = f"({path}.startsWith('[') ? {bracketed} : {path}.contains('.') ? {with_port} : {path})"
    multicast = "(found.family() == 4 ? cidr('224.0.0.0/4') : cidr('ff00::/8')).containsIP(found)"
    return Check(
        f"!has(object.spec) || !has({path}) || [{address}].all(text, !isIP(text) || [ip(text)].all(found, "
        f"!found.isUnspecified() && !found.isLoopback() && !{multicast} && text != '{BROADCAST}' && "
        "!(found.family() == 6 && found.isLinkLocalUnicast())))",
        f"spec.{field}: no session can be set up with this address; write the address of the router itself "
        f"(impossible-address)",
    )


def _too_wide(field: str) -> Check:
    path = f"object.spec.{field}"
    shortest = f"(cidr(each.cidr).ip().family() == 4 ? {SHORTEST_SERVICE_NETWORK[4]} : {SHORTEST_SERVICE_NETWORK[6]})"
    return Check(
        f"!has(object.spec) || !has({path}) || {path}.all(each, !has(each.cidr) || !isCIDR(each.cidr) || "
        f"cidr(each.cidr).prefixLength() >= {shortest})",
        f"spec.{field}: a network that draws traffic to everywhere would be advertised; name the services' own network "
        "(service-network-too-wide)",
    )


SERVICE_LISTS = ("serviceClusterIPs", "serviceExternalIPs", "serviceLoadBalancerIPs")
GUARDRAILS: dict[type[Resource], tuple[Check, ...]] = {
    BGPPeer: (
        _reserved("asNumber"), _reserved("localASNumber"), _impossible("peerIP"), _impossible("reachableBy"),
    ),
    BGPConfiguration: (_reserved("asNumber"), *map(_too_wide, SERVICE_LISTS)),
}  # fmt: skip


def _annotations() -> list[dict[str, Any]]:
    found = []
    written = [(model, Writes(KINDS[model].plural)) for model in EXAMINED]
    # Of the Nodes that Kubernetes has: nothing is asked of a heartbeat.
    written.append((Node, Writes("nodes", groups=("",))))
    for model, writes in written:
        kind, rows = model.__name__, annotations_of(model)
        known = ", ".join(f"'{PREFIX}{row.name}'" for row in rows)
        names = Check(
            f"variables.annotations.all(name, !name.startsWith('{PREFIX}') || name in [{known}])",
            f"an annotation {PREFIX}... that {kind} does not have (unknown-annotation, misplaced-annotation)",
            f"'{kind} has no annotation ' + variables.annotations.filter(name, "
            f"name.startsWith('{PREFIX}') && "
            f"!(name in [{known}])).join(', ') + ' (unknown-annotation, misplaced-annotation)'",
        )
        values = [
            Check(
                f"!('{PREFIX}{row.name}' in variables.annotations) || "
                f"[variables.annotations['{PREFIX}{row.name}']].all(value, {CEL[row.read]})",
                f"{PREFIX}{row.name} is not {row.form} (bad-annotation)",
            )
            for row in rows
        ]
        variables = {"annotations": "has(object.metadata.annotations) ? object.metadata.annotations : {}"}
        found += _policy(f"bgpctl-annotations-{writes.resource}", writes, [names, *values], variables)
    return found


# What ADVICE asks a resource in Python, in CEL: the code, and what is so when there is nothing to say.
WRITTEN = "(has(object.spec.{0}) && object.spec.{0} != '')"
ADVICE_IN_CEL = {
    (BGPPeer, "no-remote"): f"has(object.spec) && ({WRITTEN.format('peerIP')} || {WRITTEN.format('peerSelector')} || "
    f"{WRITTEN.format('localWorkloadSelector')})",
    (BGPPeer, "missing-as-number"): f"!has(object.spec) || !{WRITTEN.format('peerIP')} || "
    "(has(object.spec.asNumber) && int(object.spec.asNumber) != 0)",
    (
        BGPConfiguration,
        "ignored-name",
    ): "object.metadata.name == 'default' || object.metadata.name.matches('^node[.].')",
}


def _advice() -> list[dict[str, Any]]:
    found = []
    for model in (BGPPeer, BGPConfiguration):
        checks = [
            Check(ADVICE_IN_CEL[model, each.code], f"{each.message} ({each.code})")
            for each in ADVICE[model]
            if (model, each.code) in ADVICE_IN_CEL
        ]
        found += _policy(f"bgpctl-advice-{KINDS[model].plural}", Writes(KINDS[model].plural), checks, action="Warn")
    return found


# ---------------------------------------------------------------------------------------------- between resources

OVERLAP = (
    "(cidr({0}).containsCIDR(cidr({1}).masked()) || cidr({1}).containsCIDR(cidr({0}).masked()))"  # of one family only
)


def _overlap(one: str, other: str) -> str:
    return (
        f"isCIDR({one}) && isCIDR({other}) && cidr({one}).ip().family() == cidr({other}).ip().family() && "
        f"{OVERLAP.format(one, other)}"
    )


FOR_WORKLOADS = "(!has({0}.spec.allowedUses) || !('LoadBalancer' in {0}.spec.allowedUses))"
SERVICE_NETWORKS = " + ".join(f"(has({{0}}.spec.{name}) ? {{0}}.spec.{name} : [])" for name in SERVICE_LISTS)


def _pools() -> list[dict[str, Any]]:
    found = []
    for group in GROUPS:
        pool, configuration = Writes("ippools", (group,)), Writes("bgpconfigurations", (group,))
        pools = Check(
            f"params.metadata.name == object.metadata.name || !({_overlap('object.spec.cidr', 'params.spec.cidr')})",
            "spec.cidr: overlaps another IPPool (overlapping-pools)",
            "'spec.cidr: ' + object.spec.cidr + ' overlaps ' + params.spec.cidr + ' of the IPPool ' + "
            "params.metadata.name + "
            "'; give each pool a network of its own (overlapping-pools)'",
        )
        found += _between("pools", pool, Others(IPPool, EVERY), pools)
        services = SERVICE_NETWORKS.format("params")
        pool_over_services = Check(
            f"!has(params.spec) || !{FOR_WORKLOADS.format('object')} || ({services}).all(each, !has(each.cidr) || "
            f"!({_overlap('object.spec.cidr', 'each.cidr')}))",
            "spec.cidr: lies over a network of services of the BGPConfiguration default; use separate networks "
            "(networks-overlap)",
        )
        found += _between("pools-services", pool, Others(BGPConfiguration, DEFAULT), pool_over_services)
        services = SERVICE_NETWORKS.format("object")
        services_over_pool = Check(
            f"!has(object.spec) || object.metadata.name != 'default' || !{FOR_WORKLOADS.format('params')} || "
            f"({services}).all(each, !has(each.cidr) || !({_overlap('params.spec.cidr', 'each.cidr')}))",
            "a network of services lies over an IPPool; use separate networks (networks-overlap)",
            "'a network of services lies over ' + params.spec.cidr + ' of the IPPool ' + params.metadata.name + "
            "'; use separate networks (networks-overlap)'",
        )
        found += _between("services-pools", configuration, Others(IPPool, EVERY), services_over_pool)
    return found


def _filters() -> list[dict[str, Any]]:
    """A warning: `kubectl delete -k` and programs that prune delete filters and BGPPeers together, in any order."""
    found = []
    for group in GROUPS:
        used = Check(
            "!has(params.spec) || !has(params.spec.filters) || !(oldObject.metadata.name in params.spec.filters)",
            "a BGPPeer names this BGPFilter: what it has now stays in force there (missing-filter)",
            "'the BGPPeer ' + params.metadata.name + ' names this BGPFilter: what it has now stays in force there "
            "(missing-filter)'",
        )
        writes = Writes("bgpfilters", (group,), ("DELETE",))
        found += _between("filters", writes, Others(BGPPeer, EVERY), used, action="Warn")
    return found


# ---------------------------------------------------------------------------------------------- the objects


class Others(NamedTuple):
    """The objects that a write is held against, each of them: `which` as in paramRef."""

    model: type[Resource]
    which: dict[str, Any]


EVERY = {"selector": {}, "parameterNotFoundAction": "Allow"}
DEFAULT = {"name": "default", "parameterNotFoundAction": "Allow"}


def _between(name: str, writes: Writes, others: Others, check: Check, action: str = "Deny") -> list[dict[str, Any]]:
    """A check of one kind beside objects of another one, of the same group."""
    (group,) = writes.groups
    found = _policy(f"bgpctl-{name}-{GROUPS[group]}", writes, [check], action=action)
    found[0]["spec"]["paramKind"] = {"apiVersion": f"{group}/{GROUPS[group]}", "kind": KINDS[others.model].kind}
    found[1]["spec"]["paramRef"] = others.which
    return found


def _policy(
    name: str, writes: Writes, checks: list[Check], variables: dict[str, str] | None = None, action: str = "Deny"
) -> list[dict[str, Any]]:
    """The policy and its binding."""
    rule = {
        "apiGroups": list(writes.groups),
        "apiVersions": ["*"],
        "operations": list(writes.operations),
        "resources": [writes.resource],
    }
    is_change = "DELETE" not in writes.operations
    policy: dict[str, Any] = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Ignore",
            "matchConstraints": {"resourceRules": [rule]},
            **({"matchConditions": [{"name": "changed", "expression": CHANGED}]} if is_change else {}),
            **(
                {"variables": [{"name": key, "expression": text} for key, text in variables.items()]}
                if variables
                else {}
            ),
            "validations": [_validation(each) for each in checks],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": [action]},
    }
    return [policy, binding]


def _validation(check: Check) -> dict[str, str]:
    found = {"expression": check.expression, "message": check.message}
    return {**found, "messageExpression": check.about} if check.about else found
