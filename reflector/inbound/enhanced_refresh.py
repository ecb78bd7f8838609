"""Enhanced route refresh, seen from the end that is sent routes: what a peer leaves out between its marks is withdrawn.

    Beginning of Route Refresh   every route that the peer has sent of the family is expected anew
    a route comes or goes        it is no longer expected
    End of Route Refresh         what is still expected is withdrawn; without a beginning it means nothing

Rule: a peer may begin a second time before it has ended, and then all counts anew. While its routes are stale from a
restart the marks mean nothing: until the End-of-RIB they are its first announcement, not a refresh. A beginning costs
nothing however large the table is: what is remembered is what comes after it.
Source: RFC 7313 4. Our own half of it, between the marks to a peer that asks, is in update_group.
"""

from __future__ import annotations

from reflector.inbound.import_pipeline import ImportPipeline
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.wire.update import BEGIN_OF_REFRESH, END_OF_REFRESH


def take_mark(pipeline: ImportPipeline, rib: AdjRibIn, subtype: int) -> None:
    """A ROUTE-REFRESH of this subtype, where both ends support RFC 7313. Unknown subtypes are ignored (section 5)."""
    if rib.stale_since is not None:
        return
    if subtype == BEGIN_OF_REFRESH:
        rib.refreshed = set()
    elif subtype == END_OF_REFRESH:
        pipeline.withdraw(rib, rib.expected())
        rib.refreshed = None
