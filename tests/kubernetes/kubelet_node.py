"""A node with a kubelet: the one of the API server's release, and Debian's containerd, in namespaces of their own.

Everything that they make is gone with `close`: /run and /var/lib are theirs alone, their processes end with the first
of them (a namespace of processes), and their cgroups have a parent of their own. What a kubelet would set for the whole
machine (sysctls of memory and panics) goes into files instead.

Not as in a cluster: containers keep the memory killer's score of their runtime, since a test may not lower it; no CNI
plugin is there, so only pods of the node's own network run; instead of kube-proxy one rule of the firewall leads to
the API server's Service.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from container_site import Host
from segment import eventually

from labs.bench.kubernetes.api_server import ITS_SERVICE, ApiServer

# A link made by requirements/kubelet, beside this Python environment.
KUBELET = Path(sys.prefix) / "kubelet" / "kubelet"
CGROUPS = Path("/sys/fs/cgroup")
PAUSE = "docker.io/library/pause:test"
_SYSCTLS = (
    "vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)  # fmt: skip
# Arguments: directory, cgroup, sysctls. Process 1 of its namespace: all others end with it.
_START = """
set -eu
directory=$1 cgroup=$2 sysctls=$3
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && mkdir /run/netns
for name in $sysctls; do
    copy=$directory/$(echo "$name" | tr / -)
    cat "/proc/sys/$name" >"$copy"
    mount --bind "$copy" "/proc/sys/$name"
done
iptables --wait -t nat -A OUTPUT -p tcp -d "$4" --dport 443 -j DNAT --to-destination "$5"
containerd --config "$directory/containerd.toml" >"$directory/containerd.log" 2>&1 &
socket=/run/containerd/containerd.sock
until ctr --address $socket version >/dev/null 2>&1; do sleep 0.1; done
for image in "$directory"/*.tar; do ctr --address $socket --namespace k8s.io images import "$image"; done
shift 5
exec "$@" >"$directory/kubelet.log" 2>&1
"""
READY = 90
_LAST_WORDS = 1500


class KubeletNode(Host):
    """`images` are archives, among them one with PAUSE, which sleeps. The node's objects are in the API."""

    def __init__(
        self, server: ApiServer, name: str, number: int, site: str, directory: Path, images: list[Path]
    ) -> None:
        """Skips the test where it cannot run, with the reason."""
        super().__init__(name, number, site)
        if not KUBELET.exists():
            pytest.skip(f"{KUBELET} is not there: make kube builds it")
        for program, package in (("containerd", "containerd"), ("runc", "runc"), ("iptables", "iptables")):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed (Debian package {package})")
        if not (CGROUPS / "cpuset").exists():
            pytest.skip("this test's kubelet is set up for cgroups of version 1")
        self._server, self._directory = server, directory
        self._cgroup = f"bgpctl-{os.getpid()}-{name}"
        directory.mkdir()
        for image in images:
            (directory / image.name).hardlink_to(image)
        (directory / "containerd.toml").write_text(self._containerd())
        (directory / "kubelet.yaml").write_text(yaml.safe_dump(self._kubelet()))
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        subprocess.run(["ip", "-n", self.namespace, "link", "set", "lo", "up"], check=True)
        self.wire()
        # The address of a Service is nobody's: without a route nothing is sent there.
        subprocess.run(["ip", "-n", self.namespace, "route", "add", "default", "via", server.address], check=True)
        self._make_cgroups()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        kubeconfig = self._server.client_certificate_kubeconfig(f"system:node:{self.name}", ["system:nodes"])
        kubelet = [
            KUBELET, f"--config={self._directory / 'kubelet.yaml'}", f"--kubeconfig={kubeconfig}",
            f"--root-dir={self._directory / 'kubelet'}", f"--cert-dir={self._directory / 'pki'}",
            f"--hostname-override={self.name}", f"--node-ip={self.address}",
        ]  # fmt: skip
        namespaces = [
            "nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--mount", "--pid", "--fork", "--mount-proc",
        ]  # fmt: skip
        service = (ITS_SERVICE, f"{self._server.address}:{self._server.port}")
        script = ["sh", "-c", _START, "sh", self._directory, self._cgroup, " ".join(_SYSCTLS), *service]
        words = [*namespaces, "--kill-child=KILL", *script, *kubelet]
        with (self._directory / "start.log").open("wb") as log:
            return subprocess.Popen([str(each) for each in words], stdout=log, stderr=log)

    def until_registered(self) -> None:
        def version() -> str:
            assert self._process.poll() is None, self.log()
            words = ("get", "node", self.name, "--output=jsonpath={.status.nodeInfo.kubeletVersion}")
            return self._server.kubectl(*words).stdout

        eventually(version, "the kubelet has registered its node", within=READY)

    def log(self) -> str:
        names = ("start.log", "containerd.log", "kubelet.log")
        found = (*(self._directory / name for name in names), *sorted(self._directory.glob("pods/*/*/*.log")))
        return "\n".join(f"{each.name}: {each.read_text()[-_LAST_WORDS:]}" for each in found if each.exists())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        super().close()
        for parent in CGROUPS.glob(f"*/{self._cgroup}"):
            for cgroup in sorted((parent, *(each for each in parent.rglob("*") if each.is_dir())), reverse=True):
                eventually(lambda cgroup=cgroup: _is_removed(cgroup), f"nothing runs in {cgroup}")

    def _make_cgroups(self) -> None:
        for hierarchy in CGROUPS.iterdir():
            if (hierarchy / "cgroup.procs").exists():
                (hierarchy / self._cgroup).mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            (CGROUPS / "cpuset" / self._cgroup / name).write_text((CGROUPS / "cpuset" / name).read_text())

    def _containerd(self) -> str:
        """restrict_oom_score_adj: see above."""
        runtime = 'plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc'
        return f"""
version = 2
root = "{self._directory}/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[{runtime}]
  runtime_type = "io.containerd.runc.v2"
[{runtime}.options]
  SystemdCgroup = false
"""

    def _kubelet(self) -> dict[str, object]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": False},
                "x509": {"clientCAFile": str(self._server.ca_certificate)},
            },
            "authorization": {"mode": "AlwaysAllow"},
            "address": self.address,
            "readOnlyPort": 0,
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self._cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "enforceNodeAllocatable": ["none"],
            "evictionHard": dict.fromkeys(("memory.available", "nodefs.available", "imagefs.available"), "0%"),
            "imageGCHighThresholdPercent": 100,
            "localStorageCapacityIsolation": False,
            "makeIPTablesUtilChains": False,
            "oomScoreAdj": 0,
            "podLogsDir": str(self._directory / "pods"),
            "resolvConf": "",
            "volumePluginDir": str(self._directory / "plugins"),
        }


def _is_removed(cgroup: Path) -> bool:
    try:
        cgroup.rmdir()
    except OSError:
        return False
    return True
