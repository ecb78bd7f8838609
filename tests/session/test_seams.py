"""The contract with ExaBGP's inside: each name the session layer leans on is there and is used as we think.

A new ExaBGP must fail here first, with the seam's name, and not at 3 a.m. in production.
"""

from __future__ import annotations

import copy
import inspect
import time
from types import SimpleNamespace

import pytest
from exabgp.bgp import timer as timer_module
from exabgp.bgp.fsm import FSM
from exabgp.bgp.message.open.capability import Capabilities, Capability
from exabgp.bgp.message.open.capability.negotiated import Negotiated, RequirePath
from exabgp.bgp.neighbor import Neighbor
from exabgp.bgp.timer import ReceiveTimer, SendTimer
from exabgp.configuration.configuration import Configuration
from exabgp.configuration.neighbor import ParseNeighbor
from exabgp.logger import log as exabgp_log
from exabgp.reactor import listener as listener_module
from exabgp.reactor import loop as loop_module
from exabgp.reactor.daemon import Daemon
from exabgp.reactor.network.connection import Connection
from exabgp.reactor.network.incoming import Incoming
from exabgp.reactor.network.outgoing import Outgoing
from exabgp.reactor.peer import ACTION, Peer
from exabgp.reactor.protocol import Protocol

from reflector.exabgp import seams
from reflector.exabgp.capabilities import LongLivedCapability, RoleCapability
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
        (loop_module.Reactor.__init__, {"Listener", "_poller"}),
        (loop_module.Reactor.run, {"active_peers", "_wait_for_io", "incoming", "run", "socket", "register"}),
        (loop_module.Reactor.run, {"reload", "_listen_for_neighbors", "_peers", "listen_on"}),
        (loop_module.Reactor.run, {"daemon", "drop_privileges"}),
        (loop_module.Reactor.shutdown, {"shutdown", "stop"}),
        (Peer._run, {"_establish", "_main", "_reset", "NetworkError"}),
        (Peer._establish, {"_connect", "proto", "validate_open", "ESTABLISHED"}),
        (Peer._reset, {"_close", "_neighbor", "neighbor", "_teardown", "generator"}),
        (Peer._close, {"_delay", "increase", "proto"}),
        (Peer.run, {"generator", "_delay", "backoff", "_restart"}),
        (Peer.remove, {"_stop", "stop"}),
        (Peer._send_open, {"new_open"}),
        (Peer._read_open, {"read_open", "openwait"}),
        (Peer.reestablish, {"_teardown", "_restart", "_neighbor"}),
        (Protocol.connect, {"Outgoing", "establish", "connection"}),
        (Protocol.new_open, {"Capabilities", "new", "Open", "Version", "write"}),
        (Protocol.validate_open, {"negotiated", "validate", "Notify"}),
        (Outgoing._setup, {"md5", "md5_base64", "io"}),
        (Capability.unpack.__func__, {"klass", "unpack_capability"}),
        (Capabilities.pack, {"items", "extract"}),
        (Configuration._reload, {"_configurations", "_text", "tokeniser", "_commit_reload"}),
        (ParseNeighbor._init_neighbor, {"neighbors", "name"}),
        (listener_module.Listener.close_unwanted, {"_sockets", "close"}),
        (ReceiveTimer.__init__, {"int", "time"}),
        (ReceiveTimer.check_ka_timer, {"int", "time"}),
        (SendTimer.need_ka, {"int", "time"}),
        (exabgp_log.logger, {"log_enabled"}),
    ],
)
def test_exabgp_still_works_the_way_the_seam_assumes(function: object, names: set[str]) -> None:
    assert names <= names_used_by(function)


@pytest.mark.parametrize(
    ("owner", "attributes"),
    [
        (
            Peer,
            [
                "_main",
                "_connect",
                "handle_connection",
                "reestablish",
                "remove",
                "shutdown",
                "socket",
                "stopping",
                "run",
            ],
        ),
        (loop_module.Reactor, ["active_peers", "_wait_for_io", "reload", "_pending_adjribout"]),
        (listener_module.Listener, ["_listen", "incoming", "close_unwanted", "stop", "_family_AFI_map"]),
        (Connection, ["close", "fd"]),
        (RequirePath, ["send", "receive"]),
        (Protocol, ["new_open", "read_open", "validate_open", "accept", "write"]),
        (Configuration, ["reload"]),
        (Daemon, ["drop_privileges"]),
    ],
)
def test_what_is_overridden_exists(owner: type, attributes: list[str]) -> None:
    assert [name for name in attributes if not hasattr(owner, name)] == []


def test_peer_methods_that_run_a_session_are_generators() -> None:
    assert inspect.isgeneratorfunction(Peer._main)
    assert inspect.isgeneratorfunction(Peer._connect)
    assert inspect.isgeneratorfunction(loop_module.Reactor._wait_for_io)


def test_codes_that_we_register_are_not_exabgps() -> None:
    """A new ExaBGP that knows them must be used instead, or kept apart from ours."""
    assert Capability.klass(RoleCapability.ID) is RoleCapability
    assert Capability.klass(LongLivedCapability.ID) is LongLivedCapability
    assert {RoleCapability.ID, LongLivedCapability.ID}.isdisjoint(Capability.CODE.__dict__.values())


def test_neighbours_that_differ_in_their_key_alone_are_equal_without_it() -> None:
    """What a rotation leans on: the key is one of what ExaBGP compares, and can be set."""
    one, other = Neighbor(), Neighbor()
    other["md5-password"] = "other"
    assert one != other
    one["md5-password"] = "other"
    assert one == other


def test_a_copied_neighbour_has_its_settings_apart_and_shares_the_rest() -> None:
    """How a neighbour gets another key without being parsed again."""
    one = Neighbor()
    other = copy.copy(one)
    other["md5-password"] = "other"
    assert (one["md5-password"], other.uid, other.families()) == (None, one.uid, one.families())


def test_the_negotiated_values_we_read_are_set_by_exabgp() -> None:
    wanted = {"received_open", "holdtime", "families", "asn4", "addpath", "msg_size", "refresh", "neighbor", "nexthop"}
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


def test_a_session_that_is_negotiated_does_not_look_at_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 4271 8: the hold timer of OpenSent and OpenConfirm is ExaBGP's."""
    monkeypatch.setattr(timer_module, "time", time)
    monkeypatch.setattr(timer_module, "log", SimpleNamespace(debug=lambda *_, **__: None))
    seams.take_the_seams()
    timer = ReceiveTimer(lambda: "", 60, 4, 0)
    monkeypatch.setattr(time, "time", lambda: 1e12)
    assert timer.check_ka_timer()
