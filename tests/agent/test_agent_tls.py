"""The agent's pages over TLS: real certificates, real handshakes, in a network namespace of the test's own."""

import asyncio
import shutil
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from agent_world import ADDRESSES, CLUSTER, METRICS_PORTS, WaitUntil, World
from certificates import Authority, with_passphrase
from structlog.testing import capture_logs

from bgpctl.daemon.http.http_server import REQUEST_SECONDS, HttpServer, Page
from bgpctl.daemon.http.metrics_address import MetricsAddress
from bgpctl.daemon.http.tls import ServerTls
from bgpctl.daemon.http.tls_files import TlsFiles
from bgpctl.errors import NotReadyError

pytestmark = pytest.mark.netns

InOwnNetwork = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
ANY_PORT = MetricsAddress("127.0.0.1", 0)
OK, FORBIDDEN = b"HTTP/1.1 200 OK", b"HTTP/1.1 403 Forbidden"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


async def page() -> Page:
    return Page.text(HTTPStatus.OK, "x" * 100_000)


class Serving:
    """A server with these files, and what its loop could not place."""

    def __init__(self, files: TlsFiles, request_seconds: float) -> None:
        self._request_seconds = request_seconds
        self._files = files
        self.stray: list[dict[str, Any]] = []

    async def __aenter__(self) -> "Serving":
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.stray.append(context))
        pages = {"/livez": page, "/metrics": page}
        self._server = await HttpServer.open(ANY_PORT, pages, ServerTls(self._files), self._request_seconds)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        assert self.stray == []

    async def status(self, path: str, client: ssl.SSLContext | None) -> bytes:
        """The status line of the answer, b"" when there is none."""
        return (await self.answer(path, client))[0]

    async def answer(self, path: str, client: ssl.SSLContext | None) -> tuple[bytes, str]:
        """Status line, and the name that the server's certificate is for."""
        address = self._server.address
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=client)
        try:
            certificate: Any = writer.get_extra_info("peercert")
            writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
            answer = await reader.read()
            name = dict(part[0] for part in certificate["subject"])["commonName"] if certificate else ""
            return answer.split(b"\r\n")[0], name
        except (ConnectionError, ssl.SSLError):
            return b"", ""
        finally:
            writer.close()

    async def silent(self) -> bytes:
        """What a client hears that never begins a handshake."""
        reader, writer = await asyncio.open_connection(self._server.address.host, self._server.address.port)
        heard = await reader.read()
        writer.close()
        return heard


def serving(
    in_own_network: InOwnNetwork,
    files: TlsFiles,
    script: Callable[[Serving], Awaitable[None]],
    request_seconds: float = REQUEST_SECONDS,
) -> None:
    async def main() -> None:
        async with Serving(files, request_seconds) as server:
            await script(server)

    in_own_network(main)


def test_pages_are_served_over_tls_with_the_certificate(in_own_network: InOwnNetwork, authority: Authority) -> None:
    async def script(server: Serving) -> None:
        assert await server.answer("/metrics", authority.client()) == (OK, "node-a")
        assert await server.status("/livez", authority.client()) == OK

    serving(in_own_network, TlsFiles(*authority.issue("node-a", authority.path)), script)


def test_certificate_and_key_may_stand_in_one_file(in_own_network: InOwnNetwork, authority: Authority) -> None:
    certificate, key = authority.issue("node-a", authority.path)
    certificate.write_text(certificate.read_text() + key.read_text())

    async def script(server: Serving) -> None:
        assert await server.status("/livez", authority.client()) == OK

    serving(in_own_network, TlsFiles(certificate), script)


def test_a_client_without_tls_gets_nothing(in_own_network: InOwnNetwork, authority: Authority) -> None:
    async def script(server: Serving) -> None:
        assert await server.status("/livez", None) == b""
        assert await server.status("/livez", authority.client()) == OK

    serving(in_own_network, TlsFiles(*authority.issue("node-a", authority.path)), script)


def test_a_client_that_never_begins_a_handshake_is_cut_off(in_own_network: InOwnNetwork, authority: Authority) -> None:
    async def script(server: Serving) -> None:
        assert await server.silent() == b""

    serving(in_own_network, TlsFiles(*authority.issue("node-a", authority.path)), script, request_seconds=0.1)


def test_handshakes_at_the_same_time_do_not_disturb_each_other(
    in_own_network: InOwnNetwork, authority: Authority
) -> None:
    """Each is begun while data of its client may be there already."""

    async def script(server: Serving) -> None:
        for _ in range(8):
            asked = [server.status("/metrics", authority.client()) for _ in range(24)]
            assert await asyncio.gather(*asked) == [OK] * 24

    serving(in_own_network, TlsFiles(*authority.issue("node-a", authority.path)), script)


# ------------------------------------------------------------------------------------------------ rotation


def test_a_new_certificate_is_taken_up_by_the_next_connection(
    in_own_network: InOwnNetwork, authority: Authority, tmp_path: Path
) -> None:
    """Swapped as Kubernetes swaps a mounted Secret: the files are links into a directory that is a link."""
    mount = tmp_path / "mount"
    mount.mkdir()
    for version in ("one", "two"):
        certificate, key = authority.issue(version, mount / version)
        certificate.rename(mount / version / "tls.crt")
        key.rename(mount / version / "tls.key")
    (mount / "data").symlink_to("one")
    for name in ("tls.crt", "tls.key"):
        (mount / name).symlink_to(f"data/{name}")

    async def script(server: Serving) -> None:
        assert await server.answer("/livez", authority.client()) == (OK, "one")
        (mount / "next").symlink_to("two")
        (mount / "next").rename(mount / "data")
        assert await server.answer("/livez", authority.client()) == (OK, "two")

    serving(in_own_network, TlsFiles(mount / "tls.crt", mount / "tls.key"), script)


