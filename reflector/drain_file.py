"""RUN_DIRECTORY/drain.json: the drain state of a node, kept by its agent and read by each speaker before it listens.

/run is a tmpfs: after a boot of the machine the node is in use.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from reflector.drain import IN_USE, DrainState

DRAIN_FILE = "drain.json"


class DrainFileError(ValueError):
    """The file exists and this version cannot read it. One sentence."""


def read_drain(run_directory: Path) -> DrainState:
    """What an agent has left there; `since` counts from the epoch. Raises DrainFileError, OSError."""
    path = run_directory / DRAIN_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=DrainState)
    except FileNotFoundError:
        return IN_USE
    except msgspec.MsgspecError as error:
        raise DrainFileError(f"{path} is not readable; remove it if this node is in use: {error}") from error
