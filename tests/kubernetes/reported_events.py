"""Events in the API, found as kubectl finds them."""

from __future__ import annotations

import json
from typing import Any

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer


def events(server: ApiServer, name: str, kind: str) -> list[dict[str, Any]]:
    """Those about the object."""
    selector = f"--field-selector=involvedObject.name={name},involvedObject.kind={kind}"
    return list(json.loads(calico_crds.run(server, "get", "events", selector, "--output=json"))["items"])


def event_of(server: ApiServer, name: str, kind: str, reason: str) -> dict[str, Any]:
    """The one with this reason, {} as long as there is none."""
    return next((each for each in events(server, name, kind) if each["reason"] == reason), {})


def notes_of(server: ApiServer, name: str, kind: str, of_type: str = "Warning") -> dict[str, str]:
    """Notes by reason."""
    return {each["reason"]: each["message"] for each in events(server, name, kind) if each["type"] == of_type}


def remove_all(server: ApiServer) -> None:
    calico_crds.run(server, "delete", "events", "--all")
