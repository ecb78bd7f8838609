"""A small cluster as files, with a Secret, and the snapshot of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bgpctl.archive.datastore_objects import Everything, read_everything
from bgpctl.archive.snapshot import Snapshot, Taking, snapshot
from bgpctl.compiler import CompileOptions

OPTIONS = CompileOptions()
NOW = datetime(2026, 12, 1, 12, 30, 15, 999_999, tzinfo=UTC)
CLUSTER = """\
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a, labels: {rack: "1e3"}, uid: x, resourceVersion: "5"}
spec: {bgp: {ipv4Address: 10.0.0.1/24}}
---
apiVersion: v1
kind: Node
metadata:
  name: b
  labels: {rack: r1}
  annotations: {projectcalico.org/IPv4Address: 10.0.0.2/24, projectcalico.org/kube-labels: "{}", other.io/x: y}
spec: {podCIDR: 10.70.0.0/24, providerID: cloud}
status: {addresses: [{type: InternalIP, address: 10.0.0.2}], images: [{names: [x]}]}
---
# a comment
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor, annotations: {argocd.io/app: net}, finalizers: [x], ownerReferences: [{uid: y}]}
spec: {peerIP: 10.0.0.9, asNumber: 65001, password: {secretKeyRef: {name: bgp, key: tor}}}
---
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec:
  nodeToNodeMeshEnabled: true
  nodeMeshPassword: {secretKeyRef: {name: bgp, key: mesh}}
  serviceClusterIPs: [{cidr: 10.96.0.0/16}]
---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {vxlanPort: 4790, failsafeInboundHostPorts: [{protocol: TCP, port: 22}]}
---
apiVersion: v1
kind: Secret
metadata: {name: bgp, namespace: kube-system}
stringData: {tor: hush-hush, mesh: hush-too}
---
apiVersion: v1
kind: Secret
metadata: {name: another, namespace: kube-system}
stringData: {tor: not-named}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default, annotations: {other.io/x: y}}
spec: {clusterIP: 10.96.0.10, type: ClusterIP, selector: {app: web}, ports: [{port: 80}]}
status: {loadBalancer: {}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.70.0.5], nodeName: b, conditions: {ready: true, serving: true}, targetRef: {kind: Pod}}]
ports: [{port: 80}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
"""


def everything_of(path: Path) -> Everything:
    return read_everything((path,), OPTIONS, with_secrets=False)


def snapshot_of(path: Path, *, with_secrets: bool = False, now: datetime = NOW) -> Snapshot:
    found = everything_of(path)
    assert found.failures == ()
    return snapshot(
        found.objects, found.named, Taking(now, "1.0", "resources", "", "kube-system", with_secrets=with_secrets)
    )
