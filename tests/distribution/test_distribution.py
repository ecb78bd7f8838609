"""What the wheels have in them: a node gets no lab, and whoever asks for the extra `lab` gets it.

The wheels are built here and installed into environments of their own, which find this environment's dependencies by
a path file. That does not make this checkout visible to them: a path file is followed no further.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
TOPOLOGY = "name: t\ntopology: {nodes: {a: {kind: linux}}}\n"


def ran(*words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=100, check=False)


def succeeded(*words: str | Path, cwd: Path = ROOT) -> str:
    done = ran(*words, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By the name of the distribution."""
    built = {}
    for name, project in (("bgpctl", ROOT), ("bgpctl-lab", ROOT / "config/lab")):
        directory = tmp_path_factory.mktemp(name)
        succeeded(BIN / "hatchling", "build", "-t", "wheel", "-d", directory, cwd=project)
        (built[name],) = directory.glob("*.whl")
    return built


def installed(directory: Path, wheels: Sequence[Path]) -> Path:
    """The directory with the programs of a fresh environment with these wheels."""
    succeeded(sys.executable, "-m", "venv", "--without-pip", directory)
    python = directory / "bin/python"
    packages = Path(succeeded(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    uv = (BIN / "uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--no-config")
    succeeded(*uv, "--python", python, *wheels)
    return directory / "bin"


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(opened.read(name))


def test_every_module_is_in_one_of_the_wheels_and_the_lab_in_its_own(wheels: dict[str, Path]) -> None:
    sources = {str(file.relative_to(ROOT)) for name in ("bgpctl", "reflector") for file in (ROOT / name).rglob("*.py")}
    lab = {name for name in sources if name.startswith("bgpctl/lab/")}
    packed = {name: {each for each in contents(wheel) if each.endswith(".py")} for name, wheel in wheels.items()}
    assert packed == {"bgpctl": sources - lab, "bgpctl-lab": lab}


def test_the_extra_brings_the_lab_of_the_same_version(wheels: dict[str, Path]) -> None:
    version = metadata(wheels["bgpctl"])["Version"]
    assert "bgpctl-lab; extra == 'lab'" in metadata(wheels["bgpctl"]).get_all("Requires-Dist", [])
    lab = metadata(wheels["bgpctl-lab"])
    assert (lab["Version"], lab.get_all("Requires-Dist")) == (version, [f"bgpctl=={version}"])


def test_a_node_has_the_agent_and_a_sentence_about_the_lab(wheels: dict[str, Path], tmp_path: Path) -> None:
    bgpctl = installed(tmp_path / "node", [wheels["bgpctl"]]) / "bgpctl"
    assert "--node" in succeeded(bgpctl, "agent", "--help", cwd=tmp_path)
    assert "lab" in succeeded(bgpctl, "--help", cwd=tmp_path)
    for words in (["lab"], ["lab", "--help"], ["lab", "up", "file.clab.yml"]):
        done = ran(bgpctl, *words, cwd=tmp_path)
        assert done.stderr == "bgpctl: the lab is not installed; install it with: pip install 'bgpctl[lab]'\n"
        assert (done.returncode, done.stdout) == (2, "")


def test_with_the_extra_the_lab_works(wheels: dict[str, Path], tmp_path: Path) -> None:
    programs = installed(tmp_path / "machine", list(wheels.values()))
    where = succeeded(programs / "python", "-c", "import bgpctl.lab; print(bgpctl.lab.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path)
    (tmp_path / "t.clab.yml").write_text(TOPOLOGY)
    assert succeeded(programs / "bgpctl", "lab", "graph", "t.clab.yml", cwd=tmp_path).startswith("lab t: 1 nodes")
