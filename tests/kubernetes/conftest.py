"""The API server of the session, in a network namespace of its own, and a fresh namespace of Kubernetes for a test.

A test that asks for `api_server` runs inside that network namespace, with the processes that it starts: they reach
`api_server.url` as it is. Its name, for `ip netns exec`, is `api_server_network`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import container_image
import controllers
import pytest
from cluster_lab import ClusterLab, lab_with_controller
from docker_engine import DockerEngine
from temporary_namespace import temporary_namespace

from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import PROGRAMS, ApiServer
from labs.bench.kubernetes.controller_process import ControllerProcess
from labs.bench.kubernetes.network import inside, network_namespace


@pytest.fixture(scope="session")
def api_server_network() -> Iterator[str]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    for program, package in (("ip", "iproute2"), ("openssl", "openssl"), ("setpriv", "util-linux")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian package {package})")
    if not PROGRAMS.exists():
        pytest.skip(f"kube-apiserver, kubectl and etcd are not in {PROGRAMS}: make kube builds them")
    with network_namespace(f"bgpctl-kubernetes-{os.getpid()}") as name:
        yield name


@pytest.fixture(scope="session")
def api_server(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with inside(api_server_network):
        server = ApiServer(tmp_path_factory.mktemp("api-server"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def inside_its_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where a test runs; what it has left killed is started for the next one."""
    if "api_server" not in request.fixturenames:
        yield
        return
    server: ApiServer = request.getfixturevalue("api_server")
    with inside(request.getfixturevalue("api_server_network")):
        yield
        server.start_what_was_killed()


@pytest.fixture
def fresh_namespace(api_server: ApiServer, inside_its_network: None) -> Iterator[str]:
    """A namespace of Kubernetes with the ServiceAccount `default`; it is deleted with all in it."""
    with temporary_namespace(api_server) as name:
        yield name
        api_server.start_what_was_killed()


@pytest.fixture(scope="module")
def cluster(api_server: ApiServer) -> Iterator[ApiServer]:
    """With the kinds and the roles that a controller needs."""
    controller_process.install(api_server)
    yield api_server
    calico_crds.remove(api_server, calico_crds.V3, (*calico_crds.KINDS, "Node"))
    calico_crds.run(api_server, "delete", "crd", "nodeplans.bgpctl.io")


@pytest.fixture
def lab(cluster: ApiServer, inside_its_network: None) -> Iterator[Callable[[str], None]]:
    """Puts a lab's resources into the cluster, and takes them out in the end."""
    applied: list[dict[str, object]] = []

    def apply(name: str) -> None:
        applied.extend(controllers.apply_lab(cluster, name))

    yield apply
    controllers.clear(cluster, applied)


@pytest.fixture
def controller(
    cluster: ApiServer, inside_its_network: None, tmp_path: Path
) -> Iterator[Callable[..., ControllerProcess]]:
    made: list[ControllerProcess] = []

    def make(name: str, *options: str) -> ControllerProcess:
        made.append(ControllerProcess(cluster, tmp_path / name, name, *options))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def one(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[..., ControllerProcess]
) -> ControllerProcess:
    """The first controller, which has written the plans of the quickstart."""
    lab(controllers.QUICKSTART)
    found = controller("one")
    controllers.wait_for_plans(cluster, controllers.of_directory(controllers.QUICKSTART))
    return found


@pytest.fixture(scope="module")
def quickstart(
    cluster: ApiServer, api_server_network: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterLab]:
    """The lab with a controller; each test leaves it as it was."""
    path = tmp_path_factory.mktemp("quickstart")
    with inside(api_server_network), lab_with_controller(cluster, controllers.QUICKSTART, path) as lab:
        yield lab


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    started = DockerEngine(tmp_path_factory.mktemp("docker"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def image(engine: DockerEngine) -> str:
    """The image of config/container: two minutes."""
    return container_image.build(engine, container_image.import_base(engine), "bgpctl:test")
