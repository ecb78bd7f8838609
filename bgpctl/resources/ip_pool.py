"""IPPool: the networks that workload addresses come out of, and how they are reached.

`disabled`, the selectors and `allowedUses` steer allocation only: routing looks at every pool.
"""

from __future__ import annotations

from typing import Literal

from bgpctl.resources.model import Resource, Value

EncapsulationMode = Literal["Never", "Always", "CrossSubnet"]
AllowedUse = Literal["Workload", "Tunnel", "LoadBalancer"]
AssignmentMode = Literal["Automatic", "Manual"]


class IPPoolSpec(Value):
    cidr: str
    vxlan_mode: EncapsulationMode = "Never"
    ipip_mode: EncapsulationMode = "Never"
    nat_outgoing: bool = False
    disabled: bool = False
    disable_bgp_export: bool = False
    block_size: int | None = None
    node_selector: str = "all()"
    namespace_selector: str = ""
    allowed_uses: tuple[AllowedUse, ...] = ("Workload", "Tunnel")
    assignment_mode: AssignmentMode = "Automatic"


class IPPool(Resource):
    spec: IPPoolSpec
