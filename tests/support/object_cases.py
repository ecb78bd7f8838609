"""One small cluster as objects, and what commands show of it: the same for a directory and for an API server."""

from __future__ import annotations

import re
from typing import NamedTuple

V3 = "projectcalico.org/v3"

# Line numbers of a file that has it are those of this text.
CLUSTER = """\
apiVersion: v1
kind: Node
metadata:
  name: a1
  labels: {rack: a}
  annotations: {projectcalico.org/IPv4Address: 10.0.0.1/24, projectcalico.org/ASNumber: "64513"}
---
apiVersion: v1
kind: Node
metadata:
  name: a2
  labels: {rack: a, reflector: ""}
  annotations:
    projectcalico.org/IPv4Address: 10.0.0.2/24
    projectcalico.org/IPv6Address: fd00::2/64
    projectcalico.org/RouteReflectorClusterID: 244.0.0.1
    projectcalico.org/IPv4VXLANTunnelAddr: 10.244.2.0
---
apiVersion: v1
kind: Node
metadata: {name: b1, labels: {rack: b}, annotations: {projectcalico.org/IPv4Address: 10.0.0.3/24}}
---
apiVersion: projectcalico.org/v3
kind: ClusterInformation
metadata: {name: default}
spec: {calicoVersion: v3.30.0, datastoreReady: true, clusterType: "k8s,bgp"}
---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {vxlanVNI: 4096, vxlanMTU: 1450}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.244.0.0/16, blockSize: 26, vxlanMode: CrossSubnet, nodeSelector: all()}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: private, labels: {use: test}}
spec: {cidr: 10.245.0.0/16, ipipMode: Always, disabled: true, disableBGPExport: true, nodeSelector: rack == 'a'}
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: {name: a1-block}
spec: {node: a1, cidr: 10.244.1.0/26, state: confirmed, type: host}
---
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: no-default}
spec:
  exportV4: [{action: Reject, cidr: 0.0.0.0/0, matchOperator: Equal}, {action: Accept}]
  importV6: [{action: Reject}]
---
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {asNumber: 64512, nodeToNodeMeshEnabled: false, serviceClusterIPs: [{cidr: 10.96.0.0/16}]}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: reflected}
spec: {nodeSelector: "!has(reflector)", peerSelector: has(reflector)}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor, labels: {rack: a}}
spec:
  node: a1
  peerIP: 10.0.0.254
  asNumber: 65001
  filters: [no-default]
  nextHopMode: Self
  password: {secretKeyRef: {name: bgp, key: tor}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: workloads}
spec: {nodeSelector: rack == 'b', localWorkloadSelector: has(router), asNumber: 65010}
---
apiVersion: projectcalico.org/v3
kind: CalicoNodeStatus
metadata: {name: a1}
spec: {node: a1, classes: [BGP, Agent], updatePeriodSeconds: 30}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.17
  externalIPs: [192.0.2.80]
  externalTrafficPolicy: Local
  ports: [{port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.1.7], nodeName: a1, conditions: {ready: true}}]
ports: []
---
apiVersion: v1
kind: Secret
metadata:
  name: bgp
  namespace: default
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"data":{"tor":"aHVzaC1odXNo"}}'}
data: {tor: aHVzaC1odXNo}
type: Opaque
"""
# In plain text and in base64.
PASSWORDS = ("hush-hush", "aHVzaC1odXNo")


class Table(NamedTuple):
    """`rows` of the table of `bgpctl get WORDS`, the titles first, without the last column: FILE or AGE."""

    words: str
    rows: str


