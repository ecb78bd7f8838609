"""Rules between yesterday and today: what may not change in a resource that stays.

An IPPool's addresses are in use, so its network, its block size and its being for load balancers are for life.
A new spelling of the same network is no change (the values here are canonical). Deleting the pool and making
another one is how Calico wants it done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bgpctl.resources.checks.cluster_rules import ClusterFinding
from bgpctl.resources.kinds.ip_pool import DEFAULT_BLOCK_SIZE, IS_IPV4, IPPoolSpec
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.yaml_source.problem import Problem


def _load_balancer(spec: IPPoolSpec) -> bool:
    return "LoadBalancer" in spec.allowed_uses


def _block_size(spec: str) -> str:
    """In CEL: the block size of the spec, which has one without saying so."""
    return f"(has({spec}.blockSize) ? {spec}.blockSize : {IS_IPV4} ? {DEFAULT_BLOCK_SIZE[4]} : {DEFAULT_BLOCK_SIZE[6]})"


# Field, what of it must stay the same, how a message names it, and the same for an API server, in CEL.
FOR_LIFE: tuple[tuple[str, Callable[[IPPoolSpec], Any], str, str], ...] = (
    (
        "cidr",
        lambda spec: spec.cidr,
        "the cidr of an IPPool",
        "!isCIDR(self.cidr) || !isCIDR(oldSelf.cidr) || cidr(self.cidr) == cidr(oldSelf.cidr)",
    ),
    (
        "blockSize",
        lambda spec: spec.effective_block_size,
        "the blockSize of an IPPool",
        f"!isCIDR(self.cidr) || {_block_size('self')} == {_block_size('oldSelf')}",
    ),
    (
        "allowedUses",
        lambda spec: spec.allowed_uses if _load_balancer(spec) else (),
        "the use of an IPPool",
        "!(has(oldSelf.allowedUses) && 'LoadBalancer' in oldSelf.allowedUses)"
        " || (has(self.allowedUses) && 'LoadBalancer' in self.allowedUses)",
    ),
)


def transition_problems(before: ResourceSet, after: ResourceSet) -> list[Problem]:
    """The findings with file and line of the resource."""
    problems = []
    for finding in transition_findings(before, after):
        here, field = after.location(finding.resource), ".".join(("$", *map(str, finding.path)))
        label = f"IPPool/{finding.resource.name}"
        problems.append(Problem(here.file, here.line, label, field, finding.code, finding.message, finding.severity))
    return problems


def transition_findings(before: ResourceSet, after: ResourceSet) -> Iterator[ClusterFinding]:
    """What of `after` cannot follow on `before`; findings are about resources of `after`."""
    for name, pool in after.ip_pools.items():
        old = before.ip_pools.get(name)
        if old is None or old is pool:
            continue
        for field, kept, what, _ in FOR_LIFE:
            was, now = kept(old.spec), kept(pool.spec)
            # A pool may become one for load balancers, but never be turned back.
            if was != now and was != ():
                message = f"{what} cannot change ({was} before, {now} now); make a new IPPool and delete this one"
                yield ClusterFinding(pool, ("spec", field), "immutable-field", message)
