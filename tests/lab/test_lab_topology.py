"""Reading containerlab files: what is taken over, and every mistake with its file, line and path."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bgpctl.errors import NotReadyError
from bgpctl.lab.topology.addresses import node_of_address
from bgpctl.lab.topology.document import DocumentError
from bgpctl.lab.topology.fields import CONTAINER_FIELDS, NODE_FIELDS, UNSUPPORTED_FIELDS
from bgpctl.lab.topology.links import Endpoint
from bgpctl.lab.topology.roles import Role
from bgpctl.lab.topology.topology import Topology
from bgpctl.lab.topology.topology_file import lab_name, read_topology

QUICKSTART = Path(__file__).parents[2] / "labs/quickstart/quickstart.clab.yml"


def read(tmp_path: Path, text: str) -> Topology:
    file = tmp_path / "lab.clab.yml"
    file.write_text(text)
    return read_topology(file)


def problems(tmp_path: Path, text: str) -> list[str]:
    """The problems as lines, without the directory of the file."""
    with pytest.raises(DocumentError) as result:
        read(tmp_path, text)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in result.value.problems]


def one_node(settings: str) -> str:
    return f"name: x\ntopology:\n  nodes:\n    n:\n      kind: linux\n{settings}"


def two_nodes(link: str) -> str:
    nodes = "{a1: {kind: linux}, b1: {kind: linux}}"
    return f"name: x\ntopology:\n  nodes: {nodes}\n  links:\n    - {link}\n"


def test_settings_come_from_defaults_kind_group_and_node_in_this_order(tmp_path) -> None:
    topology = read(
        tmp_path,
        """
name: x
topology:
  defaults: {kind: linux, env: {A: default, B: default, C: default, D: default}, exec: [ip one]}
  kinds: {linux: {env: {B: kind, C: kind, D: kind}, exec: [ip two]}}
  groups: {g: {env: {C: group, D: group}, exec: [ip three]}}
  nodes: {n: {group: g, env: {D: node}, exec: [ip four]}}
""",
    )
    (node,) = topology.nodes
    assert node.env == {"A": "default", "B": "kind", "C": "group", "D": "node"}
    assert [command.words[1] for command in node.exec] == ["one", "two", "three", "four"]


def test_a_startup_config_of_a_group_is_a_file_for_each_node(tmp_path) -> None:
    for name in ("r1", "r2"):
        (tmp_path / f"{name}.conf").touch()
    group = "{labels: {bgpctl-role: bird}, startup-config: __clabNodeName__.conf}"
    nodes = "{r1: {group: b}, r2: {group: b}}"
    text = f"name: x\ntopology: {{defaults: {{kind: linux}}, groups: {{b: {group}}}, nodes: {nodes}}}\n"
    topology = read(tmp_path, text)
    assert [node.configuration for node in topology.daemons] == [tmp_path / "r1.conf", tmp_path / "r2.conf"]


@pytest.mark.parametrize(
    ("role", "mount"),
    [
        ("bird", "/etc/bird/bird.conf"),
        ("frr", "/etc/frr/frr.conf"),
        ("gobgp", "/etc/gobgp/gobgpd.toml"),
        ("openbgpd", "/etc/bgpd.conf"),
    ],
)
def test_a_bind_to_where_the_image_looks_is_the_daemons_configuration(tmp_path, role, mount) -> None:
    (tmp_path / "x.conf").touch()
    topology = read(tmp_path, one_node(f"      labels: {{bgpctl-role: {role}}}\n      binds: [x.conf:{mount}:ro]\n"))
    assert topology.nodes[0].configuration == tmp_path / "x.conf"
    assert topology.notes == ()


def test_host_is_another_word_for_pod(tmp_path) -> None:
    (node,) = read(tmp_path, one_node("      labels: {bgpctl-role: host}\n")).nodes
    assert node.role is Role.POD


def test_a_node_of_the_kind_bridge_is_a_bridge_of_its_own_name(tmp_path) -> None:
    (node,) = read(tmp_path, "name: x\ntopology: {nodes: {sw: {kind: bridge}}}\n").nodes
    assert (node.role, node.bridge) == (Role.BRIDGE, "sw")


def test_an_empty_node_takes_everything_from_the_defaults(tmp_path) -> None:
    topology = read(tmp_path, "name: x\ntopology:\n  defaults: {kind: linux}\n  nodes:\n    n:\n")
    assert [(node.name, node.role) for node in topology.nodes] == [("n", Role.ROUTER)]


def test_brief_links_give_addresses_in_the_order_of_the_endpoints(tmp_path) -> None:
    topology = read(
        tmp_path, two_nodes('{endpoints: ["a1:eth1", "b1:eth1"], ipv4: ["", 10.0.0.2/24], ipv6: [fd00::1/64]}')
    )
    (link,) = topology.links
    assert link.endpoints == (
        Endpoint("a1", "eth1", addresses=("fd00::1/64",)),
        Endpoint("b1", "eth1", addresses=("10.0.0.2/24",)),
    )


def test_extended_links_give_everything_on_the_endpoint(tmp_path) -> None:
    link = """{type: veth, mtu: 9000, endpoints: [
        {node: a1, interface: eth1, mac: "02:00:00:00:00:01", ipv4: 10.0.0.1/24, ipv6: "fd00::1/64"},
        {node: b1, interface: eth1}]}"""
    (read_link,) = read(tmp_path, two_nodes(link)).links
    assert read_link.mtu == 9000
    assert read_link.endpoints[0] == Endpoint("a1", "eth1", "02:00:00:00:00:01", ("10.0.0.1/24", "fd00::1/64"))


def test_an_address_belongs_to_the_node_that_has_it_on_a_link_or_adds_it(tmp_path) -> None:
    text = """
