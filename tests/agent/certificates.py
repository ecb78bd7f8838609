"""Certificates for tests, made by the openssl command: real files for real handshakes."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


class Authority:
    """A CA of its own in `path`."""

    def __init__(self, path: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("certificates need the openssl command (Debian package openssl)")
        path.mkdir()
        self.path = path
        self.certificate, self._key = path / "ca.pem", path / "ca.key"
        self._openssl(
            "req", "-x509", *_new_key(self._key), "-out", self.certificate, "-subj", "/CN=authority", "-days", "2"
        )

    def issue(self, name: str, into: Path) -> tuple[Path, Path]:
        """Certificate and key for 127.0.0.1 and `name`, as NAME.pem and NAME.key; those that are there are replaced."""
        into.mkdir(exist_ok=True)
        certificate, key, request = into / f"{name}.pem", into / f"{name}.key", into / f"{name}.csr"
        self._openssl(
            "req", *_new_key(key), "-out", request, "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
            "-copy_extensions", "copy", "-days", "2", "-out", certificate,
        )  # fmt: skip
        request.unlink()
        return certificate, key

    def client(self, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
        """What a client makes handshakes with that trusts this authority."""
        context = ssl.create_default_context(cafile=self.certificate)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        return context

    def _openssl(self, *words: str | Path) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def _new_key(file: Path) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(file)]


def with_passphrase(key: Path, passphrase: str) -> None:
    subprocess.run(
        ["openssl", "ec", "-aes256", "-in", str(key), "-out", str(key), "-passout", f"pass:{passphrase}"],
        check=True,
        capture_output=True,
    )
