"""exabgp.conf, judged by ExaBGP."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest
from compiler_makers import annotated, bgp_peer, compiled, configuration, node, secret

from bgpctl.compiler import compile_node, render_exabgp_conf
from bgpctl.datastore.directory import read_directory
from reflector.plan import NodePlan, Password, SessionKind, SessionPlan

READ_BACK = """
import json, sys
from exabgp.configuration.configuration import Configuration
from exabgp.environment import getenv
from exabgp.logger import log
log.init(getenv())
configuration = Configuration([sys.argv[1]])
if not configuration.reload():
    sys.exit(str(configuration.error))
keys = sys.argv[2].split(",")
print(json.dumps({
    str(each["peer-address"]): {
        **{key: each[key] if isinstance(each[key], (int, str, type(None))) else str(each[key]) for key in keys},
        "families": [f"{afi.name()} {safi.name()}" for afi, safi in each.families()],
        "capability": {key: value for key, value in each["capability"].items()},
    } for each in configuration.neighbors.values()}))
"""
KEYS = (
    "router-id,local-address,local-as,peer-as,hold-time,passive,connect,listen,outgoing-ttl,incoming-ttl,"
    "md5-password,md5-base64,adj-rib-in,manual-eor"
)


def read_back(text: str, folder: Path) -> dict[str, dict[str, object]]:
    """What ExaBGP's own parser makes of a file, by peer address."""
    path = folder / "exabgp.conf"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", READ_BACK, str(path), KEYS], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


def plan_with(**changes: object) -> NodePlan:
    fields: dict[str, object] = {
        "name": "192.0.2.1",
        "kind": SessionKind.NODE,
        "peer_address": "192.0.2.1",
        "peer_as": 65001,
        "local_as": 64512,
        "families": (4,),
        "local_address": "10.0.0.1",
        **changes,
    }
    return NodePlan(node="a", router_id="10.0.0.1", sessions=(SessionPlan(**fields),))  # type: ignore[arg-type]  # the test varies fields by name


