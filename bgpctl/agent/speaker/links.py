"""The agent's connections to its speaker, one for each purpose: an answer on one never waits behind another's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bgpctl.agent.speaker.link import SpeakerLink


@dataclass(frozen=True, slots=True)
class SpeakerLinks:
    """Nothing is connected before it is used.

    commands     what changes the speaker, in order: plans, drains, and the questions whether it is ready
    loc_rib      the stream of the Loc-RIB, which goes on where it ended
    retention    what it retains, once a second
    metrics      what /metrics shows
    node_status  pages of routes for a CalicoNodeStatus
    workloads    what the kernel has of workloads, to be originated
    status       how its sessions stand, for the agent's status
    live_state   sessions and sources of routes, for the brake
    """

    commands: SpeakerLink
    loc_rib: SpeakerLink
    retention: SpeakerLink
    metrics: SpeakerLink
    node_status: SpeakerLink
    workloads: SpeakerLink
    live_state: SpeakerLink
    status: SpeakerLink

    @classmethod
    def to(cls, socket: Path) -> Self:
        return cls(*(SpeakerLink(socket) for _ in cls.__slots__))
