"""`bgpctl diff`, run as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BGPCTL = Path(sys.executable).with_name("bgpctl")
RESOURCES = """\
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec: {bgp: {ipv4Address: 10.0.0.1/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b}
spec: {bgp: {ipv4Address: 10.0.0.2/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: c}
spec: {bgp: {ipv4Address: 10.0.0.3/24}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pool}
spec: {cidr: 192.168.0.0/16}
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: {name: a-block}
spec: {node: a, cidr: 192.168.1.0/26, state: confirmed, deleted: false}
---
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {nodeMeshPassword: {secretKeyRef: {name: bgp, key: mesh}}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec: {node: a, peerIP: 192.0.2.1, asNumber: 65001}
---
apiVersion: v1
kind: Secret
metadata: {name: bgp, namespace: kube-system}
stringData: {mesh: hush-hush}
"""


def diff(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BGPCTL), "diff", "old.yaml", "new", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """OLD is a file, NEW a directory; they say the same."""
    (tmp_path / "new").mkdir()
    (tmp_path / "old.yaml").write_text(RESOURCES)
    change(tmp_path)
    return tmp_path


def change(folder: Path, old: str = "", new: str = "") -> None:
    (folder / "new" / "cluster.yaml").write_text(RESOURCES.replace(old, new))


def test_resources_that_say_the_same_change_nothing(folder: Path) -> None:
    done = diff(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing changes on 3 nodes\n", "")


def test_a_session_that_is_reset_is_named_with_its_reason(folder: Path) -> None:
    change(folder, "asNumber: 65001", "asNumber: 65002")
    done = diff(folder)
    assert done.returncode == 1
    assert done.stdout == (
        "1 node changes: 1 resets 1 session\n"
        "\n"
        "node a\n"
        "  ! session 192.0.2.1: reset: peer_as 65001 -> 65002 "
        "(both ends agree on it when the session opens (OPEN)) [BGPPeer tor]\n"
    )


def test_a_session_that_is_only_updated_is_no_reset(folder: Path) -> None:
    change(folder, "asNumber: 65001", "asNumber: 65001, keepaliveTime: 10s")
    done = diff(folder)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "1 node changes: 1 without a session reset"
    assert "~ session 192.0.2.1: updated: keepalive_time 0 -> 10" in done.stdout


def test_a_block_that_moves_is_a_prefix_that_moves(folder: Path) -> None:
    change(folder, "node: a, cidr", "node: b, cidr")
    assert "~ 192.168.1.0/26 moves: a -> b" in diff(folder).stdout


def test_a_pool_that_is_no_longer_exported_withholds_its_routes(folder: Path) -> None:
    change(folder, "cidr: 192.168.0.0/16", "cidr: 192.168.0.0/16, disableBGPExport: true")
    assert (
        "~ to 10.0.0.2, 10.0.0.3, 192.0.2.1, 192.168.1.0/26: advertised -> "
        "withheld: rejected by an export policy (IPPool pool: disableBGPExport)"
    ) in diff(folder).stdout


@pytest.mark.parametrize("output", ["text", "json"])
def test_no_output_shows_a_password(output: str, folder: Path) -> None:
    change(folder, "hush-hush", "psst-psst")
    done = diff(folder, "-o", output)
    assert done.returncode == 1
    assert "password" in done.stdout
    assert "hush" not in done.stdout
    assert "psst" not in done.stdout
    assert "cHNzdC1wc3N0" not in done.stdout


def test_one_node_can_be_asked_for(folder: Path) -> None:
    change(folder, "asNumber: 65001", "asNumber: 65002")
    asked, other = diff(folder, "--node", "a"), diff(folder, "--node", "b")
    assert (asked.returncode, asked.stdout.splitlines()[0]) == (1, "1 node changes: 1 resets 1 session")
    assert (other.returncode, other.stdout) == (0, "nothing changes on 1 node\n")


def test_json_has_every_node_that_changes(folder: Path) -> None:
    change(folder, "name: c}", "name: d}")
    found = json.loads(diff(folder, "--all-nodes", "--full", "-o", "json").stdout)
    assert {each["node"]: each["change"] for each in found["nodes"]} == {
        "a": "changed",
        "b": "changed",
        "c": "removed",
        "d": "added",
    }
    assert found["nodes_in_all"] == 4


def test_resources_with_errors_are_not_compared(folder: Path) -> None:
    change(folder, "peerIP: 192.0.2.1", "peerIP: nonsense")
    done = diff(folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "new/cluster.yaml:" in done.stderr
    assert "$.spec.peerIP" in done.stderr


def test_errors_of_the_old_state_count_as_well(folder: Path) -> None:
    (folder / "old.yaml").write_text(RESOURCES.replace("peerIP: 192.0.2.1", "peerIP: nonsense"))
    done = diff(folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "old.yaml:" in done.stderr


def test_a_warning_is_said_only_if_it_is_new(folder: Path) -> None:
    (folder / "old.yaml").write_text(RESOURCES.replace("key: mesh", "key: lost"))
    change(folder, "key: mesh", "key: lost")
    same = diff(folder)
    assert (same.returncode, same.stderr) == (0, "")
    (folder / "old.yaml").write_text(RESOURCES)
    worse = diff(folder)
    assert worse.returncode == 3
    assert "[password-missing]" in worse.stderr
    assert "- 3 sessions" in worse.stdout
    assert "+ suppressed 10.0.0.2" in worse.stdout


@pytest.mark.parametrize("arguments", [("--node", "z"), ("--node", "a", "--all-nodes"), ("-o", "xml")])
def test_what_makes_no_sense_ends_with_status_2(arguments: tuple[str, ...], folder: Path) -> None:
    done = diff(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_a_path_that_is_not_there_ends_with_status_2(folder: Path) -> None:
    (folder / "old.yaml").unlink()
    done = diff(folder)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_a_router_id_that_is_none_ends_with_status_2(folder: Path) -> None:
    done = diff(folder, "--router-id", "nonsense")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_a_change_that_calico_refuses_is_an_error(folder: Path) -> None:
    change(folder, "192.168.0.0/16", "192.168.0.0/15")
    done = diff(folder)
    assert done.returncode == 2
    assert "IPPool/pool $.spec.cidr: the cidr of an IPPool cannot change" in done.stderr


# ------------------------------------------------------------------------------------- what is lost

NO_MESH = ("nodeMeshPassword: {secretKeyRef: {name: bgp, key: mesh}}", "nodeToNodeMeshEnabled: false")


def test_a_change_that_parts_nodes_has_a_status_of_its_own_and_names_the_pairs_first(folder: Path) -> None:
    change(folder, *NO_MESH)
    done = diff(folder)
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert lines[0] == "6 pairs of nodes are no longer reached:"
    assert "  b no longer reaches 192.168.1.0/26 of a (IPv4): no session leads there" in lines[1:6]
    assert lines[6] == "  and 1 more; bgpctl proof has them all"
    assert lines[7] == "would be held on 3 nodes, a, b, c:"


def test_what_would_be_held_has_the_digest_that_confirms_it(folder: Path) -> None:
    change(folder, *NO_MESH)
    found = json.loads(diff(folder, "-o", "json").stdout)
    (held,) = found["held"]
    (digest,) = {each["digest"] for each in held["digests"]}
    assert (
        f"on each of these nodes bgpctl confirm NODE --digest {digest}, or bgpctl.io/confirm: {digest}"
        in diff(folder).stdout
    )
    assert held["causes"] == ["BGPConfiguration default (new/cluster.yaml:26): nodeToNodeMeshEnabled is false"]
    confirming = f"metadata: {{name: default, annotations: {{bgpctl.io/confirm: {digest}}}}}"
    (folder / "new" / "cluster.yaml").write_text(
        RESOURCES.replace(*NO_MESH).replace("metadata: {name: default}", confirming)
    )
    confirmed = diff(folder)
    assert confirmed.returncode == 1
    assert "is confirmed by these resources on 3 nodes, a, b, c:" in confirmed.stdout


def validate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BGPCTL), "validate", "new", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=folder)


def test_validate_against_the_old_state_prints_the_same_digest(folder: Path) -> None:
    assert validate(folder, "--against", "old.yaml").returncode == 0
    change(folder, *NO_MESH)
    alone, against = validate(folder), validate(folder, "--against", "old.yaml")
    assert (alone.returncode, against.returncode) == (0, 3)
    held = [line for line in diff(folder).stdout.splitlines() if "digest" in line]
    assert held
    assert set(held) < set(against.stdout.splitlines())
    assert "digest" not in alone.stdout
    found = json.loads(validate(folder, "--against", "old.yaml", "-o", "json").stdout)
    assert found["lost_pairs"]["count"] == 6
    assert found["problems"]


def test_validate_compares_nothing_with_resources_that_have_errors(folder: Path) -> None:
    change(folder, "peerIP: 192.0.2.1", "peerIP: nonsense")
    done = validate(folder, "--against", "old.yaml")
    assert done.returncode == 1
    assert "held" not in done.stdout


def test_full_names_every_session_of_every_node(folder: Path) -> None:
    change(folder, *NO_MESH)
    text = diff(folder, "--full").stdout
    assert "node b\n  - 2 sessions 10.0.0.1 (a), 10.0.0.3 (c): node-to-node mesh\n" in text
    nodes = json.loads(diff(folder, "--full", "-o", "json").stdout)["nodes"]
    assert [len(each["sessions"]) for each in nodes] == [2, 2, 2]


def cluster(nodes: int, reflectors: int, *, mesh: bool) -> str:
    """A mesh, or reflectors and their clients."""
    documents = [
        f"""apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {{name: default}}
spec: {{nodeToNodeMeshEnabled: {str(mesh).lower()}}}
"""
    ]
    if reflectors:
        documents.append("""apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: to-reflectors}
spec: {nodeSelector: all(), peerSelector: has(rr)}
""")
    for place in range(nodes):
        ours = place < reflectors
        cluster_id = ", routeReflectorClusterID: 224.0.0.1" if ours else ""
        documents.append(f"""apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: n{place:04}, labels: {{{"rr: x" if ours else ""}}}}}
spec: {{bgp: {{ipv4Address: 10.0.{place // 250}.{place % 250 + 1}/16{cluster_id}}}}}
""")
    return "---\n".join(documents)


@pytest.mark.slow
@pytest.mark.parametrize("output", ["text", "json"])
def test_its_size_does_not_grow_with_the_cluster(output: str, folder: Path) -> None:
    """A session counts once, though both of its ends are closed."""
    sizes = []
    for nodes in (20, 80):
        (folder / "old.yaml").write_text(cluster(nodes, 0, mesh=True))
        (folder / "new" / "cluster.yaml").write_text(cluster(nodes, 2, mesh=False))
        done = diff(folder, "-o", output)
        assert f"{nodes} nodes change" in done.stdout
        removed = (nodes - 2) * (nodes - 3) // 2
        assert (f"- {removed} sessions" in done.stdout) or (f'"count": {removed},' in done.stdout)
        sizes.append(len(done.stdout))
    assert sizes[1] < 1.3 * sizes[0]
    assert sizes[1] < 16_000
