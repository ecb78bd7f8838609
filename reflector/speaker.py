"""The speaker: engine, sockets and control socket around one event loop, inside ExaBGP's reactor.

Rule: everything happens in turns. A turn is what the event loop delivered; its end flushes the engine, carries out what
that decided, and publishes the Loc-RIB's changes. Nothing here waits.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from exabgp.environment import getenv
from exabgp.logger import log
from msgspec import structs

from reflector.commands import Turn
from reflector.control.answers import Answers
from reflector.control.loc_rib_stream import LocRibStream
from reflector.control.server import ControlServer
from reflector.drain import IN_USE, DrainState
from reflector.engine import Engine
from reflector.event_loop import EventLoop
from reflector.events import Events
from reflector.exabgp.configuration import SpeakerConfiguration
from reflector.exabgp.reactor import SpeakerReactor
from reflector.exabgp.seams import take_the_seams
from reflector.journal.recording import Recording
from reflector.kernel.md5_counters import md5_counters
from reflector.kernel.watch import KernelRoutes
from reflector.messages import JOURNAL_LIMIT, Applied, Message, Refused
from reflector.originations_file import read_originations
from reflector.plan import NodePlan, SessionPlan, needs_new_speaker
from reflector.process.account import Account
from reflector.process.step_down import StepDown
from reflector.session.cease import cease
from reflector.session.session_line import SessionLines
from reflector.session.set_up import SetUp
from reflector.session.unknown_peers import UnknownPeer
from reflector.transport.transport import Transport
from reflector.wire.message import Cease

# Timers are looked at this often; the shortest hold time that RFC 4271 allows is 3 s.
_TICK = 0.25
# Seconds between two looks at what the kernel has dropped for its TCP-MD5 signature.
_MD5_PAUSE = 2.0
# At the start sessions wait at most so long for each part of the kernel's routes; all of it usually takes milliseconds.
_KERNEL_PATIENCE = 1.0


def run_speaker(
    plan: NodePlan,
    run_directory: Path,
    clock: Callable[[], float],
    account: Account,
    *,
    drain: DrainState = IN_USE,
    is_recorded: bool = False,
) -> tuple[int, str]:
    """Run until it is stopped, in the run directory, as `account` as soon as it listens; drained from the first event
    on (`since` by the clock), and recording if `is_recorded`. ExaBGP's exit status, and a sentence if the speaker could
    not start."""
    take_the_seams()
    log.init(getenv())
    conf = run_directory / "exabgp.conf"
    os.chdir(run_directory)
    configuration = SpeakerConfiguration(Path(conf.name))
    speaker = Speaker(plan, configuration, Path(), clock)
    step_down = speaker.reactor.daemon.drop_privileges = StepDown(account)
    speaker.engine.drain(drain.stage, drain.reason, drain.since)
    speaker.originate_kept_sets()
    if is_recorded:
        speaker.record_from_the_start()
    status = speaker.run()
    failure = step_down.failure
    if status != 0 and speaker.failure:
        failure = speaker.failure
    elif status != 0 and str(configuration.error):
        failure = f"ExaBGP cannot read {conf}: {configuration.error}"
    return status, failure


class Speaker:
    """`configuration` is ExaBGP's, reading RUN_DIRECTORY/exabgp.conf; `clock` never goes back. `events` takes all that
    happens: the engine, or a recorder in its place."""

    def __init__(self, plan: NodePlan, configuration: Any, run_directory: Path, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.started = clock()
        self._started_with = plan
        self._conf = run_directory / "exabgp.conf"
        self._next_tick = self._next_md5 = 0.0
        self._answers_failed = 0
        loop = EventLoop()
        self.engine = Engine(plan, self.started)
        self.events: Events = self.engine
        self.reactor = SpeakerReactor(configuration, loop, plan, self._end_of_turn)
        self.reactor.is_restarting = lambda: self.engine.start.is_restarting
        self.reactor.final_reason = lambda: self.engine.drain_state.final_reason
        self._transport = self.reactor.transport = Transport(self.engine, loop, clock)
        self._transport.silence = self._silence
        self._transport.lines = SessionLines(_write_line, plan.log_level)
        self._kernel = KernelRoutes(loop, lambda table: self.events.kernel_changed(table))
        self._kernel.follow(plan)
        self._kernel.wait(_KERNEL_PATIENCE)
        self.recording = Recording(run_directory / "journal", self.engine, self._use)
        self._stream = LocRibStream(epoch=os.urandom(8).hex())
        self._control = ControlServer(run_directory / "speaker.sock", loop, Answers(self, self._stream, clock))

    def run(self) -> int:
        """ExaBGP's exit code, when it was stopped or could not start."""
        try:
            return int(self.reactor.run())
        finally:
            self._control.close()
            self.recording.stop("the speaker stopped")

    def originate_kept_sets(self) -> None:
        """Those that the speaker before this one had."""
        try:
            for name, originations in read_originations(self._conf.parent).items():
                self.engine.originate(name, originations)
        except ValueError as error:
            sentence = f"originations of the speaker before are left aside: {error}"
            log.error(lambda: sentence, "reactor")

    def record_from_the_start(self) -> None:
        """A speaker that cannot record starts all the same."""
        try:
            self.recording.start(JOURNAL_LIMIT, self.started)
        except OSError as error:
            reason = error.strerror
            log.error(lambda: f"no journal: {reason}", "reactor")

    def _use(self, events: Events) -> None:
        self.events = self._transport.events = events

    @property
    def failure(self) -> str:
        """Why the speaker could not listen, "" if it could."""
        listener = self.reactor.listener
        return "" if listener is None else str(listener.failure)

    def _end_of_turn(self) -> float:
        """Returns when the next turn is due even if nothing happens."""
        self._transport.go_on()
        now = self._clock()
        if now >= self._next_tick:
            self._next_tick = now + _TICK
            self.events.tick(now)
            self.engine.trim_logs()
            self._kernel.tick(now)
            self._observe_md5(now)
            self._transport.lines.tick(now)
            self._control.resume()
            if self.reactor.listener is not None:
                self.reactor.listener.resume()
        has_more_to_answer = self._control.work()
        flush_began = self._clock()
        turn = self.events.flush(now)
        self._transport.finish(turn, self._clock() - flush_began)
        self._publish(turn)
        if turn.closes or turn.is_unfinished or has_more_to_answer:
            # A closed session's routes are withdrawn at once, not when something else happens.
            return now
        return min(self._next_tick, self._transport.due(now))

    def _observe_md5(self, now: float) -> None:
        """Without /proc nothing is suspected."""
        if now >= self._next_md5:
            self._next_md5 = now + _MD5_PAUSE
            with contextlib.suppress(OSError):
                self.reactor.observe_md5(md5_counters(), now)

    def _silence(self, name: str) -> str:
        """Why an Established session has probably not been heard."""
        peer = self.engine.peers[name]
        return self.reactor.wrong_keys.suspicion(peer.received_at, has_password=peer.session.password is not None)

    def _publish(self, turn: Turn) -> None:
        published = self._stream.publish(
            turn.changes, is_complete=self.engine.start.complete.is_over, read_at=self._transport.take_read_at()
        )
        if published is not None:
            self._control.publish(*published)

    # -------------------------------------------------------------------------------------- control

    def unacknowledged(self) -> tuple[str, ...]:
        return self._transport.unacknowledged()

    def report_failed_answer(self, error: Exception) -> None:
        self._answers_failed += 1
        trace = "".join(traceback.format_exception(error))
        log.error(lambda: f"a request could not be answered: {trace}", "reactor")

    def set_ups(self) -> dict[str, SetUp]:
        return self.reactor.set_ups()

    def unknown_peers(self) -> Iterable[UnknownPeer]:
        unknown: Iterable[UnknownPeer] = self.reactor.listener.unknown_peers
        return unknown

    def session_layer_counters(self) -> dict[str, int]:
        return {
            "unknown_peers": self.reactor.listener.unknown_peers.connections,
            "control_clients_dropped": self._control.dropped,
            "refused_clients": self._control.refused_clients,
            "accepts_paused": self._control.pauses + self.reactor.listener.pauses,
            "answers_failed": self._answers_failed,
            "journals_failed": self.recording.failures,
            "kernel_unwatched": int(bool(self._kernel.failure)),
            "kernel_overruns": self._kernel.overruns,
        }

    def apply_plan(self, plan: NodePlan) -> Message:
        """exabgp.conf first: if ExaBGP cannot read it, nothing has changed."""
        before = {session.name: session for session in self.engine.plan.sessions}
        established = {name for name, peer in self.engine.peers.items() if peer.is_established}
        if not self.reactor.apply(plan):
            return Refused(f"ExaBGP cannot read {self._conf.absolute()}: {self.reactor.configuration.error}")
        for name in before.keys() - {session.name for session in plan.sessions}:
            self._transport.close(name, "removed from the plan", cease(Cease.PEER_DECONFIGURED))
        self.events.apply(plan, self._clock())
        self._kernel.follow(plan)
        self._transport.lines.keep({session.name for session in plan.sessions})
        applied = _applied(before, plan, established, self.engine)
        return structs.replace(applied, needs_restart=needs_new_speaker(self._started_with, plan))


def _write_line(line: str) -> None:
    """A full disk costs the line and nothing else."""
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), f"{line}\n".encode())


def _applied(before: dict[str, SessionPlan], plan: NodePlan, established: set[str], engine: Engine) -> Applied:
    after = {session.name for session in plan.sessions}
    kept = sorted(before.keys() & after)
    return Applied(
        added=tuple(sorted(after - before.keys())),
        removed=tuple(sorted(before.keys() - after)),
        reset=tuple(name for name in kept if name in established and not engine.peers[name].is_established),
    )
