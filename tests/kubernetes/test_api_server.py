"""What a test may expect of the API server that it is given."""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from segment import eventually
from temporary_namespace import temporary_namespace

from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.children import Child, Children, ExitedError

pytestmark = [pytest.mark.netns, pytest.mark.slow]

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: prefixes.tests.bgpctl.io}
spec:
  group: tests.bgpctl.io
  names: {kind: Prefix, listKind: PrefixList, plural: prefixes, singular: prefix}
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [length]
              properties: {length: {type: integer, maximum: 32}}
"""
PREFIX = "{apiVersion: tests.bgpctl.io/v1, kind: Prefix, metadata: {name: one}, spec: {length: %s}}"
NODE = "{apiVersion: v1, kind: Node, metadata: {name: %s}}"
POD = "{apiVersion: v1, kind: Pod, metadata: {name: agent}, spec: {containers: [{name: agent, image: bgpctl}]}}"
# A server in a process of its own: it writes the process ids when it is ready, and waits.
SERVER = """
import sys, time
from pathlib import Path
from labs.bench.kubernetes.api_server import ApiServer
server = ApiServer(Path(sys.argv[1]))
print(server.process.pid, server.etcd.process.pid, flush=True)
time.sleep(600)
"""


def kubectl(server: ApiServer, *words: str | Path, stdin: str | None = None) -> str:
    done = server.kubectl(*words, stdin=stdin)
    assert done.returncode == 0, f"kubectl {words}: {done.stderr}"
    return done.stdout


def refusal(server: ApiServer, *words: str | Path, stdin: str | None = None) -> str:
    done = server.kubectl(*words, stdin=stdin)
    assert done.returncode == 1, f"kubectl {words}: {done.stdout}"
    return done.stderr


def ask(server: ApiServer, path: str, token: str | None = None) -> Any:
    """The answer to a client of our own, without a credential or with a token."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(server.url + path, headers=headers)  # noqa: S310
    context = ssl.create_default_context(cafile=server.ca_certificate)
    try:
        return urllib.request.urlopen(request, timeout=10, context=context)  # noqa: S310
    except urllib.error.HTTPError as error:
        return error


def status(server: ApiServer, path: str, token: str | None = None) -> int:
    with ask(server, path, token) as answer:
        return int(answer.status)


