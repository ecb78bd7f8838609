"""Speakers, real BGP daemons and hand-written peers in network namespaces on one bridge."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from reflector.control.client import ControlClient, ControlError
from reflector.messages import (
    Applied,
    Apply,
    Counters,
    PeerStatus,
    RouteStatus,
    ShowCounters,
    ShowPeers,
    ShowRoutes,
)
from reflector.plan import Listen, NodePlan, SessionKind, SessionPlan, Verdict, encode_plan

LOCAL_AS = 64512
CLONE_NEWNET = 0x40000000
LISTEN = (Listen("0.0.0.0"),)  # noqa: S104  inside a namespace of the test
T = TypeVar("T")


def eventually(ask: Callable[[], T | None], what: str, within: float = 15.0) -> T:
    """The first answer that is true; fails the test when `within` seconds are over."""
    deadline = time.monotonic() + within
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within} s: {what}")
        time.sleep(0.02)


def session(peer: str, local: str, **changes: object) -> SessionPlan:
    """An iBGP session between two IPv4 addresses that imports and exports everything."""
    fields: dict[str, object] = {
        "name": f"to-{peer}",
        "kind": SessionKind.NODE,
        "peer_address": peer,
        "peer_as": LOCAL_AS,
        "local_as": LOCAL_AS,
        "families": (4,),
        "local_address": local,
        "export_default": Verdict.ACCEPT,
        "hold_time": 90,
        "add_path": False,
        "restart_time": 0,
    }
    return SessionPlan(**(fields | changes))  # type: ignore[arg-type]


def conf_of(plan: NodePlan) -> str:
    """A minimal exabgp.conf for these tests; the compiler has tests of its own."""
    blocks = []
    for one in plan.sessions:
        password = f'md5-password "{one.password.secret}"; ' if one.password else ""
        passive = "passive; " if one.passive else ""
        restart = f"graceful-restart {one.restart_time}; " if one.restart_time else ""
        family = "ipv4 unicast" if one.families == (4,) else "ipv6 unicast"
        blocks.append(
            f"neighbor {one.peer_address} {{ router-id {plan.router_id}; local-address {one.local_address}; "
            f"local-as {one.local_as}; peer-as {one.peer_as}; hold-time {one.hold_time}; connect {one.peer_port}; "
            f"{passive}{password}manual-eor true; adj-rib-in false; adj-rib-out false; "
            f"family {{ {family}; }} capability {{ asn4 enable; route-refresh enable; {restart}}} }}\n"
        )
    return "".join(blocks)


class Segment:
    """One bridge with a namespace for every host on it."""

    def __init__(self, directory: Path) -> None:
        self._tag = uuid.uuid4().hex[:6]
        self.directory = directory
        self._hosts: list[str] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ip("netns", "add", self.namespace("switch"))
        self._ip("-n", self.namespace("switch"), "link", "add", "br0", "type", "bridge")
        self._ip("-n", self.namespace("switch"), "link", "set", "br0", "up")

    def namespace(self, host: str) -> str:
        return f"session-{self._tag}-{host}"

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    def host(self, name: str, *addresses: str) -> None:
        namespace, port = self.namespace(name), f"port{len(self._hosts)}"
        self._ip("netns", "add", namespace)
        self._hosts.append(name)
        switch = self.namespace("switch")
        self._ip("link", "add", "eth0", "netns", namespace, "type", "veth", "peer", "name", port, "netns", switch)
        self._ip("-n", switch, "link", "set", port, "master", "br0", "up")
        for address in addresses:
            extra = ("nodad",) if ":" in address else ()
            self._ip("-n", namespace, "addr", "add", address, "dev", "eth0", *extra)
        for device in ("lo", "eth0"):
            self._ip("-n", namespace, "link", "set", device, "up")

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """This thread's sockets are made in the host's namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespace(host)}", os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            yield
        finally:
            assert libc.setns(home, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            os.close(home)
            os.close(there)

    def start(self, host: str, *command: str, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace(host), *command], stdout=out, stderr=subprocess.STDOUT
            )
        self._processes.append(process)
        return process

    def speaker(self, host: str, plan: NodePlan, conf: str | None = None) -> Speaker:
        return Speaker(self, host, plan, conf)

    def bird(self, host: str, conf: str) -> Bird:
        return Bird(self, host, conf)

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        for host in [*self._hosts, "switch"]:
            self._ip("netns", "del", self.namespace(host))


