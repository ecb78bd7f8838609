"""Mutants of a small cluster with every kind of resource: one to three mistakes each, of the kinds that people and
programs make. Mutant `number` of a seed is always the same one.

    a field    of those that are there and of those that its model has: another type, another text, empty, huge,
               missing, null, nested, another spelling
    a text     cut off, a character too many, a line twice or gone, tabs, other spaces, octets that are no text
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from bgpctl.resources.annotations.table import TABLE
from bgpctl.resources.reading.kind_table import KINDS

CALICO = "projectcalico.org/v3"
CLUSTER = """
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a, labels: {rack: r1, role: reflector}}
spec:
  bgp: {ipv4Address: 10.0.0.1/24, ipv6Address: "fd00::1/64", asNumber: 64512, routeReflectorClusterID: 10.0.0.1}
  ipv4VXLANTunnelAddr: 10.64.0.0
  addresses: [{address: 10.0.0.1, type: InternalIP}]
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b, labels: {rack: r1}}
spec:
  bgp: {ipv4Address: 10.0.0.2/24, ipv6Address: "fd00::2/64", ipv4IPIPTunnelAddr: 10.65.0.1}
  orchRefs: [{nodeName: b, orchestrator: k8s}]
status: {podCIDRs: [10.70.2.0/24]}
---
apiVersion: v1
kind: Node
metadata:
  name: c
  labels: {rack: r2}
  annotations: {projectcalico.org/IPv4Address: 10.0.0.3/24, projectcalico.org/IPv4VXLANTunnelAddr: 10.64.3.0}
spec: {podCIDR: 10.70.3.0/24, podCIDRs: [10.70.3.0/24]}
status: {addresses: [{type: InternalIP, address: 10.0.0.3}, {type: Hostname, address: c}]}
---
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default, annotations: {bgpctl.io/hold-time: 30s}}
spec:
  asNumber: 64512
  nodeToNodeMeshEnabled: true
  listenPort: 1790
  serviceClusterIPs: [{cidr: 10.96.0.0/16}]
  serviceExternalIPs: [{cidr: 203.0.113.7/32}]
  serviceLoadBalancerIPs: [{cidr: 198.51.100.0/24}]
  communities: [{name: rack, value: "64512:10"}]
  prefixAdvertisements: [{cidr: 10.64.0.0/16, communities: [rack, "64512:20:30"]}]
  nodeMeshPassword: {secretKeyRef: {name: bgp, key: mesh}}
  nodeMeshMaxRestartTime: 2m
---
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: node.a}
spec: {listenPort: 1791, logSeverityScreen: Debug}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor, annotations: {bgpctl.io/maximum-prefixes: 5000 drop}}
spec:
  nodeSelector: rack == 'r1'
  peerIP: 10.0.0.9:180
  asNumber: 65001
  filters: [out]
  password: {secretKeyRef: {name: bgp, key: tor}}
  reachableBy: 10.0.0.254
  keepaliveTime: 10s
  ttlSecurity: 1
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: reflectors}
spec: {nodeSelector: all(), peerSelector: role == 'reflector'}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: workloads}
spec: {localWorkloadSelector: role == 'router', asNumber: 65010}
---
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: out}
spec:
  exportV4:
    - {action: Accept, matchOperator: In, cidr: 10.64.0.0/16, prefixLength: {min: 20, max: 28}, peerType: eBGP,
       operations: [{addCommunity: {value: "64512:1"}}, {prependASPath: {prefix: [64512]}},
                    {setPriority: {value: 100}}]}
    - {action: Reject, communities: {values: ["64512:2"]}, interface: "eth*", asPathPrefix: [65001]}
  importV6: [{action: Reject, source: RemotePeers, priority: 1024}]
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: vxlan}
spec: {cidr: 10.64.0.0/16, vxlanMode: CrossSubnet, blockSize: 26, nodeSelector: all(), natOutgoing: true}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: ipip}
spec: {cidr: 10.65.0.0/16, ipipMode: Always, allowedUses: [Workload], disableBGPExport: true}
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: {name: a-1}
spec: {node: a, cidr: 10.64.1.0/26, state: confirmed, deleted: false, type: host}
---
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: b-1}
spec: {node: b, cidr: 10.65.1.0/26, state: confirmed, deleted: "false"}
---
apiVersion: v1
kind: Secret
metadata: {name: bgp, namespace: kube-system}
type: Opaque
data: {mesh: c2VjcmV0}
stringData: {tor: other}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10]
  ipFamilies: [IPv4]
  externalIPs: [203.0.113.7]
  loadBalancerIP: 198.51.100.7
  externalTrafficPolicy: Local
