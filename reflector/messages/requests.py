"""What may be asked of a speaker or an agent."""

from __future__ import annotations

from enum import StrEnum

from reflector.drain import Stage
from reflector.messages.message import Message
from reflector.plan import Family, NodePlan, Origination

# What a journal may grow to: with about 100 octets an event this is the history of a few million.
JOURNAL_LIMIT = 256 * 1024 * 1024


class Apply(Message, frozen=True):
    """Make this plan the running one. exabgp.conf has been written beside it. Reply: Applied or Refused."""

    plan: NodePlan


class Originate(Message, frozen=True):
    """From now on exactly these originations under this name, beside those of the plan and of other names; they stay
    when another plan is applied and when this connection ends, until replaced. Reply: Originated or Refused."""

    name: str
    originations: tuple[Origination, ...]


class Drain(Message, frozen=True):
    """Lead this node out of use as far as this stage, or into use again (drain.py); it stays so whatever plans come. Of
    an agent it outlives speaker and agent, of a speaker only plans. `reason` is told to peers (RFC 9003); "": the one
    of before. Reply: Draining."""

    stage: Stage
    reason: str = ""


class ShowRetained(Message, frozen=True):
    """What of the cluster's other nodes is retained, and for whom it waits. Reply: Retained."""


class Forget(Message, frozen=True):
    """Withdraw retained routes that lead nowhere any more: stale ones of sessions to nodes of the cluster, through one
    of these next hops (packed), to a prefix inside one of these networks (family, NLRI). Reply: Forgotten."""

    next_hops: tuple[bytes, ...]
    inside: tuple[tuple[Family, bytes], ...]


class ShowPeers(Message, frozen=True):
    """Sessions in the plan's order: those of `names` ((): all), from the one after the session named `after` on, at
    most `limit` (0: all). Reply: Peers, or Refused for an `after` that is not in the plan."""

    names: tuple[str, ...] = ()
    after: str = ""
    limit: int = 0


class Table(StrEnum):
    """The Loc-RIB's best routes, one peer's Adj-RIB-In (RECEIVED), or one peer's Adj-RIB-Out (TOLD)."""

    LOC_RIB = "loc-rib"
    RECEIVED = "received"
    TOLD = "told"


class ShowRoutes(Message, frozen=True):
    """Routes of a table in prefix order: those of `limit` prefixes, of an Adj-RIB-In so many routes, never of more than
    1000. Reply: Routes or Refused.

    peer        a session's name; of the Loc-RIB only the routes that this peer sent
    all_paths   of the Loc-RIB each best route is followed by the other candidates of its prefix
    inside      only prefixes inside this one
    after       the `next_after` of the page before, or a prefix: what comes behind it
    """

    family: Family = 4
    inside: str = ""
    after: str = ""
    limit: int = 1000
    all_paths: bool = False
    table: Table = Table.LOC_RIB
    peer: str = ""


class Explain(Message, frozen=True):
    """Why the route to exactly this prefix is or is not there. Reply: Explanation."""

    prefix: str


class ShowCounters(Message, frozen=True):
    """`decision` asks for Counters.lost as well, which costs a look at every contested prefix. Reply: Counters."""

    decision: bool = False


class Subscribe(Message, frozen=True):
    """Stream the Loc-RIB: LocRibUpdates with the whole table, then every change. The first one that is `in_sync` says
    that all before it is the complete Loc-RIB; a speaker that has just started says so when it has heard its peers.

    Who has been in sync and lost the connection names the `epoch` of its Subscribed and the `sequence` of its last
    update in `after`: if the speaker still has what came since, only that is sent. Reply: Subscribed."""

    epoch: str = ""
    after: int = 0


class StartJournal(Message, frozen=True):
    """Write every event from now on to RUN_DIRECTORY/journal, up to `limit` octets; one that is under way ends and
    becomes journal.old. Reply: JournalStatus or Refused."""

    limit: int = JOURNAL_LIMIT


class StopJournal(Message, frozen=True):
    """Reply: JournalStatus."""


class ShowJournal(Message, frozen=True):
    """Reply: JournalStatus."""


class ShowAgent(Message, frozen=True):
    """Asked of an agent. Reply: AgentStatus."""


class ShowNodeStatus(Message, frozen=True):
    """Asked of an agent: what a CalicoNodeStatus with these classes reports now. Reply: NodeStatusReport."""

    classes: tuple[str, ...]


Request = (
    Apply
    | Originate
    | Drain
    | ShowRetained
    | Forget
    | ShowPeers
    | ShowRoutes
    | Explain
    | ShowCounters
    | Subscribe
    | StartJournal
    | StopJournal
    | ShowJournal
    | ShowAgent
    | ShowNodeStatus
)
