"""ExaBGP's reactor around our event loop: the sessions of the plan, each with its turns.

Rule: a reload compares and changes only what differs. A session with another definition is set up anew; one that
differs only in its TCP-MD5 key keeps its connection (RFC 2385 does not treat it, and TCP retransmits what the other end
could not verify meanwhile). A definition has two parts: exabgp.conf, and for what the OPEN offers beyond it the plan's
session (open_message).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from exabgp.reactor.loop import Reactor

from reflector.event_loop import EventLoop
from reflector.exabgp.agenda import Agenda
from reflector.exabgp.handover_peer import HandoverPeer
from reflector.exabgp.open_message import offers_the_same
from reflector.plan import NodePlan, SessionPlan
from reflector.process import garbage
from reflector.session.cease import cease
from reflector.session.set_up import SetUp
from reflector.session.wrong_key import WrongKeys
from reflector.transport.transport import Transport
from reflector.wire.message import Cease

Sessions = dict[str, SessionPlan]


def by_address(plan: NodePlan) -> Sessions:
    """The plan's session for each peer address."""
    return {session.peer_address: session for session in plan.sessions}


class SpeakerReactor(Reactor):  # type: ignore[misc]  # ExaBGP has no types
    """ExaBGP's reactor around our event loop.

    plan            whose sessions these are
    agenda          when the sessions that ExaBGP works on need a turn
    wrong_keys      what is known of segments with a wrong TCP-MD5 signature
    is_restarting   whether an OPEN that is sent now has the flag R (RFC 4724 4.1)
    final_reason    the reason for peers, where the speaker stops for good; "": it will start again (drain)
    end_of_turn     called after every turn of the event loop; returns when the next one is due at the latest
    """

    def __init__(
        self, configuration: Any, event_loop: EventLoop, plan: NodePlan, end_of_turn: Callable[[], float]
    ) -> None:
        self.event_loop = event_loop
        self.transport: Transport
        self.plan = plan
        self._sessions = by_address(plan)
        self.agenda = Agenda()
        self.is_restarting: Callable[[], bool] = lambda: True
        self.final_reason: Callable[[], str] = lambda: ""
        self._by_address: dict[str, HandoverPeer] = {}
        self._end_of_turn = end_of_turn
        self._next_turn = 0.0
        self.wrong_keys = WrongKeys()
        here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        super().__init__(configuration)
        # ExaBGP has gone to /; we stay in the run directory (account).
        os.fchdir(here)
        os.close(here)

    def hasten(self) -> None:
        """The next turn of the event loop begins at once."""
        self._next_turn = 0.0

    def peer_at(self, address: str) -> HandoverPeer | None:
        return self._by_address.get(address)

    def session_at(self, address: str) -> SessionPlan | None:
        return self._sessions.get(address)

    def set_ups(self) -> dict[str, SetUp]:
        """By session name, of the sessions that ExaBGP works on."""
        return {
            session.name: self._by_address[address].set_up
            for address, session in self._sessions.items()
            if address in self._by_address
        }

    def observe_md5(self, counters: dict[str, int], now: float) -> None:
        """The kernel's counters: a session that does not come up may be under suspicion now."""
        if self.wrong_keys.observe(counters, now):
            for peer in self._by_address.values():
                peer.suspect_key()

    # --------------------------------------------------------------------------------------- plans

    def reload(self) -> bool:
        """Read exabgp.conf for the present plan: ExaBGP calls this at the start, and on SIGUSR1."""
        applied = self.apply(self.plan)
        garbage.settle()
        return applied

    def apply(self, plan: NodePlan) -> bool:
        """Run the sessions of this plan, with exabgp.conf as it is now. False, with nothing changed, if ExaBGP cannot
        read that."""
        if not self.configuration.reload():
            return False
        before, self._sessions = self._sessions, by_address(plan)
        self.plan = plan
        wanted = self.configuration.neighbors
        for key in self._peers.keys() - wanted.keys():
            self._remove(key)
        for key, neighbor in wanted.items():
            self._define(key, neighbor, before)
        self._listen_for_neighbors()
        self._by_address = {peer.address: peer for peer in self._peers.values()}
        if self.listener is not None:
            self.listener.unknown_peers.forget(frozenset(self._by_address))
        return True

    def _remove(self, key: str) -> None:
        peer = self._peers.pop(key)
        self.agenda.cancel(key)
        if peer.password:
            self._set_listening_key(peer.neighbor | {"md5-password": None})
        peer.leave(*self._ending(peer.address))

    def _ending(self, address: str) -> tuple[str, bytes]:
        """Why a session whose neighbour has left exabgp.conf ends, and with which NOTIFICATION."""
        if address in self._sessions:
            return "the session's definition changed", cease(Cease.OTHER_CONFIGURATION_CHANGE)
        for suppressed in self.plan.suppressed:
            if suppressed.peer_address == address:
                return f"suppressed: {suppressed.reason}", cease(Cease.ADMINISTRATIVE_SHUTDOWN, suppressed.reason)
        return "removed from the plan", cease(Cease.PEER_DECONFIGURED)

    def _define(self, key: str, neighbor: Any, before: Sessions) -> None:
        peer = self._peers.get(key)
        if peer is None:
            self._peers[key] = HandoverPeer(neighbor, self)
            if neighbor["md5-password"]:
                self._set_listening_key(neighbor)
            return
        if peer.password != neighbor["md5-password"]:
            self._set_listening_key(neighbor)
        session, former = self.session_at(peer.address), before.get(peer.address)
        if session != former:
            peer.lift_hold_down()
        offers_same = session is None or former is None or offers_the_same(former, session)
        if peer.defined_by is not neighbor or not offers_same:
            peer.redefine(neighbor, offers_the_same=offers_same)

    def _set_listening_key(self, neighbor: Any) -> None:
        for ip in self._ips:
            if ip.afi == neighbor["peer-address"].afi:
                key, is_base64 = neighbor["md5-password"], neighbor["md5-base64"]
                self.listener.listen_on(ip, neighbor["peer-address"], self._port, key, is_base64, None)

    # --------------------------------------------------------------------------------------- turns

    def active_peers(self) -> set[str]:
        due = self.agenda.due(time.monotonic())
        return {key for key in due if key in self._peers and self._peers[key].has_something_to_run}

    def _pending_adjribout(self) -> bool:
        """ExaBGP asks before a reload whether routes are pending; it has none."""
        return False

    def _wait_for_io(self, sleeptime: float) -> Iterator[int]:
        garbage.wait(self.event_loop, 0.0 if sleeptime == 0 or self.signal.received else self._patience())
        self._next_turn = self._end_of_turn()
        yield from ()

    def _patience(self) -> float:
        """Seconds until a session that ExaBGP works on, or the engine, needs a turn without any event."""
        return max(min(self._next_turn, self.agenda.next()) - time.monotonic(), 0.0)
