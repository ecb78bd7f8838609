"""A picture as data: all routers and sessions of the design, whatever is drawn together."""

from __future__ import annotations

from bgpctl.topology.design import Design, Router, Session
from bgpctl.topology.picture import Picture
from bgpctl.topology.states import States


def picture_data(picture: Picture) -> dict[str, object]:
    """Routers, sessions of BGPPeers, and the members of the mesh. What is not known of how they are is null."""
    design, states = picture.design, picture.states
    return {
        "routers": [_router(router, states) for router in design.routers.values()],
        "sessions": [_session(session, design, states) for session in design.sessions],
        "mesh": {
            "members": sorted(design.mesh),
            "sessions": design.mesh_sessions,
            "down": states.down_in_mesh(design) if states.is_live else None,
        },
        "notes": list(design.notes),
    }


def _router(router: Router, states: States) -> dict[str, object]:
    is_known = router.name in states.asked
    return {
        "name": router.name,
        "role": router.role.value,
        "as": router.as_number,
        "zone": router.zone,
        "rack": router.rack,
        "cluster_id": router.cluster_id,
        "addresses": list(router.addresses),
        "single_point_of_failure": router.is_single_point,
        "held": router.name in states.held if is_known else None,
        "draining": router.name in states.draining if is_known else None,
    }


def _session(session: Session, design: Design, states: States) -> dict[str, object]:
    is_known = session.one in states.asked or session.other in states.asked
    reason = states.down_between(design, session.one, session.other) if is_known else ""
    return {
        "between": [session.one, session.other],
        "obstacle": session.obstacle,
        "down": bool(reason) if is_known else None,
        "reason": reason,
    }
