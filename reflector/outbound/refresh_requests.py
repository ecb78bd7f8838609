"""Route refreshes that peers ask for: one answer at a time for each peer and family.

Rule: a ROUTE-REFRESH has 23 octets and its answer the whole table, so requests are bounded, not only answered:

    asked while another request waits    they are one
    the answer before is not yet sent    it waits until the socket has been handed that
    a large table                        the next answer waits as long as ROUTES_A_SECOND allow; small ones do not wait
    many peers ask at once               a turn answers until it has packed ROUTES_A_TURN, the next one goes on

Source: RFC 2918 4, RFC 7313 4 (a second request while one is answered needs no answer of its own).
"""

from __future__ import annotations

from reflector.outbound.adj_rib_out import AdjRibOut, Receiver
from reflector.plan import Family

ROUTES_A_SECOND = 50_000
ROUTES_A_TURN = 50_000
# Tables that are smaller cost less than a turn.
_SMALL = 1000


class RefreshRequests:
    """`waiting` are the peers that have asked, in the order in which they did."""

    def __init__(self, adj_rib_out: AdjRibOut) -> None:
        self._adj_rib_out = adj_rib_out
        self.waiting: dict[tuple[str, Family], Receiver] = {}
        self._not_before: dict[tuple[str, Family], float] = {}

    def ask(self, peer: Receiver, family: Family) -> None:
        """The peer wants to be sent every route of the family."""
        self.waiting[peer.name, family] = peer

    def answer(self, now: float) -> bool:
        """Send what may be sent in this turn, with the ribs settled. True if some is left for the next one."""
        routes = 0
        for (name, family), peer in list(self.waiting.items()):
            if peer.group is None or family not in peer.group.view.key.families:
                del self.waiting[name, family]
            elif family not in peer.outbox.refreshing and now >= self._not_before.get((name, family), now):
                if routes >= ROUTES_A_TURN:
                    return True
                del self.waiting[name, family]
                routes += self._answer(peer, family, now)
        return False

    def _answer(self, peer: Receiver, family: Family, now: float) -> int:
        """Returns how many routes that were."""
        self._adj_rib_out.refresh(peer, family)
        sent = 0 if peer.group is None else peer.group.encoder.advertised[family]
        if sent < _SMALL:
            self._not_before.pop((peer.name, family), None)
        else:
            self._not_before[peer.name, family] = now + sent / ROUTES_A_SECOND
        return sent
