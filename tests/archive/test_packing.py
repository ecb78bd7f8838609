"""An archive is the same octets for the same contents, and one that is not what it was is refused."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from snapshots import CLUSTER, NOW, snapshot_of

from bgpctl.archive import packing
from bgpctl.archive.manifest import digest
from bgpctl.archive.packing import MANIFEST, DamagedError, pack, unpack

PEERS = "resources/BGPPeer.yaml"
Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    found = snapshot_of(tmp_path)
    return pack(found.manifest, found.files)


def members(octets: bytes) -> Members:
    with tarfile.open(fileobj=io.BytesIO(octets)) as tar:
        return [(each, tar.extractfile(each).read()) for each in tar]  # type: ignore[union-attr]


def packed_again(found: Members, form: int = tarfile.PAX_FORMAT) -> bytes:
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w:gz", format=form) as tar:
        for member, content in found:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    return octets.getvalue()


def test_it_unpacks_to_what_was_packed(packed: bytes, tmp_path: Path) -> None:
    found = unpack(packed)
    expected = snapshot_of(tmp_path)
    assert found.manifest == expected.manifest
    assert {f"resources/{name}": text.encode() for name, text in found.texts.items()} == expected.files
    assert found.sha256 == digest(packed)


def test_the_same_contents_and_time_are_the_same_octets(packed: bytes, tmp_path: Path) -> None:
    """Whatever the order of files and fields, and whatever the rest of the second."""
    documents = CLUSTER.split("---\n")
    (tmp_path / "cluster.yaml").write_text("---\n".join(reversed(documents)))
    found = snapshot_of(tmp_path, now=NOW.replace(microsecond=1))
    assert pack(found.manifest, found.files) == packed
    later = snapshot_of(tmp_path, now=NOW + timedelta(seconds=1))
    assert pack(later.manifest, later.files) != packed


def test_other_programs_read_it(packed: bytes) -> None:
    names = [member.name for member, _ in members(packed)]
    assert (names[0], PEERS in names) == (MANIFEST, True)
    assert {(member.mode, member.uid, member.uname) for member, _ in members(packed)} == {(0o600, 0, "")}


def _changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Members], Members]:
    return lambda found: [(member, change(octets) if member.name == name else octets) for member, octets in found]


def _manifest(change: Callable[[dict[str, object]], object]) -> Callable[[Members], Members]:
    def changed(octets: bytes) -> bytes:
        data = json.loads(octets)
        change(data)
        return json.dumps(data).encode()

    return _changed(MANIFEST, changed)


def _renamed(name: str) -> Callable[[Members], Members]:
    def rename(found: Members) -> Members:
        for member, _ in found:
            member.name = name if member.name == PEERS else member.name
        return found

    return rename


def _of_type(kind: bytes, link: str = "") -> Callable[[Members], Members]:
    def change(found: Members) -> Members:
        for member, _ in found:
            if member.name == PEERS:
                member.type, member.linkname = kind, link
        return found

    return change


def _with(name: str, octets: bytes = b"") -> Callable[[Members], Members]:
    return lambda found: [*found, (tarfile.TarInfo(name), octets)]


def _without(name: str) -> Callable[[Members], Members]:
    return lambda found: [each for each in found if each[0].name != name]


TAMPERED: dict[str, tuple[Callable[[Members], Members], str]] = {
    "another AS number": (_changed(PEERS, lambda octets: octets.replace(b"65001", b"65002")), "SHA-256"),
    "longer": (_changed(PEERS, lambda octets: octets + b"\n"), "SHA-256"),
    "no manifest": (_without(MANIFEST), "no manifest.json"),
    "a file less": (_without(PEERS), "is not in it"),
    "a file more": (_with("resources/Extra.yaml"), "is not in its manifest"),
    "a file twice": (_with(PEERS), "twice"),
    "two manifests": (_with(MANIFEST, b"{}"), "twice"),
    "a path upwards": (_renamed("../../etc/cron.d/x"), "no name of a file"),
    "an absolute path": (_renamed("/etc/passwd"), "no name of a file"),
    "a path through the folder": (_renamed("resources/../x.yaml"), "no name of a file"),
    "a hidden file": (_renamed("resources/.x.yaml"), "no name of a file"),
    "a symbolic link": (_of_type(tarfile.SYMTYPE, "/etc/passwd"), "no regular file"),
    "a hard link": (_of_type(tarfile.LNKTYPE, MANIFEST), "no regular file"),
    "a device": (_of_type(tarfile.CHRTYPE), "no regular file"),
    "a directory": (_of_type(tarfile.DIRTYPE), "no regular file"),
    "a FIFO": (_of_type(tarfile.FIFOTYPE), "no regular file"),
    "a sparse file": (_of_type(tarfile.GNUTYPE_SPARSE), "it"),
    "a manifest that is no JSON": (_changed(MANIFEST, lambda _: b"{"), "manifest cannot be read"),
    "a manifest that is a list": (_changed(MANIFEST, lambda _: b"[]"), "manifest cannot be read"),
    "a deep manifest": (_changed(MANIFEST, lambda _: b"[" * 100_000), "manifest cannot be read"),
    "another format": (_manifest(lambda data: data.update(format="x")), "no snapshot of bgpctl"),
    "a later form": (_manifest(lambda data: data.update(version=2)), "later release"),
    "no time": (_manifest(lambda data: data.update(taken="yesterday")), "time in its manifest"),
    "wrong types": (_manifest(lambda data: data.update(files=[3])), "manifest cannot be read"),
    "a name twice": (_manifest(lambda data: data.update(files=[data["files"][0]] * 2)), "twice"),  # type: ignore[index]
}


@pytest.mark.parametrize("case", TAMPERED)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_an_archive_that_is_not_what_it_was_is_refused(case: str, form: int, packed: bytes) -> None:
    change, words = TAMPERED[case]
    with pytest.raises(DamagedError, match=words):
        unpack(packed_again(change(members(packed)), form))


def test_a_field_of_a_later_release_is_passed_over(packed: bytes) -> None:
    change = _manifest(lambda data: data.update(weather="fine"))
    assert unpack(packed_again(change(members(packed)))).texts == unpack(packed).texts


def test_every_octet_counts(packed: bytes) -> None:
    """An archive with one octet that is another is refused, or unpacks to the same: gzip's header is not all used."""
    expected = unpack(packed).texts
    for place in range(0, len(packed), 7):
        octets = bytearray(packed)
        octets[place] ^= 0x55
        try:
            assert unpack(bytes(octets)).texts == expected
        except DamagedError:
            continue


