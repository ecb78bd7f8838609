"""All that is followed of one cluster, and which of it is in use.

    Nodes of Kubernetes, DatastoreMigrations      always
    Calico's kinds, in one of their groups        `current`, which is in use; `next`, which is to take its place as soon
                                                  as it is complete and ready
    Services, EndpointSlices, Secrets             as far as what is in use asks for them

Rule: nothing is used before it is complete, and nothing new is used while Calico's datastore is not ready or a
migration takes its group away: what was in use before stays, whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from bgpctl.datastore.kubernetes.api_group import CONVERGED, choose_group, is_open
from bgpctl.datastore.kubernetes.calico import Contents, fewer, not_ready
from bgpctl.datastore.kubernetes.group_reader import Discovery, GroupReader
from bgpctl.datastore.kubernetes.problems import Obstacles, obstacles
from bgpctl.datastore.kubernetes.wants import ClusterOptions, Wants
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.collection import Collection
from bgpctl.kubernetes.failure import Cause, Failure
from bgpctl.kubernetes.follower import Follower
from bgpctl.kubernetes.kinds import (
    ENDPOINT_SLICE,
    KUBERNETES_NODE,
    MIGRATION,
    SERVICE,
    ApiKind,
    Group,
    calico_kinds,
)
from bgpctl.kubernetes.notices import Notices
from bgpctl.kubernetes.secrets import SecretReader
from bgpctl.kubernetes.wire import phase_of

# Causes that concern every request, not one kind.
_OF_THE_SERVER = frozenset({Cause.UNREACHABLE, Cause.UNAUTHORIZED})


class Cluster:
    """`held` is why nothing new is used, "" when it is, or is not complete yet."""

    def __init__(
        self, server: ApiServer, options: ClusterOptions, notices: Notices, changed: Callable[[], None]
    ) -> None:
        self.held = ""
        self.wants = Wants()
        self._server = server
        self._options = options
        self._notices = notices
        self._changed = changed
        self._clock = asyncio.get_running_loop().time
        self._nodes = self._follow(KUBERNETES_NODE)
        self._migrations = self._follow(MIGRATION)
        self._services: list[Follower] = []
        self._secrets = SecretReader(server, notices, changed, options.intervals)
        self._discovery = Discovery(server, notices, changed, options.intervals)
        self._current: GroupReader | None = None
        self._next: GroupReader | None = None
        self._used = Contents()
        self._is_usable = False
        self._phase: str | None = None

    async def close(self) -> None:
        readers = [each for each in (self._current, self._next) if each is not None]
        await self._discovery.close()
        await self._secrets.close()
        for reader in readers:
            await reader.close()
        for follower in (*self._services, self._migrations, self._nodes):
            await follower.close()

    # --------------------------------------------------------------------------------------------- asked

    @property
    def is_new_used(self) -> bool:
        """Everything that is wanted is known, and may be used."""
        others = all(each.collection.is_settled for each in (self._nodes, *self._services))
        return self._is_usable and others and self._secrets.is_settled

    @property
    def has_failures(self) -> bool:
        is_away = any(collection.failure is not None for _, collection in self._collections())
        return is_away or bool(self._secrets.failures())

    def failure_of_the_server(self) -> Failure | None:
        """What keeps this from reading anything."""
        failure = self._nodes.collection.failure
        return failure if failure is not None and failure.cause in _OF_THE_SERVER else None

    def missing(self) -> list[str]:
        """What is not known yet, as roles name it."""
        return [follower.kind.resource for follower in self._followers() if not follower.collection.is_settled]

    def documents(self) -> dict[str, str]:
        """All that is in use, by name. Only while `is_new_used`."""
        documents = dict(self._nodes.collection.objects)
        documents.update(self._used.documents)
        for service in self._services:
            documents.update(service.collection.objects)
        documents.update(self._secrets.documents())
        return documents

    def obstacles(self) -> Obstacles:
        secrets, away_for = self._secrets.failures(), self._options.intervals.away_for
        return obstacles(self._collections(), secrets, self.held, self._clock(), away_for)

    # ------------------------------------------------------------------------------------------- changed

    async def want(self, wants: Wants) -> None:
        self.wants = wants
        self._secrets.want(wants.secrets)
        if wants.services and not self._services:
            self._services = [self._follow(SERVICE), self._follow(ENDPOINT_SLICE)]
        elif not wants.services:
            services, self._services = self._services, []
            for service in services:
                await service.close()

    async def take_stock(self) -> None:
        """Chooses the group, and uses what is complete and ready."""
        self._take_phase()
        current, offers = self._current, self._discovery.offers
        if not self._migrations.collection.is_settled or (current is None and None in offers.values()):
            return
        chosen = choose_group(offers, self._phase, current.group if current else None)
        is_locked = current is not None and self._is_locked(current)
        self._is_usable = current is not None and not current.was_locked and self._is_left_alone(current, chosen)
        if current is not None and self._is_usable:
            self.held, self._used = "", current.contents()
        if current is not None and current.group == chosen and (is_locked or not current.was_locked):
            await self._begin(None)
        elif self._next is None or self._next.group != chosen:
            await self._begin(self._reader(chosen))
        if self._next is not None and self._next.is_settled:
            await self._settle(self._next)

    def _is_left_alone(self, current: GroupReader, chosen: Group | None) -> bool:
        """A migration takes the API server of its own group away, and what is there then is not filled."""
        return current.group == chosen or not is_open(self._phase)

    async def _settle(self, new: GroupReader) -> None:
        contents = new.contents()
        reason = not_ready(contents, self._used)
        if new.was_locked and not reason:
            await self._begin(self._reader(new.group))
            return
        new.was_locked = bool(reason)
        reason = reason or fewer(contents, self._used, is_converged=self._phase in CONVERGED)
        if reason:
            self.held = "" if self._is_usable else reason
            self._notices.give("the cluster", reason)
            return
        old, self._current, self._next = self._current, new, None
        self.held, self._used, self._is_usable = "", contents, True
        name = "/".join(new.group) if new.group else "none, it is not installed"
        self._notices.give_each("the cluster", f"Calico's API group that is read: {name}")
        if old is not None:
            await old.close()

    def _is_locked(self, current: GroupReader) -> bool:
        """An API server that is away says nothing of a lock."""
        reason = not_ready(current.contents(), self._used)
        if reason:
            self.held, current.was_locked = reason, True
            self._notices.give("the cluster", reason)
        return bool(reason)

    async def _begin(self, new: GroupReader | None) -> None:
        old, self._next = self._next, new
        if old is not None:
            await old.close()

    def _reader(self, group: Group | None) -> GroupReader:
        offer = self._discovery.offers.get(group) if group else None
        kinds = calico_kinds(group, offer.plurals if offer else frozenset()) if group else ()
        return GroupReader(group, kinds, self._follow)

    def _take_phase(self) -> None:
        texts = self._migrations.collection.objects.values()
        phases = {phase_of(text) for text in texts}
        open_phases = sorted(phases - CONVERGED)
        phase = open_phases[0] if open_phases else next(iter(sorted(phases)), None)
        if phase != self._phase:
            self._phase = phase
            self._discovery.look()

    # -------------------------------------------------------------------------------------------- inside

    def _follow(self, kind: ApiKind) -> Follower:
        return Follower(
            kind,
            self._server,
            self._notices,
            self._changed,
            watch_list=self._options.watch_list,
            intervals=self._options.intervals,
        )

    def _followers(self) -> Iterator[Follower]:
        yield from (self._nodes, self._migrations, *self._services)
        for reader in (self._current, self._next):
            if reader is not None:
                yield from reader.followers

    def _collections(self) -> Iterator[tuple[ApiKind, Collection]]:
        return ((each.kind, each.collection) for each in self._followers())
