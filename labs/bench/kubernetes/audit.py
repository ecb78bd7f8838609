"""The audit log of the API server, as requests: one line of JSON for each stage of each request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

# Every request with its user, verb, object and status, without its body; neither its own nor those for its health. A
# watch has a line when its answer begins, and one when it ends.
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "users": ["system:apiserver"]},
        {"level": "None", "nonResourceURLs": ["/livez*", "/readyz*", "/healthz*"]},
        {"level": "Metadata"},
    ],
}


class Request(NamedTuple):
    """`resource` is as kubectl has it, such as "nodes/status" or "bgppeers.crd.projectcalico.org", and empty where the
    request is about none. `status` is that of HTTP, and 200 for a watch that is open. `received_at` is a UTC time whose
    order is that of its text."""

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    status: int
    uri: str
    user_agent: str
    received_at: str


def read_requests(log: Path) -> list[Request]:
    """In the order of their answers. A request is in the log a little after its answer was sent: wait for it."""
    if not log.exists():
        return []
    requests = {}
    for line in log.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            event = json.loads(line)
            requests[event["auditID"]] = _request(event)
    return list(requests.values())


def _request(event: dict[str, Any]) -> Request:
    about = event.get("objectRef", {})
    group, subresource = about.get("apiGroup"), about.get("subresource")
    return Request(
        user=event["user"].get("username", ""),
        verb=event["verb"],
        resource=about.get("resource", "")
        + (f".{group}" if group else "")
        + (f"/{subresource}" if subresource else ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        status=event.get("responseStatus", {}).get("code", 0),
        uri=event["requestURI"],
        user_agent=event.get("userAgent", ""),
        received_at=event["requestReceivedTimestamp"],
    )
