"""What `bgpctl connect` lets through to a control socket, and what ends the connection."""

from __future__ import annotations

from typing import get_args

import pytest

from bgpctl.cli.asked_node import ControlSocket
from bgpctl.cli.let_through import LONGEST, Sieve
from bgpctl.errors import NotReadyError
from reflector.drain import Stage
from reflector.messages import (
    PROTOCOL_VERSION,
    Apply,
    Confirm,
    Drain,
    Explain,
    Originate,
    Request,
    ShowAgent,
    ShowJournal,
    ShowKernel,
    ShowNodeStatus,
    ShowPeers,
    ShowRoutes,
    StartJournal,
    StopJournal,
    Subscribe,
    frame,
)
from reflector.plan import NodePlan

AGENT, SPEAKER = ControlSocket.AGENT, ControlSocket.SPEAKER
LOOKS = {
    AGENT: (ShowAgent(), ShowKernel("10.0.0.0/24"), ShowNodeStatus(("BGP",))),
    SPEAKER: (ShowPeers(), ShowRoutes(4), Explain("10.0.0.0/24"), ShowJournal()),
}
CHANGES = {
    AGENT: (Confirm("0123456789ab"), Drain(Stage.MARKED, "new disk")),
    SPEAKER: (StartJournal(1 << 20), StopJournal()),
}
# A drain that the speaker is asked for would end with it, and Apply and Originate are the agent's.
NEVER = {
    AGENT: (ShowPeers(), Apply(NodePlan("a", "10.0.0.1"))),
    SPEAKER: (Apply(NodePlan("a", "10.0.0.1")), Originate("x", ()), Drain(Stage.MARKED), Subscribe(), ShowAgent()),
}
SOCKETS = pytest.mark.parametrize("where", ControlSocket)


@SOCKETS
def test_what_commands_look_at_passes_octet_for_octet(where: ControlSocket) -> None:
    octets = b"".join(map(frame, LOOKS[where]))
    assert Sieve(where, may_change=False).passed(octets) == octets
    sieve = Sieve(where, may_change=True)
    assert b"".join(sieve.passed(bytes([each])) for each in octets) == octets, "also in pieces"


@SOCKETS
def test_what_changes_something_passes_only_where_that_is_announced(where: ControlSocket) -> None:
    for request in CHANGES[where]:
        assert Sieve(where, may_change=True).passed(frame(request)) == frame(request)
        with pytest.raises(NotReadyError, match=f"{type(request).__name__} is not passed on: it changes something"):
            Sieve(where, may_change=False).passed(frame(request))


@SOCKETS
def test_nothing_else_passes_and_nothing_behind_it(where: ControlSocket) -> None:
    for request in NEVER[where]:
        sieve = Sieve(where, may_change=True)
        with pytest.raises(NotReadyError, match=f"{type(request).__name__} is not passed on: no command asks this"):
            sieve.passed(frame(LOOKS[where][0]) + frame(request))


def test_every_request_of_the_protocol_is_decided() -> None:
    """A new one does not pass until somebody adds it to the table."""
    passing = {type(each) for table in (LOOKS, CHANGES) for requests in table.values() for each in requests}
    for kind in set(get_args(Request)) - passing:
        for where in ControlSocket:
            assert not issubclass(kind, Sieve(where, may_change=True).passing), kind


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (frame(ShowAgent(), PROTOCOL_VERSION + 1), "version"),
        (bytes([PROTOCOL_VERSION]) + (LONGEST + 1).to_bytes(4, "big"), "exceeds the limit"),
        (bytes([PROTOCOL_VERSION]) + (1).to_bytes(4, "big") + b"\xc1", "not a request of this version"),
    ],
    ids=["another version", "too long", "no message"],
)
def test_octets_that_are_no_request_do_not_pass(octets: bytes, reason: str) -> None:
    with pytest.raises(NotReadyError, match=f"not passed on: .*{reason}"):
        Sieve(AGENT, may_change=True).passed(octets)
