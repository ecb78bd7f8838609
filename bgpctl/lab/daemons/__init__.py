"""The routing daemons of a lab's nodes: how each is started and asked, one file a daemon.

`table.ask(state, node)` is what everything else needs: the same questions to any node, see answers.py. `life` starts
them, `tools` lets a person in the node talk to them.
"""

from bgpctl.lab.daemons.answers import Answers, BgpRoute, Session
from bgpctl.lab.daemons.table import ask

__all__ = ["Answers", "BgpRoute", "Session", "ask"]
