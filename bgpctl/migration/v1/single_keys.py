"""Objects of which etcd has one key each: BGP peers, IP pools, and block affinities, which v1 and v3 have alike."""

from __future__ import annotations

from bgpctl.migration.fate import Fate, Origin, Outcome
from bgpctl.migration.source.etcd_keys import Parts
from bgpctl.migration.source.etcd_value import EtcdValue
from bgpctl.migration.source.fields import Fields, address, as_number, flag, network, one_of, text
from bgpctl.migration.v1.objects import Affinity, Peer, Pool
from reflector.addresses import Address

STATES = ("", "confirmed", "pending", "pendingDeletion")
# What Calico 2.6 writes for a pool without VXLAN, which it does not have.
NO_VXLAN = ("", "never", "undefined")


def peer(value: EtcdValue, parts: Parts, fates: list[Fate]) -> Peer | None:
    """None where it is wrong, which is a problem."""
    fields = value.fields()
    if fields is None:
        return None
    in_key = value.read(address, parts["address"])
    found, number = fields.needed("ip", address), fields.needed("as_num", as_number)
    if in_key is None or found is None or not value.agrees("ip", str(in_key), str(found)):
        return None
    if not (value.is_of_family(found, parts["family"]) and fields.is_right):
        return None
    _lose_others(value, fields, fates)
    return Peer(value.origin, parts.get("node", ""), found, number)


def pool(value: EtcdValue, parts: Parts, fates: list[Fate]) -> Pool | None:
    """None where it is wrong, which is a problem."""
    fields = value.fields()
    if fields is None:
        return None
    in_key, cidr = value.read(network, _cidr_of_key(parts)), fields.needed("cidr", network)
    interface, mode = fields.read("ipip", text, ""), fields.read("ipip_mode", text, "").lower()
    nat, disabled = fields.read("masquerade", flag, False), fields.read("disabled", flag, False)
    fields.read("vxlan_mode", one_of(*NO_VXLAN), "")
    fields.read("ipam", flag, True)
    if in_key is None or cidr is None or not value.agrees("cidr", _written(in_key), _written(cidr)):
        return None
    if not (value.is_of_family(cidr[0], parts["family"]) and fields.is_right):
        return None
    _lose_others(value, fields, fates)
    return Pool(value.origin, *cidr, bool(interface), mode, nat, disabled)


def affinity(value: EtcdValue, parts: Parts, fates: list[Fate]) -> Affinity | None:
    """None where it is being deleted, and where it is wrong, which is a problem. Before 3.0.7 the value was empty."""
    fields = Fields(value.origin, {}, []) if value.is_empty else value.fields()
    cidr = value.read(network, _cidr_of_key(parts))
    if fields is None or cidr is None or not value.is_of_family(cidr[0], parts["family"]):
        return None
    state, is_deleted = fields.read("state", one_of(*STATES), ""), fields.read("deleted", flag, False)
    if not fields.is_right:
        return None
    if is_deleted:
        fates.append(Fate(value.origin, Outcome.LEFT, "block affinity", reason="it is being deleted"))
        return None
    return Affinity(value.origin, parts["node"], _written(cidr), state, parts["type"])


def _cidr_of_key(parts: Parts) -> str:
    """In a key the slash is a dash."""
    return parts["cidr"].replace("-", "/", 1)


def _written(found: tuple[Address, int]) -> str:
    return f"{found[0]}/{found[1]}"


def _lose_others(value: EtcdValue, fields: Fields, fates: list[Fate]) -> None:
    """What no release of v1 has: Calico's conversion does not look at it either."""
    for name in fields.others():
        origin = Origin(value.origin.file, 0, f"{value.origin.name} $.{name}")
        fates.append(Fate(origin, Outcome.LOST, "field", reason="Calico v1 has no such field"))
