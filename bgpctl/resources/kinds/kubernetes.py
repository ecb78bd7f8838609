"""The Kubernetes kinds that routing looks at: Secret, Service and EndpointSlice, reduced to the fields it needs.

Rules: what an API server fills in when it stores an object counts as filled in, for a file may never have been there.
Whatever the compiler parses is checked here, once. API servers check all addresses of a Service but one:
`loadBalancerIP` may be any text, and a text that is no address asks for nothing (advice.py warns about it).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bgpctl.resources.values.fields import HEADLESS, ClusterIP, IPAddress, refuse
from bgpctl.resources.values.model import LoosePart, Resource
from bgpctl.resources.values.notations import decode_base64
from reflector.addresses import canonical_address, family_of

DEFAULT_NAMESPACE = "default"
FAMILY_NAMES: dict[int, Literal["IPv4", "IPv6"]] = {4: "IPv4", 6: "IPv6"}
SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class NamespacedResource(Resource, LoosePart):
    @property
    def namespace(self) -> str:
        return self.metadata.namespace or DEFAULT_NAMESPACE

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)


def _base64(value: str) -> str:
    try:
        decode_base64(value)
    except ValueError as error:
        raise refuse("not-base64", "not base64; plain text goes into stringData") from error
    return value


Base64 = Annotated[str, AfterValidator(_base64)]


class Secret(NamespacedResource):
    """`data` is base64 as it stands in the file; `string_data` wins over it. Neither shows in text forms."""

    data: Mapping[str, Base64] = Field(default_factory=dict)
    string_data: Mapping[str, str] = Field(default_factory=dict)

    def value(self, key: str) -> str | None:
        """The decoded text; None when the key is absent."""
        if key in self.string_data:
            return self.string_data[key]
        return decode_base64(self.data[key]).decode(errors="surrogateescape") if key in self.data else None

    def __repr__(self) -> str:
        return f"Secret({self.namespace}/{self.name}, hidden)"

    __str__ = __repr__


ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]
TrafficPolicy = Literal["Cluster", "Local", ""]


class ServiceSpec(LoosePart):
    """`cluster_ip` is "None" for a headless service. As API servers do: the first of `cluster_ips` is `cluster_ip`, the
    families are those of these addresses, and what can be reached from outside has the policy Cluster."""

    type: ServiceType = "ClusterIP"
    cluster_ip: ClusterIP = ""
    cluster_ips: tuple[ClusterIP, ...] = ()
    ip_families: tuple[Literal["IPv4", "IPv6"], ...] = ()
    external_ips: tuple[IPAddress, ...] = ()
    load_balancer_ip: str = ""
    external_traffic_policy: TrafficPolicy = ""

    @model_validator(mode="after")
    def _defaulted(self) -> Self:
        cluster_ips = self.cluster_ips or ((self.cluster_ip,) if self.cluster_ip else ())
        addresses = [each for each in cluster_ips if each not in ("", HEADLESS)]
        is_external = self.type in ("NodePort", "LoadBalancer") or (self.type == "ClusterIP" and self.external_ips)
        defaults: dict[str, Any] = {
            "cluster_ips": cluster_ips,
            "cluster_ip": cluster_ips[0] if cluster_ips else "",
            "ip_families": tuple(dict.fromkeys(FAMILY_NAMES[family_of(canonical_address(each))] for each in addresses)),
            "external_traffic_policy": "Cluster" if is_external else "",
        }
        missing = {name: value for name, value in defaults.items() if value and not getattr(self, name)}
        return self.model_copy(update=missing) if missing else self

    @property
    def asked_address(self) -> str:
        """The address that `load_balancer_ip` asks for, canonical; "" when it is empty or is no address."""
        try:
            return canonical_address(self.load_balancer_ip)
        except ValueError:
            return ""


class LoadBalancerIngress(LoosePart):
    ip: IPAddress = ""


class LoadBalancerStatus(LoosePart):
    ingress: tuple[LoadBalancerIngress, ...] = ()


class ServiceStatus(LoosePart):
    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Service(NamespacedResource):
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class EndpointConditions(LoosePart):
    """An endpoint that does not say is ready."""

    ready: bool | None = None


class SliceEndpoint(LoosePart):
    addresses: tuple[str, ...] = ()
    node_name: str = ""
    conditions: EndpointConditions = EndpointConditions()

    @property
    def ready(self) -> bool:
        return self.conditions.ready is not False


class EndpointSlice(NamespacedResource):
    address_type: Literal["IPv4", "IPv6", "FQDN"] = "IPv4"
    endpoints: tuple[SliceEndpoint, ...] = ()

    @property
    def service_key(self) -> tuple[str, str]:
        """Namespace and name of the service it belongs to; the name is "" when it belongs to none."""
        return (self.namespace, self.metadata.labels.get(SERVICE_NAME_LABEL, ""))