name: x
topology:
  defaults: {kind: linux}
  nodes:
    a1: {exec: [ip address add 192.0.2.1/32 dev lo, ip -6 addr replace fd00::7/64 dev eth1 nodad]}
    b1: {exec: [ip route add 10.9.0.0/16 via 10.0.0.1, ip address add 203.0.113.9/32 dev lo]}
    b2: {exec: [ip address add 203.0.113.9/32 dev lo]}
  links:
    - {endpoints: ["a1:eth1", "b1:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}
"""
    owners = {"192.0.2.1": "a1", "fd00::7": "a1", "10.0.0.1": "a1", "10.0.0.2": "b1"}
    assert node_of_address(read(tmp_path, text)) == owners


def test_a_dummy_link_has_one_endpoint(tmp_path) -> None:
    (link,) = read(tmp_path, two_nodes("{type: dummy, endpoint: {node: a1, interface: d0}}")).links
    assert link.endpoints == (Endpoint("a1", "d0"),)


def test_the_management_network_is_ignored_with_a_note(tmp_path) -> None:
    topology = read(tmp_path, one_node("") + "mgmt:\n  network: x\n")
    assert [f"{note.line}: {note.message}" for note in topology.notes] == [
        "6: `mgmt` is about containers and ignored here"
    ]


def test_settings_that_only_concern_containers_are_accepted(tmp_path) -> None:
    assert read(tmp_path, one_node("      image: alpine\n      cpu: 2\n")).notes == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            one_node("      exce: [ip a]\n"),
            "6: $.topology.nodes.n.exce: unknown field 'exce'; did you mean 'exec'?",
        ),
        (
            "name: x\ntopology:\n  nodes:\n    n: {kind: linus}\n",
            "4: $.topology.nodes.n: unknown kind 'linus'; did you mean 'linux'?; what runs in a namespace here: "
            "linux, bridge",
        ),
        (
            "name: x\ntopology:\n  nodes:\n    n:\n",
            "4: $.topology.nodes.n: the node needs a `kind` (its own, its group's or the default)",
        ),
        (
            one_node("      labels:\n        bgpctl-role: nod\n"),
            "4: $.topology.nodes.n: unknown bgpctl-role 'nod'; did you mean 'node'?; "
            "known: node, reflector, bird, frr, gobgp, openbgpd, pod, router, bridge, host",
        ),
        (
            one_node("      labels: {bgpctl-role: node}\n"),
            "4: $.topology.nodes.n: an agent runs here: it needs a bind of its resources, "
            "DIRECTORY:/etc/bgpctl/resources",
        ),
        (
            one_node("      labels: {bgpctl-role: bird}\n"),
            "4: $.topology.nodes.n: bird runs here: it needs its configuration, startup-config: FILE",
        ),
        (
            one_node("      startup-config: /absent/a.cfg\n"),
            "6: $.topology.nodes.n['startup-config']: /absent/a.cfg does not exist",
        ),
        (
            one_node("      startup-config: |\n        router bgp 1\n        exit\n"),
            "6: $.topology.nodes.n['startup-config']: write the configuration into a file beside the topology and name "
            "that",
        ),
        (
            one_node("      startup-delay: 3\n"),
            "6: $.topology.nodes.n['startup-delay']: `startup-delay` is not supported without containers: "
            "nodes start at once and wait for their neighbours themselves",
        ),
        (
            "name: x\ntopology:\n  nodes:\n    n: {kind: bridge, labels: {bgpctl-role: frr}}\n",
            "4: $.topology.nodes.n: a node of the kind 'bridge' is a bridge; for the role 'frr' it has to be of kind "
            "'linux'",
        ),
        (
            "name: x\ntopology:\n  nodes:\n    a-switch-of-the-rack: {kind: bridge}\n",
            "4: $.topology.nodes['a-switch-of-the-rack']: 'a-switch-of-the-rack' is longer than the 15 characters of a "
            "bridge's name",
        ),
        (
            one_node('      exec: ["ip \'a"]\n'),
            "6: $.topology.nodes.n.exec[0]: not a command: No closing quotation",
        ),
        (one_node("      exec: ip a\n"), "6: $.topology.nodes.n.exec: a list is expected here"),
        (
            one_node("      kind: linux\n"),
            "6: $.topology.nodes.n.kind: this key stands twice in the same mapping",
        ),
        (
            "nam: x\ntopology: {nodes: {n: {kind: linux}}}\n",
            "1: $.nam: unknown field 'nam'; did you mean 'name'?",
        ),
        ("name: x\n", "1: $: the lab needs a `topology`"),
        (
            "name: a/b\ntopology: {nodes: {n: {kind: linux}}}\n",
            "1: $.name: 'a/b' is no lab name: letters, digits, '.', '_' and '-', the first a letter or digit",
        ),
        ("name: [\n", "1: $: not YAML: while parsing a flow node did not find expected node content"),
        (
            two_nodes('{endpoints: ["a1:eth1", "b2:eth1"]}'),
            "5: $.topology.links[0].endpoints[1]: unknown node 'b2'",
        ),
        (
            two_nodes('{endpoints: ["a1:eth1", "b1"]}'),
            "5: $.topology.links[0].endpoints[1]: 'b1' is no endpoint: write NODE:INTERFACE",
        ),
        (
            two_nodes('{endpoints: ["a1:an-interface-too-long", "b1:eth1"]}'),
            "5: $.topology.links[0].endpoints[0]: 'an-interface-too-long' is no interface name: "
            "1 to 15 characters without '/' and spaces",
        ),
        (
            two_nodes('{endpoints: ["a1:eth1"]}'),
            "5: $.topology.links[0]: a veth link has 2 endpoints, this one has 1",
        ),
        (
            two_nodes('{endpoints: ["a1:eth1", "a1:eth1"]}'),
            "5: $.topology.links[0]: interface 'eth1' of node 'a1' is used by another link already",
        ),
        (
            two_nodes('{endpoints: ["a1:eth1", "b1:eth1"], ipv4: [10.0.0.1]}'),
            "5: $.topology.links[0].ipv4[0]: '10.0.0.1' needs its prefix length, for example 10.0.0.1/24",
        ),
        (
            two_nodes("{type: host, endpoint: {node: a1, interface: e}, host-interface: h}"),
            "5: $.topology.links[0]: link type 'host' would reach out of the lab; a lab has veth and dummy links",
        ),
        (
            two_nodes('{endpoints: ["a1:eth1", "b1:eth1"], mtu: big}'),
            "5: $.topology.links[0].mtu: 'big' is not a whole number",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_path(tmp_path, text: str, problem: str) -> None:
    line, rest = problem.split(": ", 1)
    assert f"lab.clab.yml:{line}: error: {rest}" in problems(tmp_path, text)


def test_all_mistakes_are_reported_at_once_in_the_order_of_their_lines(tmp_path) -> None:
    text = two_nodes('{endpoints: ["a2:eth1", "b2:eth1"], mut: 9}') + "nodse: {}\n"
    lines = [problem.split(":")[1] for problem in problems(tmp_path, text)]
    assert lines == ["5", "5", "5", "6"]


def test_a_file_that_is_missing_is_not_the_fault_of_the_file(tmp_path) -> None:
    with pytest.raises(NotReadyError, match="cannot be read: No such file"):
        read_topology(tmp_path / "absent.clab.yml")


def test_the_name_is_read_from_a_file_with_other_mistakes(tmp_path) -> None:
    file = tmp_path / "lab.clab.yml"
    file.write_text("name: x\ntopology: nonsense\n")
    assert lab_name(file) == "x"


def test_the_quickstart_has_two_racks_of_three_two_reflectors_and_a_pod_on_each_node() -> None:
    topology = read_topology(QUICKSTART)
    assert topology.notes == ()
    assert [node.name for node in topology.with_role(Role.NODE)] == ["a1", "a2", "a3", "b1", "b2", "b3"]
    assert [node.name for node in topology.with_role(Role.REFLECTOR)] == ["rr1", "rr2"]
    assert len(topology.with_role(Role.POD)) == 6


def test_every_field_of_the_schema_is_in_exactly_one_table() -> None:
    beside = Path(__file__).parents[2].parent / "shared" / "containerlab" / "clab.schema.json"
    schema = Path(os.environ.get("CONTAINERLAB_SCHEMA", beside))
    if not schema.is_file():
        pytest.skip(f"containerlab's schema is not there: {schema} (CONTAINERLAB_SCHEMA)")
    fields = json.loads(schema.read_text())["definitions"]["node-config"]["properties"]
    assert sorted((*NODE_FIELDS, *CONTAINER_FIELDS, *UNSUPPORTED_FIELDS)) == sorted(fields)
