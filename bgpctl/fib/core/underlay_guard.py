"""What is never programmed, because it would take the way to this node's own network, its peers or its next hops. Pure.

    route                     is refused if
    a blackhole, a BGP route  it is the network of one of this node's own addresses, or inside it: the kernel would use
                              it in the place of the connected network
    a BGP route to one host   that is the address of a peer, or a next hop of other routes
    a blackhole               a peer or a next hop is inside, to which the kernel has no route that is more specific

Rule: one refusal for both families and whatever the route came from; host routes of the plan (BGPPeer.reachableBy) are
meant for peers and are not asked. A BGP route to a network that has peers in it is not refused: it is how racks learn
of each other. What is inside `allow_underlay_routes` is programmed.

The own networks are those of the plan, and those of the interfaces that have an address inside one of these (a Node may
give its address without a length) or that peers are on (a node may have sessions on several networks).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import ip_network

from bgpctl.fib.kernel.underlay import Underlay
from reflector.addresses import pack_address, unpack_address
from reflector.kernel.link import LinkAddress
from reflector.kernel.route import Destination, Prefix, is_host, nlri_of, parse_prefix, prefix_of, prefix_text
from reflector.plan import Family, KernelPlan

SETTING = "bgpctl.io/allow-underlay-routes"


class UnderlayGuard:
    """For one plan. `peers` are addresses of sessions; next hops are added as they come."""

    def __init__(self, plan: KernelPlan, peers: Collection[str], underlay: Underlay) -> None:
        self._underlay = underlay
        self._allowed = _prefixes(plan.allow_underlay_routes)
        self._subnets = _prefixes(plan.local_subnets)
        self._peers = frozenset(map(pack_address, peers))
        self._own = _by_length((*self._subnets, *self._of_interfaces()))
        self._next_hops: set[bytes] = set()
        self._blackholes = _prefixes(plan.blackholes)
        self._inside = {each: sorted(filter(each.covers_address, self._peers)) for each in self._blackholes}

    def note_next_hops(self, addresses: Collection[bytes]) -> bool:
        """From now on these are used by routes. Returns whether any is inside a blackhole."""
        self._next_hops.update(addresses)
        found = [(each, address) for address in addresses for each in self._blackholes if each.covers_address(address)]
        for each, address in found:
            self._inside[each].append(address)
        return bool(found)

    def refusal(self, destination: Destination) -> str:
        """Why a BGP route to it is not programmed, "" if it is."""
        own = self._own_network_around(destination)
        if own is not None:
            return self._sentence(destination, _inside(destination, own))
        nlri = destination[1]
        if nlri[0] < 32:  # no host of either family: the usual case
            return ""
        address = nlri[1:] if is_host(destination) else b""
        if address in self._peers:
            return self._sentence(destination, "it is the address of a peer")
        if address in self._next_hops:
            return self._sentence(destination, "it is the next hop of other routes")
        return ""

    def refusal_of_blackhole(self, destination: Destination) -> str:
        """Why a blackhole is not programmed, "" if it is."""
        own = self._own_network_around(destination)
        if own is not None:
            return self._sentence(destination, f"a blackhole; {_inside(destination, own)}")
        dropped = next((each for each in self._inside[prefix_of(destination)] if self._takes(destination, each)), None)
        if dropped is None:
            return ""
        what = "a peer" if dropped in self._peers else "a next hop"
        return self._sentence(
            destination, f"it would drop all packets to {unpack_address(dropped)}, {what} of this node"
        )

    def _takes(self, destination: Destination, address: bytes) -> bool:
        """No route of the kernel to the address is more specific."""
        family, nlri = destination
        longest = self._underlay.table.routes.longest(family, int.from_bytes(address, "big"))
        return longest is None or longest <= nlri[0]

    def _own_network_around(self, destination: Destination) -> Prefix | None:
        """Asked of every route: a few lengths, and nothing else."""
        family, nlri = destination
        for length, networks in self._own[family]:
            if nlri[0] >= length:
                bits = int.from_bytes(nlri[1:], "big") >> ((len(nlri) - 1) * 8 - length)
                if bits in networks:
                    return Prefix(family, length, bits)
        return None

    def _is_allowed(self, destination: Destination) -> bool:
        return any(each.covers(destination) for each in self._allowed)

    def _sentence(self, destination: Destination, reason: str) -> str:
        return "" if self._is_allowed(destination) else f"not programmed: {reason}; {SETTING} allows it"

    def concerns(self, address: LinkAddress) -> bool:
        """Its network is one of this node's own."""
        if address.length == len(address.address) * 8:
            return False
        network = _network_of(address)
        return any(subnet.covers_address(address.address) for subnet in self._subnets) or any(
            map(network.covers_address, self._peers)
        )

    def _of_interfaces(self) -> Iterable[Prefix]:
        return map(_network_of, filter(self.concerns, self._underlay.addresses))


def _network_of(address: LinkAddress) -> Prefix:
    family: Family = 4 if len(address.address) == 4 else 6
    network = ip_network((address.address, address.length), strict=False)
    return prefix_of((family, nlri_of(address.length, network.network_address.packed)))


def _by_length(prefixes: Iterable[Prefix]) -> dict[Family, list[tuple[int, set[int]]]]:
    """Their bits, by family and length."""
    found: dict[Family, dict[int, set[int]]] = {4: {}, 6: {}}
    for family, length, bits in prefixes:
        found[family].setdefault(length, set()).add(bits)
    return {family: list(lengths.items()) for family, lengths in found.items()}


def _prefixes(texts: Iterable[str]) -> list[Prefix]:
    return [prefix_of(parse_prefix(text)) for text in texts]


def _inside(destination: Destination, own: Prefix) -> str:
    spare = (own.length + 7) // 8 * 8 - own.length
    text = prefix_text((own.family, bytes((own.length,)) + (own.bits << spare).to_bytes((own.length + 7) // 8, "big")))
    is_same = destination[1][0] == own.length
    return "it is this node's own network" if is_same else f"it is inside this node's own network {text}"
