"""Reading and watching a directory, with the kernel's own file system and events."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bgpctl.cli import app
from bgpctl.datastore import directory, inotify, listing, read_directory, regular_file, watch_directory
from bgpctl.datastore.directory import DirectoryReader
from bgpctl.datastore.regular_file import read_regular_file
from bgpctl.errors import NotReadyError
from bgpctl.resources import Loaded, parse_documents

# A change must be seen well within this many seconds; the machine that runs the tests may be busy with others.
SOON = 0.3
PATIENCE = 10.0


def node(name: str, address: str = "10.0.0.1") -> str:
    return f"""\
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: {name}}}
spec: {{bgp: {{ipv4Address: {address}/24}}}}
"""


def never(error: Exception) -> None:
    raise AssertionError("reading failed") from error


def names(loaded: Loaded) -> list[str]:
    return list(loaded.resources.nodes)


# ------------------------------------------------------------------------------------------ reading


def test_tree_is_read_in_order_without_hidden_and_topology_files(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for place, name in [
        ("b.yaml", "b"),
        ("a.yml", "a"),
        ("deep/er/c.json", "c"),
        (".hidden.yaml", "no"),
        (".git/x.yaml", "no"),
        ("lab.clab.yml", "no"),
        ("notes.txt", "no"),
        ("b.yaml~", "no"),
    ]:
        (tmp_path / place).write_text(node(name, f"10.0.0.{ord(name[0])}"))
    loaded = read_directory(tmp_path)
    assert names(loaded) == ["a", "b", "c"]
    assert loaded.problems == ()
    assert loaded.resources.location(loaded.resources.nodes["c"]).file == str(tmp_path / "deep/er/c.json")


def test_single_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "resources").write_text(node("a"))
    assert names(read_directory(tmp_path / "resources")) == ["a"]


def test_path_that_is_not_there_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="gone"):
        read_directory(tmp_path / "gone")


def test_file_that_cannot_be_read_is_a_problem_and_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(node("a"))
    (tmp_path / "b.yaml").write_bytes(b"kind: \xff")
    (tmp_path / "c.yaml").symlink_to("nowhere.yaml")
    loaded = read_directory(tmp_path)
    assert names(loaded) == ["a"]
    assert [(problem.file, problem.code) for problem in loaded.problems] == [
        (str(tmp_path / "b.yaml"), "unreadable-file"),
        (str(tmp_path / "c.yaml"), "unreadable-file"),
    ]


def _unending_link(path: Path) -> None:
    path.symlink_to(path.name)


def _socket(path: Path) -> None:
    # The kernel keeps such a name at 107 octets, whatever the test's own directory is called.
    descriptor = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{descriptor}/{path.name}")
    os.close(descriptor)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


UNREADABLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "link to itself": (_unending_link, "levels of symbolic links"),
    "link of 300 characters": (lambda path: path.symlink_to("a" * 300), "too long"),
    "link to a device without end": (lambda path: path.symlink_to("/dev/zero"), "character device"),
    "link to nothing": (lambda path: path.symlink_to("nowhere.yaml"), "No such file"),
    "link through a file": (lambda path: path.symlink_to("a.yaml/b"), "Not a directory"),
    "link to a file without a size": (lambda path: path.symlink_to("/proc/self/mem"), ""),
    "FIFO": (lambda path: os.mkfifo(path), "a FIFO"),
    "socket": (_socket, "a socket"),
    "block device": (lambda path: os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(7, 0)), "a block device"),
    "sparse file of a terabyte": (_sparse, "larger than 64 MiB"),
}


@pytest.mark.parametrize("name", ["b.yaml", "b.yml", "b.json"])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_no_file_of_resources_is_a_problem_and_hides_no_other(tree: Path, kind: str, name: str) -> None:
    make, reason = UNREADABLE[kind]
    try:
        make(tree / name)
    except PermissionError:
        pytest.skip("this machine makes no such file")
    loaded = read_directory(tree)
    (problem,) = loaded.problems
    assert (problem.file, problem.code, names(loaded)) == (str(tree / name), "unreadable-file", ["a"])
    assert reason in problem.message


@pytest.mark.parametrize("kind", ["link to itself", "link of 300 characters", "link to nothing", "FIFO"])
def test_what_is_not_named_like_resources_may_be_anything(tree: Path, kind: str) -> None:
    UNREADABLE[kind][0](tree / "notes")
    assert read_directory(tree).problems == ()


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_watch_goes_on_beside_what_cannot_be_read(tree: Path, kind: str) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        try:
            UNREADABLE[kind][0](path / "b.yaml")
        except PermissionError:
            pytest.skip("this machine makes no such file")
        await until(changes, lambda new: [each.code for each in new.problems] == ["unreadable-file"])
        (path / "c.yaml").write_text(node("c", "10.0.0.3"))
        await until(changes, lambda new: names(new) == ["a", "c"])
        (path / "b.yaml").unlink()
        await until(changes, lambda new: new.ok)

    watching(tree, scenario)


def test_file_that_is_too_large_is_not_read(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular_file, "MOST_OCTETS", 1 << 20)
    (tree / "b.yaml").write_text(node("b") + "#" * (1 << 20))
    assert "larger than 1 MiB" in read_directory(tree).problems[0].message
    (tree / "b.yaml").write_text(node("b", "10.0.0.2"))
    assert names(read_directory(tree)) == ["a", "b"]


def test_name_that_is_not_utf_8_is_a_problem_that_can_be_shown(tree: Path) -> None:
    (tree / os.fsdecode(b"b\xff.yaml")).write_text(node("b"))
    inner = tree / os.fsdecode(b"in\xffner")
    inner.mkdir()
    (inner / "c.yaml").write_text(node("c"))
    loaded = read_directory(tree)
    assert sorted(Path(each.file).name for each in loaded.problems) == ["b\\xff.yaml", "in\\xffner"]
    assert names(loaded) == ["a"]
    assert str(loaded.problems[0]).encode()


def test_directory_named_like_a_file_is_a_directory(tree: Path) -> None:
    (tree / "b.yaml").mkdir()
    (tree / "b.yaml" / "c.yaml").write_text(node("c", "10.0.0.3"))
    assert names(read_directory(tree)) == ["a", "c"]


@pytest.fixture
def deep_tree(tree: Path) -> Iterator[Path]:
    """Directories deeper than Python calls, and then deeper than the kernel takes a path: pytest cannot remove them."""
    here = os.open(tree, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    yield tree
    subprocess.run(["rm", "-rf", tree], check=True)


def test_directories_may_lie_deep(deep_tree: Path) -> None:
    loaded = read_directory(deep_tree)
    assert names(loaded) == ["a"]
    assert [each.code for each in loaded.problems] == ["unreadable-file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root becomes another user")
def test_link_to_where_this_user_may_not_go_is_a_problem() -> None:
    with tempfile.TemporaryDirectory() as name:
        open_to_all, closed = Path(name, "open"), Path(name, "closed")
        open_to_all.mkdir()
        (closed / "inner").mkdir(parents=True)
        Path(name).chmod(0o755)
        closed.chmod(0o700)
        (open_to_all / "a.yaml").write_text(node("a"))
        (open_to_all / "b.yaml").symlink_to(closed / "b.yaml")
        (open_to_all / "more").symlink_to(closed / "inner")
        (open_to_all / "closed").symlink_to(closed)
        os.seteuid(65534)
        try:
            loaded = read_directory(open_to_all)
        finally:
            os.seteuid(0)
        assert names(loaded) == ["a"]
        assert [Path(each.file).name for each in loaded.problems] == ["b.yaml", "closed", "more"]


def test_pipe_that_the_operator_names_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        pool.submit((tmp_path / "pipe").write_text, node("a"))
        assert names(read_directory(tmp_path / "pipe")) == ["a"]


def test_directory_that_links_to_itself_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(node("a"))
    (tmp_path / "again").symlink_to(tmp_path)
    assert read_directory(tmp_path).problems == ()


def test_unchanged_file_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(node(name, f"10.0.0.{ord(name)}"))
    reader = DirectoryReader(tmp_path)
    deadline = time.monotonic() + PATIENCE
    first = reader.read()
    while len(reader._signatures) < 2:
        assert time.monotonic() < deadline, "the files are not yet old enough to be trusted"
        time.sleep(0.05)
        first = reader.read()
    (tmp_path / "b.yaml").write_text(node("b", "10.0.0.77"))
    opened: list[str] = []

    def counted(name: str) -> bytes:
        opened.append(Path(name).name)
        return read_regular_file(name)

    monkeypatch.setattr(directory, "read_regular_file", counted)
    second = reader.read()
    assert opened == ["b.yaml"]
    assert second.resources.nodes["a"] is first.resources.nodes["a"]
    assert second.resources.nodes["b"].address(4) == "10.0.0.77"


def test_file_rewritten_within_one_clock_tick_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    reader = DirectoryReader(tmp_path)
    for last in range(1, 10):
        file.write_text(node("a", f"10.0.0.{last}"))
        assert reader.read().resources.nodes["a"].address(4) == f"10.0.0.{last}"


# ----------------------------------------------------------------------------------------- watching


def move(source: Path, target: Path) -> None:
    source.rename(target)


Scenario = Callable[[Path, AsyncIterator[Loaded]], Awaitable[None]]


async def until(changes: AsyncIterator[Loaded], wanted: Callable[[Loaded], bool]) -> float:
    """Seconds until the watch yields what is wanted."""
    started = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        async for loaded in changes:
            if wanted(loaded):
                return time.monotonic() - started
    raise AssertionError("the watch ended")


def watching(path: Path, scenario: Scenario, rest: float = 30.0) -> None:
    async def run() -> None:
        async with contextlib.aclosing(watch_directory(path, never, rest=rest)) as changes:
            await until(changes, lambda _: True)
            await scenario(path, changes)

    asyncio.run(run())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    path = tmp_path / "resources"
    path.mkdir()
    (path / "a.yaml").write_text(node("a"))
    return path


def test_change_is_seen_soon(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        waits = []
        for last in range(2, 7):
            (path / "a.yaml").write_text(node("a", f"10.0.0.{last}"))
            wanted = f"10.0.0.{last}"
            waits.append(await until(changes, lambda new, at=wanted: new.resources.nodes["a"].address(4) == at))
        # The best of five: one may fall into another process's turn.
        assert min(waits) < SOON

    watching(tree, scenario)


def test_editor_that_renames_is_followed(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        for name in ("b", "c"):
            (path / ".a.yaml.swp").write_text(node(name))
            (path / ".a.yaml.swp").rename(path / "a.yaml")
            await until(changes, lambda new, name=name: names(new) == [name])

    watching(tree, scenario)


def test_new_directory_and_removed_file_are_followed(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        (path / "sub").mkdir()
        (path / "sub" / "b.yaml").write_text(node("b", "10.0.0.2"))
        await until(changes, lambda new: names(new) == ["a", "b"])
        (path / "sub" / "b.yaml").write_text(node("c", "10.0.0.3"))
        await until(changes, lambda new: names(new) == ["a", "c"])
        (path / "a.yaml").unlink()
        await until(changes, lambda new: names(new) == ["c"])

    watching(tree, scenario)


def test_file_that_was_closed_half_is_a_problem_until_it_is_whole(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        whole = node("b", "10.0.0.2")
        with (path / "b.yaml").open("w") as file:
            file.write(whole[:-3])
        await until(changes, lambda new: not new.ok and names(new) == ["a"])
        with (path / "b.yaml").open("a") as file:
            file.write(whole[-3:])
        await until(changes, lambda new: new.ok and names(new) == ["a", "b"])

    watching(tree, scenario)


def test_file_that_is_written_in_two_steps_is_read_when_it_is_closed(tree: Path) -> None:
    """Its first half is valid, and lacks a Node."""

    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        (path / "a.yaml").write_text(node("b"))
        await until(changes, lambda new: names(new) == ["b"])
        with (path / "two.yaml").open("w") as file:
            file.write(node("x", "10.0.1.1"))
            file.flush()
            upcoming = asyncio.ensure_future(anext(changes))
            done, _ = await asyncio.wait({upcoming}, timeout=2 * SOON)
            assert not done, "half of a file was read"
            file.write("---\n" + node("y", "10.0.1.2"))
        assert {"x", "y"} <= set(names(await asyncio.wait_for(upcoming, PATIENCE)))

    watching(tree, scenario)


def test_log_that_is_written_beside_the_resources_holds_nothing_up(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        with (path.parent / "agent.log").open("w") as outside, (path / "agent.log").open("w") as inside:
            for log in (outside, inside):
                log.write("a line\n")
                log.flush()
            (path / "a.yaml").write_text(node("b"))
            await until(changes, lambda new: names(new) == ["b"])

    watching(tree, scenario)


def test_file_that_stays_open_is_read_when_it_is_at_rest(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        with (path / "two.yaml").open("w") as file:
            file.write(node("x", "10.0.1.1"))
            file.flush()
            assert "x" in names(await asyncio.wait_for(anext(changes), PATIENCE))

    watching(tree, scenario, rest=0.5)


def test_config_map_is_followed(tmp_path: Path) -> None:
    """Kubernetes keeps files as links through `..data`, itself a link that is swapped for every update."""

    def publish(version: str, name: str) -> None:
        (tmp_path / version).mkdir()
        (tmp_path / version / "nodes.yaml").write_text(node(name))
        (tmp_path / "..data_tmp").symlink_to(version)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        for version, name in (("..2", "b"), ("..3", "c")):
            publish(version, name)
            await until(changes, lambda new, name=name: names(new) == [name])

    publish("..1", "a")
    (tmp_path / "nodes.yaml").symlink_to("..data/nodes.yaml")
    watching(tmp_path, scenario)


def test_directory_behind_a_swapped_link_is_followed(tmp_path: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(tmp_path / "current")
        await until(changes, lambda new: names(new) == ["b"])
        (tmp_path / "two" / "a.yaml").write_text(node("c"))
        await until(changes, lambda new: names(new) == ["c"])

    for version, name in (("one", "a"), ("two", "b")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "a.yaml").write_text(node(name))
    (tmp_path / "current").symlink_to("one")
    watching(tmp_path / "current", scenario)


def test_directory_that_goes_away_is_a_problem_until_it_is_back(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        move(path, aside)
        await until(changes, lambda new: [problem.code for problem in new.problems] == ["unreadable-file"])
        move(aside, path)
        await until(changes, lambda new: new.ok and names(new) == ["a"])

    aside = tree.with_name("aside")
    watching(tree, scenario)


def test_directory_that_is_not_there_yet_is_waited_for_if_asked_to(tmp_path: Path) -> None:
    """Not even the directory above it, which could tell, is there."""

    async def run() -> None:
        async with contextlib.aclosing(watch_directory(tmp_path / "deep" / "er", never, patient=True)) as changes:
            assert not (await anext(changes)).ok
            (tmp_path / "deep" / "er").mkdir(parents=True)
            (tmp_path / "deep" / "er" / "a.yaml").write_text(node("a"))
            await until(changes, lambda new: new.ok and names(new) == ["a"])

    asyncio.run(run())


def test_exception_in_reading_is_a_problem_until_the_next_reading(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Exception] = []
    really = DirectoryReader.read

    def read(reader: DirectoryReader) -> Loaded:
        if (tree / "b.yaml").exists():
            raise RecursionError
        return really(reader)

    monkeypatch.setattr(DirectoryReader, "read", read)

    async def run() -> None:
        async with contextlib.aclosing(watch_directory(tree, reported.append)) as changes:
            assert (await anext(changes)).ok
            (tree / "b.yaml").write_text(node("b"))
            await until(changes, lambda new: [each.code for each in new.problems] == ["internal-error"])
            (tree / "b.yaml").unlink()
            await until(changes, lambda new: new.ok and names(new) == ["a"])

    asyncio.run(run())
    assert {type(error) for error in reported} == {RecursionError}


def test_directory_that_is_replaced_by_another_is_followed(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        move(path, tree.with_name("old"))
        move(other, path)
        await until(changes, lambda new: names(new) == ["b"])
        (path / "a.yaml").write_text(node("c"))
        await until(changes, lambda new: names(new) == ["c"])

    other = tree.with_name("new")
    other.mkdir()
    (other / "a.yaml").write_text(node("b"))
    watching(tree, scenario)


def test_single_file_is_followed(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        (tree / "a.yaml").write_text(node("b"))
        await until(changes, lambda new: names(new) == ["b"])

    watching(tree / "a.yaml", scenario)


def test_touching_a_file_makes_no_difference(tree: Path) -> None:
    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        os.utime(path / "a.yaml")
        (path / "notes.txt").write_text("nothing")
        (path / "b.yaml").write_text(node("b", "10.0.0.2"))
        seen = []
        async with asyncio.timeout(PATIENCE):
            async for loaded in changes:
                seen.append(names(loaded))
                if seen[-1] == ["a", "b"]:
                    break
        assert ["a"] not in seen

    watching(tree, scenario)


def test_without_inotify_the_tree_is_looked_at_from_time_to_time(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the kernel's refusal: taking all instances of this user would disturb other processes."""

    def exhausted(self: inotify.Inotify, rest: float) -> None:
        raise OSError(errno.EMFILE, "Too many open files", "inotify")

    async def scenario(path: Path, changes: AsyncIterator[Loaded]) -> None:
        (path / "a.yaml").write_text(node("b"))
        await until(changes, lambda new: names(new) == ["b"])

    monkeypatch.setattr(inotify.Inotify, "__init__", exhausted)
    watching(tree, scenario)


