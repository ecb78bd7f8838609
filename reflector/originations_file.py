"""RUN_DIRECTORY/originations.json: named sets of originations that are not in the plan, kept for the next speaker.

The agent writes a set there before it gives it to the speaker. A speaker that starts reads the file before its first
session, so that its End-of-RIB does not withdraw from the peers what they have retained. No file: no sets. What cannot
be read is left aside, for the agent gives every speaker its sets.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from reflector.plan import Origination

ORIGINATIONS_FILE = "originations.json"


class OriginationsFileError(ValueError):
    """The file exists and this version cannot read it. One sentence."""


def encode_originations(sets: dict[str, tuple[Origination, ...]]) -> bytes:
    return msgspec.json.encode(sets)


def read_originations(run_directory: Path) -> dict[str, tuple[Origination, ...]]:
    """By name. Raises OriginationsFileError."""
    path = run_directory / ORIGINATIONS_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, tuple[Origination, ...]])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OriginationsFileError(f"{path.absolute()} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise OriginationsFileError(f"{path.absolute()} is not readable: {error}") from error