def allow(server: ApiServer, namespace: str, verbs: str, subject: str) -> None:
    """These verbs of configmaps. The API server reads roles in a watch of its own: it is in force a little later."""
    inside = f"--namespace={namespace}"
    kubectl(server, "create", "role", "tested", f"--verb={verbs}", "--resource=configmaps", inside)
    kubectl(server, "create", "rolebinding", "tested", "--role=tested", subject, inside)


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def resident(pid: int) -> int:
    """MiB."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


# ------------------------------------------------------------------------------------------------ who is answered what


def test_it_is_ready(api_server: ApiServer, record_property: Callable[[str, object], None]) -> None:
    record_property("seconds_to_ready", round(api_server.seconds_to_ready, 2))
    record_property("kube_apiserver_resident_mib", resident(api_server.process.pid))
    record_property("etcd_resident_mib", resident(api_server.etcd.process.pid))
    assert kubectl(api_server, "get", "--raw", "/readyz") == "ok"


@pytest.mark.parametrize(("path", "wanted"), [("/readyz", 200), ("/livez", 200), ("/api", 401), ("/version", 401)])
def test_without_a_credential_only_its_health_is_answered(api_server: ApiServer, path: str, wanted: int) -> None:
    assert status(api_server, path) == wanted


def test_a_user_without_a_role_is_forbidden_everything(api_server: ApiServer, fresh_namespace: str) -> None:
    kubeconfig = api_server.client_certificate_kubeconfig("tests/mallory", ["routers+reflectors"])
    answer = refusal(api_server, "get", "configmaps", f"--namespace={fresh_namespace}", "--kubeconfig", kubeconfig)
    assert 'Error from server (Forbidden): configmaps is forbidden: User "tests/mallory" cannot list' in answer

    def statuses() -> set[int]:
        return {request.status for request in api_server.requests() if request.user == "tests/mallory"}

    eventually(lambda: 403 in statuses(), "the refusal is in the audit log")


def test_a_group_of_a_certificate_is_given_its_role(api_server: ApiServer, fresh_namespace: str) -> None:
    allow(api_server, fresh_namespace, "list", "--group=routers+reflectors")
    kubeconfig = api_server.client_certificate_kubeconfig("tests/carol", ["others", "routers+reflectors"])
    words = ("get", "configmaps", f"--namespace={fresh_namespace}", "--kubeconfig", kubeconfig)
    eventually(lambda: api_server.kubectl(*words).returncode == 0, "the role is in force")


def test_a_service_account_gets_what_its_role_gives_and_no_more(api_server: ApiServer, fresh_namespace: str) -> None:
    allow(api_server, fresh_namespace, "list", f"--serviceaccount={fresh_namespace}:default")
    token = api_server.token("default", fresh_namespace)
    path = f"/api/v1/namespaces/{fresh_namespace}"
    eventually(lambda: status(api_server, f"{path}/configmaps", token) == 200, "the role is in force")
    others = (f"{path}/configmaps/one", f"{path}/secrets", "/api/v1/configmaps")
    assert [status(api_server, one, token) for one in others] == [403, 403, 403]
    kubeconfig = api_server.token_kubeconfig(token)
    answer = refusal(api_server, "get", "secrets", f"--namespace={fresh_namespace}", "--kubeconfig", kubeconfig)
    assert f'User "system:serviceaccount:{fresh_namespace}:default" cannot list resource "secrets"' in answer


# ------------------------------------------------------------------------------------------------------------- tokens


def test_a_token_is_bound_to_a_node_and_ends_with_it(api_server: ApiServer, fresh_namespace: str) -> None:
    node = f"node-of-{fresh_namespace}"
    kubectl(api_server, "apply", "--filename=-", stdin=NODE % node)
    before, after = (api_server.token("default", fresh_namespace, node_name=node) for _ in range(2))
    assert claims(before)["kubernetes.io"]["node"]["name"] == node
    assert status(api_server, "/api", before) == 200
    kubectl(api_server, "delete", "node", node)
    eventually(lambda: status(api_server, "/api", after) == 401, "the token is refused")


def test_a_token_is_bound_to_a_pod(api_server: ApiServer, fresh_namespace: str) -> None:
    kubectl(api_server, "apply", "--filename=-", f"--namespace={fresh_namespace}", stdin=POD)
    token = api_server.token("default", fresh_namespace, pod="agent")
    assert claims(token)["kubernetes.io"]["pod"]["name"] == "agent"
    assert status(api_server, "/api", token) == 200


def test_a_token_for_another_audience_is_refused(api_server: ApiServer, fresh_namespace: str) -> None:
    token = api_server.token("default", fresh_namespace, audience="metrics")
    assert claims(token)["aud"] == ["metrics"]
    assert status(api_server, "/api", token) == 401


@pytest.mark.parametrize(("seconds", "wanted"), [(3600, 200), (600, 200), (5, 200), (-120, 401)])
def test_a_token_ends_when_it_is_asked_to(
    api_server: ApiServer, fresh_namespace: str, seconds: int, wanted: int
) -> None:
    token = api_server.token("default", fresh_namespace, seconds=seconds)
    assert claims(token)["exp"] - claims(token)["iat"] == pytest.approx(seconds, abs=30)
    assert status(api_server, "/api", token) == wanted


# ------------------------------------------------------------------------------------------------------------ resources


def test_a_definition_is_established_and_an_invalid_resource_is_refused(api_server: ApiServer) -> None:
    kubectl(api_server, "apply", "--filename=-", stdin=CRD)
    kubectl(api_server, "wait", "--for=condition=Established", "--timeout=30s", "crd/prefixes.tests.bgpctl.io")
    eventually(lambda: api_server.kubectl("get", "prefixes.tests.bgpctl.io").returncode == 0, "prefixes are served")
    kubectl(api_server, "apply", "--filename=-", stdin=PREFIX % 24)
    answer = refusal(api_server, "apply", "--filename=-", stdin=PREFIX % 33)
    assert 'The Prefix "one" is invalid' in answer
    assert "spec.length in body should be less than or equal to 32" in answer
    kubectl(api_server, "delete", "crd", "prefixes.tests.bgpctl.io")


def test_nothing_of_a_temporary_namespace_is_left(api_server: ApiServer) -> None:
    kinds = ("namespaces", "configmaps", "pods", "serviceaccounts")
    before = names(api_server, *kinds)
    with temporary_namespace(api_server) as name:
        kubectl(api_server, "create", "configmap", "one", f"--namespace={name}")
        running = POD.replace("spec: {", "spec: {nodeName: somewhere, ")
        kubectl(api_server, "apply", "--filename=-", f"--namespace={name}", stdin=running)
    assert names(api_server, *kinds) == before


def names(server: ApiServer, *kinds: str) -> set[str]:
    return set(kubectl(server, "get", ",".join(kinds), "--all-namespaces", "--output=name").split())


# ------------------------------------------------------------------------------------------ what a cluster goes through


def test_objects_outlive_a_killed_api_server(api_server: ApiServer, fresh_namespace: str) -> None:
    url, pid = api_server.url, api_server.process.pid
    kubectl(api_server, "create", "configmap", "kept", f"--namespace={fresh_namespace}")
    api_server.kill_api_server()
    assert "was refused" in refusal(api_server, "get", "namespaces")
    api_server.start_api_server()
    assert (api_server.url, api_server.process.pid != pid) == (url, True)
    kubectl(api_server, "get", "configmap", "kept", f"--namespace={fresh_namespace}")


def test_objects_outlive_a_killed_etcd(api_server: ApiServer, fresh_namespace: str) -> None:
    kubectl(api_server, "create", "configmap", "kept", f"--namespace={fresh_namespace}")
    api_server.restart_etcd()
    kubectl(api_server, "get", "configmap", "kept", f"--namespace={fresh_namespace}")
    kubectl(api_server, "create", "configmap", "another", f"--namespace={fresh_namespace}")


def test_an_old_resource_version_is_answered_with_410_after_a_compaction(
    api_server: ApiServer, fresh_namespace: str
) -> None:
    path = f"/api/v1/namespaces/{fresh_namespace}/configmaps"
    kubectl(api_server, "create", "configmap", "first", f"--namespace={fresh_namespace}")
    page = json.loads(kubectl(api_server, "get", "--raw", f"{path}?limit=1"))
    old = page["metadata"]["resourceVersion"]
    kubectl(api_server, "create", "configmap", "second", f"--namespace={fresh_namespace}")
    watch = f"{path}?watch=1&timeoutSeconds=2&resourceVersion={old}"
    exact = f"{path}?resourceVersionMatch=Exact&resourceVersion={old}"
    (event,) = events(api_server, watch)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "second")
    assert len(json.loads(kubectl(api_server, "get", "--raw", exact))["items"]) == 1
    api_server.compact()
    (event,) = events(api_server, watch)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert "Error from server (Expired)" in refusal(api_server, "get", "--raw", exact)
    now = json.loads(kubectl(api_server, "get", "--raw", path))["metadata"]["resourceVersion"]
    assert events(api_server, f"{path}?watch=1&timeoutSeconds=1&resourceVersion={now}") == []


def events(server: ApiServer, watch: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in kubectl(server, "get", "--raw", watch).splitlines()]


def test_a_new_connection_sees_a_rotated_serving_certificate(api_server: ApiServer) -> None:
    old = api_server.serving_certificate()
    api_server.rotate_serving_certificate()
    new = api_server.serving_certificate()
    assert old != new
    assert status(api_server, "/readyz") == 200
    api_server.kill_api_server()
    api_server.start_api_server()
    assert api_server.serving_certificate() == new


def test_the_audit_log_counts_requests_by_user_and_verb(api_server: ApiServer, fresh_namespace: str) -> None:
    allow(api_server, fresh_namespace, "list,watch", "--user=alice")
    kubeconfig = api_server.client_certificate_kubeconfig("alice")
    path = f"/api/v1/namespaces/{fresh_namespace}/configmaps"
    words = ("get", "--kubeconfig", kubeconfig, "--raw")
    eventually(lambda: api_server.kubectl(*words, path).returncode == 0, "the role is in force")
    kubectl(api_server, *words, path)
    kubectl(api_server, *words, f"{path}?watch=1&timeoutSeconds=1")

    def verbs() -> list[str]:
        return sorted(
            request.verb
            for request in api_server.requests()
            if (request.user, request.resource, request.status) == ("alice", "configmaps", 200)
        )

    eventually(lambda: len(verbs()) >= 3, "the requests are in the audit log")
    assert verbs() == ["list", "list", "watch"]


def test_the_audit_log_has_a_watch_that_is_open(api_server: ApiServer, fresh_namespace: str) -> None:
    allow(api_server, fresh_namespace, "watch", f"--serviceaccount={fresh_namespace}:default")
    token = api_server.token("default", fresh_namespace)
    path = f"/api/v1/namespaces/{fresh_namespace}/configmaps?watch=1"
    eventually(lambda: status(api_server, f"{path}&timeoutSeconds=1", token) == 200, "the role is in force")

    def open_watches() -> list[str]:
        return [request.verb for request in api_server.requests() if request.uri == f"{path}&timeoutSeconds=60"]

    with ask(api_server, f"{path}&timeoutSeconds=60", token):
        eventually(lambda: open_watches() == ["watch"], "the watch is in the audit log")


# -------------------------------------------------------------------------------------------------------- its processes


def test_what_was_killed_is_started(api_server: ApiServer) -> None:
    api_server.kill_etcd()
    api_server.kill_api_server()
    api_server.start_what_was_killed()
    assert kubectl(api_server, "get", "--raw", "/readyz") == "ok"


def test_its_processes_end_with_the_process_of_the_test(api_server: ApiServer, tmp_path: Path) -> None:
    path = os.pathsep.join((str(Path(__file__).parent), *sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path / "server")],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 2
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids), "both have ended")


def test_a_process_that_exits_early_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    children = Children()
    child = Child(children, ["sh", "-c", "echo the port is taken; exit 3"], tmp_path / "log")
    child.start()
    eventually(lambda: not child.is_running(), "it has ended")
    with pytest.raises(ExitedError, match=r"sh does not run \(exit status 3\)(.|\n)*the port is taken"):
        child.must_run()
    children.close()
