"""The drain of a node, which outlives its speakers and its agents (reflector/drain.py has the stages).

Rule: the file first, then the speaker. A speaker that starts reads the file before its first session; one that is
already there is asked at once, or when it is ready. So no UPDATE of a drained node leaves without its mark.
"""

from __future__ import annotations

import time

import msgspec

from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.private_file import write_private
from bgpctl.errors import NotReadyError
from reflector.drain_file import DRAIN_FILE, DrainFileError, read_drain
from reflector.messages import Drain, Draining, DrainStatus, Refused, Reply, drain_status

log = get_logger("drain")


class DrainKeeper:
    """The drain state of one run directory. Raises NotReadyError for a file that cannot be understood."""

    def __init__(self, run_directory: RunDirectory, link: SpeakerLink) -> None:
        self._file = run_directory.path / DRAIN_FILE
        self._link = link
        try:
            self.state = read_drain(run_directory.path)
        except DrainFileError as error:
            raise NotReadyError(str(error)) from error

    @property
    def status(self) -> DrainStatus | None:
        return drain_status(self.state, time.time())

    async def lead(self, asked: Drain) -> Reply:
        """The answer to a client that wants the node in another stage, or asks how far it is."""
        before, self.state = self.state, self.state.led_to(asked.stage, asked.reason, time.time())
        if self.state != before:
            try:
                self._keep()
            except OSError as error:
                self.state = before
                return Refused(f"the drain cannot be written, so nothing has changed: {error.strerror}")
            log.info("drain", stage=self.state.stage.value, before=before.stage.value, reason=self.state.reason)
        try:
            return await self._lead_speaker()
        except SpeakerAwayError:
            return Draining(self.state.stage, unacknowledged=None)

    async def confirm(self) -> None:
        """Gives a speaker that has just become ready the stage: it may be drained while the node is in use. Raises
        SpeakerAwayError."""
        await self._lead_speaker()

    async def _lead_speaker(self) -> Draining | Refused:
        answer = await self._link.ask(Drain(self.state.stage, self.state.reason))
        if not isinstance(answer, Draining | Refused):
            raise SpeakerAwayError(f"the speaker answered Drain with {type(answer).__name__}")
        return answer

    def _keep(self) -> None:
        if self.state.is_draining:
            write_private(self._file, msgspec.json.encode(self.state))
        else:
            self._file.unlink(missing_ok=True)
