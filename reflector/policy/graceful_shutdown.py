"""Graceful shutdown: traffic leaves a router before it goes down, while its routes are still there (RFC 8326).

Received. A route from an external peer that has the community GRACEFUL_SHUTDOWN gets LOCAL_PREF 0, so that it is used
only if there is no other (4.1). This comes after the import policies: none of them restores a route by the
LOCAL_PREF that it sets for other reasons, but a policy may match the community, add it to drain a neighbour from here,
or remove it and so not honour it. Inside the AS the LOCAL_PREF is enough, and nothing is done.

Advertised, while this node drains (4.2). Every route whose traffic comes to this node, or enters or leaves the AS here,
is readvertised with the community, and inside the AS with LOCAL_PREF 0:

    to         route                                             marked
    eBGP       any: it goes away with the session                community
    iBGP       of this node, or learned from an external peer    community and LOCAL_PREF 0
    iBGP       reflected with this node as its next hop          community and LOCAL_PREF 0
    iBGP       reflected with its next hop kept                  no

The last line is the rule of a reflector: traffic does not pass through it, the copies of another reflector are the
same, and a changed LOCAL_PREF would only make clients choose among their own routes differently. It comes after the
export policies. No session is reset, and the routes are readvertised unmarked when the drain ends. A node that goes
on to withdraw (drain) withdraws what it has marked, and goes on advertising the rest.
"""

from __future__ import annotations

from reflector.policy.reflection import Handling
from reflector.session.relation import Relation
from reflector.wire.attributes import GRACEFUL_SHUTDOWN, PathAttributes

LAST_RESORT = 0
RULE_RECEIVED = "GRACEFUL_SHUTDOWN: LOCAL_PREF 0 (RFC 8326)"
RULE_DRAINING = "this node drains: GRACEFUL_SHUTDOWN (RFC 8326)"


def is_honoured(learned_from: Relation, attributes: PathAttributes) -> bool:
    """The route, as the import policies left it, is to be used only if there is no other."""
    return learned_from is Relation.EBGP and GRACEFUL_SHUTDOWN in attributes.communities


def is_marked(how: Handling, next_hop: bytes, own: bytes) -> bool:
    """A draining node marks what is advertised with this next hop, where its own would be `own`."""
    return how is not Handling.REFLECT or next_hop == own


def marked(attributes: PathAttributes) -> PathAttributes:
    """The route as a draining node advertises it; LOCAL_PREF goes no further than the AS."""
    communities = attributes.communities
    if GRACEFUL_SHUTDOWN not in communities:
        communities = (*communities, GRACEFUL_SHUTDOWN)
    return attributes.replace(communities=communities, local_pref=LAST_RESORT)
