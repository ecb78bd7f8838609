"""Compiling large clusters: from YAML on disk to plans.

    python labs/bench/compile.py [--runs 3] [--nodes 5000] [--only NAME ...]

The clusters are generated from a fixed seed: 5,000 nodes with 2 blocks each, 6 route reflectors, 10 BGPPeers and 5
BGPFilters, one YAML file a kind; and a full mesh of 100 nodes. Every run is a process of its own, which prints its time
and its peak memory. One line a figure: median of the runs, target, whether it was met.

    cold        reads, validates and compiles one node in a fresh process (imports included)
    change      one Node changes: reads the text again, updates the index, compiles one node
    all         the plans of all nodes, once the resources are read
    memory      the most resident memory of all these
    mesh        one node of the mesh: plan and exabgp.conf, once the resources are read
    diff        bgpctl diff of the large cluster with itself but for one BGPFilter, all nodes
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

SEED = 4271
NODES, MESH_NODES = 5000, 100
REFLECTORS = 6
MIB = 1024 * 1024


class Figure(NamedTuple):
    """A number that is measured in a process of its own, and what it should be at most; None: there is no limit."""

    cluster: str
    unit: str
    target: float | None


FIGURES = {
    "cold": Figure("large", "s", 6.0),
    "change": Figure("large", "ms", 50.0),
    "all": Figure("large", "s", 60.0),
    "diff": Figure("large", "s", None),
    "mesh": Figure("mesh", "ms", 150.0),
}
MEMORY_TARGET = 1024.0


# ------------------------------------------------------------------------------------------- clusters


def write_cluster(folder: Path, files: dict[str, list[str]]) -> None:
    folder.mkdir()
    for name, documents in files.items():
        (folder / f"{name}.yaml").write_text("---\n".join(documents))


def document(kind: str, name: str, spec: str, labels: str = "") -> str:
    metadata = f"{{name: {name}, labels: {{{labels}}}}}" if labels else f"{{name: {name}}}"
    return f"apiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata: {metadata}\nspec:\n{spec}"


def address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def node(number: int, labels: str, cluster_id: str = "") -> str:
    reflector = f"    routeReflectorClusterID: {cluster_id}\n" if cluster_id else ""
    return document(
        "Node", f"node-{number:05}", f"  bgp:\n    ipv4Address: {address(number + 256)}/16\n{reflector}", labels
    )


def blocks(nodes: int, chance: random.Random) -> Iterator[str]:
    """Two /26 a node, dealt out at random."""
    places = list(range(2 * nodes))
    chance.shuffle(places)
    for place, number in enumerate(places):
        cidr = f"172.{16 + (number >> 10)}.{number >> 2 & 255}.{(number & 3) << 6}/26"
        owner = f"node-{place % nodes:05}"
        name = f"{owner}-{cidr.replace('.', '-').replace('/', '-')}"
        spec = f"  node: {owner}\n  cidr: {cidr}\n  state: confirmed\n  deleted: false\n"
        yield document("BlockAffinity", name, spec)


def filters() -> list[str]:
    return [
        document(
            "BGPFilter",
            f"filter-{number}",
            "".join(
                f"  {direction}V4:\n"
                f"  - {{action: Reject, matchOperator: In, cidr: 10.{200 + number}.0.0/16}}\n"
                f"  - {{action: Accept, matchOperator: Equal, cidr: 192.0.{number}.0/24}}\n"
                for direction in ("import", "export")
            ),
        )
        for number in range(5)
    ]


def peers() -> list[str]:
    """Nodes with reflectors, reflectors among themselves, and a router in each of eight racks."""
    to_reflectors = '  nodeSelector: "!has(reflector)"\n  peerSelector: has(reflector)\n'
    routers = (
        f"  nodeSelector: rack == 'r{rack}'\n  peerIP: 192.168.{rack}.1\n  asNumber: {65000 + rack}\n"
        f"  filters: [filter-{rack % 5}]\n"
        for rack in range(8)
    )
    return [
        document("BGPPeer", "to-reflectors", to_reflectors),
        document("BGPPeer", "reflectors", "  nodeSelector: has(reflector)\n  peerSelector: has(reflector)\n"),
        *(document("BGPPeer", f"tor-{rack}", spec) for rack, spec in enumerate(routers)),
    ]


def large(folder: Path, nodes: int) -> None:
    chance = random.Random(SEED)  # noqa: S311  a fixed seed, not a secret
    labels = [f"rack: r{chance.randrange(40)}, zone: z{chance.randrange(3)}" for _ in range(nodes)]
    write_cluster(
        folder,
        {
            "nodes": [
                *(node(number, label) for number, label in enumerate(labels)),
                *(node(nodes + number, "reflector: yes", f"244.0.0.{number % 2}") for number in range(REFLECTORS)),
            ],
            "blocks": list(blocks(nodes, chance)),
            "peers": peers(),
            "filters": filters(),
            "pools": [document("IPPool", "pods", "  cidr: 172.16.0.0/12\n  blockSize: 26\n")],
            "configuration": [document("BGPConfiguration", "default", "  nodeToNodeMeshEnabled: false\n")],
        },
    )


def mesh(folder: Path, nodes: int) -> None:
    chance = random.Random(SEED)  # noqa: S311
    write_cluster(
        folder,
        {
            "nodes": [node(number, f"rack: r{chance.randrange(4)}") for number in range(nodes)],
            "blocks": list(blocks(nodes, chance)),
            "pools": [document("IPPool", "pods", "  cidr: 172.16.0.0/12\n  blockSize: 26\n")],
        },
    )


# ----------------------------------------------------------------------------------- in one process


def cold(folder: Path) -> float:
    """Timed from outside: see `measure`."""
    from bgpctl.compiler import compile_node
    from bgpctl.datastore.directory import read_directory

    loaded = read_directory(folder)
    assert not loaded.problems, loaded.problems[:3]
    compiled = compile_node(loaded.resources, "node-00017")
    assert len(compiled.plan.sessions) >= REFLECTORS, compiled.plan.sessions
    return 0.0


def change(folder: Path) -> float:
    """The median of several changes, each of another node; the one that is compiled has a session to none of them."""
    from bgpctl.compiler import ClusterIndex, compile_node
    from bgpctl.resources import parse_documents

    texts = {str(file): file.read_text() for file in sorted(folder.iterdir())}
    nodes = str(folder / "nodes.yaml")
    loaded = parse_documents(texts.items())
    index = ClusterIndex(loaded.resources)
    compile_node(loaded.resources, "node-00017", index=index)
    timings = []
    for number in range(100, 111):
        before = f"ipv4Address: {address(number + 256)}/16"
        assert texts[nodes].count(before) == 1, before
        texts[nodes] = texts[nodes].replace(before, f"ipv4Address: 10.99.0.{number}/16")
        start = time.perf_counter()
        loaded = parse_documents(texts.items(), loaded)
        index = ClusterIndex(loaded.resources, index)
        compile_node(loaded.resources, "node-00017", index=index)
        timings.append(time.perf_counter() - start)
        assert index.nodes[f"node-{number:05}"].addresses[4] == f"10.99.0.{number}"
    return statistics.median(timings) * 1000


def all_plans(folder: Path) -> float:
    from bgpctl.compiler import compile_cluster
    from bgpctl.datastore.directory import read_directory

    resources = read_directory(folder).resources
    start = time.perf_counter()
    plans = [compiled.plan for compiled in compile_cluster(resources)]
    seconds = time.perf_counter() - start
    assert len(plans) == len(resources.nodes)
    return seconds


def mesh_node(folder: Path) -> float:
    from bgpctl.compiler import compile_node, render_exabgp_conf
    from bgpctl.datastore.directory import read_directory

    resources = read_directory(folder).resources
    start = time.perf_counter()
    compiled = compile_node(resources, "node-00017")
    text = render_exabgp_conf(compiled.plan)
    seconds = time.perf_counter() - start
    assert text.count("\nneighbor ") == len(resources.nodes) - 1
    return seconds * 1000


def diff(folder: Path) -> float:
    """Timed from outside, as a person runs it."""
    other = folder.with_name(folder.name + "-changed")
    if not other.exists():
        other.mkdir()
        for file in folder.iterdir():
            (other / file.name).write_text(file.read_text().replace("192.0.1.0/24", "192.0.99.0/24"))
    start = time.perf_counter()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("bgpctl")), "diff", str(folder), str(other)],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    assert done.returncode == 1, done.stderr
    return seconds


WAYS: dict[str, Callable[[Path], float]] = {
    "cold": cold,
    "change": change,
    "all": all_plans,
    "diff": diff,
    "mesh": mesh_node,
}


def measure_here(name: str, folder: Path) -> None:
    """Prints the value and the peak memory in MiB, of this process or the largest it started."""
    value = WAYS[name](folder)
    who = resource.RUSAGE_CHILDREN if name == "diff" else resource.RUSAGE_SELF
    print(json.dumps([value, resource.getrusage(who).ru_maxrss * 1024 / MIB]))


# ---------------------------------------------------------------------------------------- from outside


def measure(name: str, folder: Path) -> tuple[float, float]:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--here", name, "--folder", str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds = time.perf_counter() - start
    value, memory = json.loads(done.stdout)
    return (seconds if name == "cold" else value), memory


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), platform.machine())
    libraries = " ".join(f"{name} {version(name)}" for name in ("pydantic", "msgspec", "PyYAML"))
    return f"{os.cpu_count()} cores, {model}; Python {platform.python_version()}, {libraries}"


def line(name: str, value: float, unit: str, target: float | None) -> str:
    verdict = "no target" if target is None else f"target {target:g} {unit}, {'met' if value <= target else 'MISSED'}"
    return f"{name:<8} {value:>9.2f} {unit:<3}  {verdict:<24}  {machine()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--only", nargs="+", choices=tuple(WAYS), default=list(WAYS))
    parser.add_argument("--here", choices=tuple(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        measure_here(options.here, options.folder)
        return
    most = 0.0
    with tempfile.TemporaryDirectory() as folder:
        clusters = {"large": Path(folder) / "large", "mesh": Path(folder) / "mesh"}
        large(clusters["large"], options.nodes)
        mesh(clusters["mesh"], MESH_NODES)
        for name in options.only:
            figure = FIGURES[name]
            runs = [measure(name, clusters[figure.cluster]) for _ in range(options.runs)]
            most = max(most, *(memory for _, memory in runs))
            print(line(name, statistics.median(value for value, _ in runs), figure.unit, figure.target), flush=True)
    print(line("memory", most, "MiB", MEMORY_TARGET))


if __name__ == "__main__":
    main()