status: {loadBalancer: {ingress: [{ip: 198.51.100.7}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.64.1.5], nodeName: a, conditions: {ready: true}}]
---
apiVersion: projectcalico.org/v3
kind: ClusterInformation
metadata: {name: default}
spec: {calicoVersion: v3.30.1, clusterGUID: "1"}
---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {vxlanVNI: 4096, vxlanPort: 4789, ipv4NormalRoutePriority: 1024, programClusterRoutes: EnabledIPIPOnly}
---
apiVersion: projectcalico.org/v3
kind: CalicoNodeStatus
metadata: {name: about-a}
spec: {node: a, classes: [Agent, BGP, Routes], updatePeriodSeconds: 10}
"""
MISTAKES = (1, 1, 1, 2, 3)

# Values that some field somewhere takes for something.
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 179, 65535, 65536, 4294967295, 4294967296, 2**63, 2**64, -(2**63), 10**400,
    0.5, -0.0, 1e308, float("inf"), float("nan"), "", " ", "a", "-", ".", "/", "0", "-1", "1e9", "0x10", "010",
    "1_000", "٣", "²", "true", "yes", "null", "~", "2026-12-01", "5663:12", "10.0.0.1", "10.0.0.1/33",
    "10.0.0.1/024", "010.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::", "::/0", "::ffff:10.0.0.1",
    "::ffff:10.0.0.1/120", "fe80::1%eth0", "fe80::1", "[::1]:179", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:",
    "255.255.255.255", "224.0.0.1", "127.0.0.1/8", "1.2", "64512:1", "65536:1", "1:2:3", "1:2:3:4", "4294.566",
    "all()", "global()", "has(x", "a == 'b' && (", "!has(x)", "a in {}", "((((((((", "10s", "-10s", "1h1m1s1ms",
    "99999999h", "Accept", "reject", "None", "default", "node.", "node.a", "kube-system", "x" * 300,
    "x" * 100_000, "é", "\u202e", "\u00a0", "\x00", "\x07", "\ud800", "\n", "a\nb", "b, c", "{", "${NODE}",
    "{{ .Values.x }}", "c2VjcmV0Cg==", "=", "====",
)  # fmt: skip


def documents() -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(CLUSTER) if each]


def mutant(seed: int, number: int) -> bytes:
    """The file's octets."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311  it has to be the same each time
    found = documents()
    mistakes = chance.choice(MISTAKES)
    for _ in range(mistakes):
        if chance.random() < 0.8:
            mutate_field(chance, found)
    text = written(chance, found)
    if chance.random() < 0.25:
        return mutate_text(chance, text)
    return text.encode(errors="surrogatepass")


def written(chance: random.Random, found: list[Any]) -> str:
    """As YAML with documents or as a List; a set that YAML cannot express is written as well as it can be."""
    if chance.random() < 0.1:
        found = [{"apiVersion": "v1", "kind": "List", "items": found}]
    return yaml.safe_dump_all(
        found, allow_unicode=chance.random() < 0.5, default_flow_style=chance.choice((None, False))
    )


# ------------------------------------------------------------------------------------------------ fields


def mutate_field(chance: random.Random, found: list[Any]) -> None:
    index = chance.randrange(len(found))
    document = found[index]
    if not isinstance(document, dict):
        found[index] = chance.choice(SCALARS)
        return
    places = list(places_in(document)) + list(absent_places(document))
    holder, key = chance.choice(places)
    MUTATIONS[chance.randrange(len(MUTATIONS))](chance, holder, key)


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """(mapping or list, key or index) of everything in it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places_in(inner)


def absent_places(document: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Fields of the model that are not written, and annotations that it may have."""
    api_version, name = document.get("apiVersion"), document.get("kind")
    kind = KINDS.get((api_version, name)) if isinstance(api_version, str) and isinstance(name, str) else None
    if kind is not None:
        yield from absent_fields(kind.model, document)
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        annotations = metadata.get("annotations")
        for each in TABLE if isinstance(annotations, dict) else ():
            yield annotations, f"bgpctl.io/{each.name}"


