"""Where the pages of a process are served: an address, as operators write it, and a port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class MetricsAddress:
    """Where /metrics, /livez and /readyz are served. Port 0 lets the kernel choose one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads "127.0.0.1:9179", "[::1]:9179" or ":9179" (all addresses). Raises ValueError."""
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > HIGHEST_PORT:
            raise ValueError(f"{text!r} is not ADDRESS:PORT, for example 127.0.0.1:9179")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