@pytest.mark.parametrize("damage", ["not a certificate", ""])
def test_a_bad_certificate_keeps_the_last_good_one_and_is_logged_once(
    in_own_network: InOwnNetwork, authority: Authority, damage: str
) -> None:
    certificate, key = authority.issue("node-a", authority.path)

    async def script(server: Serving) -> None:
        with capture_logs() as logged:
            if damage:
                certificate.write_text(damage)
            else:
                certificate.unlink()
            for _ in range(3):
                assert await server.answer("/livez", authority.client()) == (OK, "node-a")
        (line,) = logged
        assert (line["log_level"], line["certificate"]) == ("error", str(certificate))
        assert line["event"] == "new certificate cannot be used, the last good one stays"

    serving(in_own_network, TlsFiles(certificate, key), script)


def test_a_certificate_is_taken_up_when_its_key_has_followed(
    in_own_network: InOwnNetwork, authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.issue("node-a", authority.path)
    new_certificate, new_key = authority.issue("node-b", tmp_path / "new")

    async def script(server: Serving) -> None:
        shutil.copy(new_certificate, certificate)
        assert await server.answer("/livez", authority.client()) == (OK, "node-a")
        shutil.copy(new_key, key)
        assert await server.answer("/livez", authority.client()) == (OK, "node-b")

    serving(in_own_network, TlsFiles(certificate, key), script)


# ------------------------------------------------------------------------------------------------ clients


def test_metrics_are_for_those_whose_certificate_the_ca_has_signed(
    in_own_network: InOwnNetwork, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger")
    ours = authority.issue("prometheus", tmp_path / "client")
    theirs = stranger.issue("prometheus", tmp_path / "their-client")

    async def script(server: Serving) -> None:
        assert await server.status("/metrics", authority.client(*ours)) == OK
        assert await server.status("/metrics", authority.client()) == FORBIDDEN
        assert await server.status("/metrics", authority.client(*theirs)) == b""

    certificate, key = authority.issue("node-a", authority.path)
    serving(in_own_network, TlsFiles(certificate, key, authority.certificate), script)


def test_probes_without_a_certificate_are_answered(in_own_network: InOwnNetwork, authority: Authority) -> None:
    async def script(server: Serving) -> None:
        assert await server.status("/livez", authority.client()) == OK

    certificate, key = authority.issue("node-a", authority.path)
    serving(in_own_network, TlsFiles(certificate, key, authority.certificate), script)


def test_a_new_ca_for_clients_is_taken_up(in_own_network: InOwnNetwork, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    theirs = other.issue("prometheus", tmp_path / "client")
    client_ca = tmp_path / "clients.pem"
    shutil.copy(authority.certificate, client_ca)

    async def script(server: Serving) -> None:
        assert await server.status("/metrics", authority.client(*theirs)) == b""
        shutil.copy(other.certificate, client_ca)
        assert await server.status("/metrics", authority.client(*theirs)) == OK

    certificate, key = authority.issue("node-a", authority.path)
    serving(in_own_network, TlsFiles(certificate, key, client_ca), script)


# -------------------------------------------------------------------------------------------------- start


def test_files_that_cannot_be_used_end_the_start(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("node-a", authority.path)
    _, other_key = authority.issue("node-b", authority.path)
    _, locked = authority.issue("node-c", authority.path)
    with_passphrase(locked, "secret")
    for files, reason in (
        (TlsFiles(tmp_path / "nowhere.pem", key), "No such file"),
        (TlsFiles(certificate, other_key), "(?i)mismatch"),
        (TlsFiles(certificate), "cannot be used: "),
        (TlsFiles(certificate, locked), "passphrase"),
        (TlsFiles(certificate, key, tmp_path / "nowhere.pem"), "No such file"),
    ):
        with pytest.raises(NotReadyError, match=reason) as refusal:
            ServerTls(files)
        assert str(refusal.value).startswith("the certificate of the metrics address cannot be used: ")


def test_an_agent_serves_its_metrics_over_tls(
    netns: str, tmp_path: Path, authority: Authority, wait_until: WaitUntil
) -> None:
    subprocess.run(["ip", "-n", netns, "address", "add", f"{ADDRESSES['a']}/32", "dev", "lo"], check=True)
    certificate, key = authority.issue("node-a", authority.path)
    world = World({"a": netns}, tmp_path, "--no-fib", "--metrics-cert", str(certificate), "--metrics-key", str(key))
    world.write("cluster.yaml", CLUSTER)
    fetch = (
        "import ssl, sys, urllib.request as u\n"
        f"c = ssl.create_default_context(cafile={str(authority.certificate)!r})\n"
        f"print(u.urlopen('https://127.0.0.1:{METRICS_PORTS['a']}/metrics', context=c, timeout=5).read().decode())"
    )

    def fetched() -> str:
        command = ["ip", "netns", "exec", netns, sys.executable, "-c", fetch]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    world.start("a")
    try:
        wait_until(lambda: world.runs("a"), 60)
        assert "bgpctl_speaker_up 1.0" in fetched()
    finally:
        world.end()
