"""Small makers of objects and changes for tests."""

from __future__ import annotations

from typing import Any

from bgpctl.objects import Change, ObjectId, kind_of, object_of

V3 = "projectcalico.org/v3"


def peer(name: str, address: str = "10.0.0.9", **spec: Any) -> dict[str, Any]:
    return calico("BGPPeer", name, peerIP=address, asNumber=64512, **spec)


def calico(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": V3, "kind": kind, "metadata": {"name": name}, "spec": spec}


def put(data: dict[str, Any], text: str = "") -> Change:
    found = object_of(data)
    assert found is not None
    return Change(found.id, data, text)


def remove(kind: str, name: str, version: str = V3, namespace: str = "") -> Change:
    found = kind_of(version, kind)
    assert found is not None
    return Change(ObjectId(found, name, namespace), None)
