"""The routing daemons of a lab's nodes: how each is started and asked, one file a daemon.

`ask(state, node)` is what everything else needs: the same questions to any node, see answers.py.
"""

from bgpctl.lab.daemons.answers import Answers, BgpRoute, Session

__all__ = ["Answers", "BgpRoute", "Session"]
