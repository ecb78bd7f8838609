"""Objects of a datastore as they are written there, in whole: read, compared with what is wanted, changed.

A datastore is a directory of files or the API server of a cluster; `open_store` opens either, and a Store is the same
to whoever uses it. What objects mean is not known here (bgpctl/resources), nor who asks.
"""

from bgpctl.objects.kinds import KINDS, NODE_PLAN, ObjectKind, Writers, kind_of
from bgpctl.objects.object import Object, ObjectId, object_of
from bgpctl.objects.opening import open_store
from bgpctl.objects.store import Change, Found, Outcome, Prepared, PreparedChange, Query, Store, Written

__all__ = [
    "KINDS",
    "NODE_PLAN",
    "Change",
    "Found",
    "Object",
    "ObjectId",
    "ObjectKind",
    "Outcome",
    "Prepared",
    "PreparedChange",
    "Query",
    "Store",
    "Writers",
    "Written",
    "kind_of",
    "object_of",
    "open_store",
]
