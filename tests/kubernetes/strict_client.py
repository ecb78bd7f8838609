"""A client that asks the API server about many objects: is this one taken? Nothing is stored (dryRun)."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from bgpctl.kubernetes_schema import SERVED_KINDS
from labs.bench.kubernetes.api_server import ApiServer

PLURALS = {kind.kind: kind.plural for kind in SERVED_KINDS}
INVALID, UNREADABLE = 422, 400


class StrictClient:
    """As administrator, on one connection, with strict validation of fields as kubectl has it."""

    def __init__(self, server: ApiServer, directory: Path) -> None:
        user = json.loads(server.admin_kubeconfig.read_text())["users"][0]["user"]
        pair = directory / "admin.pem"
        pair.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        context = ssl.create_default_context(cafile=server.ca_certificate)
        context.load_cert_chain(pair)
        self._connection = http.client.HTTPSConnection(server.address, server.port, timeout=30, context=context)

    def refusal(self, document: dict[str, Any]) -> str:
        """Why the object is refused; "" when it is taken."""
        path = f"/apis/projectcalico.org/v3/{PLURALS[document['kind']]}?dryRun=All&fieldValidation=Strict"
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", path, json.dumps(document), headers)
        answer = self._connection.getresponse()
        found = json.loads(answer.read())
        if answer.status == 201:
            return ""
        assert answer.status in (INVALID, UNREADABLE), (answer.status, found)
        return str(found["message"])

    def close(self) -> None:
        self._connection.close()
