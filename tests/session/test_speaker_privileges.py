"""The speaker has no privilege once it listens, and does everything from then on without one (capabilities(7))."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from process_status import Privileges, privileges_of
from segment import LISTEN, Segment, Speaker, eventually, session

from bgpctl.agent.host.run_directory import PlanFiles, RunDirectory
from bgpctl.compiler import render_exabgp_conf
from reflector.control.client import ControlClient
from reflector.messages import Apply
from reflector.plan import NodePlan, Origination, Password, RouteSource, SessionPlan, encode_plan
from reflector.process.account import account_named

pytestmark = pytest.mark.netns

A, B, A2, B2 = "10.9.0.1", "10.9.0.2", "10.9.1.1", "10.9.1.2"
FIRST, SECOND = Password("first-secret"), Password("second-secret")


def plan(own: str, *sessions: SessionPlan, block: str = "10.244.0.0/26") -> NodePlan:
    originations = (Origination(block, RouteSource.BLOCK),)
    return NodePlan(node=own, router_id=own, listen=LISTEN, sessions=sessions, originations=originations)


def start(segment: Segment, host: str, plan: NodePlan) -> Speaker:
    return segment.speaker(host, plan, render_exabgp_conf(plan))


def apply(speaker: Speaker, plan: NodePlan) -> None:
    speaker.apply(plan, render_exabgp_conf(plan))


@pytest.fixture
def hosts(segment: Segment) -> Segment:
    segment.host("a", f"{A}/24", f"{A2}/24")
    segment.host("b", f"{B}/24", f"{B2}/24")
    return segment


@pytest.fixture
def speaker(hosts: Segment) -> Speaker:
    speaker = start(hosts, "a", plan(A))
    speaker.wait_listening()
    return speaker


def start_again(segment: Segment, speaker: Speaker, *words: str, before: tuple[str, ...] = ()) -> None:
    """With these arguments, and `before` them another program that starts it."""
    speaker.process.terminate()
    speaker.process.wait()
    command = (*before, sys.executable, "-m", "reflector", *words, str(speaker.directory))
    speaker.process = segment.start("a", *command, log=speaker.log)


def test_a_speaker_that_listens_has_no_user_group_or_capability_left(speaker: Speaker) -> None:
    account = account_named("")
    assert privileges_of(speaker.process.pid) == Privileges(
        users=(account.uid,) * 4,
        groups=(account.gid,) * 4,
        more_groups=(),
        effective=frozenset(),
        permitted=frozenset(),
        inheritable=frozenset(),
        bounding=frozenset(),
        ambient=frozenset(),
        no_new_privileges=True,
    )


def test_a_named_user_is_the_one(hosts: Segment, speaker: Speaker) -> None:
    start_again(hosts, speaker, "--user", "4242:4343")
    speaker.wait_listening()
    seen = privileges_of(speaker.process.pid)
    assert (seen.users[1], seen.groups[1], seen.more_groups) == (4242, 4343, ())


def test_root_by_its_name_is_root_without_a_capability(hosts: Segment, speaker: Speaker) -> None:
    start_again(hosts, speaker, "--user", "0:0")
    speaker.wait_listening()
    seen = privileges_of(speaker.process.pid)
    assert (seen.users[1], seen.permitted, seen.bounding) == (0, frozenset(), frozenset())


def test_sessions_with_passwords_are_added_and_rotated_after_the_step(hosts: Segment) -> None:
    """RFC 2385: neither a key on a listening socket nor one on a living session needs a capability."""
    a, b = start(hosts, "a", plan(A)), start(hosts, "b", plan(B, block="10.245.0.0/26"))
    a.wait_listening()
    b.wait_listening()
    for password in (FIRST, SECOND):
        apply(a, plan(A, session(B, A, password=password, hold_time=9)))
        apply(b, plan(B, session(A, B, password=password, hold_time=9), block="10.245.0.0/26"))
        a.wait_established()
        eventually(lambda: "10.245.0.0/26" in a.routes(), "a has b's block")
    assert [peer.flaps for peer in a.peers().values()] == [0]
    # And one more, between other addresses of the same hosts.
    apply(a, plan(A, session(B, A, password=SECOND, hold_time=9), session(B2, A2, password=FIRST)))
    apply(b, plan(B, session(A, B, password=SECOND, hold_time=9), session(A2, B2, password=FIRST)))
    a.wait_established(2)


def test_it_reads_a_plan_that_root_puts_in_its_place_by_a_rename(speaker: Speaker) -> None:
    wanted = plan(A, session(B, A))
    directory = RunDirectory.claim(speaker.directory)
    directory.install(PlanFiles(encode_plan(wanted), render_exabgp_conf(wanted).encode()))
    with ControlClient(directory.speaker_socket) as client:
        assert client.ask(Apply(wanted)).added == (f"to-{B}",)
    directory.release()


def test_its_files_are_for_its_user_and_for_root(speaker: Speaker) -> None:
    found = {path.name: path.stat() for path in (speaker.directory, *speaker.directory.iterdir())}
    seen = {name: (stat.S_IMODE(one.st_mode), one.st_uid, one.st_gid) for name, one in found.items() if name != "log"}
    account = account_named("")
    assert seen == {
        "a": (0o1770, 0, account.gid),
        "plan.json": (0o640, 0, account.gid),
        "exabgp.conf": (0o640, 0, account.gid),
        "speaker.sock": (0o660, account.uid, 0),
    }


def test_sigterm_ends_it_and_removes_its_socket(speaker: Speaker) -> None:
    speaker.process.terminate()
    assert speaker.process.wait(10) == 0
    assert not (speaker.directory / "speaker.sock").exists()


def test_a_speaker_that_was_killed_starts_again_in_what_it_left(speaker: Speaker) -> None:
    speaker.process.kill()
    speaker.process.wait()
    speaker.restart()
    speaker.wait_listening()
    assert privileges_of(speaker.process.pid).users[1] == account_named("").uid


@pytest.mark.parametrize(
    ("path", "is_allowed"),
    [("exabgp.conf", True), ("../b/exabgp.conf", False), ("../b/plan.json", False)],
)
def test_its_user_reads_its_own_directory_and_no_other(hosts: Segment, path: str, is_allowed: bool) -> None:
    """From where it stands: the directory above is root's alone."""
    for host, address in {"a": A, "b": B}.items():
        start(hosts, host, plan(address)).wait_listening()
    account = account_named("")
    done = subprocess.run(
        ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", "cat", path],
        cwd=hosts.directory / "a", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) is is_allowed, done.stderr
    assert is_allowed or "Permission denied" in done.stderr


def test_a_link_in_its_directory_is_not_followed_by_root(speaker: Speaker, tmp_path: Path) -> None:
    """The user may make one there; what it leads to must not become the user's at the next start."""
    speaker.process.terminate()
    speaker.process.wait()
    secret = tmp_path / "secret"
    secret.write_text("of root")
    secret.chmod(0o600)
    (speaker.directory / "journal").symlink_to(secret)
    speaker.restart()
    assert speaker.process.wait(15) == 2
    assert "journal is a link" in speaker.log.read_text()
    assert (secret.stat().st_uid, stat.S_IMODE(secret.stat().st_mode)) == (0, 0o600)


def test_without_the_right_to_change_users_it_does_not_go_on_as_root(hosts: Segment, speaker: Speaker) -> None:
    start_again(hosts, speaker, before=("setpriv", "--bounding-set=-setuid"))
    assert speaker.process.wait(15) == 2
    assert f"cannot go on as user {account_named('')}" in speaker.log.read_text().splitlines()[-1]
    assert not (speaker.directory / "speaker.sock").exists()
