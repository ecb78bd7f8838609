"""Throw-away keys of a cluster, made by the openssl command: its CA, certificates, and the key of service accounts.

The names in a certificate are those of Kubernetes: CN is the user, each O is a group. As in a cluster that was not made
today, certificates are valid since VALID_SINCE, so a clock that is a day behind accepts them.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# Seconds before they are made, and after that.
VALID_SINCE, VALID_FOR = 3 * 86400, 7 * 86400
# Instead of the system's, whose extensions would stand in every certificate. The database is one that `openssl ca` asks
# for; what is in it does not matter.
_CONFIGURATION = """
[req]
distinguished_name = names
[names]
[ca]
default_ca = authority
[authority]
database = {database}
serial = {serial}
new_certs_dir = {directory}
default_md = sha256
unique_subject = no
policy = names
[extensions]
"""


class KeyPair(NamedTuple):
    certificate: Path
    key: Path


class ClusterAuthority:
    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        self._directory = directory
        self._clients = 0
        self._configuration = directory / "openssl.cnf"
        self._configuration_text = _CONFIGURATION.format(
            database=directory / "index.txt", serial=directory / "serial", directory=directory
        )
        (directory / "index.txt").touch()
        self._ca = KeyPair(directory / "ca.crt", directory / "ca.key")
        self._request(self._ca, "/CN=kubernetes", "basicConstraints=critical,CA:TRUE", signed_by=())
        self.token_key = directory / "service-accounts.key"
        _openssl("genrsa", "-out", self.token_key, "2048")

    @property
    def certificate(self) -> Path:
        return self._ca.certificate

    def serving(self, alternative_names: Iterable[str]) -> KeyPair:
        """A new pair for the API server, in the same two files each time: each is replaced by a rename."""
        fresh = self._issue("serving-next", "/CN=kube-apiserver", "serverAuth", alternative_names)
        pair = self._pair("serving")
        for old, new in zip(pair, fresh, strict=True):
            new.replace(old)
        return pair

    def client(self, user: str, groups: Iterable[str]) -> KeyPair:
        self._clients += 1
        parts = [*(f"O={_escaped(group)}" for group in groups), f"CN={_escaped(user)}"]
        return self._issue(f"client-{self._clients}", "/" + "/".join(parts), "clientAuth")

    def shortened(self, token: str, seconds: float) -> str:
        """The same token of a service account, except that it ends in so many seconds."""
        header, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claims["exp"] = int(time.time() + seconds)
        signed = f"{header}.{_base64(json.dumps(claims).encode())}"
        return f"{signed}.{_base64(_openssl('dgst', '-sha256', '-sign', self.token_key, data=signed.encode()))}"

    def _issue(self, name: str, subject: str, usage: str, alternative_names: Iterable[str] = ()) -> KeyPair:
        pair = self._pair(name)
        extensions = ["basicConstraints=critical,CA:FALSE", f"extendedKeyUsage={usage}"]
        if names := ",".join(alternative_names):
            extensions.append(f"subjectAltName={names}")
        self._request(pair, subject, *extensions, signed_by=("-cert", self._ca.certificate, "-keyfile", self._ca.key))
        return pair

    def _pair(self, name: str) -> KeyPair:
        return KeyPair(self._directory / f"{name}.crt", self._directory / f"{name}.key")

    def _request(self, pair: KeyPair, subject: str, *extensions: str, signed_by: tuple[str | Path, ...]) -> None:
        """Signed by its own key where nothing else is given."""
        self._configuration.write_text(self._configuration_text + "\n".join(extensions) + "\n")
        request = pair.certificate.with_suffix(".csr")
        _openssl(
            "req", "-new", "-config", self._configuration, "-utf8", "-subj", subject,
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", pair.key, "-out", request,
        )  # fmt: skip
        began = time.time() - VALID_SINCE
        _openssl(
            "ca", "-config", self._configuration, "-batch", "-notext", "-create_serial", "-preserveDN", "-utf8",
            "-startdate", _time(began), "-enddate", _time(began + VALID_FOR), "-extensions", "extensions",
            "-in", request, "-out", pair.certificate, *(signed_by or ("-selfsign", "-keyfile", pair.key)),
        )  # fmt: skip


def _time(at: float) -> str:
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(at))


def _openssl(*words: str | Path, data: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *map(str, words)], input=data, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr.decode()}")
    return done.stdout


def _escaped(text: str) -> str:
    return re.sub(r"([\\/+])", r"\\\1", text)


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