# ---------------------------------------------------------------------------------------- the command


def test_validate_says_all_is_well(tree: Path) -> None:
    result = CliRunner().invoke(app, ["validate", str(tree)])
    assert (result.exit_code, result.output) == (0, "1 resource, 0 errors, 0 warnings\n")


def test_validate_names_file_line_and_field(tree: Path) -> None:
    (tree / "a.yaml").write_text(node("a", "10.0.0"))
    result = CliRunner().invoke(app, ["validate", str(tree)])
    assert result.exit_code == 1
    assert result.output.startswith(f"{tree}/a.yaml:4: error: Node/a $.spec.bgp.ipv4Address: '10.0.0/24' is not")


def test_validate_writes_json(tree: Path) -> None:
    (tree / "b.yaml").write_text("a: [")
    result = CliRunner().invoke(app, ["validate", "-o", "json", str(tree)])
    (problem,) = json.loads(result.output)
    assert result.exit_code == 1
    assert (problem["file"], problem["line"], problem["code"]) == (str(tree / "b.yaml"), 1, "not-yaml")


def test_validate_takes_several_paths_as_one_set(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(node("a"))
    (tmp_path / "two.yaml").write_text(node("a"))
    result = CliRunner().invoke(app, ["validate", str(tmp_path / "one.yaml"), str(tmp_path / "two.yaml")])
    assert "duplicate-resource" in result.output


def test_validate_of_nothing_is_not_ready(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["validate", str(tmp_path / "gone")])
    assert isinstance(result.exception, NotReadyError)


def test_parse_of_a_large_cluster_takes_seconds_and_of_one_change_far_less() -> None:
    count = 1000
    sources = [(f"{i}.yaml", node(f"n{i:04d}", f"10.1.{i >> 8}.{i & 255}")) for i in range(count)]
    started = time.process_time()
    loaded = parse_documents(sources)
    whole = time.process_time() - started
    sources[500] = ("500.yaml", node("n0500", "10.9.9.9"))
    started = time.process_time()
    parse_documents(sources, loaded)
    assert time.process_time() - started < whole / 3
    assert len(loaded.resources) == count


def test_files_that_are_too_large_together_are_a_problem_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("a", "b", "c")):
        (tmp_path / f"{name}.yaml").write_text(node(name, f"10.0.0.{number}"))
    size = (tmp_path / "a.yaml").stat().st_size
    monkeypatch.setattr(regular_file, "MOST_TOGETHER", 2 * size)
    loaded = read_directory(tmp_path)
    assert names(loaded) == ["a", "b"]
    (problem,) = loaded.problems
    assert (problem.file, problem.code) == (str(tmp_path / "c.yaml"), "unreadable-file")
    assert "with the files before it" in problem.message


def test_a_tree_without_end_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        (tmp_path / str(number)).mkdir()
    monkeypatch.setattr(listing, "MOST_DIRECTORIES", 5)
    (problem,) = read_directory(tmp_path).problems
    assert (problem.file, problem.code) == (str(tmp_path), "unreadable-file")
    assert "more than 5 directories" in problem.message
