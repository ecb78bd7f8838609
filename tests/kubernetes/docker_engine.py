"""Docker Engine for a test: started by its constructor, ended by `close`, with all that it has made.

It is apart from any other Docker of the machine: its socket, images and containers lie in one directory, its /run is
its own (a mount namespace), its cgroups have a parent of their own, and it makes no network and no firewall rule. A
container has the network of this process (`--network host`), none, or that of another container.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from segment import eventually

DOCKERD, DOCKER = Path("/usr/sbin/dockerd"), Path("/usr/bin/docker")
CGROUPS = Path("/sys/fs/cgroup")
READY = 60
_START = 'mount -t tmpfs tmpfs /run && mkdir /run/netns && exec "$@"'
_LAST_WORDS = 800


class DockerEngine:
    def __init__(self, directory: Path) -> None:
        """Skips the test where it does not run, with the reason."""
        if os.geteuid() != 0:
            pytest.skip("Docker Engine needs root")
        if not DOCKERD.exists():
            pytest.skip(f"{DOCKERD} is not there (Debian package docker.io)")
        self.directory = directory
        self._log = directory / "dockerd.log"
        self._socket = directory / "docker.sock"
        self._cgroup = f"bgpctl-{os.getpid()}-{directory.name}"
        options = (
            f"--host=unix://{self._socket}", f"--data-root={directory / 'data'}", "--exec-root=/run/docker-engine",
            f"--pidfile={directory / 'dockerd.pid'}", f"--cgroup-parent=/{self._cgroup}", "--bridge=none",
            "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false",
        )  # fmt: skip
        words = ["unshare", "--mount", "setpriv", "--pdeathsig=KILL", "sh", "-c", _START, "sh", str(DOCKERD), *options]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            eventually(self._answers_or_ended, f"Docker Engine answers; its log: {self._log}", within=READY)
        except BaseException:
            self.close()
            raise
        if self._process.poll() is not None:
            reason = self._log.read_text()[-_LAST_WORDS:].strip()
            self.close()
            pytest.skip(f"Docker Engine does not run here: {reason}")

    def docker(self, *words: str | Path, **environment: str) -> str:
        """Its output; fails the test with what it says of an error."""
        done = self.try_docker(*words, **environment)
        assert done.returncode == 0, f"docker {' '.join(map(str, words))}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout.strip()

    def try_docker(self, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        # Its own client: a newer one has no BuildKit without a plugin.
        settings = os.environ | {"DOCKER_HOST": f"unix://{self._socket}", "DOCKER_BUILDKIT": "1"} | environment
        command = [str(DOCKER), *map(str, words)]
        return subprocess.run(command, env=settings, capture_output=True, text=True, check=False)

    def process_of(self, container: str) -> int:
        return int(self.docker("inspect", "--format={{.State.Pid}}", container))

    def close(self) -> None:
        if self._process.poll() is None:
            if containers := self.try_docker("ps", "--all", "--quiet").stdout.split():
                self.try_docker("rm", "--force", "--volumes", *containers)
            self._process.terminate()
            self._process.wait(30)
        for parent in CGROUPS.glob(f"**/{self._cgroup}"):
            for cgroup in sorted((parent, *(each for each in parent.rglob("*") if each.is_dir())), reverse=True):
                cgroup.rmdir()
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def _answers_or_ended(self) -> bool:
        return self._process.poll() is not None or self.try_docker("version").returncode == 0
