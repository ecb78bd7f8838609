"""What may be asked of a speaker or an agent."""

from __future__ import annotations

from enum import StrEnum

from reflector.drain import Stage
from reflector.messages.message import Message
from reflector.plan import Family, NodePlan, Origination

# What a journal may grow to: with about 100 octets an event this is the history of a few million.
JOURNAL_LIMIT = 256 * 1024 * 1024


class Apply(Message, frozen=True):
    """Run this plan from now on. exabgp.conf in the run directory belongs to it. Reply: Applied or Refused.

    plan   the whole plan; only what differs from the present one changes
    """

    plan: NodePlan


class Originate(Message, frozen=True):
    """Replace the set of originations of this name; those of the plan and of other names stay. The set outlives this
    connection and the next plan. Reply: Originated or Refused.

    name           of the set
    originations   all of the set; an empty one is removed
    """

    name: str
    originations: tuple[Origination, ...]


class Drain(Message, frozen=True):
    """Drain this node as far as this stage, or put it back in use. Plans do not change that. A drain asked of an agent
    outlives speaker and agent, one asked of a speaker ends with it. Reply: Draining.

    stage    a drain stays where it is when it is asked for an earlier stage, except for `in use`
    reason   for peers, in the NOTIFICATION that ends their session (RFC 9003); "": the reason given before
    """

    stage: Stage
    reason: str = ""


class ShowRetained(Message, frozen=True):
    """Which sessions to other nodes of the cluster are awaited, and what is retained of them. Reply: Retained."""


class WithdrawRetained(Message, frozen=True):
    """Withdraw retained routes that lead to a node that has left the cluster. Reply: RetainedWithdrawn.

    next_hops   whose stale routes go, 4 or 16 octets each
    inside      only to prefixes inside one of these: family and NLRI in octets
    """

    next_hops: tuple[bytes, ...]
    inside: tuple[tuple[Family, bytes], ...]


class ShowPeers(Message, frozen=True):
    """Sessions in the plan's order. Reply: Peers, or Refused for an `after` that is not in the plan.

    names   only these sessions; []: all
    after   begin behind the session of this name; "": at the first
    limit   at most so many; 0: all
    """

    names: tuple[str, ...] = ()
    after: str = ""
    limit: int = 0


class ShowSessions(Message, frozen=True):
    """How the sessions stand. Unlike ShowPeers it looks at no route. Reply: Sessions.

    limit   describe at most so many of those that are down
    """

    limit: int = 100


class Table(StrEnum):
    """The Loc-RIB's best routes, one peer's Adj-RIB-In (`received`), or one peer's Adj-RIB-Out (`advertised`)."""

    LOC_RIB = "loc-rib"
    RECEIVED = "received"
    ADVERTISED = "advertised"


class ShowRoutes(Message, frozen=True):
    """One page of a table, in prefix order. Reply: Routes or Refused.

    family      4: IPv4 unicast, 6: IPv6 unicast
    inside      only prefixes inside this one; "": all
    after       the `next_after` of the page before, or a prefix: begin behind it
    limit       at most so many prefixes, of an Adj-RIB-In so many routes; never more than 1000
    all_paths   of the Loc-RIB: each best route is followed by the other candidates of its prefix
    table       the Loc-RIB's best routes, one peer's Adj-RIB-In (`received`) or one peer's Adj-RIB-Out (`advertised`)
    peer        the session whose Adj-RIB-In or Adj-RIB-Out it is; of the Loc-RIB: only routes that this peer sent
    """

    family: Family = 4
    inside: str = ""
    after: str = ""
    limit: int = 1000
    all_paths: bool = False
    table: Table = Table.LOC_RIB
    peer: str = ""


class Explain(Message, frozen=True):
    """Why the speaker uses a route or not, and what each peer is advertised of it. Reply: Explanation or Refused.

    prefix   exactly this one, not routes inside or around it
    """

    prefix: str


class ShowSources(Message, frozen=True):
    """Which sessions the learned routes come from, as counts. Reply: Sources."""


class ShowCounters(Message, frozen=True):
    """Totals. Reply: Counters.

    decision   also Counters.lost, which costs a look at each prefix with several candidates
    """

    decision: bool = False


class Subscribe(Message, frozen=True):
    """Stream the Loc-RIB: LocRibUpdates with the whole table, then with every change. The first update that is
    `in_sync` completes the table; a speaker that has just started sends it once its peers have sent all their routes.
    Reply: Subscribed.

    epoch   of the Subscribed before, to resume that stream; "": from the beginning
    after   the `sequence` of the last update received; if the speaker still has all later ones, only those are sent
    """

    epoch: str = ""
    after: int = 0


class StartJournal(Message, frozen=True):
    """Write every event from now on to RUN_DIRECTORY/journal. A journal that is being written ends and becomes
    journal.old. Reply: JournalStatus or Refused.

    limit   in octets; the journal ends there
    """

    limit: int = JOURNAL_LIMIT


class StopJournal(Message, frozen=True):
    """End the journal. Reply: JournalStatus."""


class ShowJournal(Message, frozen=True):
    """Whether a journal is being written. Reply: JournalStatus."""


class ShowAgent(Message, frozen=True):
    """Of an agent: its plan, its speaker and its FIB. Reply: AgentStatus."""


class ShowKernel(Message, frozen=True):
    """Of an agent: what the kernel does with the prefix, ours and foreign routes. Reply: KernelAnswer or Refused.

    prefix   or an address
    """

    prefix: str


class Confirm(Message, frozen=True):
    """Of an agent: put the held change in place. Reply: Confirmed, or Refused when nothing is held under this digest.

    digest   of exactly what is held
    """

    digest: str


class ShowNodeStatus(Message, frozen=True):
    """Of an agent: what a CalicoNodeStatus reports now. Reply: NodeStatusReport.

    classes   of the CalicoNodeStatus: `Agent`, `BGP`, `Routes`
    """

    classes: tuple[str, ...]


Request = (
    Apply
    | Originate
    | Drain
    | ShowRetained
    | WithdrawRetained
    | ShowPeers
    | ShowSessions
    | ShowRoutes
    | Explain
    | ShowSources
    | ShowCounters
    | Subscribe
    | StartJournal
    | StopJournal
    | ShowJournal
    | ShowAgent
    | ShowKernel
    | Confirm
    | ShowNodeStatus
)
