"""A cluster that a test writes into and that the datastore follows: objects in, every value that it yields out."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from segment import eventually

from bgpctl.datastore.kubernetes import ClusterOptions, watch_cluster
from bgpctl.kubernetes.access import Access, open_client
from bgpctl.kubernetes.notices import Notice
from bgpctl.resources import Loaded
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.calico_crds import PLURALS

V3 = "projectcalico.org/v3"
APPLY = {"Content-Type": "application/apply-patch+yaml"}
CORE = {"Node": "nodes", "Service": "services", "Secret": "secrets", "EndpointSlice": "endpointslices"}
Object = dict[str, Any]


def calico(kind: str, name: str, api_version: str = V3, **spec: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def peer(name: str, address: str, api_version: str = V3, **spec: Any) -> Object:
    return calico("BGPPeer", name, api_version, peerIP=address, asNumber=64512, **spec)


def information(api_version: str = V3, *, ready: bool = True) -> Object:
    return calico("ClusterInformation", "default", api_version, datastoreReady=ready, calicoVersion="v3.30.0")


def node(name: str, address: str) -> Object:
    annotations = {"projectcalico.org/IPv4Address": address}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "annotations": annotations}}


def block(number: int, api_version: str = V3) -> Object:
    cidr = f"10.{100 + (number >> 10)}.{(number >> 2) & 255}.{(number & 3) * 64}/26"
    return calico("BlockAffinity", f"a1-{number}", api_version, node="a1", cidr=cidr, state="confirmed")


def path_of(data: Object) -> str:
    version, kind, metadata = data["apiVersion"], data["kind"], data["metadata"]
    plural = CORE[kind] if version in ("v1", "discovery.k8s.io/v1") else PLURALS[kind]
    base = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{base}{namespace}/{plural}/{metadata['name']}"


class Writer:
    """Writes as administrator, many objects at the same time."""

    def __init__(self, server: ApiServer) -> None:
        self._access = Access(kubeconfig=server.admin_kubeconfig)

    def put(self, *objects: Object) -> None:
        """As they are, whatever was there before."""
        self._request("PATCH", [(path_of(each), each) for each in objects], {"fieldManager": "test", "force": "true"})

    def put_status(self, *objects: Object) -> None:
        parameters = {"fieldManager": "test", "force": "true"}
        self._request("PATCH", [(f"{path_of(each)}/status", each) for each in objects], parameters)

    def delete(self, *objects: Object) -> None:
        self._request("DELETE", [(path_of(each), None) for each in objects], {})

    def delete_all(self, *paths: str) -> None:
        self._request("DELETE", [(path, None) for path in paths], {})

    def _request(self, method: str, asked: Iterable[tuple[str, Object | None]], parameters: dict[str, str]) -> None:
        async def run() -> None:
            async with open_client(self._access) as client:
                slots = asyncio.Semaphore(16)

                async def one(path: str, data: Object | None) -> None:
                    async with slots:
                        body = None if data is None else json.dumps(data).encode()
                        answer = await client.request(
                            method, path, params=parameters, content=body, headers=APPLY if body else {}
                        )
                        assert answer.status_code < 300 or (method == "DELETE" and answer.status_code == 404), (
                            answer.text
                        )

                await asyncio.gather(*(one(*each) for each in asked))

        asyncio.run(run())


class Watched:
    """What the datastore yields, in a thread of its own. It starts in the network of whoever makes it."""

    def __init__(self, access: Access, options: ClusterOptions | None = None) -> None:
        self.values: list[Loaded] = []
        self.times: list[float] = []
        self.notices: list[Notice] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(access, options or ClusterOptions()))
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(20)
        assert not self._thread.is_alive(), "it does not end"
        if error is None and self._error is not None:
            raise self._error
        ours = [each for each in self.notices if each.error is not None]
        assert error is not None or not ours, ours

    def _run(self, access: Access, options: ClusterOptions) -> None:
        async def follow() -> None:
            async for loaded in watch_cluster(access, options, self.notices.append):
                self.values.append(loaded)
                self.times.append(time.monotonic())

        try:
            self._task = self._loop.create_task(follow())
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    @property
    def now(self) -> Loaded:
        assert self.values, f"nothing was yielded; {self.notices}"
        return self.values[-1]

    def until(self, holds: Callable[[Loaded], bool], what: str, within: float = 20.0) -> Loaded:
        eventually(lambda: bool(self.values) and holds(self.values[-1]), f"{what}; {self._state()}", within)
        return self.now

    def stays(self, holds: Callable[[Loaded], bool], what: str, seconds: float = 1.0) -> None:
        """For so long, at every value that comes; a change is yielded within a tenth of that."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert holds(self.now), f"{what}; {self._state()}"
            time.sleep(0.02)

    def _state(self) -> str:
        if not self.values:
            return f"nothing yielded, {self.notices}"
        return f"{len(self.now.resources)} resources, {[str(each) for each in self.now.problems]}"

    def codes(self) -> list[str]:
        return [each.code for each in self.now.problems]


def service_account(directory: Path, server: ApiServer, token: str) -> Path:
    """The directory that a pod would have."""
    directory.mkdir(exist_ok=True)
    (directory / "token").write_text(token)
    (directory / "namespace").write_text("default")
    (directory / "ca.crt").write_bytes(server.ca_certificate.read_bytes())
    return directory
