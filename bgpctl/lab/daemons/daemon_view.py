"""A routing daemon's answers, with node names in place of addresses, and routes in the order of their prefixes."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from bgpctl.lab.daemons.bgp_view import BgpRoute, Session
from bgpctl.lab.daemons.daemon import Daemon, Place


@dataclass(frozen=True, slots=True)
class DaemonView:
    """See BgpView."""

    daemon: Daemon
    place: Place
    names: Mapping[str, str]

    def sessions(self) -> tuple[Session, ...] | None:
        found = self.daemon.sessions(self.place)
        if found is None:
            return None
        return tuple(Session(self.names.get(one.peer, one.peer), one.state) for one in found)

    def routes(self) -> tuple[BgpRoute, ...] | None:
        found = self.daemon.routes(self.place)
        return None if found is None else tuple(sorted(found, key=_order))


def _order(route: BgpRoute) -> tuple[int, bytes, int]:
    """IPv4 first, then by address and length: the order of the control socket (RFC 4271 defines none)."""
    network = ipaddress.ip_network(route.prefix, strict=False)
    return network.version, network.network_address.packed, network.prefixlen
