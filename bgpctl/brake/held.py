"""What is held, as people and programs read it: one value for each loss, with its sentence and what causes it."""

from __future__ import annotations

import msgspec

from bgpctl.brake.cause import Cause
from bgpctl.brake.losses import LossKind


class HeldChange(msgspec.Struct, frozen=True):
    """kind       of the loss
    sentence   what would be lost
    causes     the objects that take it away
    sessions   that stay, by name; likewise prefixes that go on being originated, networks whose kernel rules stay,
               nodes whose tunnel endpoints stay, prefixes that are routed through the tunnel
    """

    kind: LossKind
    sentence: str
    causes: tuple[Cause, ...] = ()
    sessions: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    tunnel_routes: tuple[str, ...] = ()
