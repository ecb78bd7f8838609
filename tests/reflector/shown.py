"""What the control socket would answer about an engine, whole and at once."""

from __future__ import annotations

from reflector.engine import Engine
from reflector.messages import Explanation, Peers, Routes, ShowPeers, ShowRoutes
from reflector.session.set_up import SetUp
from reflector.show import explain as explanations
from reflector.show.incremental import complete_now
from reflector.show.key_order import KeyOrders
from reflector.show.route_pages import route_page
from reflector.show.snapshot import ALL_PEERS, peer_page


def explain(engine: Engine, prefix: str) -> Explanation:
    return complete_now(explanations.explain(engine, prefix))


def shown_routes(engine: Engine, request: ShowRoutes) -> Routes:
    return complete_now(route_page(engine, request, KeyOrders()))


def shown_peers(engine: Engine, states: dict[str, str], now: float, request: ShowPeers = ALL_PEERS) -> Peers:
    set_ups = {name: SetUp(state) for name, state in states.items()}
    return complete_now(peer_page(engine, set_ups, now, request))
