"""What the controller hands a node beside its plan: everything else of the cluster that the node's agent goes by.

    plan              compiled without services, with keys by reference
    services          what decides which services the node announces; the agent follows Services by itself
    own_node          what decides what the agent looks for on the machine
    status_requests   the CalicoNodeStatus resources that ask for this node
    facts             what the resources say around the node, for the brake
    transition        what became of the plans before this one, for the brake of a node that still runs one of them

Rule: two assignments ask for the same when everything but the transition is equal; only that is in the digest. A plan
stays as small as its sessions: nothing in here grows with nodes that the node has no session to.
"""

from __future__ import annotations

from bgpctl.compiler.cluster.service_routes import ServiceRules
from bgpctl.node_plan.loss_limits import DEFAULT_LIMITS, Limits
from reflector.plan import DEFAULT_AS, Family, NodePlan, Policy, Value


class StatusRequest(Value, frozen=True):
    """A CalicoNodeStatus: `period` in seconds, 0 for once."""

    name: str
    classes: tuple[str, ...]
    period: int = 0


class OwnNode(Value, frozen=True):
    """What the machine is looked at for.

    bgp_families         the families in which the Node itself has a BGP address: none is detected in their place
    internal_addresses   its InternalIPs in Kubernetes
    selects_workloads    some BGPPeer has a localWorkloadSelector: workloads of the node may peer with it
    """

    bgp_families: tuple[Family, ...] = ()
    internal_addresses: tuple[str, ...] = ()
    selects_workloads: bool = False


class Reflector(Value, frozen=True):
    node: str
    cluster_id: str


class PlanFacts(Value, frozen=True):
    """as_number    of the cluster
    reflectors   those of the plan's peers that reflect
    released     blocks of this node that it is giving back
    limits       what may be lost without a confirmation; `nodes` is the controller's to judge
    confirmed    digests that the resources confirm
    """

    as_number: int = DEFAULT_AS
    reflectors: tuple[Reflector, ...] = ()
    released: tuple[str, ...] = ()
    limits: Limits = DEFAULT_LIMITS
    confirmed: tuple[str, ...] = ()


class LostSessions(Value, frozen=True):
    """Sessions of a former plan that end or change, by name, and the object of the resources that does it."""

    kind: str
    name: str
    what: str
    sessions: tuple[str, ...]


class Transition(Value, frozen=True):
    """Of the plans that the node may still run.

    nodes        peers of theirs that are none of this plan's, and that are there
    reflectors   those of them that reflect
    busy, idle   of what defined their sessions: what still defines some in the cluster, and what defines none
    moved        prefixes that they originate or route through the tunnel, and that are another node's now
    speaking     nodes whose blocks they route through the tunnel, and that have a BGP speaker now
    policies     that their sessions ask and no session of this plan does, as they are now
    lost         what ends their sessions
    is_complete  the topology proof finds that with these resources the node and its peers have every prefix, and every
                 node has theirs; None: it was not asked, or the cluster is too large
    """

    nodes: tuple[str, ...] = ()
    reflectors: tuple[Reflector, ...] = ()
    busy: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    speaking: tuple[str, ...] = ()
    policies: tuple[Policy, ...] = ()
    lost: tuple[LostSessions, ...] = ()
    is_complete: bool | None = None


NO_OWN_NODE = OwnNode()
NO_FACTS = PlanFacts()
NO_TRANSITION = Transition()


class Assignment(Value, frozen=True):
    plan: NodePlan
    services: ServiceRules | None = None
    own_node: OwnNode = NO_OWN_NODE
    status_requests: tuple[StatusRequest, ...] = ()
    facts: PlanFacts = NO_FACTS
    transition: Transition = NO_TRANSITION
