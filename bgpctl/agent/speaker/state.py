"""What a speaker is doing, as its agent sees it: the words of the status."""

from __future__ import annotations

from enum import StrEnum


class SpeakerState(StrEnum):
    WAITING = "waiting for a plan"
    STARTING = "starting"
    RUNNING = "running"
    SILENT = "not answering"
    BACKING_OFF = "backing off"
    STOPPED = "stopped"
