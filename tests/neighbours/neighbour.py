"""What every real neighbour can be configured to do and asked for, whichever daemon it is.

Rule: each class has its daemon's answers in one form: a `Route` holds what its own command line shows of a route that
it has received, so that one test can ask all daemons the same question. What a daemon cannot do stands in `lacks`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from segment import Segment


@dataclass(frozen=True)
class Peering:
    """One session of a daemon, as it is configured there: all of the AFI of its addresses.

    rr_client       the other end is the daemon's route reflection client (RFC 4456)
    ttl_security    the daemon accepts only what comes from one hop away (RFC 5082)
    four_octet_as   the daemon offers the capability (RFC 6793)
    add_path        the daemon offers to send all paths and to receive several (RFC 7911)
    passive         the daemon waits for the peer to connect
    """

    local: str
    peer: str
    peer_as: int
    rr_client: bool = False
    password: str = ""
    ttl_security: bool = False
    four_octet_as: bool = True
    add_path: bool = False
    passive: bool = False

    @property
    def family(self) -> int:
        return 6 if ":" in self.peer else 4

    @property
    def afi(self) -> str:
        return f"ipv{self.family}"


@dataclass(frozen=True)
class Router:
    """The configuration of a daemon. It reflects in the cluster `cluster_id`. Times are in seconds."""

    asn: int
    router_id: str
    peerings: tuple[Peering, ...]
    cluster_id: str = ""
    restart_time: int = 60
    hold_time: int = 240


@dataclass(frozen=True)
class Route:
    """A received route. Communities are sorted texts: "aa:nn" (RFC 1997), "aa:nn:mm" (RFC 8092), "rt:aa:nn" (RFC 4360).
    `local_pref` of an eBGP route is None or the daemon's own default. `stale`: the peer is away (RFC 4724)."""

    next_hop: str
    as_path: tuple[int, ...] = ()
    local_pref: int | None = None
    communities: tuple[str, ...] = ()
    originator_id: str = ""
    cluster_list: tuple[str, ...] = ()
    stale: bool = False


class Daemon(ABC):
    """A daemon on a host of the segment. Subclasses write its configuration and read its answers."""

    name: ClassVar[str]
    package: ClassVar[str]
    binary: ClassVar[str]
    # What this daemon has no option for: the name of a field of Peering or of Route, or a method below -> why.
    lacks: ClassVar[dict[str, str]] = {}
    # A reflector sets ORIGINATOR_ID and CLUSTER_LIST on what it reflects (RFC 4456 8): this one on its own routes, too;
    # and this one when a route arrives, so that its own table shows them.
    marks_its_own: ClassVar[bool] = False
    marks_on_arrival: ClassVar[bool] = False
    # Its table shows which routes it keeps for a peer that restarts.
    shows_stale: ClassVar[bool] = True

    def __init__(self, segment: Segment, host: str, router: Router) -> None:
        self.segment = segment
        self.host = host
        self.router = router
        self.directory = segment.directory / host
        self.directory.mkdir()
        self.log = self.directory / "log"
        self.announced: dict[str, tuple[str, ...]] = {}

    @classmethod
    def is_installed(cls) -> bool:
        return shutil.which(cls.binary) is not None

    def start(self) -> None:
        self.process = self.segment.start(self.host, "setsid", *self._command(), log=self.log)

    def kill(self) -> None:
        """All its processes at once, as if the power had failed: no NOTIFICATION."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """After `kill`, and with the same routes."""
        self.start()

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """No peer receives anything from this daemon, not even that it has ended."""
        peers = sorted({peering.peer for peering in self.router.peerings})
        for peer in peers:
            self.run("ip", "route", "add", "blackhole", peer)
        try:
            yield
        finally:
            for peer in peers:
                self.run("ip", "route", "del", "blackhole", peer)

    def ask(self, *command: str) -> str:
        """The output of a command in the daemon's namespace, "" while the daemon does not answer."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.segment.namespace(self.host), *command],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout if done.returncode == 0 else ""

    def run(self, *command: str) -> str:
        """The same for a command that has to work."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.segment.namespace(self.host), *command],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    # ----------------------------------------------------------------------- what each daemon answers

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def is_established(self, peering: Peering) -> bool: ...

    @abstractmethod
    def paths(self, peering: Peering) -> list[tuple[str, Route]]:
        """What it has received on this session and uses or keeps, with the prefix of each."""

    def routes(self, peering: Peering) -> dict[str, Route]:
        """The same where there is one path a prefix."""
        return dict(self.paths(peering))

    @abstractmethod
    def announce(self, prefix: str, communities: tuple[str, ...] = ()) -> None: ...

    @abstractmethod
    def withdraw(self, prefix: str) -> None: ...

    def refresh(self, peering: Peering) -> None:
        """Ask the peer for everything again (RFC 2918)."""
        pytest.fail(self.lacks["refresh"])

    def resend(self, peering: Peering) -> None:
        """Send the peer everything again, unasked."""
        pytest.fail(self.lacks["resend"])

    @abstractmethod
    def disable(self, peering: Peering) -> None: ...

    @abstractmethod
    def enable(self, peering: Peering) -> None: ...


def standard(communities: Iterable[str]) -> list[str]:
    return [text for text in communities if text.count(":") == 1]


def large(communities: Iterable[str]) -> list[str]:
    return [text for text in communities if text.count(":") == 2 and not text.startswith("rt:")]


def route_targets(communities: Iterable[str]) -> list[str]:
    """Without "rt:"."""
    return [text[3:] for text in communities if text.startswith("rt:")]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path
