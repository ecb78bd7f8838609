"""One ping of the matrix, as a value: who sends it, and to which address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ping:
    """From one node to an address of another one."""

    source: str
    target: str
    address: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}" + (f" ({self.address})" if ":" in self.address else "")
