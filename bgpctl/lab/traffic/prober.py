"""The process that sends the pings of a probe (`probe.py`): a request on standard input, then a report for each line,
and the last one when standard input ends."""

from __future__ import annotations

import os
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Self

import msgspec

from bgpctl.errors import NotReadyError
from bgpctl.lab.netns import namespaces
from bgpctl.lab.traffic.icmp import LARGEST_ANSWER, EchoFamily, family_of
from bgpctl.lab.traffic.probe import PATIENCE, STARTED, Flow, Loss, ProbeRequest, Report

_SEQUENCES = 1 << 16
_IDENTIFIERS = 1 << 16
_BUFFER = 1 << 20


@dataclass(slots=True)
class _Sender:
    """One flow at work. `answered[n]`: whether request n was; its sequence number is n modulo 2^16."""

    flow: Flow
    identifier: int
    family: EchoFamily
    socket: socket.socket
    due: list[float] = field(default_factory=list)
    answered: bytearray = field(default_factory=bytearray)

    @classmethod
    def open(cls, flow: Flow, identifier: int) -> Self:
        family = family_of(flow.target)
        with namespaces.inside(flow.namespace):
            opened = family.open()
        # The echo replies to all processes come to every raw socket of the namespace.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        return cls(flow, identifier, family, opened)

    def send(self, due: float) -> None:
        request = self.family.encode(self.identifier, len(self.due) % _SEQUENCES)
        self.due.append(due)
        self.answered.append(0)
        try:
            self.socket.sendto(request, (self.flow.target, 0))
        except OSError:
            return  # no route, or no room: it stays without an answer, which is what is counted

    def receive(self) -> None:
        while True:
            try:
                packet = self.socket.recv(LARGEST_ANSWER)
            except BlockingIOError:
                return
            sequence = self.family.reply_sequence(packet, self.identifier)
            if sequence is not None:
                self._answer(sequence)

    def _answer(self, sequence: int) -> None:
        """The youngest request with this number; numbers repeat after eleven minutes at RATE."""
        newest = len(self.due) - 1
        number = newest - (newest - sequence) % _SEQUENCES
        if number >= 0:
            self.answered[number] = 1

    def loss(self, until: float) -> Loss:
        """Of the requests that were due before `until`."""
        lost, outage, since = [], 0.0, None
        sent = 0
        for due, answered in zip(self.due, self.answered, strict=True):
            if due >= until:
                break
            sent += 1
            if answered:
                outage, since = max(outage, due - since if since is not None else 0.0), None
            else:
                lost.append(round(due, 3))
                since = due if since is None else since
        if since is not None:
            outage = max(outage, min(until, time.monotonic()) - since)
        return Loss(sent, tuple(lost), outage)


def _work(request: ProbeRequest) -> None:
    """Sends until standard input ends; answers each of its lines with a report so far."""
    senders = [_Sender.open(flow, (os.getpid() + number) % _IDENTIFIERS) for number, flow in enumerate(request.flows)]
    with selectors.DefaultSelector() as selector:
        for sender in senders:
            selector.register(sender.socket, selectors.EVENT_READ, sender)
        selector.register(sys.stdin.buffer, selectors.EVENT_READ)
        due = time.monotonic()
        for sender in senders:
            sender.send(due)
        _print(STARTED)
        while True:
            due += 1 / request.rate
            if not _serve(selector, senders, due):
                break
            for sender in senders:
                sender.send(due)
        selector.unregister(sys.stdin.buffer)
        ended = time.monotonic()
        _serve(selector, senders, ended + PATIENCE)
    _print(_report(senders, ended))


def _serve(selector: selectors.BaseSelector, senders: list[_Sender], until: float) -> bool:
    """Reads until then, at least once. False when standard input has ended."""
    while True:
        for key, _ in selector.select(max(0.0, until - time.monotonic())):
            if isinstance(key.data, _Sender):
                key.data.receive()
            elif sys.stdin.buffer.readline():
                _print(_report(senders, time.monotonic() - PATIENCE))
            else:
                return False
        if time.monotonic() >= until:
            return True


def _report(senders: list[_Sender], until: float) -> bytes:
    losses = tuple(sender.loss(until) for sender in senders)
    return msgspec.json.encode(Report(tuple(sender.flow for sender in senders), losses))


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def main() -> int:
    try:
        _work(msgspec.json.decode(sys.stdin.buffer.readline(), type=ProbeRequest))
    except NotReadyError as error:
        print(f"probe: {error}", file=sys.stderr)  # noqa: T201  the one sentence of exit status 2
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
