"""Calico's own cases of the conversion from v1 to v3: names, and objects, as YAML of calicoctl and as keys of etcd.

The cases come from a file named by the environment variable CALICO_MIGRATION, or from the shared case files beside this
repository. The conversion itself checks nothing, so some of what it gives is refused when it is judged: then there is
an error at the source, and nothing to write.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import pytest

from bgpctl.compiler import CompileOptions
from bgpctl.migration import names
from bgpctl.migration.migrate import Migration, migrate
from bgpctl.yaml_source.problem import Severity
from reflector.addresses import parse_address

pytestmark = pytest.mark.conformance

_FILE = Path(
    os.environ.get("CALICO_MIGRATION") or Path(__file__).parents[2].parent / "shared" / "calico" / "migration.json"
)
OPTIONS = CompileOptions()
# Host bits stay in the conversion, and so does IPIP in an IPv6 pool; the validator refuses both.
REFUSED = {"10-0-0-1-24": "not-a-cidr", "5-5-5-5-25": "not-a-cidr", "2001---120": "ipip-on-ipv6"}
NAMES: dict[str, Callable[[str], str]] = {
    "generic_names": names.qualified_name,
    "generic_names_no_dots": names.qualified_name_without_dots,
    "node_names": names.node_name,
    "ip_to_name": lambda text: names.address_name(parse_address(text)),
}


def cases(*groups: str) -> list[Any]:
    if not _FILE.is_file():
        reason = f"no case file at {_FILE}; name one in CALICO_MIGRATION"
        return [pytest.param("", {}, marks=pytest.mark.skip(reason=reason), id="no-case-file")]
    found = json.loads(_FILE.read_text())
    return [
        pytest.param(group, case, id=f"{group}-{index}") for group in groups for index, case in enumerate(found[group])
    ]


@pytest.mark.parametrize(("group", "case"), cases(*NAMES))
def test_name(group: str, case: dict[str, Any]) -> None:
    digest = hashlib.sha1(case["in"].encode(), usedforsecurity=False).hexdigest()[:8]
    assert NAMES[group](case["in"]) == case["out"] + (f"-{digest}" if case.get("qualifier") else "")


def as_yaml(group: str, v1: dict[str, Any]) -> dict[str, str]:
    """As calicoctl v1 has it, where the identifiers are metadata."""
    kind, identifiers = {
        "bgppeer": ("bgpPeer", ("scope", "node", "peerIP")),
        "ippool": ("ipPool", ("cidr",)),
        "node": ("node", ("name",)),
    }[group]
    metadata = {key: value for key, value in v1.items() if key in identifiers}
    spec = {key: value for key, value in v1.items() if key not in identifiers}
    document = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}
    return {"v1.yaml": json.dumps(document)}


def as_etcd(group: str, v1: dict[str, Any]) -> dict[str, str]:
    """As Calico 2.6 stores it."""
    return {"dump.json": json.dumps({"bgppeer": _peer, "ippool": _pool, "node": _node}[group](v1))}


def _peer(v1: dict[str, Any]) -> dict[str, str]:
    family = parse_address(v1["peerIP"]).version
    where = f"host/{v1['node']}" if "node" in v1 else "global"
    value = {"ip": v1["peerIP"], "as_num": str(v1["asNumber"])}
    return {f"/calico/bgp/v1/{where}/peer_v{family}/{v1['peerIP']}": json.dumps(value)}


def _pool(v1: dict[str, Any]) -> dict[str, str]:
    family, disabled = ip_interface(v1["cidr"]).version, v1.get("disabled", False)
    value = {
        "cidr": v1["cidr"],
        "ipip": "tunl0" if v1["ipip"]["enabled"] else "",
        "ipip_mode": v1["ipip"]["mode"],
        "masquerade": v1.get("nat-outgoing", False),
        "ipam": not disabled,
        "disabled": disabled,
    }
    return {f"/calico/v1/ipam/v{family}/pool/{v1['cidr'].replace('/', '-')}": json.dumps(value)}


def _node(v1: dict[str, Any]) -> dict[str, str]:
    keys = {f"/calico/v1/host/{v1['name']}/metadata": "{}"}
    at = f"/calico/bgp/v1/host/{v1['name']}"
    for family, field in ((4, "ipv4Address"), (6, "ipv6Address")):
        if field in v1["bgp"]:
            interface = ip_interface(v1["bgp"][field])
            keys |= {f"{at}/ip_addr_v{family}": str(interface.ip), f"{at}/network_v{family}": str(interface.network)}
    return keys | ({f"{at}/as_num": str(v1["bgp"]["asNumber"])} if "asNumber" in v1["bgp"] else {})


def errors(migration: Migration) -> list[str]:
    return [each.code for each in migration.problems if each.severity is Severity.ERROR]


OBJECTS = cases("bgppeer", "ippool", "node")
CONVERTED = [each for each in OBJECTS if "error" not in each.values[1]]
# In a key of etcd nothing can be wrong in these ways.
REFUSED_AT_ONCE = [each for each in OBJECTS if each not in CONVERTED or each.marks]


@pytest.mark.parametrize("form", [as_yaml, as_etcd])
@pytest.mark.parametrize(("group", "case"), CONVERTED)
def test_object(group: str, case: dict[str, Any], form: Callable[[str, dict[str, Any]], dict[str, str]]) -> None:
    migration = migrate(form(group, case["v1"]), OPTIONS)
    (found,) = migration.objects
    expected = case["v3"]
    assert (found["metadata"], found["spec"]) == ({"name": expected["name"]}, expected["spec"])
    refused = REFUSED.get(expected["name"])
    assert errors(migration) == ([refused] if refused else [])
    assert bool(migration.files) == (refused is None)


@pytest.mark.parametrize(("group", "case"), REFUSED_AT_ONCE)
def test_object_that_is_refused(group: str, case: dict[str, Any]) -> None:
    migration = migrate(as_yaml(group, case["v1"]), OPTIONS)
    assert (errors(migration) != [], migration.objects, migration.files) == (True, (), {})
