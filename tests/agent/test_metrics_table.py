"""docs/metrics.md and /metrics of an agent with a session speak of the same metrics, and Prometheus' own tool likes
what it reads."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from agent_world import World, until, wired_world
from prometheus_client.parser import text_string_to_metric_families

from bgpctl.agent.metrics.rows import EVENTS
from bgpctl.agent.metrics.table import render_table

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
LINE = re.compile(
    r"^\| `(?P<name>bgpctl_\w+)` \| (?P<type>\w+) \| (?P<labels>[^|]*) \| (?P<unit>[^|]*) \| ", re.MULTILINE
)
# In the text format information is a gauge.
TYPES = {"info": "gauge"}
BASE_UNITS = {"", "seconds", "seconds since the epoch", "bytes"}
OTHER_UNITS = re.compile(r"_(milli|micro|nano|minutes?|hours?|ms|us|kilo|mega|kb|mb|kib|mib|octets?|bits|percent)(_|$)")

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: Debian package prometheus")
netns_only = pytest.mark.netns


class Family(NamedTuple):
    """`labels` are None where there is no sample to see them by."""

    type: str
    labels: frozenset[str] | None


def documented() -> dict[str, tuple[Family, str]]:
    """Families of the document by name, with their units."""
    found = {}
    for line in LINE.finditer(DOCUMENT.read_text()):
        labels = frozenset(re.findall(r"`(\w+)`", line["labels"]))
        found[line["name"]] = Family(TYPES.get(line["type"], line["type"]), labels), line["unit"].strip()
    return found


def families_of(page: str) -> dict[str, Family]:
    """Families of a page by the name in `# TYPE`."""
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    found = {}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE):
        names = {f"{name}_bucket"} if kind == "histogram" else {name}
        labels = [frozenset(each.labels) - {"le"} for each in samples if each.name in names]
        found[name] = Family(kind, labels[0] if labels else None)
    return found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What two agents with a session between them say: one of each session, one of types."""
    names = [f"bgpctl-metrics-{os.getpid()}-{mode}" for mode in ("each", "by-type")]
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        with (
            wired_world(names[0], tmp_path_factory.mktemp("each")) as each,
            wired_world(names[1], tmp_path_factory.mktemp("type"), "--peer-metrics", "by-type") as by_type,
        ):
            yield {"each": page_of(each), "by-type": page_of(by_type)}
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=True)


def page_of(world: World) -> str:
    """That of `a`, once its session is up and the kernel is in sync."""
    until(lambda: world.established("a") and world.page("a", "readyz") == "OK\n", 60)
    return world.page("a", "metrics")


# ------------------------------------------------------------------------------------------- the document


def test_the_document_is_what_the_rows_say() -> None:
    """Write it again with: python -m bgpctl.agent.metrics.table > docs/metrics.md"""
    assert DOCUMENT.read_text() == render_table()


def test_only_counters_end_in_total() -> None:
    assert {name for name in documented() if name.endswith("_total")} == {
        name for name, (family, _) in documented().items() if family.type == "counter"
    }


def test_units_are_base_units() -> None:
    assert {unit for _, unit in documented().values()} == BASE_UNITS
    assert [name for name in documented() if OTHER_UNITS.search(name)] == []


def test_no_metric_is_labelled_with_what_grows_without_bounds() -> None:
    labels = {label for family, _ in documented().values() for label in family.labels or ()}
    assert labels == {
        "session", "peer", "peer_as", "peer_node", "kind", "type", "rr_client",  # of sessions
        "state", "severity", "verdict", "event", "in_force", "obstacle",  # of enumerations
        "version", "python", "node",  # one value an agent
    }  # fmt: skip


# ---------------------------------------------------------------------------------------- an agent's page


@netns_only
def test_every_family_of_an_agent_is_in_the_document_and_the_other_way_round(pages: dict[str, str]) -> None:
    in_page, in_document = families_of(pages["each"]), {name: family for name, (family, _) in documented().items()}
    assert in_page.keys() == in_document.keys()
    assert {name: family.type for name, family in in_page.items()} == {n: f.type for n, f in in_document.items()}
    seen = {name: family.labels for name, family in in_page.items() if family.labels is not None}
    assert seen == {name: in_document[name].labels for name in seen}
    assert in_page.keys() - seen.keys() == {
        "bgpctl_session_routes_not_accepted",
        "bgpctl_decision_routes_lost",
        "bgpctl_session_attempts_failed_total",
    }


@netns_only
def test_a_page_by_type_has_no_series_of_a_single_session(pages: dict[str, str]) -> None:
    families = families_of(pages["by-type"])
    assert families.keys() < documented().keys()
    assert families["bgpctl_session_flaps_total"].labels == {"kind", "session_type"}
    assert [name for name, family in families.items() if {"session", "peer"} & (family.labels or set())] == []


@netns_only
def test_every_event_that_a_speaker_counts_is_in_the_document(pages: dict[str, str]) -> None:
    (events,) = [
        family for family in text_string_to_metric_families(pages["each"]) if family.name == "bgpctl_speaker_events"
    ]
    assert {sample.labels["event"] for sample in events.samples} == EVENTS.keys()


@netns_only
@needs_promtool
@pytest.mark.parametrize("mode", ["each", "by-type"])
def test_promtool_has_nothing_to_say_of_a_page(pages: dict[str, str], mode: str) -> None:
    check = ["promtool", "check", "metrics"]
    done = subprocess.run(check, input=pages[mode], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
