"""A directory as a datastore of objects: where they stand, what is written, and what is left alone."""

from __future__ import annotations

import asyncio
import codecs
import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from object_makers import calico, peer, put, remove
from segment import eventually

from bgpctl.datastore import read_directory
from bgpctl.errors import NotReadyError
from bgpctl.objects import KINDS, Change, Outcome, Prepared, Query, Written, open_store
from bgpctl.objects.directory.directory_store import DirectoryStore
from bgpctl.objects.label_selector import parse_label_selector
from bgpctl.objects.store import Seen
from bgpctl.resources import parse_documents

PEERS = """\
# peers of the racks
---
# rack a
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: tor-a
  labels: {rack: a}
spec:
  peerIP: 10.0.0.1  # eth0 of the ToR
  asNumber: 64513
---
# rack b
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor-b, labels: {rack: b}}
spec: {peerIP: 10.0.0.2, asNumber: 64514}
"""
LIST = """\
apiVersion: projectcalico.org/v3
kind: BGPFilterList
items:
- metadata: {name: one}  # the first
  spec: {}
- metadata: {name: two}  # the second
  spec: {}
"""
OTHERS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: other}
---
apiVersion: v1
kind: Secret
metadata: {name: bgp, namespace: kube-system}
stringData: {key: secret}
"""


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    directory = tmp_path / "resources"
    directory.mkdir()
    for name, text in (("peers.yaml", PEERS), ("filters.yaml", LIST), ("others.yaml", OTHERS)):
        (directory / name).write_text(text)
    return directory


def prepare(path: Path, *changes: Change) -> tuple[DirectoryStore, Prepared]:
    store = DirectoryStore(path)
    return store, asyncio.run(store.prepare(changes))


def write(path: Path, *changes: Change) -> tuple[Written, ...]:
    store, prepared = prepare(path, *changes)
    return asyncio.run(store.write(prepared))


def done(written: tuple[Written, ...]) -> list[tuple[str, str]]:
    assert [each.failed for each in written if each.failed] == []
    return [(str(each.prepared.id), each.prepared.outcome.value) for each in written]


def read(path: Path, **query: Any) -> list[str]:
    async def found() -> list[str]:
        async with open_store(path) as store:
            answer = await store.read(Query(KINDS, **query))
        assert not answer.failures
        return [f"{each.id} {Path(each.place.file).name}:{each.place.line}" for each in answer.objects]

    return asyncio.run(found())


# ---------------------------------------------------------------------------------------------- reading


def test_objects_are_found_where_they_stand(resources: Path) -> None:
    assert read(resources) == [
        "BGPFilter/one filters.yaml:4",
        "BGPFilter/two filters.yaml:6",
        "Secret/kube-system/bgp others.yaml:5",
        "BGPPeer/tor-a peers.yaml:4",
        "BGPPeer/tor-b peers.yaml:14",
    ]


def test_objects_are_selected(resources: Path) -> None:
    assert read(resources, selector=parse_label_selector("rack in (b)")) == ["BGPPeer/tor-b peers.yaml:14"]
    assert read(resources, names=("one", "tor-a")) == ["BGPFilter/one filters.yaml:4", "BGPPeer/tor-a peers.yaml:4"]
    assert read(resources, namespace="kube-system") == ["Secret/kube-system/bgp others.yaml:5"]


def test_an_invalid_object_is_one_nevertheless_and_what_is_no_yaml_is_a_failure(resources: Path) -> None:
    (resources / "bad.yaml").write_text(
        "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: x}\nspec: 1\n---\n{"
    )

    async def found() -> tuple[list[str], tuple[str, ...]]:
        answer = await DirectoryStore(resources).read(Query(KINDS, names=("x",)))
        return [str(each.id) for each in answer.objects], answer.failures

    objects, failures = asyncio.run(found())
    assert objects == ["BGPPeer/x"]
    assert [failure.partition(":")[0] for failure in failures] == [str(resources / "bad.yaml")]
    assert "not-yaml" in failures[0]


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="cannot read resources from"):
        read(tmp_path / "nowhere")


# ---------------------------------------------------------------------------------------------- writing


def test_an_object_is_changed_where_it_stands_and_comments_stay(resources: Path) -> None:
    wanted = calico("BGPPeer", "tor-a", peerIP="10.0.0.7", asNumber=64513)
    wanted["metadata"]["labels"] = {"rack": "a"}
    assert done(write(resources, put(wanted))) == [("BGPPeer/tor-a", "configured")]
    assert (resources / "peers.yaml").read_text() == PEERS.replace("10.0.0.1 ", "10.0.0.7 ")
    assert done(write(resources, put(wanted))) == [("BGPPeer/tor-a", "unchanged")]


def test_what_is_not_applied_is_not_in_the_file_any_more(resources: Path) -> None:
    write(resources, put(calico("BGPPeer", "tor-a", peerIP="10.0.0.1")))
    assert (resources / "peers.yaml").read_text() == PEERS.replace("  labels: {rack: a}\n", "").replace(
        "  asNumber: 64513\n", ""
    )


def test_an_item_of_a_list_does_not_repeat_its_kind(resources: Path) -> None:
    write(resources, put(calico("BGPFilter", "two", exportV4=[{"action": "Reject"}])))
    lines = (resources / "filters.yaml").read_text().splitlines()
    assert lines[:6] == LIST.splitlines()[:6]
    assert "kind: BGPFilter" not in lines
    assert read_directory(resources).resources.bgp_filters["two"].spec.export_v4[0].action == "Reject"


def test_a_new_object_has_a_file_of_its_own(resources: Path) -> None:
    assert done(write(resources, put(peer("tor-c")))) == [("BGPPeer/tor-c", "created")]
    assert read(resources, names=("tor-c",)) == ["BGPPeer/tor-c bgppeer-tor-c.yaml:1"]
    (resources / "bgppeer-tor-d.yaml").write_text("# something else\n")
    write(resources, put(peer("tor-d")))
    assert read(resources, names=("tor-d",)) == ["BGPPeer/tor-d bgppeer-tor-d-2.yaml:1"]


def test_a_new_object_keeps_the_comments_that_it_was_given_with(resources: Path) -> None:
    text = (
        "# why it is there\napiVersion: projectcalico.org/v3\nkind: BGPFilter\nmetadata: {name: x} # name\nspec: {}\n"
    )
    write(resources, put(calico("BGPFilter", "x"), text))
    assert (resources / "bgpfilter-x.yaml").read_text() == text


def test_a_new_secret_is_for_its_owner_only(resources: Path) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "b"}}
    write(resources, put(secret))
    assert (resources / "secret-default-x.yaml").stat().st_mode & 0o777 == 0o600


def test_what_an_api_server_keeps_for_itself_is_not_written(resources: Path) -> None:
    wanted = peer("tor-c")
    wanted["metadata"] |= {
        "uid": "1", "resourceVersion": "5", "managedFields": [], "creationTimestamp": "2026-01-01T00:00:00Z",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "bgpctl.io/role": "peer"},
    }  # fmt: skip
    write(resources, put(wanted))
    assert "uid" not in (text := (resources / "bgppeer-tor-c.yaml").read_text())
    assert "last-applied" not in text
    assert "bgpctl.io/role: peer" in text


def test_in_a_single_file_a_new_object_comes_behind_the_others(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(PEERS.rstrip("\n"))
    write(path, put(peer("tor-c")), put(peer("tor-d")))
    assert path.read_text().startswith(PEERS)
    assert [line.partition(" ")[0] for line in read(path)] == [f"BGPPeer/tor-{name}" for name in "abcd"]


def test_json_lines_stay_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    path.write_text('{"apiVersion":"projectcalico.org/v3","kind":"BGPFilter","metadata":{"name":"a"}}\n')
    write(path, put(calico("BGPFilter", "b")), put(calico("BGPFilter", "a", importV4=[])))
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        calico("BGPFilter", "a", importV4=[]),
        calico("BGPFilter", "b"),
    ]


def test_deleted_objects_take_nothing_else_along(resources: Path) -> None:
    assert done(write(resources, remove("BGPPeer", "tor-a"), remove("BGPFilter", "one"))) == [
        ("BGPPeer/tor-a", "deleted"),
        ("BGPFilter/one", "deleted"),
    ]
    assert (resources / "peers.yaml").read_text() == PEERS[: PEERS.index("---")] + PEERS[PEERS.index("---\n# rack b") :]
    assert (resources / "filters.yaml").read_text() == LIST.replace(
        "- metadata: {name: one}  # the first\n  spec: {}\n", ""
    )
    assert done(write(resources, remove("BGPPeer", "tor-a"))) == [("BGPPeer/tor-a", "not found")]


def test_a_file_of_which_nothing_is_left_goes(resources: Path) -> None:
    write(resources, remove("BGPFilter", "one"), remove("BGPFilter", "two"))
    write(resources, remove("Secret", "bgp", "v1", "kube-system"))
    assert sorted(each.name for each in resources.iterdir()) == ["others.yaml", "peers.yaml"]
    assert (resources / "others.yaml").read_text() == OTHERS[: OTHERS.index("---")]


def test_an_object_that_stands_twice_is_refused_and_can_be_deleted(resources: Path) -> None:
    (resources / "again.yaml").write_text(PEERS)
    _, prepared = prepare(resources, put(peer("tor-a")))
    refused = prepared.changes[0].refused
    assert "BGPPeer/tor-a stands in" in refused
    assert f"{resources}/again.yaml:4 and {resources}/peers.yaml:4" in refused
    assert prepared.sources == {}
    write(resources, remove("BGPPeer", "tor-a"))
    assert read(resources, names=("tor-a",)) == []


def test_links_modes_and_encodings_stay(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.yaml"
    real.write_bytes(codecs.BOM_UTF8 + PEERS.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    (tmp_path / "resources").mkdir()
    link = tmp_path / "resources" / "peers.yaml"
    link.symlink_to(real)
    write(tmp_path / "resources", remove("BGPPeer", "tor-b"))
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert real.read_bytes() == codecs.BOM_UTF8 + PEERS[: PEERS.index("---\n# rack b")].replace("\n", "\r\n").encode()


def test_utf16_stays(tmp_path: Path) -> None:
    path = tmp_path / "peers.yaml"
    path.write_bytes(PEERS.encode("utf-16"))
    write(path, put(peer("tor-c")))
    assert path.read_bytes().decode("utf-16").startswith(PEERS)


def test_the_sources_that_are_prepared_are_what_is_written(resources: Path) -> None:
    store, prepared = prepare(resources, put(peer("tor-a", "10.0.0.8")), put(peer("tor-c")), remove("BGPFilter", "one"))
    before = {name: file.text for name, file in read_directory(resources).files.items()}
    after = parse_documents(
        (name, text) for name, text in sorted({**before, **prepared.sources}.items()) if text is not None
    )
    asyncio.run(store.write(prepared))
    assert read_directory(resources).resources == after.resources
    assert [each.outcome for each in prepared.changes] == [Outcome.CONFIGURED, Outcome.CREATED, Outcome.DELETED]


# ----------------------------------------------------------------------------------------- at the same time

MEANWHILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (lambda path: (path / "peers.yaml").write_text(PEERS + "# more\n"), "peers.yaml was changed since"),
    "gone": (lambda path: (path / "peers.yaml").unlink(), "peers.yaml is not there any more since"),
    "there": (lambda path: (path / "bgppeer-tor-c.yaml").touch(), "bgppeer-tor-c.yaml is there now since"),
}


@pytest.mark.parametrize("case", MEANWHILE)
def test_what_somebody_else_has_written_meanwhile_is_not_overwritten(resources: Path, case: str) -> None:
    meanwhile, sentence = MEANWHILE[case]
    store, prepared = prepare(resources, put(peer("tor-c")), put(peer("tor-a")), put(calico("BGPFilter", "one")))
    meanwhile(resources)
    texts = {each.name: each.read_text() for each in resources.iterdir()}
    failed = [each.failed for each in asyncio.run(store.write(prepared))]
    assert sentence in failed[0]
    assert "nothing is written" in failed[0]
    assert failed == [failed[0], failed[0], ""]  # the filter is as it is wanted
    assert {each.name: each.read_text() for each in resources.iterdir()} == texts


def test_commands_take_turns(resources: Path) -> None:
    """Twenty of them, each adding a peer to one file: none is lost."""
    path = resources / "peers.yaml"

    def add(number: int) -> None:
        while any(each.failed for each in write(path, put(peer(f"p{number}")))):
            pass

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read(path)) == 22


def test_a_lock_that_is_never_given_back_is_named(resources: Path) -> None:
    store = DirectoryStore(resources, patience=0.1)
    prepared = asyncio.run(store.prepare([put(peer("tor-c"))]))
    descriptor = os.open(resources, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(NotReadyError, match="another command has been writing"):
            asyncio.run(store.write(prepared))
    finally:
        os.close(descriptor)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make a directory immutable with a mount")
def test_a_directory_that_cannot_be_written(resources: Path) -> None:
    """As a ConfigMap is mounted in a pod."""
    store, prepared = prepare(resources, put(peer("tor-a")))
    mount = ["mount", "--bind", "-o", "ro", str(resources), str(resources)]
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from object_makers import peer, put\n"
        "from bgpctl.objects.directory.directory_store import DirectoryStore\n"
        f"store = DirectoryStore(Path({str(resources)!r}))\n"
        "prepared = asyncio.run(store.prepare([put(peer('tor-a'))]))\n"
        "print(asyncio.run(store.write(prepared))[0].failed)\n"
    )
    command = ["unshare", "--mount", "sh", "-c", f'{" ".join(mount)} && exec {sys.executable} -c "$PROGRAM"']
    environment = {**os.environ, "PROGRAM": program, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{resources}/peers.yaml cannot be written: Read-only file system\n"
    assert store.name == str(resources)
    assert prepared.refused == ()


# ------------------------------------------------------------------------------------------------ watching


def test_every_change_of_an_object_is_seen(resources: Path) -> None:
    seen: list[Seen] = []

    async def watch() -> None:
        note = seen.append
        async for each in DirectoryStore(resources).watch(Query(KINDS, selector=parse_label_selector("rack"))):
            note(each)

    def lines() -> list[str]:
        return [f"{each.event} {each.object.id}" if each.object else each.failure or each.event for each in seen]

    async def run() -> None:
        task = asyncio.create_task(watch())

        async def until(expected: list[str]) -> None:
            await asyncio.to_thread(eventually, lambda: lines() == expected, str(expected))

        expected = ["ADDED BGPPeer/tor-a", "ADDED BGPPeer/tor-b", "SYNCED"]
        await until(expected)
        path = resources / "peers.yaml"

        def put(text: str) -> None:
            """At once: a file that is half written is one with fewer objects."""
            (resources / ".new").write_text(text)
            (resources / ".new").replace(path)

        put(PEERS.replace("64514", "64515"))
        await until(expected := [*expected, "MODIFIED BGPPeer/tor-b"])
        put(PEERS.replace("64514", "64515") + "# a comment\n")
        (resources / "others.yaml").unlink()
        put(PEERS.replace("rack: a", "row: a").replace("64514", "64515"))
        await until(expected := [*expected, "DELETED BGPPeer/tor-a"])
        put("{")
        await asyncio.to_thread(eventually, lambda: any("not-yaml" in line for line in lines()), "a failure")
        task.cancel()

    asyncio.run(run())
    assert [line for line in lines() if "not-yaml" not in line][4:] == [
        "DELETED BGPPeer/tor-a",
        "DELETED BGPPeer/tor-b",
    ]
