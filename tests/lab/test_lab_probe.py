"""The continuous ping: it counts what is lost, and only that."""

import subprocess
import time
from pathlib import Path

import pytest
from segment import Segment

from bgpctl.errors import NotReadyError
from bgpctl.lab.traffic.probe import Flow, Probe

pytestmark = pytest.mark.netns

A, B = ("10.0.0.1", "2001:db8::1"), ("10.0.0.2", "2001:db8::2")


@pytest.fixture
def segment(tmp_path: Path):
    made = Segment(tmp_path)
    made.host("a", "10.0.0.1/24", "2001:db8::1/64")
    made.host("b", "10.0.0.2/24", "2001:db8::2/64")
    yield made
    made.close()


def wait(seconds: float) -> None:
    """Time is the subject here: a ping at a rate for a while."""
    time.sleep(seconds)


def set_link(segment: Segment, state: str) -> None:
    subprocess.run(["ip", "-n", segment.namespace("b"), "link", "set", "eth0", state], check=True)


def test_a_quiet_network_loses_nothing_in_either_family(segment: Segment) -> None:
    flows = [Flow("a", segment.namespace("a"), address) for address in B]
    with Probe.start(flows, rate=100) as probe:
        wait(1.0)
        report = probe.stop()
    assert report.lost == 0
    # One request every 10 ms from the first on; the process may be late to hear that it is over.
    assert all(95 <= loss.sent <= 200 for loss in report.losses)


def test_an_interruption_is_counted_and_timed(segment: Segment) -> None:
    flow = Flow("a", segment.namespace("a"), B[0])
    with Probe.start([flow], rate=100) as probe:
        wait(0.3)
        set_link(segment, "down")
        down = time.monotonic()
        wait(0.5)
        up = time.monotonic()
        set_link(segment, "up")
        wait(0.5)
        report = probe.stop()
    (loss,) = report.losses
    # All the time that it was down; a little more until the neighbour is resolved again.
    assert up - down - 0.05 <= loss.longest_outage
    assert report.lost_between(down, up) >= (up - down) * 100 - 5
    assert report.lost_between(0, down - 0.05) == 0


def test_a_target_without_a_route_is_lost_packets(segment: Segment) -> None:
    with Probe.start([Flow("a", segment.namespace("a"), "192.0.2.1")], rate=50) as probe:
        wait(0.2)
        report = probe.stop()
    assert report.lost == report.sent > 0


def test_a_report_so_far_leaves_out_what_may_still_be_answered(segment: Segment) -> None:
    with Probe.start([Flow("a", segment.namespace("a"), "192.0.2.1")], rate=100) as probe:
        assert probe.report().sent == 0
        wait(1.2)
        assert probe.report().lost > 0


def test_two_probes_in_one_namespace_do_not_hear_each_other(segment: Segment) -> None:
    here = segment.namespace("a")
    with Probe.start([Flow("a", here, B[0])]) as one, Probe.start([Flow("a", here, "192.0.2.1")]) as other:
        wait(0.3)
        assert one.stop().lost == 0
        report = other.stop()
    assert report.lost == report.sent


def test_a_namespace_that_is_not_there_is_reported() -> None:
    with pytest.raises(NotReadyError):
        Probe.start([Flow("a", "no-such-lab-node", B[0])])


def test_a_probe_that_was_killed_is_no_report(segment: Segment) -> None:
    with Probe.start([Flow("a", segment.namespace("a"), B[0])]) as probe:
        probe._process.kill()
        probe._process.wait()
        with pytest.raises(NotReadyError, match="has ended too early"):
            probe.report()
        with pytest.raises(NotReadyError, match="has ended too early"):
            probe.stop()
