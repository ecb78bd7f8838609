"""What a guardrail finds: a resource, a field of it, a code out of the catalogue, and a sentence.

The severity belongs to the code: an ERROR where traffic breaks for certain, else a WARNING. A code that is not in
the catalogue is a bug, so that every code has its severity and its page in one place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bgpctl.resources.resource_set import ResourceSet, resource_id
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.problem import Location, Problem, Severity

SHOWN = 3

CATALOGUE: dict[str, Severity] = {
    "advertisement-without-pool": Severity.WARNING,
    "annotation-without-effect": Severity.WARNING,
    "as-number-mismatch": Severity.ERROR,
    "block-outside-vxlan": Severity.ERROR,
    "both-passive": Severity.ERROR,
    "cluster-id-splits-clients": Severity.ERROR,
    "encapsulation-disabled": Severity.ERROR,
    "families-mismatch": Severity.WARNING,
    "family-without-next-hop": Severity.WARNING,
    "impossible-address": Severity.ERROR,
    "keepalive-above-hold-time": Severity.WARNING,
    "large-mesh": Severity.WARNING,
    "long-lived-without-restart-time": Severity.WARNING,
    "maximum-prefixes-too-low": Severity.WARNING,
    "mesh-doubled": Severity.WARNING,
    "mtu-mismatch": Severity.WARNING,
    "network-over-nodes": Severity.ERROR,
    "networks-overlap": Severity.ERROR,
    "next-hop-needs-felix": Severity.WARNING,
    "next-hop-without-vxlan-end": Severity.ERROR,
    "no-resources": Severity.ERROR,
    "node-without-session": Severity.WARNING,
    "one-sided-session": Severity.WARNING,
    "options-differ": Severity.WARNING,
    "partition": Severity.ERROR,
    "password-mismatch": Severity.ERROR,
    "peer-without-session": Severity.WARNING,
    "peer-without-speaker": Severity.WARNING,
    "port-mismatch": Severity.ERROR,
    "redundant-cluster-id": Severity.WARNING,
    "reflector-without-clients": Severity.WARNING,
    "reflector-without-speaker": Severity.WARNING,
    "reflectors-not-peered": Severity.ERROR,
    "reserved-as-number": Severity.ERROR,
    "role-mismatch": Severity.ERROR,
    "role-on-ibgp": Severity.WARNING,
    "sessions-not-examined": Severity.WARNING,
    "service-network-too-wide": Severity.ERROR,
    "shadowed-filter": Severity.WARNING,
    "shadowed-rule": Severity.WARNING,
    "shared-address": Severity.ERROR,
    "shared-block": Severity.WARNING,
    "shared-router-id": Severity.ERROR,
    "single-reflector": Severity.WARNING,
    "ttl-security-mismatch": Severity.ERROR,
    "unreachable-node": Severity.ERROR,
    "windows-vxlan": Severity.WARNING,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`resource` None: the cluster as a whole. `path` is JSONPath in the resource."""

    code: str
    resource: Resource | None
    path: str
    message: str


def located(resources: ResourceSet, findings: Iterable[Finding]) -> list[Problem]:
    """Findings as problems with the file and line of their resource."""
    return [_problem(resources, each) for each in findings]


def _problem(resources: ResourceSet, finding: Finding) -> Problem:
    location = resources.location(finding.resource) if finding.resource else Location()
    severity = CATALOGUE[finding.code]
    subject = label(finding.resource)
    return Problem(location.file, location.line, subject, finding.path, finding.code, finding.message, severity)


def label(resource: Resource | None) -> str:
    """ "BGPPeer/tor-1"; "" for the cluster as a whole."""
    if resource is None:
        return ""
    kind, key = resource_id(resource)
    return "/".join((kind, key) if isinstance(key, str) else (kind, *key))


def some(names: Collection[str]) -> str:
    """ "a, b, c and 4 more": the first by name."""
    first = sorted(names)[:SHOWN]
    rest = len(names) - len(first)
    return ", ".join(first) + (f" and {rest} more" if rest else "")