@pytest.mark.parametrize("length", [0, 1, 10, 100, -1, -8])
def test_an_archive_that_ends_too_early(length: int, packed: bytes) -> None:
    with pytest.raises(DamagedError):
        unpack(packed[:length])


def test_what_is_no_archive() -> None:
    for octets in (b"hello", b"\x1f\x8b", gzip.compress(b"hello"), gzip.compress(b"\x00" * 100_000)):
        with pytest.raises(DamagedError):
            unpack(octets)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "LARGEST", 4 * 1024 * 1024)
    bomb = gzip.compress(b"\x00" * (packing.LARGEST + 1))
    assert len(bomb) < 10_000
    with pytest.raises(DamagedError, match="more than 4 MiB"):
        unpack(bomb)
    zeros = tarfile.TarInfo(PEERS)
    zeros.size = 1 << 40
    with pytest.raises(DamagedError):
        unpack(gzip.compress(zeros.tobuf(tarfile.GNU_FORMAT) + b"\x00" * 1024))


def test_a_sparse_file_that_claims_a_terabyte() -> None:
    """In the form of GNU tar and in that of POSIX."""
    header = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": PEERS,
        "GNU.sparse.realsize": str(1 << 40),
    }
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("resources/GNUSparseFile.yaml")
        member.pax_headers = header
        content = b"1\n0\n1\n".ljust(512, b"\x00") + b"x"
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    with pytest.raises(DamagedError):
        unpack(octets.getvalue())
