"""Hosts and resources for the tests of address detection."""

from bgpctl.agent.autodetection.choice import Circumstances, Found, NotFound, choose
from bgpctl.agent.autodetection.host import Host, HostAddress, HostInterface
from bgpctl.agent.autodetection.method import parse_method
from bgpctl.agent.node_resources import NodeResources
from bgpctl.resources import Loaded, parse_documents
from reflector.plan import Family


def address(text: str, **state: bool) -> HostAddress:
    """ "10.0.0.1/24"."""
    bare, _, length = text.partition("/")
    return HostAddress(bare, int(length), **state)


def interface(index: int, name: str, *addresses: str | HostAddress, up: bool = True) -> HostInterface:
    return HostInterface(index, name, up, tuple(address(each) if isinstance(each, str) else each for each in addresses))


def host(*interfaces: HostInterface) -> Host:
    return Host(interfaces)


def chosen(method: str, family: Family, on: Host, before: str = "", internal: tuple[str, ...] = ()) -> Found | NotFound:
    return choose(parse_method(method), family, Circumstances(on, internal, {family: before}))


def found(method: str, family: Family, on: Host, before: str = "", internal: tuple[str, ...] = ()) -> str:
    """ "10.0.0.1/24 eth0", or the reason why there is none."""
    outcome = chosen(method, family, on, before, internal)
    return f"{outcome.address} {outcome.interface}" if isinstance(outcome, Found) else outcome.reason


def node_document(name: str, bgp: str = "") -> str:
    """A Node with this text in spec.bgp, or without any."""
    spec = f"spec: {{bgp: {{{bgp}}}}}\n" if bgp else ""
    return f"apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {{name: {name}}}\n{spec}"


def loaded(*documents: str) -> Loaded:
    return parse_documents([("cluster.yaml", "---\n".join(documents))])


def resources(*documents: str) -> NodeResources:
    """As node `a` sees them."""
    return NodeResources("a", loaded(*documents))
