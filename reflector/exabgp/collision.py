"""Which of two connections to one peer stays (RFC 4271 6.8).

Rule: both ends keep the same one, that of the end with the higher BGP identifier. Until the peer's OPEN has come its
address stands for its identifier; both ends compare the same two.

    we have                                          an incoming connection
    an Established session                           is refused, unless the peer has restarted (handover_peer)
    one that the peer dialled before                 takes its place: the peer has given that one up
    ours, and the peer's OPEN                        takes its place if the peer's identifier is the higher one
    ours, without an OPEN                            takes its place if the peer's address is the higher one
    one that we are dialling, the peer's address     is accepted
    is the higher one
    one that we are dialling, ours is the higher     waits until ours is made, or has failed
"""

from __future__ import annotations

import contextlib
from typing import Any

from reflector.addresses import pack_address
from reflector.session.cease import cease
from reflector.wire.message import Cease


def takes_the_place(proto: Any, neighbor: Any, incoming: Any) -> bool:
    """Whether an incoming connection takes the place of the one that is negotiated on."""
    if proto.connection.direction == "incoming":
        return True
    received_open = proto.negotiated.received_open
    if received_open is None:
        return not own_address_is_higher(neighbor, incoming)
    return bool(neighbor["router-id"].pack() < received_open.router_id.pack())


def own_address_is_higher(neighbor: Any, incoming: Any) -> bool:
    own, _, _ = incoming.io.getsockname()[0].partition("%")
    return pack_address(own) > pack_address(str(neighbor["peer-address"]))


def refuse(connection: Any, subcode: Cease) -> None:
    """Close a connection, with a Cease."""
    notify(connection, subcode)
    connection.close()


def notify(connection: Any, subcode: Cease) -> None:
    """Send a Cease on a connection; one whose other end is gone already takes none."""
    with contextlib.suppress(OSError):
        connection.io.send(cease(subcode))
