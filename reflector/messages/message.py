"""What every message on a control socket is built of: fields are strict, and the type is in the message."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """The base of everything that travels on a control socket."""
