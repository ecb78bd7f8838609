"""Sources that nothing good comes of: each is an error that names its place, and none ends the program or floods a
terminal."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dumps import CLUSTER, OPTIONS, answer, errors, migrated, resource, v3_keys

from bgpctl.datastore.directory import read_texts
from bgpctl.migration.migrate import Migration, migrate

AS_NUMBER = "/calico/bgp/v1/global/as_num"
PEER = "/calico/bgp/v1/global/peer_v4/10.0.0.1"


def of_text(text: str) -> Migration:
    return migrate({"dump.json": text}, OPTIONS)


TEXTS: dict[str, tuple[str, str, int, str]] = {
    "cut off": (json.dumps(answer(CLUSTER), indent=1)[:900], "not-json", 0, "not JSON"),
    "key twice": ('{"/calico/v1/Ready": "true",\n "/calico/v1/Ready": "false"}', "not-json", 1, "is there twice"),
    "not a number": ('{"/calico/v1/Ready": NaN}', "not-json", 1, "is no number"),
    "a number of 5,000 digits": (f'{{"/calico/v1/Ready": {"1" * 5000}}}', "not-json", 1, "digits"),
    "brackets": ("[" * 100_000, "not-json", 1, "nested too deeply"),
    "braces": ('{"a":' * 100_000, "not-json", 1, "nested too deeply"),
    "lists in lists": ("[" * 900 + "3" + "]" * 900, "not-a-dump", 1, "-w json"),
    "something behind it": ('{"/calico/v1/Ready": "true"}\n}', "not-json", 2, "not JSON"),
    "text for people": ("/calico/v1/Ready\ntrue\n", "not-a-dump", 1, "-w json"),
    "another mapping": ('{"cluster": "x"}', "not-a-dump", 1, "-w json"),
    "no mappings": ('["x", 2]', "not-a-dump", 1, "-w json"),
    "no list of keys": ('{"kvs": 3}', "not-a-dump", 1, "must be a list"),
    "a key that is none": ('{"kvs": [3]}', "not-a-dump", 1, "base64"),
    "a key that is no base64": ('{"kvs": [{"key": "%%%", "value": "eA=="}]}', "not-a-dump", 1, "base64"),
    "a value that is no base64": ('{"kvs": [{"key": "eA==", "value": 4}]}', "not-a-dump", 1, "base64"),
    "a part of a dump": (json.dumps({**answer(CLUSTER), "more": True}), "incomplete-dump", 1, "--limit"),
    "fewer keys than it says": (json.dumps({**answer(CLUSTER), "count": 999}), "incomplete-dump", 1, "999"),
    "directories only": (
        '{"action": "get", "node": {"key": "/calico", "dir": true, "nodes": [{"key": "/calico/v1", "dir": true}]}}',
        "incomplete-dump", 1, "recursive=true",
    ),
    "a node that is none": ('{"node": {"key": 3, "nodes": [3]}}', "not-a-dump", 1, "not a node of etcd"),
    "a value of etcd v2": ('{"node": {"key": "/calico/v1/Ready", "value": 1}}', "not-a-dump", 1, "not text"),
    "IPAM without keys": ('{"block_affinities": [{"Value": {}}]}', "not-a-dump", 1, "no Key"),
    "an alias of itself": ("a: &a [*a]\n", "not-yaml", 1, "aliases"),
    "aliases that unfold": (
        "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{chr(98 + step)}: &{chr(98 + step)} [{', '.join([f'*{chr(97 + step)}'] * 9)}]\n" for step in range(9)
        ),
        "not-yaml", 0, "aliases",
    ),
    "a document in the middle": ("apiVersion: v1\nkind: node\nmetadata: {}\n---\n\tx: [\n", "not-yaml", 5, "tab"),
}  # fmt: skip


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_that_is_no_dump(case: str) -> None:
    text, code, line, words = TEXTS[case]
    found = of_text(text)
    first = next(problem for problem in found.problems if problem.code == code)
    assert (first.file, found.files) == ("dump.json", {})
    assert first.line == line or not line
    assert words in first.message
    assert all(len(str(problem)) < 700 for problem in found.problems)


def test_keys_without_values() -> None:
    keys_only = {"kvs": [{"key": base64.b64encode(key.encode()).decode()} for key in CLUSTER], "count": len(CLUSTER)}
    found = of_text(json.dumps(keys_only))
    assert "--keys-only" in str(found.problems)
    assert found.files == {}


def test_names_that_a_terminal_would_obey_are_written_out() -> None:
    keys = {"/calico/v1/host/\x1b[2J\u202e\ud800/metadata": "{}", PEER: '{"ip": "\x1b[2J", "as_num": "1"}'}
    found = of_text(json.dumps(keys))
    shown = "\n".join(map(str, found.problems)) + "".join(fate.origin.name for fate in found.fates)
    assert not found.ok
    assert "\x1b" not in shown
    assert shown.encode()


def test_long_values_are_not_shown_whole() -> None:
    found = migrated({PEER: json.dumps({"ip": "x" * 5_000_000, "as_num": "1"}), AS_NUMBER: "9" * 1_000_000})
    assert sorted(errors(found)) == [(AS_NUMBER, "$", "too-long"), (PEER, "$.ip", "too-long")]
    assert len("".join(map(str, found.problems))) < 1000


def test_a_long_value_in_a_v3_resource_is_not_shown_whole() -> None:
    keys = v3_keys(resource("BGPPeer", "tor", peerIP="10.0.0.9", reachableBy="x" * 1_000_000, asNumber=1))
    found = migrated(keys)
    assert not found.ok
    assert len("".join(map(str, found.problems))) < 2000


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "dump.json"
    with large.open("w") as file:
        file.write('{"/calico/bgp/v1/global/as_num": "')
        for _ in range(200):
            file.write("9" * 1_000_000)
        file.write('"}')
    texts, problems = read_texts([large])
    found = migrate(texts, OPTIONS, unread=problems)
    (problem,) = (each for each in found.problems if each.file)
    assert (problem.file, problem.code) == (str(large), "unreadable-file")
    assert "larger than 64 MiB" in problem.message
    assert found.files == {}


def test_octets_that_are_no_text(tmp_path: Path) -> None:
    """The file that etcdctl snapshot save makes, for one."""
    (tmp_path / "snapshot.json").write_bytes(b"\x00\xff\xed\x0d" * 100)
    texts, problems = read_texts([tmp_path])
    found = migrate(texts, OPTIONS, unread=problems)
    assert [each.code for each in found.problems] == ["unreadable-file"]


# ------------------------------------------------------------------------------ wrong types everywhere

WRONG_VALUES: tuple[Any, ...] = (
    None, True, -1, 1e400, 2**70, "", "x", "10.0.0.1/33", [], {}, [None], {"a": {}}, ["x"] * 3, "\ud800", "\x00", "1e3",
)  # fmt: skip
V3 = v3_keys(
    resource("BGPPeer", "tor", node="a", peerIP="10.0.0.9", asNumber=65001, filters=["out"]),
    resource("BGPFilter", "out", exportV4=[{"action": "Accept", "cidr": "10.0.0.0/8", "matchOperator": "In"}]),
    resource("BGPConfiguration", "default", serviceClusterIPs=[{"cidr": "10.96.0.0/12"}], asNumber=64512),
    resource("IPPool", "pods", cidr="192.168.0.0/16"),
    resource("Node", "a", bgp={"ipv4Address": "10.0.0.1/24"}, orchRefs=[{"nodeName": "a", "orchestrator": "k8s"}]),
)
CALICOCTL = yaml.safe_load("""
- {apiVersion: v1, kind: bgpPeer, metadata: {scope: node, node: a, peerIP: 10.0.0.9}, spec: {asNumber: 1}}
- {apiVersion: v1, kind: ipPool, metadata: {cidr: 10.64.0.0/16}, spec: {ipip: {enabled: true, mode: always}}}
- {apiVersion: v1, kind: node, metadata: {name: a},
   spec: {bgp: {asNumber: 1, ipv4Address: 10.0.0.1/24}, orchRefs: [{orchestrator: k8s, nodeName: a}]}}
