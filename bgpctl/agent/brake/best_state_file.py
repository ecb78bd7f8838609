"""RUN_DIRECTORY/best-state.json: the best state of the last ten minutes, for the next agent.

Rule: it is knowledge, not truth. A file that cannot be read is as good as none, and a full disk costs only what the
next agent would have known; then it takes the plan in force for what was so.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from bgpctl.brake import BestState, decode_best_state, encode_best_state
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.private_file import write_private

log = get_logger("brake")


class BestStateFile:
    """Made once for each agent. `is_unwritable` while the last attempt failed, so that it is logged once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_unwritable = False

    def read(self) -> BestState:
        try:
            return decode_best_state(self._path.read_bytes())
        except FileNotFoundError:
            return BestState()
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("the best state of the agent before is not readable, it is left aside", error=str(error))
            return BestState()

    def write(self, state: BestState) -> None:
        try:
            write_private(self._path, encode_best_state(state))
        except OSError as error:
            if not self._is_unwritable:
                log.warning("the best state is not kept for the next agent", reason=error.strerror)
            self._is_unwritable = True
        else:
            self._is_unwritable = False