class Speaker:
    """`python -m reflector` on a host of the segment, and its control socket."""

    def __init__(self, segment: Segment, host: str, plan: NodePlan, conf: str | None = None) -> None:
        self._segment = segment
        self._host = host
        self.directory = segment.directory / host
        self.directory.mkdir(mode=0o700)
        self.log = self.directory / "log"
        self.write(plan, conf)
        self.restart()

    def restart(self) -> None:
        """Starts it, again if it has ended, with the plan that was written last."""
        command = (sys.executable, "-m", "reflector", str(self.directory))
        self.process = self._segment.start(self._host, *command, log=self.log)

    def write(self, plan: NodePlan, conf: str | None = None) -> None:
        (self.directory / "plan.json").write_bytes(encode_plan(plan))
        (self.directory / "exabgp.conf").write_text(conf_of(plan) if conf is None else conf)

    def apply(self, plan: NodePlan, conf: str | None = None) -> Applied:
        self.write(plan, conf)
        with ControlClient(self.directory / "speaker.sock") as client:
            return client.ask(Apply(plan))

    def peers(self) -> dict[str, PeerStatus]:
        with ControlClient(self.directory / "speaker.sock") as client:
            return {peer.name: peer for peer in client.ask(ShowPeers()).peers}

    def routes(self) -> dict[str, RouteStatus]:
        with ControlClient(self.directory / "speaker.sock") as client:
            return {route.prefix: route for route in client.ask(ShowRoutes()).routes}

    def counters(self) -> Counters:
        with ControlClient(self.directory / "speaker.sock") as client:
            return client.ask(ShowCounters())

    def established(self, count: int = 1) -> bool:
        try:
            return sum(peer.state == "Established" for peer in self.peers().values()) >= count
        except ControlError:
            return False

    def wait_listening(self) -> None:
        """It answers only inside its event loop, which begins when it listens."""
        eventually(self._answers, f"the speaker answers; log:\n{self.log.read_text()}")

    def _answers(self) -> bool:
        try:
            return self.counters().uptime >= 0
        except ControlError:
            return False

    def wait_established(self, count: int = 1) -> None:
        eventually(lambda: self.established(count), f"{count} sessions Established; log:\n{self.log.read_text()}")


class Bird:
    """BIRD 2 on a host of the segment."""

    def __init__(self, segment: Segment, host: str, conf: str) -> None:
        if shutil.which("bird") is None:
            pytest.skip("BIRD is not installed (Debian package bird2)")
        self.directory = segment.directory / host
        self.directory.mkdir()
        (self.directory / "bird.conf").write_text(conf)
        self._socket = self.directory / "bird.ctl"
        self.process = segment.start(
            host, "bird", "-f", "-c", str(self.directory / "bird.conf"), "-s", str(self._socket),
            log=self.directory / "log",
        )  # fmt: skip

    def ask(self, *words: str) -> str:
        done = subprocess.run(["birdc", "-s", str(self._socket), *words], capture_output=True, text=True, check=False)
        return done.stdout

    def is_established(self, protocol: str) -> bool:
        return "Established" in self.ask("show", "protocols", protocol)

    def prefixes(self) -> set[str]:
        return set(re.findall(r"^(\S+/\d+)\s", self.ask("show", "route"), re.MULTILINE))


# A multiprotocol capability (RFC 4760 8).
IPV4_UNICAST = bytes((1, 4, 0, 1, 0, 1))


class RawPeer:
    """A peer written by hand: it sends exactly what a test makes it send."""

    MARKER = b"\xff" * 16

    def __init__(self, segment: Segment, host: str, local: str, remote: str, timeout: float = 10) -> None:
        with segment.inside(host):
            self.socket = socket.create_connection((remote, 179), timeout=timeout, source_address=(local, 0))

    def send(self, kind: int, body: bytes = b"") -> None:
        self.socket.sendall(self.MARKER + (19 + len(body)).to_bytes(2, "big") + bytes((kind,)) + body)

    def open(
        self, router_id: str, hold_time: int = 90, capabilities: bytes = IPV4_UNICAST, asn: int = LOCAL_AS
    ) -> None:
        """Exchange OPENs and KEEPALIVEs until Established. `capabilities` are octets of RFC 5492 4."""
        numbers = b"\x04" + asn.to_bytes(2, "big") + hold_time.to_bytes(2, "big") + socket.inet_aton(router_id)
        parameter = bytes((2, len(capabilities))) + capabilities
        self.send(1, numbers + bytes((len(parameter),)) + parameter)
        kind, answer = self.receive()
        assert kind == 1, f"message of type {kind}: {answer!r}"
        self.send(4)
        assert self.receive()[0] == 4

    def receive(self) -> tuple[int, bytes]:
        """The next message: type and body. (0, b"") when the other end has closed."""
        header = self._exactly(19)
        if not header:
            return 0, b""
        return header[18], self._exactly(int.from_bytes(header[16:18], "big") - 19)

    def receive_until(self, kind: int) -> bytes:
        """The body of the next message of this type; fails the test if the connection ends before."""
        while True:
            received, body = self.receive()
            if received == kind:
                return body
            assert received != 0, f"closed before a message of type {kind}"

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                return b""
            data += part
        return data
