"""etcd with one member. It listens on Unix sockets in its directory: no port is taken, and no other user reaches it.

It is asked in JSON (the gateway of its gRPC API), in which keys and values are base64.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
from pathlib import Path
from typing import Any

from labs.bench.kubernetes.children import Child, Children
from labs.bench.kubernetes.waiting import eventually

# Outside of the API server's /registry.
_KEY = base64.b64encode(b"/tests/compaction").decode()
# What is advertised has to have a port. Nothing listens there, and one member connects to no other.
_NOWHERE = "http://localhost:1"
# SS_CONNECTED of linux/net.h, as /proc/net/unix has it.
_CONNECTED = "03"


class Etcd:
    def __init__(self, children: Children, program: Path, directory: Path) -> None:
        self._socket = directory / "etcd.sock"
        self.process = Child(children, [program, *self._options(directory)], directory / "etcd.log")

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def _options(self, directory: Path) -> list[str]:
        options = {
            "name": "member",
            "data-dir": directory / "etcd",
            "listen-client-urls": self.url,
            "listen-peer-urls": f"unix://{directory / 'etcd-peers.sock'}",
            "advertise-client-urls": _NOWHERE,
            "initial-advertise-peer-urls": _NOWHERE,
            "initial-cluster": f"member={_NOWHERE}",
            # Killed is not powered off: the kernel still has what was written.
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        }
        return [f"--{name}={value}" for name, value in options.items()]

    def start(self) -> None:
        """Until it is healthy."""
        self.process.start()
        eventually(self._is_healthy, "etcd is healthy", within=60)

    def _is_healthy(self) -> bool:
        self.process.must_run()
        try:
            return bool(self._ask("GET", "/health")["health"] == "true")
        except (OSError, http.client.HTTPException):
            return False

    def compact(self) -> int:
        """Forgets every revision before this one, which is newer than any that a client has seen."""
        answer = self._ask("POST", "/v3/kv/put", {"key": _KEY, "value": ""})
        revision = answer["header"]["revision"]
        self._ask("POST", "/v3/kv/compaction", {"revision": revision, "physical": True})
        return int(revision)

    def connections(self) -> int:
        """How many clients are connected, asked in the network namespace in which it was started (proc_pid_net(5))."""
        lines = (line.split() for line in Path("/proc/thread-self/net/unix").read_text().splitlines())
        return sum(fields[5] == _CONNECTED and fields[-1] == str(self._socket) for fields in lines)

    def _ask(self, method: str, path: str, question: dict[str, object] | None = None) -> dict[str, Any]:
        connection = _Connection(self._socket)
        try:
            connection.request(method, path, None if question is None else json.dumps(question))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise http.client.HTTPException(f"etcd: {path}: {answer.status} {text}")
        found: dict[str, Any] = json.loads(text)
        return found


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("etcd", timeout=10)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
