"""The base of all resource values: frozen pydantic models whose YAML names are camelCase.

Rule: attributes are snake_case and named after the YAML field word by word, so `localASNumber` is
`local_as_number`. Unknown fields are refused (Kubernetes' strict field validation and calicoctl do the same): a
misspelt field that is silently dropped is a wrong network. Kinds that are Kubernetes' own, and FelixConfiguration,
carry hundreds of fields that do not concern routing; those models ignore what they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bgpctl.resources.values.fields import (
    AnnotationKey,
    AnnotationValue,
    LabelKey,
    LabelValue,
    Name,
    OptionalName,
    refuse,
)

ACRONYMS = {
    "as": "AS",
    "bgp": "BGP",
    "cidr": "CIDR",
    "cidrs": "CIDRs",
    "id": "ID",
    "ip": "IP",
    "ipip": "IPIP",
    "ips": "IPs",
    "ipv4": "IPv4",
    "ipv6": "IPv6",
    "mac": "MAC",
    "mtu": "MTU",
    "vni": "VNI",
    "vxlan": "VXLAN",
}

# Two fields spell their family in capitals.
IRREGULAR = {
    "local_workload_peering_ipv4": "localWorkloadPeeringIPV4",
    "local_workload_peering_ipv6": "localWorkloadPeeringIPV6",
}


@cache
def yaml_name(attribute: str) -> str:
    """`local_as_number` -> `localASNumber`."""
    if attribute in IRREGULAR:
        return IRREGULAR[attribute]
    first, *rest = attribute.split("_")
    return first + "".join(ACRONYMS.get(word, word.capitalize()) for word in rest)


class ResourcePart(BaseModel):
    """A frozen part of a resource. From YAML only the YAML names count; code constructs by attribute name."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=yaml_name,
        validate_by_name=True,
        validate_by_alias=True,
    )


class LoosePart(ResourcePart):
    """A part of which only the fields named here concern us."""

    model_config = ConfigDict(extra="ignore")


Key = str | tuple[str, str]

# What the API server keeps in metadata for itself.
BOOKKEEPING = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)


MAX_ANNOTATIONS = 256 * 1024


def _within_size(annotations: Mapping[str, str]) -> Mapping[str, str]:
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > MAX_ANNOTATIONS:
        raise refuse("annotations-too-large", f"{size} octets of annotations; at most {MAX_ANNOTATIONS} are kept")
    return annotations


class Metadata(ResourcePart):
    """The object's name and labels. Label and annotation values are text, whatever YAML took them for."""

    name: Name
    namespace: OptionalName = ""
    labels: Mapping[LabelKey, LabelValue] = Field(default_factory=dict)
    annotations: Annotated[Mapping[AnnotationKey, AnnotationValue], AfterValidator(_within_size)] = Field(
        default_factory=dict
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_bookkeeping(cls, data: Any) -> Any:
        if isinstance(data, dict) and not BOOKKEEPING.isdisjoint(data):
            return {key: value for key, value in data.items() if key not in BOOKKEEPING}
        return data


class Resource(ResourcePart):
    """What every kind has. `api_version` and `kind` have been looked at before a resource is made."""

    metadata: Metadata

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def key(self) -> Key:
        """The key among its kind: the name, or (namespace, name) where names are namespaced."""
        return self.metadata.name
