"""Actions of peers that misbehave: a node without a BGP program becomes one (bgpctl/lab/misbehaviour/), until
`behave`."""

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
    """`behaviour` is the word of bgpctl/lab/misbehaviour. Done when the session has been Established."""

    behaviour: ClassVar[str]
    node: str
    peer: str
    asn: int
    n: int = 0

    def check(self, scope: ActionScope) -> str:
        role = scope.node(self.node).role
        if role.speaks_bgp:
            return f"{self.node} is a {role}; only a node that runs no BGP program can misbehave as a peer"
        return "a misbehaving peer has IPv4 sessions only" if ":" in self.peer else ""

    def do(self, lab: RunningLab) -> None:
        log = lab.state.node_directory(self.node) / _LOG
        log.write_bytes(b"")
        address = _address(lab, self.node, self.peer)
        arguments = (self.behaviour, address, str(self.asn), str(self.n))
        with lab.inside(self.node):
            processes.start_daemon([sys.executable, "-m", misbehaviour.__name__, *arguments], log, {})
        wait_until(
            lambda: misbehaviour.ESTABLISHED in log.read_text(),
            _ESTABLISHED_WITHIN,
            f"a session of {self.node} with {self.peer} ({address}) is Established; {log} has its messages",
        )

    def undo(self) -> Action | None:
        return Behave(self.node)


def _address(lab: RunningLab, node: str, peer: str) -> str:
    """The peer's address in a network of the node, otherwise the peer's first one. Raises NotReadyError."""
    if all(peer != each.name for each in lab.topology.nodes):
        return peer
    with lab.inside(node):
        words = run(["ip", "-4", "-o", "address", "show", "scope", "global"]).split()
    networks = [ipaddress.ip_interface(words[index + 1]).network for index, word in enumerate(words) if word == "inet"]
    of_the_peer = [each for each in kernel.addresses(lab.namespace(peer)) if ":" not in each]
    near = [each for each in of_the_peer if any(ipaddress.ip_address(each) in network for network in networks)]
    if not of_the_peer:
        raise NotReadyError(f"{peer} has no IPv4 address")
    return (near or of_the_peer)[0]


@dataclass(frozen=True, slots=True)
class Garbage(_Misbehave):
    usage: ClassVar[str] = "garbage NODE to PEER as ASN"
    summary: ClassVar[str] = "a session, then octets that are no BGP message, each time anew"
    behaviour: ClassVar[str] = "garbage"


@dataclass(frozen=True, slots=True)
class Flood(_Misbehave):
    usage: ClassVar[str] = "flood NODE to PEER as ASN prefixes N"
    summary: ClassVar[str] = "a session, then N prefixes at once (/32 of 198.18.0.0/15)"
    behaviour: ClassVar[str] = "flood"


@dataclass(frozen=True, slots=True)
class Churn(_Misbehave):
    usage: ClassVar[str] = "churn NODE to PEER as ASN [prefixes N]"
    summary: ClassVar[str] = "a session, then UPDATE messages for N prefixes (1000) without a pause"
    behaviour: ClassVar[str] = "churn"
    n: int = _MANY


@dataclass(frozen=True, slots=True)
class SlowReader(_Misbehave):
    usage: ClassVar[str] = "slow reader NODE to PEER as ASN"
    summary: ClassVar[str] = "a session from which the node never reads"
    behaviour: ClassVar[str] = "slow"


@dataclass(frozen=True, slots=True)
class Silent(_Misbehave):
    usage: ClassVar[str] = "silent NODE to PEER as ASN"
    summary: ClassVar[str] = "a session on which the node sends nothing, until the hold time expires"
    behaviour: ClassVar[str] = "silent"


@dataclass(frozen=True, slots=True)
class Behave(Action):
    usage: ClassVar[str] = "behave NODE"
    summary: ClassVar[str] = "the misbehaving peer ends"
    node: str

    def do(self, lab: RunningLab) -> None:
        module = misbehaviour.__name__.encode()
        pids = [pid for pid in lab.pids(self.node) if module in processes.command_line(pid)]
        for pid in pids:
            processes.send(pid, [lab.namespace(self.node)], signal.SIGKILL)
        wait_until_gone(lab, self.node, pids)
