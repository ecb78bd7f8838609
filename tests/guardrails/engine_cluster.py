"""A cluster of real engines in memory, each running its own plan, joined wherever two plans ask for each other."""

from __future__ import annotations

from bgpctl.compiler import ClusterIndex, compile_cluster
from bgpctl.resources.annotations.settings import OTHER_ROLE
from bgpctl.resources.resource_set import ResourceSet
from reflector.addresses import pack_address
from reflector.engine import Engine
from reflector.plan import Family, NodePlan, SessionPlan
from reflector.session.negotiated import Negotiated
from reflector.wire.message import MessageReader
from reflector.wire.nlri import pack_nlri

ROUNDS = 200
Channel = tuple[str, str]  # the sender's node, and its name for the session


class EngineCluster:
    """Every session that both ends have is Established; `settle` exchanges messages until no engine has any."""

    def __init__(self, resources: ResourceSet) -> None:
        self.owners = ClusterIndex(resources).node_by_address
        self.plans = {each.plan.node: each.plan for each in compile_cluster(resources)}
        self.engines = {name: Engine(plan, 0.0) for name, plan in self.plans.items()}
        self.channels: dict[Channel, tuple[str, str, MessageReader]] = {}
        for name, plan in self.plans.items():
            for session in plan.sessions:
                self._establish(name, session)

    def _establish(self, here: str, session: SessionPlan) -> None:
        there = self.owners.get(session.peer_address)
        if there is None or there == here:
            return
        far = next((each for each in self.plans[there].sessions if each.peer_address == session.local_address), None)
        if far is None or not _fit(self.plans[here], session, self.plans[there], far):
            return
        negotiated = Negotiated(
            router_id=pack_address(self.plans[there].router_id),
            local_address=pack_address(session.local_address),
            families=tuple(family for family in session.families if family in far.families),
            hold_time=0,
            extended_next_hop=frozenset({4} & set(session.families) & set(far.families))
            if ":" in session.peer_address
            else frozenset(),
        )
        self.engines[here].session_up(session.name, negotiated, 0.0)
        self.channels[here, session.name] = (there, far.name, MessageReader(4096))

    def settle(self) -> bool:
        """False when they still talk after many rounds."""
        for _ in range(ROUNDS):
            turns = [(name, engine.flush(0.0)) for name, engine in self.engines.items()]
            if not any(turn.ready for _, turn in turns):
                return True
            for name, turn in turns:
                assert turn.closes == []
                for peer in turn.ready:
                    while (chunk := peer.outbox.take()) is not None:
                        self._deliver(self.channels[name, peer.name], chunk)
        return False

    def _deliver(self, channel: tuple[str, str, MessageReader], chunk: bytes) -> None:
        there, session, reader = channel
        for kind, body in reader.feed(chunk):
            self.engines[there].receive(session, kind, body, 0.0)
        assert reader.error is None

    def has(self, name: str, prefix: str, family: Family) -> bool:
        return self.engines[name].ribs[family].best(pack_nlri(prefix)) is not None


def _fit(one: NodePlan, here: SessionPlan, other: NodePlan, there: SessionPlan) -> bool:
    return (
        here.peer_as == there.local_as
        and there.peer_as == here.local_as
        and not (here.passive and there.passive)
        and (here.peer_as != here.local_as or one.router_id != other.router_id)
        and (here.role is None or there.role is None or OTHER_ROLE[here.role] is there.role)
    )
