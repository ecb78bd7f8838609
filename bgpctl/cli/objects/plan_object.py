"""NodePlan objects for people: how many sessions they have, and the plan itself, compressed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bgpctl.objects.object import Object

if TYPE_CHECKING:
    from bgpctl.node_plan import NodePlanSpec
    from reflector.plan import NodePlan


def spec_in(found: Object) -> NodePlanSpec:
    """Raises UnreadablePlanError."""
    from bgpctl.node_plan.spec import NodePlanSpec, UnreadablePlanError

    try:
        return msgspec.convert(_with_raw_plan(found.data.get("spec")), NodePlanSpec)
    except (msgspec.MsgspecError, TypeError) as error:
        raise UnreadablePlanError(f"it is no NodePlan: {error}") from error


def plan_in(found: Object) -> NodePlan:
    """Raises UnreadablePlanError."""
    from bgpctl.node_plan import plan_of

    return plan_of(spec_in(found))


def readable_plan(found: Object) -> dict[str, Any]:
    """What stands in the object, or is compressed in it, whatever version it has. Raises UnreadablePlanError."""
    from bgpctl.node_plan.spec import readable

    return readable(spec_in(found))


def session_count(found: Object) -> int | None:
    """None where that cannot be read."""
    from bgpctl.node_plan.spec import UnreadablePlanError

    try:
        groups = readable_plan(found).get("sessions", ())
        return sum(len(group["peers"]) for group in groups)
    except (UnreadablePlanError, KeyError, TypeError):
        return None


def _with_raw_plan(spec: Any) -> Any:
    if isinstance(spec, dict) and "plan" in spec:
        return {**spec, "plan": msgspec.Raw(msgspec.json.encode(spec["plan"]))}
    return spec