TABLES = {
    "peers": Table(
        "peers",
        """
        NAME        PEER                    AS      NODES   SELECTED BY
        reflected   has(reflector)          -       2       !has(reflector)
        tor         10.0.0.254              65001   1       a1
        workloads   workloads has(router)   65010   1       rack == 'b'
        """,
    ),
    "peers, wide": Table(
        "bgpp -o wide",
        """
        NAME        PEER                    AS      NODES   SELECTED BY       FILTERS      PASSWORD   NEXT HOP
        reflected   has(reflector)          -       2       !has(reflector)   -            -          -
        tor         10.0.0.254              65001   1       a1                no-default   bgp/tor    Self
        workloads   workloads has(router)   65010   1       rack == 'b'       -            -          -
        """,
    ),
    "one peer": Table(
        "bgppeer tor",
        """
        NAME   PEER         AS      NODES   SELECTED BY
        tor    10.0.0.254   65001   1       a1
        """,
    ),
    "nodes": Table(
        "nodes",
        """
        NAME   IPV4          IPV6         AS      CLUSTER ID
        a1     10.0.0.1/24   -            64513   -
        a2     10.0.0.2/24   fd00::2/64   -       244.0.0.1
        b1     10.0.0.3/24   -            -       -
        """,
    ),
    "nodes, wide": Table(
        "no -l rack=a -o wide",
        """
        NAME   IPV4          IPV6         AS      CLUSTER ID   IPIP   VXLAN
        a1     10.0.0.1/24   -            64513   -            -      -
        a2     10.0.0.2/24   fd00::2/64   -       244.0.0.1    -      10.244.2.0
        """,
    ),
    "selected": Table(
        "nodes -l rack!=a,!reflector",
        """
        NAME   IPV4          IPV6   AS   CLUSTER ID
        b1     10.0.0.3/24   -      -    -
        """,
    ),
    "pools": Table(
        "ippools",
        """
        NAME      CIDR            TUNNEL             DISABLED   EXPORTED
        pods      10.244.0.0/16   VXLANCrossSubnet   false      true
        private   10.245.0.0/16   IPIP               true       false
        """,
    ),
    "pools, wide": Table(
        "pool -o wide",
        """
        NAME      CIDR            TUNNEL             DISABLED   EXPORTED   BLOCK SIZE   NODE SELECTOR
        pods      10.244.0.0/16   VXLANCrossSubnet   false      true       26           all()
        private   10.245.0.0/16   IPIP               true       false      -            rack == 'a'
        """,
    ),
    "blocks": Table(
        "blockaffinities",
        """
        NAME       NODE   CIDR            STATE
        a1-block   a1     10.244.1.0/26   confirmed
        """,
    ),
    "filters": Table(
        "filters",
        """
        NAME         EXPORT   IMPORT
        no-default   2        1
        """,
    ),
    "configuration": Table(
        "bgpconfig",
        """
        NAME      AS      MESH    PORT
        default   64512   false   -
        """,
    ),
    "configuration, wide": Table(
        "bgpconfig -o wide",
        """
        NAME      AS      MESH    PORT   LOG   CLUSTER ROUTES   SERVICES
        default   64512   false   -      -     -                10.96.0.0/16
        """,
    ),
    "Felix": Table(
        "felixconfig",
        """
        NAME      VNI    PORT   VXLAN MTU   IPIP MTU
        default   4096   -      1450        -
        """,
    ),
    "cluster": Table(
        "clusterinformations -o wide",
        """
        NAME      CALICO    READY   TYPE
        default   v3.30.0   true    k8s,bgp
        """,
    ),
    "status": Table(
        "nodestatus",
        """
        NAME   NODE   CLASSES     UP V4   DOWN V4   UP V6   DOWN V6   UPDATED
        a1     a1     BGP,Agent   -       -         -       -         -
        """,
    ),
    "services": Table(
        "svc web",
        """
        NAMESPACE   NAME   TYPE           CLUSTER-IP   EXTERNAL-IP   POLICY
        default     web    LoadBalancer   10.96.0.17   192.0.2.80    Local
        """,
    ),
    "slices": Table(
        "endpointslices web-1 -o wide",
        """
        NAMESPACE   NAME    SERVICE   TYPE   ENDPOINTS   NODES
        default     web-1   web       IPv4   1           a1
        """,
    ),
    "secrets": Table(
        "secret bgp",
        """
        NAMESPACE   NAME   TYPE     KEYS
        default     bgp    Opaque   1
        """,
    ),
    "several kinds": Table(
        "bgpfilters,bgpconfigurations",
        """
        NAME                                     EXPORT   IMPORT
        bgpfilter.projectcalico.org/no-default   2        1

        NAME                                         AS      MESH    PORT
        bgpconfiguration.projectcalico.org/default   64512   false   -
        """,
    ),
    "pairs": Table(
        "bgpfilter/no-default ipp/pods",
        """
        NAME                                     EXPORT   IMPORT
        bgpfilter.projectcalico.org/no-default   2        1

        NAME                           CIDR            TUNNEL             DISABLED   EXPORTED
        ippool.projectcalico.org/pods  10.244.0.0/16   VXLANCrossSubnet   false      true
        """,
    ),
}
_CELLS = re.compile(r"\s{2,}")


def cells(text: str, *, last: bool) -> list[list[str]]:
    """The cells of a table's lines, with or without the last column."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return [(found if last else found[:-1]) for found in (_CELLS.split(line) for line in lines if line)]