- {apiVersion: crd.projectcalico.org/v1, kind: GlobalBGPConfig, spec: {name: AsNumber, value: "64512"}}
""")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


Mutants = Iterator[tuple[str, str]]


def of_values() -> Mutants:
    """Name and text: each place of a value that is JSON with each wrong value, one at a time."""
    for key, text in (CLUSTER | V3).items():
        if text.startswith(("{", "[")):
            value = json.loads(text)
            for path in places(value):
                for wrong in WRONG_VALUES:
                    changed = json.dumps(replaced(value, path, wrong))
                    yield f"{key} {path} {wrong!r}", json.dumps({AS_NUMBER: "64512", key: changed})


def of_texts() -> Mutants:
    for key, text in (CLUSTER | V3).items():
        if not text.startswith(("{", "[")):
            yield from ((f"{key} {wrong!r}", json.dumps({**CLUSTER, key: wrong})) for wrong in WRONG_VALUES)


def of_documents() -> Mutants:
    for path in places(CALICOCTL):
        for wrong in WRONG_VALUES:
            yield f"calicoctl {path} {wrong!r}", json.dumps(replaced(CALICOCTL, path, wrong))


def of_answers() -> Mutants:
    whole = answer(CLUSTER)
    whole["kvs"] = whole["kvs"][:3]
    for path in places(whole):
        for wrong in WRONG_VALUES:
            yield f"answer {path} {wrong!r}", json.dumps(replaced(whole, path, wrong))


@pytest.mark.parametrize(
    ("mutants", "fewest_refused"), [(of_values, 500), (of_texts, 50), (of_documents, 200), (of_answers, 100)]
)
@pytest.mark.parametrize("to_kubernetes", [False, True])
def test_wrong_types_at_every_field(
    mutants: Callable[[], Mutants], fewest_refused: int, *, to_kubernetes: bool
) -> None:
    refused = 0
    for name, text in mutants():
        found = migrate({"dump.json": text}, OPTIONS, to_kubernetes=to_kubernetes)
        assert bool(found.files) == found.ok, name
        for problem in found.problems:
            assert problem.file == "dump.json" or problem.code == "no-resources" or not problem.resource, name
            assert str(problem).encode(), name
        refused += not found.ok
    assert refused > fewest_refused
