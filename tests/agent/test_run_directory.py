"""The run directory: one agent at a time, nothing readable by others, files replaced whole."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bgpctl.agent.host.run_directory import PlanFiles, RunDirectory
from bgpctl.errors import NotReadyError
from reflector.process.account import Account

FILES = PlanFiles(plan=b'{"node":"a"}', exabgp_conf=b"neighbor 10.0.0.1 {}")
LARGEST_FILE = 4096
HOLD = """
import sys
from pathlib import Path
from bgpctl.agent.host.run_directory import RunDirectory
RunDirectory.claim(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _permissive_umask() -> Iterator[None]:
    """The worst case: what is private must be so by itself."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds tmp_path/run."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    with RunDirectory.claim(tmp_path / "bgpctl" / "a") as directory:
        assert mode(directory.path) == 0o700


def test_a_directory_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    with RunDirectory.claim(tmp_path / "run"):
        assert mode(tmp_path / "run") == 0o700


def test_files_with_passwords_are_for_their_owner_only(tmp_path: Path) -> None:
    with RunDirectory.claim(tmp_path / "run") as directory:
        directory.install(FILES)
        modes = {path.name: mode(path) for path in directory.path.iterdir()}
    assert modes == {"plan.json": 0o600, "exabgp.conf": 0o600, "agent.pid": 0o600}


def test_a_file_that_was_open_is_replaced_by_a_private_one(tmp_path: Path) -> None:
    with RunDirectory.claim(tmp_path / "run") as directory:
        (directory.path / "plan.json").write_bytes(b"old")
        (directory.path / "plan.json").chmod(0o644)
        directory.install(FILES)
        assert mode(directory.path / "plan.json") == 0o600


@pytest.mark.netns
def test_what_the_speaker_reads_is_for_its_group_and_stays_so_when_it_is_replaced(tmp_path: Path) -> None:
    with RunDirectory.claim(tmp_path / "run") as directory:
        directory.install(FILES)
        directory.admit(Account(4242, 4343))
    with RunDirectory.claim(tmp_path / "run") as directory:
        assert (mode(directory.path), directory.path.stat().st_gid) == (0o1770, 4343)
        directory.install(FILES)
        for name in ("plan.json", "exabgp.conf"):
            seen = (directory.path / name).stat()
            assert (stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid) == (0o640, 0, 4343)


def test_what_was_installed_is_read_back(tmp_path: Path) -> None:
    with RunDirectory.claim(tmp_path / "run") as directory:
        assert directory.installed() is None
        directory.install(FILES)
        assert directory.installed() == FILES


def test_a_second_agent_is_refused_and_told_who_is_there(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(NotReadyError, match=rf"an agent \(process {holder.pid}\) already runs in .*run"):
        RunDirectory.claim(tmp_path / "run")


def test_a_killed_agent_holds_nothing(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with RunDirectory.claim(tmp_path / "run") as directory:
        assert (directory.path / "agent.pid").read_text() == f"{os.getpid()}\n"


def test_a_plan_survives_a_stop(tmp_path: Path) -> None:
    with RunDirectory.claim(tmp_path / "run") as directory:
        directory.install(FILES)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"plan.json", "exabgp.conf"}


def fail_to_start(path: Path) -> None:
    with RunDirectory.claim(path) as directory:
        directory.install(FILES)
        raise NotReadyError("port 179 is taken")


def test_a_start_that_failed_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="port 179"):
        fail_to_start(tmp_path / "bgpctl" / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_start_that_failed_keeps_the_plan_of_an_earlier_agent(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(NotReadyError, match="port 179"):
        fail_to_start(tmp_path / "run")
    assert (tmp_path / "run" / "plan.json").exists()


def test_a_path_too_long_for_a_socket_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="too long for a Unix socket"):
        RunDirectory.claim(tmp_path / ("x" * 100))


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(NotReadyError, match="not a directory of this user"):
        RunDirectory.claim(tmp_path / "run")


def test_a_plan_for_which_there_is_no_room_replaces_nothing(tmp_path: Path) -> None:
    """exabgp.conf alone would fit, and would then belong to another plan."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with RunDirectory.claim(tmp_path / "run") as directory:
        directory.install(FILES)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, before[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                directory.install(PlanFiles(plan=bytes(LARGEST_FILE + 1), exabgp_conf=b"another"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert directory.installed() == FILES
        assert not list(directory.path.glob(".*"))
