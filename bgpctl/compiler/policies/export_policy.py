"""What a node advertises to its peers, after the BGPFilters of a session have left the decision open.

In this order, the first that matches decides; one policy for each family, shared by all sessions:

    1. reject   inside pools that are not exported
    2. reject   on iBGP: routes out of tunnel devices (they are another node's, seen through a tunnel)
    3. reject   routes out of the eBPF devices
    4. tag      the communities of each prefix advertisement that contains the route, and go on
    5. blocks   the block itself: accept; inside it: accept only what is more urgent than an ordinary route (a
                workload on the move), reject the rest, for the block stands for it
    6. reject   on eBGP: learned routes inside the networks of services, which each node announces for itself
    7. accept   inside service networks and addresses that this node announces
    8. accept   on a route reflector: inside the load balancer and external networks of the services; there is no 6
    9. accept   inside exported pools
       reject   everything else: SessionPlan.export_default
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reflector.addresses import MAX_BITS, family_of, prefix_length
from reflector.plan import (
    AddCommunity,
    Family,
    Match,
    Policy,
    PolicyRule,
    PrefixMatch,
    RouteSource,
    SessionType,
    Verdict,
)

if TYPE_CHECKING:
    from bgpctl.compiler.cluster.configuration import TaggedPrefix
    from bgpctl.compiler.cluster.facts import Block
    from bgpctl.compiler.cluster.pools import Pool
    from bgpctl.compiler.cluster.service_routes import ServiceRoutes

TUNNEL_DEVICES = ("*.cali", "*.calico")
IPIP_DEVICE = "tunl0"
EBPF_DEVICES = ("bpf*.cali",)
IP_POOL = "IPPool "


@dataclass(frozen=True, slots=True)
class ExportInputs:
    """What the policy of one node follows from, all families together."""

    pools: tuple[Pool, ...]
    blocks: tuple[Block, ...]
    services: ServiceRoutes
    advertisements: tuple[TaggedPrefix, ...]
    programs_ipip: bool
    normal_priority: dict[Family, int]


def export_policy_name(family: Family) -> str:
    return f"export-v{family}"


def export_policy(inputs: ExportInputs, family: Family) -> Policy:
    """The policy of one family; its rules stand in the order of the table above."""
    rules = (
        *_unexported_pools(inputs.pools, family),
        *_devices(inputs.programs_ipip),
        *_communities(inputs.advertisements, family),
        *_blocks(inputs.blocks, family, inputs.normal_priority[family]),
        *_services(inputs.services, family),
        *_pools(inputs.pools, family),
    )
    return Policy(export_policy_name(family), rules)


def with_service_rules(policy: Policy, family: Family, before: ServiceRoutes, after: ServiceRoutes) -> Policy:
    """The policy of `before` as it is with `after`. The rules of services stand right before those of the pools that
    are exported. Raises ValueError for a policy that is not one of `before`."""
    rules = policy.rules
    end = len(rules)
    while end and rules[end - 1].verdict is Verdict.ACCEPT and rules[end - 1].defined_by.startswith(IP_POOL):
        end -= 1
    old = tuple(_services(before, family))
    begin = end - len(old)
    if begin < 0 or rules[begin:end] != old:
        raise ValueError(f"the policy {policy.name} has other rules for services than this version writes")
    return Policy(policy.name, (*rules[:begin], *_services(after, family), *rules[end:]))


def inside(prefix: str) -> PrefixMatch:
    """`prefix` and everything more specific."""
    return PrefixMatch(prefix, prefix_length(prefix), MAX_BITS[family_of(prefix)])


def exactly(prefix: str) -> PrefixMatch:
    return PrefixMatch(prefix, prefix_length(prefix), prefix_length(prefix))


def _unexported_pools(pools: Iterable[Pool], family: Family) -> Iterator[PolicyRule]:
    for pool in pools:
        if pool.family == family and not pool.exported:
            yield PolicyRule(Verdict.REJECT, Match(prefix=inside(pool.prefix)), defined_by=_pool_reason(pool))


def _devices(programs_ipip: bool) -> Iterator[PolicyRule]:
    tunnels = TUNNEL_DEVICES if programs_ipip else (*TUNNEL_DEVICES, IPIP_DEVICE)
    yield PolicyRule(
        Verdict.REJECT,
        Match(session_type=SessionType.IBGP, interfaces=tunnels),
        defined_by="default: routes out of tunnel devices are not advertised",
    )
    yield PolicyRule(
        Verdict.REJECT, Match(interfaces=EBPF_DEVICES), defined_by="routes of the eBPF data path stay here"
    )


def _communities(advertisements: Iterable[TaggedPrefix], family: Family) -> Iterator[PolicyRule]:
    for advertisement in advertisements:
        if family_of(advertisement.prefix) == family:
            yield PolicyRule(
                Verdict.CONTINUE,
                Match(prefix=inside(advertisement.prefix)),
                tuple(AddCommunity(community) for community in advertisement.communities),
                defined_by="BGPConfiguration prefixAdvertisements",
            )


def _blocks(blocks: Iterable[Block], family: Family, normal_priority: int) -> Iterator[PolicyRule]:
    for block in blocks:
        if family_of(block.prefix) != family or not block.aggregated:
            continue
        within = inside(block.prefix)
        reason = f"block {block.prefix}"
        urgent = Match(prefix=within, metric_below=normal_priority)
        yield PolicyRule(Verdict.ACCEPT, Match(prefix=exactly(block.prefix)), defined_by=reason)
        yield PolicyRule(Verdict.ACCEPT, urgent, defined_by=f"{reason}: elevated priority")
        yield PolicyRule(Verdict.REJECT, Match(prefix=within), defined_by=f"{reason} stands for it")


def _services(services: ServiceRoutes, family: Family) -> Iterator[PolicyRule]:
    for prefix in services.own:
        if family_of(prefix) == family:
            learned = Match(prefix=inside(prefix), sources=(RouteSource.BGP,), session_type=SessionType.EBGP)
            yield PolicyRule(Verdict.REJECT, learned, defined_by=f"services in {prefix}: each node announces its own")
    reflected = ((prefix, "service network passed on by a route reflector") for prefix in services.reflected)
    for prefix, reason in (*services.announced, *reflected):
        if family_of(prefix) == family:
            yield PolicyRule(Verdict.ACCEPT, Match(prefix=inside(prefix)), defined_by=reason)


def _pools(pools: Iterable[Pool], family: Family) -> Iterator[PolicyRule]:
    for pool in pools:
        if pool.family == family and pool.exported:
            yield PolicyRule(Verdict.ACCEPT, Match(prefix=inside(pool.prefix)), defined_by=_pool_reason(pool))


def _pool_reason(pool: Pool) -> str:
    if not pool.is_valid:
        return f"{IP_POOL}{pool.name}: there is no valid version of it"
    return f"{IP_POOL}{pool.name}" if pool.exported else f"{IP_POOL}{pool.name}: disableBGPExport"
