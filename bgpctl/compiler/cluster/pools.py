"""IP pools as routing sees them: which network, which encapsulation, exported or not.

Every pool counts, whatever it may be used for and whether or not it still gives out addresses. Of two pools with
one network the first by name counts. Of one that is not valid only the network is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.resources.resource_set import ResourceSet
from reflector.addresses import canonical_prefix, family_of, prefix_order
from reflector.plan import Encapsulation, Family


@dataclass(frozen=True, slots=True)
class Pool:
    name: str
    prefix: str
    encapsulation: Encapsulation
    cross_subnet: bool
    exported: bool
    is_valid: bool = True

    @property
    def family(self) -> Family:
        return family_of(self.prefix)


def read_pools(resources: ResourceSet) -> tuple[Pool, ...]:
    """In the order of their networks."""
    pools: dict[str, Pool] = {}
    for name, found in resources.ip_pools.items():
        spec = found.spec
        modes = {Encapsulation.VXLAN: spec.vxlan_mode, Encapsulation.IPIP: spec.ipip_mode}
        encapsulation = next((kind for kind, mode in modes.items() if mode != "Never"), Encapsulation.NONE)
        pool = Pool(
            name=name,
            prefix=canonical_prefix(spec.cidr),
            encapsulation=encapsulation,
            cross_subnet=modes.get(encapsulation) == "CrossSubnet",
            exported=not spec.disable_bgp_export,
            is_valid=("IPPool", name) not in resources.waiting,
        )
        pools.setdefault(pool.prefix, pool)
    return tuple(sorted(pools.values(), key=lambda pool: prefix_order(pool.prefix)))
