"""BGPPeer: sessions beyond the mesh.

Which nodes get the session: `node`, or `nodeSelector`, or (neither) all. With whom: `localWorkloadSelector`, or
`peerSelector`, or `peerIP`, in that order.
"""

from __future__ import annotations

from typing import Literal

from bgpctl.resources.model import Resource, Value

NextHopMode = Literal["Auto", "Self", "Keep"]
SourceAddress = Literal["UseNodeIP", "None"]
ReversePeering = Literal["Auto", "Manual"]


class SecretKeyRef(Value):
    """A key of a Secret in the namespace that the compiler is told."""

    key: str
    name: str = ""
    optional: bool | None = None


class BGPPassword(Value):
    secret_key_ref: SecretKeyRef | None = None


class BGPPeerSpec(Value):
    """Times are seconds. `as_number` 0 is unset; "" is unset for every text."""

    node: str = ""
    node_selector: str = ""
    peer_ip: str = ""
    as_number: int = 0
    local_as_number: int | None = None
    peer_selector: str = ""
    keep_original_next_hop: bool = False
    next_hop_mode: NextHopMode | None = None
    password: BGPPassword | None = None
    source_address: SourceAddress = "UseNodeIP"
    max_restart_time: int | None = None
    keepalive_time: int | None = None
    num_allowed_local_as_numbers: int | None = None
    ttl_security: int | None = None
    reachable_by: str = ""
    filters: tuple[str, ...] = ()
    local_workload_selector: str = ""
    reverse_peering: ReversePeering = "Auto"


class BGPPeer(Resource):
    spec: BGPPeerSpec = BGPPeerSpec()
