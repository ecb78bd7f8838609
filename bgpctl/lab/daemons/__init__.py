"""The routing daemons of a lab's nodes: how each is started and asked, one file a daemon.

`table.ask(state, node)` is what everything else needs: the same questions to any node, see answers.py. `life` starts
them, `tools` lets a person in the node talk to them.
"""

from bgpctl.lab.daemons.bgp_view import BgpRoute, BgpView, Session
from bgpctl.lab.daemons.table import view_of

__all__ = ["BgpRoute", "BgpView", "Session", "view_of"]
