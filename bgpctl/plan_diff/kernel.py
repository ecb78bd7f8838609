"""What differs for the FIB: the KernelPlan's own fields, and its lists entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bgpctl.plan_diff.compare import changed_fields, changed_items, changed_names, order_change
from bgpctl.plan_diff.difference import FieldChange, ItemChange
from reflector.plan import HostRoute, KernelPlan, KernelRule, TunnelRoute, Vtep, VxlanPlan

Entries = Callable[[KernelPlan, KernelPlan], tuple[ItemChange, ...]]


def changed_kernel(old: KernelPlan, new: KernelPlan) -> tuple[ItemChange, ...]:
    """The entries of all lists that differ."""
    return tuple(change for entries in LISTS.values() for change in entries(old, new))


def changed_kernel_fields(old: KernelPlan, new: KernelPlan) -> Iterator[FieldChange]:
    """Fields as "kernel.table"; of a list that differs in none of its entries, that it is in another order."""
    for change in changed_fields(old, new, but=frozenset(LISTS)):
        yield _of_kernel(change)
    for field, entries in LISTS.items():
        if getattr(old, field) != getattr(new, field) and not entries(old, new):
            yield _of_kernel(order_change(KernelPlan, field))


def _of_kernel(change: FieldChange) -> FieldChange:
    return FieldChange(f"kernel.{change.field}", change.before, change.after, change.effect, change.reason)


def _vxlans(old: KernelPlan, new: KernelPlan) -> tuple[ItemChange, ...]:
    """The devices, and the remote ends of each; those of a device that comes or goes all do."""
    before = {each.device: each.vteps for each in old.vxlans}
    after = {each.device: each.vteps for each in new.vxlans}
    ends = (
        changed_items(f"vtep of {device}", before.get(device, ()), after.get(device, ()), _node)
        for device in dict.fromkeys((*after, *before))
    )
    devices = changed_items("vxlan", old.vxlans, new.vxlans, _device, but=frozenset({"vteps"}))
    return (*devices, *(change for changes in ends for change in changes))


LISTS: dict[str, Entries] = {
    "rules": lambda old, new: changed_items("rule", old.rules, new.rules, _network),
    "blackholes": lambda old, new: changed_names("blackhole", old.blackholes, new.blackholes),
    "local_subnets": lambda old, new: changed_names("local subnet", old.local_subnets, new.local_subnets),
    "host_routes": lambda old, new: changed_items("host route", old.host_routes, new.host_routes, _address),
    "excluded_next_hops": lambda old, new: changed_names(
        "excluded next hop", old.excluded_next_hops, new.excluded_next_hops
    ),
    "workload_networks": lambda old, new: changed_names(
        "workload network", old.workload_networks, new.workload_networks
    ),
    "aggregated_blocks": lambda old, new: changed_names(
        "aggregated block", old.aggregated_blocks, new.aggregated_blocks
    ),
    "allow_underlay_routes": lambda old, new: changed_names(
        "allowed underlay routes", old.allow_underlay_routes, new.allow_underlay_routes
    ),
    "vxlans": _vxlans,
    "tunnel_routes": lambda old, new: changed_items("tunnel route", old.tunnel_routes, new.tunnel_routes, _prefix),
}


def _network(rule: KernelRule) -> str:
    return rule.network


def _address(route: HostRoute) -> str:
    return route.address


def _prefix(route: TunnelRoute) -> str:
    return route.prefix


def _device(vxlan: VxlanPlan) -> str:
    return vxlan.device


def _node(vtep: Vtep) -> str:
    return vtep.node
