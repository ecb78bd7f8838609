"""Actions of bad peers: a node without a BGP program plays one (bgpctl/lab/misbehaviour/), until it behaves again."""

from __future__ import annotations

import ipaddress
import signal
import sys
from dataclasses import dataclass
from typing import ClassVar

from bgpctl.errors import NotReadyError
from bgpctl.lab import misbehaviour
from bgpctl.lab.actions.action import Action, RunningLab, run, wait_until, wait_until_gone
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.netns import kernel, processes

_LOG = "misbehaviour.log"
_ESTABLISHED_WITHIN = 30.0
_MANY = 1000


@dataclass(frozen=True, slots=True)
class _Misbehave(Action):
    """`manner` is the word of misbehaviour.py. Done when the session has been Established."""

    manner: ClassVar[str]
    node: str
    peer: str
    asn: int
    n: int = 0

    def check(self, scope: ActionScope) -> str:
        role = scope.node(self.node).role
        if role.speaks_bgp:
            return f"{self.node} is a {role}; a node that speaks no BGP itself can play a bad peer"
        return "its sessions are IPv4" if ":" in self.peer else ""

    def do(self, lab: RunningLab) -> None:
        log = lab.state.node_directory(self.node) / _LOG
        log.write_bytes(b"")
        address = _address(lab, self.node, self.peer)
        arguments = (self.manner, address, str(self.asn), str(self.n))
        with lab.inside(self.node):
            processes.start_daemon([sys.executable, "-m", misbehaviour.__name__, *arguments], log, {})
        wait_until(
            lambda: misbehaviour.ESTABLISHED in log.read_text(),
            _ESTABLISHED_WITHIN,
            f"a session of {self.node} with {self.peer} ({address}) is Established; {log} says more",
        )

    def undo(self) -> Action | None:
        return Behave(self.node)


def _address(lab: RunningLab, node: str, peer: str) -> str:
    """The peer's address in a network of the node's, or its first one. Raises NotReadyError."""
    if all(peer != each.name for each in lab.topology.nodes):
        return peer
    with lab.inside(node):
        words = run(["ip", "-4", "-o", "address", "show", "scope", "global"]).split()
    networks = [ipaddress.ip_interface(words[index + 1]).network for index, word in enumerate(words) if word == "inet"]
    theirs = [each for each in kernel.addresses(lab.namespace(peer)) if ":" not in each]
    near = [each for each in theirs if any(ipaddress.ip_address(each) in network for network in networks)]
    if not theirs:
        raise NotReadyError(f"{peer} has no IPv4 address")
    return (near or theirs)[0]


@dataclass(frozen=True, slots=True)
class Garbage(_Misbehave):
    usage: ClassVar[str] = "garbage NODE to PEER as ASN"
    summary: ClassVar[str] = "a session, then octets that are no message, again and again"
    manner: ClassVar[str] = "garbage"


@dataclass(frozen=True, slots=True)
class Flood(_Misbehave):
    usage: ClassVar[str] = "flood NODE to PEER as ASN prefixes N"
    summary: ClassVar[str] = "a session, then so many prefixes at once (/32 of 198.18.0.0/15)"
    manner: ClassVar[str] = "flood"


@dataclass(frozen=True, slots=True)
class Churn(_Misbehave):
    usage: ClassVar[str] = "churn NODE to PEER as ASN [prefixes N]"
    summary: ClassVar[str] = "a session, then updates of N prefixes (1000) without a pause"
    manner: ClassVar[str] = "churn"
    n: int = _MANY


@dataclass(frozen=True, slots=True)
class SlowReader(_Misbehave):
    usage: ClassVar[str] = "slow reader NODE to PEER as ASN"
    summary: ClassVar[str] = "a session of which it never reads what it is told"
    manner: ClassVar[str] = "slow"


@dataclass(frozen=True, slots=True)
class Silent(_Misbehave):
    usage: ClassVar[str] = "silent NODE to PEER as ASN"
    summary: ClassVar[str] = "a session on which it says nothing more: until the hold time is over"
    manner: ClassVar[str] = "silent"


@dataclass(frozen=True, slots=True)
class Behave(Action):
    usage: ClassVar[str] = "behave NODE"
    summary: ClassVar[str] = "the bad peer goes away"
    node: str

    def do(self, lab: RunningLab) -> None:
        module = misbehaviour.__name__.encode()
        pids = [pid for pid in lab.pids(self.node) if module in processes.command_line(pid)]
        for pid in pids:
            processes.send(pid, [lab.namespace(self.node)], signal.SIGKILL)
        wait_until_gone(lab, self.node, pids)
