"""Where the limits come from, and when one is exceeded.

They are settings of the BGPConfiguration `default`, or of `node.<name>` for one node, and they come from the resources
that ask for the change: whoever means it may say so there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgpctl.node_plan.loss_limits import DEFAULT_LIMITS, DEFAULT_SHARE, Limits

if TYPE_CHECKING:
    from bgpctl.resources.annotations.settings import LossLimit, Settings

__all__ = ["DEFAULT_LIMITS", "DEFAULT_SHARE", "Limits", "exceeds", "limits_of"]

# One session of two is one of a pair: a loss of sessions begins with the second.
FEWEST_SESSIONS = 2
FEWEST_NODES = 2
# One block of one node comes and goes with its workloads.
FEWEST_TUNNEL_ROUTES = 2
# Seconds for which the best state counts, and after which a session that is down is no loss.
WINDOW = 600.0
# Seconds for which a session that is to change at both of its ends, two nodes, is held while it is down: the other end
# has changed it already, and it comes up when this one does.
OTHER_END_FOLLOWS = 60.0


def limits_of(settings: Settings) -> Limits:
    """The limits that are set; the defaults for the others."""
    return Limits(
        sessions=_share(settings.lost_sessions_limit),
        last_session=settings.last_session_held is not False,
        routes=_share(settings.lost_routes_limit),
        originations=_share(settings.lost_originations_limit),
        nodes=_share(settings.lost_nodes_limit),
    )


def exceeds(share: int | None, lost: int, of: int) -> bool:
    """Whether so many of so many are more than the share allows."""
    return share is not None and lost * 100 > share * of


def _share(limit: LossLimit | None) -> int | None:
    return DEFAULT_SHARE if limit is None else limit.percent
