"""A Pod of the API server as a container of Docker Engine: what a kubelet makes of its spec.

Rule: every field of the pod and of its container is translated, or stands in a list of those that are not about running
it (where it is scheduled, what probes ask). Any other field ends the test: nothing of a manifest is left out silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docker_engine import DockerEngine

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer

# Of the pod: who schedules it, and how long it may take to end (`Node.stop`).
_POD_ELSEWHERE = {
    "affinity", "tolerations", "nodeSelector", "nodeName", "topologySpreadConstraints", "schedulerName", "priority",
    "priorityClassName", "preemptionPolicy", "serviceAccount", "serviceAccountName", "restartPolicy", "dnsPolicy",
    "enableServiceLinks", "automountServiceAccountToken", "terminationGracePeriodSeconds", "hostNetwork", "volumes",
    "containers", "securityContext",
}  # fmt: skip
_POD_SECURITY = {"seccompProfile", "runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup"}
# Of the container: ports are the node's where hostNetwork is; probes are asked by `Node`.
_CONTAINER = {
    "name", "image", "command", "args", "env", "envFrom", "ports", "livenessProbe", "readinessProbe", "resources",
    "securityContext", "volumeMounts", "imagePullPolicy", "terminationMessagePath", "terminationMessagePolicy",
}  # fmt: skip
_SECURITY = {"privileged", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities", "runAsUser"}
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class ContainerPod:
    """One pod on one node. `files` is where the node's host paths and the pod's own volumes lie."""

    def __init__(self, server: ApiServer, engine: DockerEngine, pod: dict[str, Any], files: Path) -> None:
        self.pod = pod
        self.spec: dict[str, Any] = pod["spec"]
        self.name: str = pod["metadata"]["name"]
        (self.container,) = self.spec["containers"]
        self._server, self._engine, self._files = server, engine, files
        _only(self.spec, _POD_ELSEWHERE)
        _only(self.container, _CONTAINER)

    def run(self, network: str, host_ip: str) -> None:
        """In the network of another container, which is the node."""
        assert self.spec["hostNetwork"]
        environment = dict(self._environment(host_ip))
        words = [f"--env={name}={value}" for name, value in environment.items()]
        words += [*self._security(), *self._volumes(), *self._resources()]
        entry, *command = self.container["command"]
        arguments = [_expanded(each, environment) for each in (*command, *self.container.get("args", ()))]
        self._engine.docker(
            "run", "--detach", f"--name={self.name}", f"--network=container:{network}", "--restart=always", *words,
            f"--entrypoint={entry}", "bgpctl:test", *arguments,
        )  # fmt: skip

    def stop(self) -> None:
        """As a kubelet does: SIGTERM, and SIGKILL when the grace period is over."""
        self._engine.docker("stop", f"--time={self.spec['terminationGracePeriodSeconds']}", self.name)

    def restart(self) -> None:
        """Its container, as a kubelet does after a failed probe."""
        self._engine.docker("restart", f"--time={self.spec['terminationGracePeriodSeconds']}", self.name)

    def remove(self) -> None:
        self._engine.docker("rm", "--force", self.name)
        words = ("delete", "pod", self.name, f"--namespace={self._namespace}", "--force", "--grace-period=0")
        calico_crds.run(self._server, *words)

    def execute(self, *words: str) -> str:
        """`kubectl exec`: as the container's user, in its environment."""
        return self._engine.docker("exec", self.name, *words)

    def log(self) -> str:
        done = self._engine.try_docker("logs", self.name)
        return done.stdout + done.stderr

    @property
    def _namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    def _environment(self, host_ip: str) -> Iterator[tuple[str, str]]:
        # As every container has them; no kube-proxy leads to the Service here.
        yield "KUBERNETES_SERVICE_HOST", self._server.address
        yield "KUBERNETES_SERVICE_PORT", str(self._server.port)
        for source in self.container.get("envFrom", ()):
            name = source["configMapRef"]["name"]
            words = ("get", "configmap", name, f"--namespace={self._namespace}", "--output=json")
            yield from json.loads(calico_crds.run(self._server, *words)).get("data", {}).items()
        fields = {"spec.nodeName": self.spec["nodeName"], "status.hostIP": host_ip}
        for each in self.container.get("env", ()):
            yield each["name"], fields[each["valueFrom"]["fieldRef"]["fieldPath"]]

    def _security(self) -> Iterator[str]:
        of_pod, own = self.spec["securityContext"], self.container["securityContext"]
        _only(of_pod, _POD_SECURITY)
        _only(own, _SECURITY)
        # Docker's own default profile is what a runtime's default is.
        assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["privileged"] is False
        user = {**of_pod, **own}.get("runAsUser", 0)
        assert user or not of_pod.get("runAsNonRoot")
        yield f"--user={user}:{of_pod.get('runAsGroup', 0)}"
        if "fsGroup" in of_pod:
            yield f"--group-add={of_pod['fsGroup']}"
        if own["allowPrivilegeEscalation"] is False:
            yield "--security-opt=no-new-privileges"
        if own["readOnlyRootFilesystem"]:
            yield "--read-only"
        yield from (f"--cap-drop={each}" for each in own["capabilities"].get("drop", ()))
        yield from (f"--cap-add={each}" for each in own["capabilities"].get("add", ()))

    def _volumes(self) -> Iterator[str]:
        sources = {each["name"]: self._source(each) for each in self.spec["volumes"]}
        for mount in self.container["volumeMounts"]:
            _only(mount, {"name", "mountPath", "readOnly", "recursiveReadOnly"})
            read_only = ":ro" if mount.get("readOnly") else ""
            yield f"--volume={sources[mount['name']]}:{mount['mountPath']}{read_only}"

    def _source(self, volume: dict[str, Any]) -> Path:
        (kind,) = volume.keys() - {"name"}
        if kind == "hostPath":
            assert volume[kind]["type"] == "DirectoryOrCreate"
            path = self._files / "host" / volume[kind]["path"].lstrip("/")
            path.mkdir(parents=True, mode=0o755, exist_ok=True)
            return path
        path = self._files / self.name / volume["name"]
        path.mkdir(parents=True)
        if kind == "emptyDir":
            path.chmod(0o2777 if "fsGroup" in self.spec["securityContext"] else 0o777)
        else:
            assert kind == "projected"
            self._project(volume[kind], path)
        return path

    def _project(self, projected: dict[str, Any], path: Path) -> None:
        """The service account: its token is bound to this pod, and by that to its node."""
        for source in projected["sources"]:
            ((kind, what),) = source.items()
            if kind == "serviceAccountToken":
                seconds, account = what["expirationSeconds"], self.spec["serviceAccountName"]
                token = self._server.token(account, self._namespace, pod=self.name, seconds=seconds)
                (path / what["path"]).write_text(token)
            elif kind == "configMap":
                assert what["name"] == "kube-root-ca.crt"
                (path / what["items"][0]["path"]).write_bytes(self._server.ca_certificate.read_bytes())
            else:
                (path / what["items"][0]["path"]).write_text(self._namespace)
        # The kubelet's: for the pod's user alone.
        for file in path.iterdir():
            file.chmod(0o644)

    def _resources(self) -> Iterator[str]:
        _only(self.container["resources"], {"requests", "limits"})
        limits = self.container["resources"].get("limits", {})
        _only(limits, {"memory"})
        if "memory" in limits:
            yield f"--memory={limits['memory'].removesuffix('i').lower()}"


def _only(data: dict[str, Any], known: set[str]) -> None:
    assert data.keys() <= known, f"nothing is made of {sorted(data.keys() - known)}"


def _expanded(text: str, environment: dict[str, str]) -> str:
    """$(NAME), as in commands and arguments of containers."""
    return re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], text)
