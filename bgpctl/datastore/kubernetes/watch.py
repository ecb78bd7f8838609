"""A cluster's resources as values, a new one after each change that makes a difference: what the directory yields too.

Each object is a document with the name of its resource, and documents are read by the same rules as files, so every
problem, default and last good version is the same. A document is read again only when its text has changed. Changes
that come together make one value: it is made after QUIET seconds without another, and after LIMIT in any case.

What it costs, measured with 5,000 Nodes and 10,000 BlockAffinities, is in the page about this datastore.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace

from bgpctl.datastore.kubernetes.cluster import Cluster
from bgpctl.datastore.kubernetes.problems import API_SERVER
from bgpctl.datastore.kubernetes.wants import ClusterOptions, wants
from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.notices import Notice, Notices, Report
from bgpctl.resources import Loaded, parse_documents
from bgpctl.yaml_source.problem import Problem

# Seconds.
QUIET, LIMIT = 0.03, 0.15
# What a command waits for a cluster at most.
PATIENCE = 60.0


async def watch_cluster(access: Access, options: ClusterOptions, report: Report) -> AsyncGenerator[Loaded, None]:
    """Yields the cluster as soon as everything that is wanted is known, then again whenever its resources or problems
    changed. An API server that does not answer is waited for. Raises NotReadyError when the access itself cannot be
    used: a kubeconfig that is not there, for one."""
    async with aclosing(_changes(access, options, report, is_patient=True)) as changes:
        async for loaded in changes:
            yield loaded


def read_cluster(access: Access, options: ClusterOptions) -> Loaded:
    """The cluster as it is now. Raises NotReadyError when it cannot be read."""

    async def first() -> Loaded:
        async with aclosing(_changes(access, options, _ignore, is_patient=False)) as changes:
            return await anext(changes)

    return asyncio.run(first())


def _ignore(_: Notice) -> None:
    """A caller that reads once has the problems, or the exception."""


async def _changes(
    access: Access, options: ClusterOptions, report: Report, *, is_patient: bool
) -> AsyncGenerator[Loaded, None]:
    loop = asyncio.get_running_loop()
    server = ApiServer(access)
    notices = Notices(report, loop.time)
    changed = asyncio.Event()
    cluster = Cluster(server, options, notices, changed.set)
    reading = _Reading(cluster, options, notices)
    last: Loaded | None = None
    give_up_at = loop.time() + PATIENCE
    try:
        while True:
            looks_again = cluster.has_failures or reading.failed or not is_patient
            is_changed = await _next_change(changed, options.intervals.failures if looks_again else None)
            await cluster.take_stock()
            loaded = await reading.read(is_changed=is_changed)
            if loaded is not None and loaded != last:
                last = loaded
                yield loaded
            elif loaded is None and not is_patient:
                _check(access, cluster, is_over=loop.time() > give_up_at)
    finally:
        await cluster.close()
        await server.close()


def _check(access: Access, cluster: Cluster, *, is_over: bool) -> None:
    """Raises NotReadyError where waiting is of no use to a command."""
    failure = cluster.failure_of_the_server()
    if failure is not None:
        raise NotReadyError(f"cannot read the cluster of {access}: {failure}")
    if cluster.held:
        raise NotReadyError(f"the cluster of {access} is not ready: {cluster.held}")
    if is_over:
        missing = ", ".join(cluster.missing()) or "its Secrets"
        raise NotReadyError(f"the cluster of {access} was not read in {PATIENCE:.0f} s; missing: {missing}")


async def _next_change(changed: asyncio.Event, seconds: float | None) -> bool:
    """Until something has changed and nothing more changes, or the time is over, which is False."""
    loop = asyncio.get_running_loop()
    try:
        await asyncio.wait_for(changed.wait(), seconds)
    except TimeoutError:
        return False
    end = loop.time() + LIMIT
    with suppress(TimeoutError):
        while (rest := end - loop.time()) > 0:
            changed.clear()
            await asyncio.wait_for(changed.wait(), min(QUIET, rest))
    changed.clear()
    return True


class _Reading:
    """Documents to resources. `failed`: the last time ended with an exception of ours."""

    def __init__(self, cluster: Cluster, options: ClusterOptions, notices: Notices) -> None:
        self.failed = False
        self._cluster = cluster
        self._options = options
        self._notices = notices
        self._newest: Loaded | None = None
        self._used: Loaded | None = None
        self._fault: tuple[Problem, ...] = ()

    async def read(self, *, is_changed: bool) -> Loaded | None:
        """With what stands between the cluster and its resources; None as long as there is nothing to use."""
        if self._cluster.is_new_used and (is_changed or self.failed or self._used is None):
            await self._read_documents()
        if self._used is None:
            return None
        between = self._cluster.obstacles()
        problems = (*map(_without_line, self._used.problems), *between.problems, *self._fault)
        return replace(self._used, problems=tuple(sorted(problems)), unusable=(*self._used.unusable, *between.unusable))

    async def _read_documents(self) -> None:
        try:
            while self._cluster.is_new_used:
                newest = await asyncio.to_thread(parse_documents, self._cluster.documents().items(), self._newest)
                self._newest = newest
                wanted = wants(newest, self._options, self._cluster.wants)
                if wanted == self._cluster.wants:
                    self._used = newest
                    break
                await self._cluster.want(wanted)
        except Exception as error:  # whatever it is, who follows the cluster goes on with what was read before
            self._notices.give("the cluster", "reading the resources failed, a fault of bgpctl", error)
            message = f"reading failed with {type(error).__name__}, a fault of bgpctl"
            self._fault, self.failed = (Problem(API_SERVER, 0, "", "$", "internal-error", message),), True
        else:
            self._fault, self.failed = (), False


def _without_line(problem: Problem) -> Problem:
    """An object of an API server has none."""
    return replace(problem, line=0)