def absent_fields(model: type[BaseModel], value: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if alias not in value:
            yield value, alias
        part = next((each for each in models_in(field.annotation)), None)
        inner = value.get(alias)
        if part is None:
            continue
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, dict):
                yield from absent_fields(part, each)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from models_in(argument)


def put(holder: Any, key: Any, value: Any) -> None:
    holder[key] = value


def _scalar(chance: random.Random, holder: Any, key: Any) -> None:
    put(holder, key, chance.choice(SCALARS))


def _missing(chance: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder.pop(key, None)
    else:
        del holder[key]


def _nested(chance: random.Random, holder: Any, key: Any) -> None:
    value = holder[key] if isinstance(holder, list) or key in holder else chance.choice(SCALARS)
    for _ in range(chance.choice((1, 1, 2, 30, 80, 200))):
        value = [value] if chance.random() < 0.5 else {"a": value}
    put(holder, key, value)


def _collection(chance: random.Random, holder: Any, key: Any) -> None:
    options: tuple[Any, ...] = ([], {}, [None], {"": ""}, [[]], [{}], {"name": "x"}, [chance.choice(SCALARS)] * 3)
    put(holder, key, copy.deepcopy(chance.choice(options)))


def _many(chance: random.Random, holder: Any, key: Any) -> None:
    value = holder[key] if isinstance(holder, list) or key in holder else chance.choice(SCALARS)
    count = chance.choice((2, 60, 600))
    items = value * count if isinstance(value, list) else [value] * count
    put(holder, key, copy.deepcopy(items[:600]))


def _text_of(chance: random.Random, holder: Any, key: Any) -> None:
    """A number as text, a text with something before or behind it."""
    value = holder[key] if isinstance(holder, list) or key in holder else ""
    text = str(value)[:200]
    at = chance.randint(0, len(text))
    put(holder, key, text[:at] + str(chance.choice(SCALARS))[:50] + text[at + chance.choice((0, 1)) :])


def _other_key(chance: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, dict) and key in holder:
        value = holder.pop(key)
        key = str(key)
        spellings = (key.lower(), key.upper(), f"{key} ", f"{key}s", key[:-1], "", 1, None, True)
        put(holder, chance.choice(spellings), value)
    else:
        _collection(chance, holder, key)


def _swapped(chance: random.Random, holder: Any, key: Any) -> None:
    """The value of another field."""
    others = list(places_in(documents()))
    other, at = chance.choice(others)
    put(holder, key, copy.deepcopy(other[at]))


Mutation = Callable[[random.Random, Any, Any], None]
MUTATIONS: tuple[Mutation, ...] = (
    _scalar, _scalar, _scalar, _missing, _nested, _collection, _many, _text_of, _text_of, _other_key, _swapped,
)  # fmt: skip


# ------------------------------------------------------------------------------------------------ text

INSERTED = (
    "\t", "\u00a0", "\ufeff", "\x00", "\r", "\n", "---\n", "...\n", "{", "}", "[", "]", ":", "- ", "#", "*", "&a ",
    "!!python/x ", "<<: ", "'", '"', "%", "@", "`", "\x85", "\u2028", "? ", "| ",
)  # fmt: skip


def mutate_text(chance: random.Random, text: str) -> bytes:
    lines = text.splitlines(keepends=True)
    at, line = chance.randint(0, len(text)), chance.randrange(len(lines))
    what = chance.randrange(6)
    if what == 0:
        text = text[:at]
    elif what == 1:
        text = text[:at] + chance.choice(INSERTED) + text[at:]
    elif what == 2:
        text = "".join(lines[:line] + lines[line + 1 :])
    elif what == 3:
        text = "".join(lines[: line + 1] + lines[line:])
    elif what == 4:
        text = "".join([*lines[:line], " " * chance.randint(1, 4) + lines[line], *lines[line + 1 :]])
    octets = text.encode(errors="surrogatepass")
    if what == 5:
        at = chance.randint(0, len(octets))
        octets = octets[:at] + bytes([chance.randrange(256)]) + octets[at:]
    return octets
