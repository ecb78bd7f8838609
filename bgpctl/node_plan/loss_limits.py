"""What a new plan may take from a node without being confirmed: the limits, as one frozen value.

Rule: each limit is a share in percent of the best state of the last ten minutes, and what goes beyond it is held; None
is a limit that is switched off.
"""

from __future__ import annotations

from reflector.plan import Value

# Half of what there is.
DEFAULT_SHARE = 50


class Limits(Value, frozen=True):
    """sessions       of the Established sessions to nodes and reflectors of the cluster
    last_session      the last session to a reflector or the mesh, to clients, or of any kind, of a family, may not end
    routes            of the routes of a family that the node has learned, of the kernel routes that are installed, and
                      of the tunnel routes to blocks of nodes without a BGP speaker
    originations      of the node's own originations
    nodes             of the Nodes of the cluster
    """

    sessions: int | None = DEFAULT_SHARE
    last_session: bool = True
    routes: int | None = DEFAULT_SHARE
    originations: int | None = DEFAULT_SHARE
    nodes: int | None = DEFAULT_SHARE


DEFAULT_LIMITS = Limits()
