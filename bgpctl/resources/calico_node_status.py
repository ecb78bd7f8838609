"""CalicoNodeStatus: asks one node to report what its BGP does. The status half is written by that node."""

from __future__ import annotations

from typing import Literal

from bgpctl.resources.model import LooseValue, Resource, Value

StatusClass = Literal["Agent", "BGP", "Routes"]


class CalicoNodeStatusSpec(Value):
    """`update_period_seconds` 0 asks for one report."""

    node: str
    classes: tuple[StatusClass, ...]
    update_period_seconds: int


class ReportedStatus(LooseValue):
    """What the node wrote. Nothing here reads it back but for its time."""

    last_updated: str = ""


class CalicoNodeStatus(Resource):
    spec: CalicoNodeStatusSpec
    status: ReportedStatus = ReportedStatus()
