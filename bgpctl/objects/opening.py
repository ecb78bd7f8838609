"""A datastore of objects by the place that it is at. What reads a cluster is imported where one is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bgpctl.kubernetes.access import Access
from bgpctl.objects.store import Store


@asynccontextmanager
async def open_store(place: Path | Access, *, writes_locked: bool = False) -> AsyncIterator[Store]:
    """`writes_locked`: a cluster is written also while Calico's datastore is locked. Raises NotReadyError."""
    store = _store(place, writes_locked=writes_locked)
    try:
        yield store
    finally:
        await store.close()


def _store(place: Path | Access, *, writes_locked: bool) -> Store:
    if isinstance(place, Access):
        from bgpctl.objects.cluster.cluster_store import ClusterStore

        return ClusterStore(place, writes_locked=writes_locked)
    from bgpctl.objects.directory.directory_store import DirectoryStore

    return DirectoryStore(place)
