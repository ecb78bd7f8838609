"""A real Kubernetes API server for a test, with the etcd behind it: started by its constructor, ended by `stop`.

It is in the network namespace of the thread that made it, on loopback unless it is given another `address`, and so is
every command that it runs, whichever thread asks. All its files lie in one directory. It is as strict as a cluster's:
RBAC, the Node authorizer, admission of service accounts; without a credential only its health is answered.

There are no controllers: a namespace gets no ServiceAccount `default`, and what is in it is not deleted with it; the
ClusterRoles `view`, `edit` and `admin` have no rules; no garbage is collected, and no pod is scheduled.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from labs.bench.kubernetes import audit, probes
from labs.bench.kubernetes.children import Child, Children
from labs.bench.kubernetes.cluster_authority import ClusterAuthority
from labs.bench.kubernetes.etcd import Etcd
from labs.bench.kubernetes.kubeconfig import User, kubeconfig, with_certificate, with_token
from labs.bench.kubernetes.waiting import eventually

# Links made by `make kube`, beside this Python environment.
PROGRAMS = Path(sys.prefix) / "kubernetes"
ISSUER = "https://kubernetes.default.svc.cluster.local"
SERVICES, ITS_SERVICE = "10.96.0.0/16", "10.96.0.1"
# Seconds: a token for less than this is not issued.
SHORTEST_TOKEN = 600
# Seconds, on a machine that has other things to do.
READY = 90
_AUTHENTICATION = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "AuthenticationConfiguration",
    "anonymous": {"enabled": True, "conditions": [{"path": path} for path in ("/livez", "/readyz", "/healthz")]},
}


class ApiServer:
    """`url` and `ca_certificate` are for clients that take no kubeconfig."""

    def __init__(self, directory: Path, address: str = "127.0.0.1") -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self.directory = directory
        self.address = address
        self._children = Children()
        self._authority = ClusterAuthority(directory / "certificates")
        self.ca_certificate = self._authority.certificate
        self.audit_log = directory / "audit.log"
        self._reserved = self._children.call(self._reserve_port)
        self.port: int = self._reserved.getsockname()[1]
        self.url = f"https://{address}:{self.port}"
        self._kubeconfigs = self._connections = 0
        self.admin_kubeconfig = self.client_certificate_kubeconfig("admin", ["system:masters"])
        self.etcd = Etcd(self._children, PROGRAMS / "etcd", directory)
        command: list[str | Path] = [PROGRAMS / "kube-apiserver", *self._options()]
        self.process = Child(self._children, command, directory / "kube-apiserver.log")
        began = time.monotonic()
        try:
            self.etcd.start()
            self.start_api_server()
        except BaseException:
            self.stop()
            raise
        self.seconds_to_ready = time.monotonic() - began

    # ------------------------------------------------------------------------------------------ its processes

    def start_api_server(self) -> None:
        """Until it is ready; on the same port, with the same objects."""
        self.process.start()
        self._wait_ready()

    def kill_api_server(self) -> None:
        self.process.kill()

    def restart_etcd(self) -> None:
        """Killed and started again, until the API server is ready with it."""
        self.kill_etcd()
        self.start_etcd()

    def kill_etcd(self) -> None:
        self._connections = self._children.call(self.etcd.connections)
        self.etcd.process.kill()

    def start_etcd(self) -> None:
        """Until the API server, if it runs, has as many connections with it as before: it has one for each resource."""
        self.etcd.start()
        if self.process.is_running():
            eventually(self._is_connected, "the API server is connected with etcd", within=READY)
            self._wait_ready()

    def start_what_was_killed(self) -> None:
        if not self.etcd.process.is_running():
            self.start_etcd()
        if not self.process.is_running():
            self.start_api_server()

    def compact(self) -> None:
        """Every resourceVersion that a client has is answered with 410, by a watch and by a list of exactly that one.

        The API server is killed and started for that, if it runs: its watch cache has what etcd has forgotten.
        """
        ran = self.process.is_running()
        self.kill_api_server()
        self.etcd.compact()
        if ran:
            self.start_api_server()

    def rotate_serving_certificate(self) -> None:
        """A new key and certificate of the same authority, in use for new connections when this returns."""
        self._issue_serving_certificate()
        if self.process.is_running():
            wanted = ssl.PEM_cert_to_DER_cert(self._serving.certificate.read_text())
            eventually(lambda: self.serving_certificate() == wanted, "the new certificate is presented", within=READY)

    def stop(self) -> None:
        self.process.kill()
        self.etcd.process.kill()
        self._reserved.close()
        self._children.close()

    # ------------------------------------------------------------------------------------------ asking it

    def kubectl(self, *words: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """As administrator, unless the words have a --kubeconfig. Its exit status is not looked at."""
        environment = {"KUBECONFIG": str(self.admin_kubeconfig), "KUBECACHEDIR": str(self.directory / "kubectl-cache")}
        process = self._children.start(
            [PROGRAMS / "kubectl", *words], env=os.environ | environment,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            output, errors = process.communicate(stdin)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess(["kubectl", *map(str, words)], process.returncode, output, errors)

    def client_certificate_kubeconfig(self, user: str, groups: Iterable[str] = ()) -> Path:
        """With a new certificate at each call."""
        return self._write_kubeconfig(with_certificate(self._authority.client(user, groups)))

    def token_kubeconfig(self, token: str) -> Path:
        return self._write_kubeconfig(with_token(token))

    def token(
        self, service_account: str, namespace: str, node_name: str | None = None, audience: str | None = None,
        seconds: int = 3600, pod: str | None = None,
    ) -> str:  # fmt: skip
        """A token of the account (TokenRequest), bound to the node or the pod, which have to exist.

        None is issued for less than ten minutes: a shorter one has the same claims with an earlier end, also one in the
        past, and is signed with the API server's key. The API server accepts a token for a minute after its end, and
        remembers for ten seconds that it has accepted one.
        """
        words = ["create", "token", service_account, f"--namespace={namespace}"]
        words.append(f"--duration={max(seconds, SHORTEST_TOKEN)}s")
        for kind, name in (("Node", node_name), ("Pod", pod)):
            if name is not None:
                words += [f"--bound-object-kind={kind}", f"--bound-object-name={name}"]
        if audience is not None:
            words.append(f"--audience={audience}")
        done = self.kubectl(*words)
        if done.returncode != 0:
            raise RuntimeError(f"no token for {namespace}/{service_account}: {done.stderr}")
        token = done.stdout.strip()
        return token if seconds >= SHORTEST_TOKEN else self._authority.shortened(token, seconds)

    def requests(self) -> list[audit.Request]:
        """What the audit log has: every request since the first start, a watch also while it is open."""
        return audit.read_requests(self.audit_log)

    def serving_certificate(self) -> bytes:
        """What a new connection is presented (DER)."""
        return self._children.call(lambda: probes.presented_certificate(self.address, self.port, self.ca_certificate))

    # ------------------------------------------------------------------------------------------ how it is set up

    def _reserve_port(self) -> socket.socket:
        """A free port. The API server shares it; while that is away, connections are refused, and the port is ours."""
        reserved = socket.socket()
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((self.address, 0))
        return reserved

    def _options(self) -> list[str]:
        self._issue_serving_certificate()
        to_kubelets = self._authority.client("kube-apiserver-kubelet-client", ["kubeadm:cluster-admins"])
        options = {
            "etcd-servers": self.etcd.url,
            "bind-address": self.address,
            "advertise-address": self.address,
            "secure-port": self.port,
            "permit-port-sharing": "true",
            # No client looks for its Service, whose endpoint cannot be on loopback.
            "endpoint-reconciler-type": "none",
            "service-cluster-ip-range": SERVICES,
            "tls-cert-file": self._serving.certificate,
            "tls-private-key-file": self._serving.key,
            "client-ca-file": self.ca_certificate,
            # A node's name is in no DNS here. Kubelets sign their own certificates, as those of kubeadm do.
            "kubelet-preferred-address-types": "InternalIP",
            "kubelet-client-certificate": to_kubelets.certificate,
            "kubelet-client-key": to_kubelets.key,
            "authentication-config": self._write("authentication.json", _AUTHENTICATION),
            "service-account-issuer": ISSUER,
            "service-account-key-file": self._authority.token_key,
            "service-account-signing-key-file": self._authority.token_key,
            "service-account-extend-token-expiration": "false",
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction,ServiceAccount",
            "audit-policy-file": self._write("audit-policy.json", audit.POLICY),
            "audit-log-path": self.audit_log,
            "allow-privileged": "true",
        }
        return [f"--{name}={value}" for name, value in options.items()]

    def _issue_serving_certificate(self) -> None:
        names = [f"IP:{self.address}", "DNS:localhost", "DNS:kubernetes.default.svc", f"IP:{ITS_SERVICE}"]
        self._serving = self._authority.serving(names)

    def _write_kubeconfig(self, user: User) -> Path:
        self._kubeconfigs += 1
        name = f"kubeconfig-{self._kubeconfigs}.yaml"
        return self._write(name, kubeconfig(self.url, self.ca_certificate, user))

    def _write(self, name: str, content: object) -> Path:
        file = self.directory / name
        file.touch(mode=0o600)
        file.write_text(json.dumps(content))
        return file

    def _is_connected(self) -> bool:
        self.process.must_run()
        return self._children.call(self.etcd.connections) >= self._connections

    def _wait_ready(self) -> None:
        eventually(self._is_ready, f"the API server is ready; its log: {self.process.log}", within=READY)

    def _is_ready(self) -> bool:
        self.process.must_run()
        return self._children.call(lambda: probes.is_ready(self.address, self.port, self.ca_certificate))