def test_exabgp_validates_a_whole_cluster_of_sessions(tmp_path: Path) -> None:
    plan = compiled(
        "a",
        *(node(name, f"10.0.0.{number}/24", f"fd00::{number}/64") for number, name in enumerate("abcdef", 1)),
        configuration(nodeMeshPassword={"secretKeyRef": {"name": "bgp", "key": "mesh"}}, listenPort=1790),
        secret("bgp", {"mesh": "s3cret; } \"'\\"}),
        bgp_peer("tor", peerIP="192.0.2.1", asNumber=4200000001, ttlSecurity=1, sourceAddress="None"),
        bgp_peer("tor6", peerIP="2001:db8::1", asNumber=65001, maxRestartTime="0s"),
    )
    path = tmp_path / "exabgp.conf"
    path.write_text(render_exabgp_conf(plan))

    done = subprocess.run(
        [str(Path(sys.executable).with_name("exabgp")), "validate", "-n", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert len(plan.sessions) == 12
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("✓ neighbor") == len(plan.sessions)
    assert "adj-rib-out" not in done.stderr, "ExaBGP had to correct a setting"


def test_a_node_without_sessions_has_a_file_that_exabgp_reads(tmp_path: Path) -> None:
    assert read_back(render_exabgp_conf(NodePlan(node="a", router_id="10.0.0.1")), tmp_path) == {}


def test_every_setting_arrives_as_it_was_meant(tmp_path: Path) -> None:
    plan = plan_with(peer_port=1790, passive=True, hold_time=90, restart_time=15)

    (found,) = read_back(render_exabgp_conf(plan), tmp_path).values()

    assert found == {
        "router-id": "10.0.0.1",
        "local-address": "10.0.0.1",
        "local-as": 64512,
        "peer-as": 65001,
        "hold-time": 90,
        "passive": True,
        "connect": 1790,
        "listen": 0,
        "outgoing-ttl": None,
        "incoming-ttl": None,
        "md5-password": None,
        "md5-base64": False,
        "adj-rib-in": False,
        "manual-eor": True,
        "families": ["ipv4 unicast"],
        "capability": {
            "asn4": True,
            "extended-message": True,
            "graceful-restart": 15,
            "multi-session": False,
            "operational": False,
            "add-path": 3,
            "route-refresh": True,
            "nexthop": None,
            "aigp": None,
            "software-version": None,
        },
    }


@pytest.mark.parametrize("secret_text", ["plain", "with space", "'\"\\;{}#[],()", "ÄÖ€", "a" * 80, "0123456789abcdef"])
def test_a_password_of_any_characters_reaches_the_socket_unchanged(secret_text: str, tmp_path: Path) -> None:
    (found,) = read_back(render_exabgp_conf(plan_with(password=Password(secret_text))), tmp_path).values()

    assert found["md5-base64"] is True
    assert b64decode(str(found["md5-password"])) == secret_text.encode()


def test_ttl_security_sends_255_and_accepts_no_less_than_the_hops_allow(tmp_path: Path) -> None:
    (found,) = read_back(render_exabgp_conf(plan_with(ttl_security=2)), tmp_path).values()

    assert (found["outgoing-ttl"], found["incoming-ttl"]) == (255, 254)


def test_without_a_source_address_the_kernel_chooses(tmp_path: Path) -> None:
    (found,) = read_back(render_exabgp_conf(plan_with(local_address="")), tmp_path).values()

    assert found["local-address"] is None


def test_a_restart_time_of_zero_is_no_graceful_restart(tmp_path: Path) -> None:
    (found,) = read_back(render_exabgp_conf(plan_with(restart_time=0, add_path=False)), tmp_path).values()

    capability = found["capability"]
    assert isinstance(capability, dict)
    assert (capability["graceful-restart"], capability["add-path"]) == (False, 0)


def test_people_see_no_password() -> None:
    text = render_exabgp_conf(plan_with(password=Password("hush-hush")), hide_passwords=True)

    assert "md5-password hidden;" in text
    assert "hush" not in text
    assert "aHVzaC1odXNo" not in text


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"hold_time": "0s"}, {"hold-time": 0}),
        ({"hold_time": "3s"}, {"hold-time": 3}),
        ({"hold_time": "65535s"}, {"hold-time": 65535}),
        ({"families": "ipv4,ipv6"}, {"families": ["ipv4 unicast", "ipv6 unicast"]}),
        ({"maximum_prefixes": "10 drop", "role": "customer", "role_strict": "true"}, {"hold-time": 240}),
        ({"long_lived_stale_time": "16777215s", "add_path": "2"}, {"families": ["ipv6 unicast"]}),
    ],
)
def test_exabgp_takes_what_annotations_make_of_a_session(
    tmp_path: Path, annotations: dict[str, str], expected: dict[str, object]
) -> None:
    peer = annotated(bgp_peer("p", peerIP="2001:db8::1", asNumber=65001), **annotations)
    plan = compiled("a", node("a", "10.0.0.1/24", "fd00::1/64"), peer)

    (found,) = read_back(render_exabgp_conf(plan), tmp_path).values()

    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(("value", "mode"), [("off", 0), ("all", 3), ("2", 3)])
def test_add_path_is_offered_as_annotations_say(tmp_path: Path, value: str, mode: int) -> None:
    peer = annotated(bgp_peer("p", peerIP="192.0.2.1", asNumber=65001), add_path=value)
    plan = compiled("a", node("a", "10.0.0.1/24"), peer)

    (found,) = read_back(render_exabgp_conf(plan), tmp_path).values()

    assert isinstance(found["capability"], dict)
    assert found["capability"]["add-path"] == mode


@pytest.mark.slow
def test_exabgp_takes_the_samples(tmp_path: Path) -> None:
    samples = Path(__file__).parents[2] / "config" / "samples"
    resources = read_directory(samples).resources
    for name in resources.nodes:
        plan = compile_node(resources, name).plan
        assert len(read_back(render_exabgp_conf(plan), tmp_path)) == len(plan.sessions)
