"""The contract with ExaBGP's inside: each name the session layer leans on is there and is used as we think.

A new ExaBGP must fail here first, with the seam's name, and not at 3 a.m. in production.
"""

from __future__ import annotations

import inspect

import pytest
from exabgp.bgp.fsm import FSM
from exabgp.bgp.message.open.capability.negotiated import Negotiated, RequirePath
from exabgp.reactor import listener as listener_module
from exabgp.reactor import loop as loop_module
from exabgp.reactor.network.connection import Connection
from exabgp.reactor.network.incoming import Incoming
from exabgp.reactor.peer import ACTION, Peer
from exabgp.reactor.protocol import Protocol

from reflector.exabgp import seams
from reflector.exabgp.handover_peer import HandoverPeer
from reflector.exabgp.listener import IndexedListener


def names_used_by(function: object) -> set[str]:
    return set(function.__code__.co_names)  # type: ignore[attr-defined]


def test_the_version_we_were_written_for_is_installed() -> None:
    seams.require_supported_version()


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seams, "exabgp_version", "5.1.0")
    with pytest.raises(RuntimeError, match=r"needs ExaBGP 5\.0\.15, and this is 5\.1\.0"):
        seams.require_supported_version()


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (loop_module.Reactor.reload, {"Peer", "reestablish", "reconfigure", "remove"}),
        (loop_module.Reactor.__init__, {"Listener", "_poller"}),
        (loop_module.Reactor.run, {"active_peers", "_wait_for_io", "incoming", "run", "socket", "register"}),
        (loop_module.Reactor.shutdown, {"shutdown", "stop"}),
        (Peer._run, {"_establish", "_main", "_reset", "NetworkError"}),
        (Peer._establish, {"_connect", "proto", "validate_open", "ESTABLISHED"}),
        (Peer._reset, {"_close", "_neighbor", "neighbor", "_teardown", "generator"}),
        (Peer._close, {"_delay", "increase", "proto"}),
        (Peer.run, {"generator", "_delay", "backoff", "_restart"}),
        (Peer.remove, {"_stop", "stop"}),
        (Protocol.connect, {"Outgoing", "establish", "connection"}),
        (listener_module.Listener.close_unwanted, {"_sockets", "close"}),
    ],
)
def test_exabgp_still_works_the_way_the_seam_assumes(function: object, names: set[str]) -> None:
    assert names <= names_used_by(function)


@pytest.mark.parametrize(
    ("owner", "attributes"),
    [
        (Peer, ["_main", "_connect", "handle_connection", "reestablish", "remove", "shutdown", "socket", "stopping"]),
        (loop_module.Reactor, ["active_peers", "_wait_for_io", "reload"]),
        (listener_module.Listener, ["_listen", "incoming", "close_unwanted", "stop", "_family_AFI_map"]),
        (Connection, ["close", "fd"]),
        (RequirePath, ["send", "receive"]),
    ],
)
def test_what_is_overridden_exists(owner: type, attributes: list[str]) -> None:
    assert [name for name in attributes if not hasattr(owner, name)] == []


def test_peer_methods_that_run_a_session_are_generators() -> None:
    assert inspect.isgeneratorfunction(Peer._main)
    assert inspect.isgeneratorfunction(Peer._connect)
    assert inspect.isgeneratorfunction(loop_module.Reactor._wait_for_io)


def test_the_negotiated_values_we_read_are_set_by_exabgp() -> None:
    wanted = {"received_open", "holdtime", "families", "asn4", "addpath", "msg_size", "refresh", "neighbor"}
    assert wanted <= names_used_by(Negotiated.__init__)


def test_actions_and_states_are_distinct() -> None:
    assert len({ACTION.CLOSE, ACTION.LATER, ACTION.NOW}) == 3
    assert FSM.ESTABLISHED != FSM.OPENCONFIRM
    assert Incoming.direction == "incoming"


def test_reactor_uses_our_peers_and_listener_once_the_seams_are_taken() -> None:
    seams.take_the_seams()
    assert loop_module.Peer is HandoverPeer
    assert listener_module.Peer is HandoverPeer
    assert loop_module.Listener is IndexedListener
