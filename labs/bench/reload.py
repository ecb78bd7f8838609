"""How long a plan stops a reflector with a thousand Established sessions: from asking it to apply one until it answers.

    python labs/bench/reload.py [--sessions 1000]      (root)

The answer comes in the turn in which the plan was applied, so no session is served meanwhile. Sessions and routes are
those of the reflection benchmark; its load keeps them up.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from msgspec.structs import replace

from bgpctl.compiler.rendering.exabgp_conf import render_exabgp_conf
from labs.bench.reflection import messages
from labs.bench.reflection.case import Case
from labs.bench.reflection.daemons import DAEMONS, speaker_plan
from labs.bench.reflection.load import LIMIT, WINDOW, Load, build
from labs.bench.reflection.segment import REFLECTOR, Segment
from reflector.control.client import ControlClient
from reflector.messages import Applied, Apply
from reflector.plan import Match, NodePlan, Policy, PolicyRule, PrefixMatch, Verdict, encode_plan

HERE = Path(__file__).parent
PREFIXES = 4
NOT_THESE = Policy("not-these", (PolicyRule(Verdict.REJECT, Match(prefix=PrefixMatch("10.3.0.0/16", 16, 32))),))


def changes(plan: NodePlan) -> Iterator[tuple[str, NodePlan]]:
    """What is applied one after the other."""
    yield "the same plan", plan
    yield "another export policy everywhere", with_policy(plan)
    yield "the first policies again", plan
    first, *others = plan.sessions
    yield "one session defined otherwise", replace(plan, sessions=(replace(first, hold_time=90), *others))
    half = len(plan.sessions) // 2
    changed = tuple(replace(session, hold_time=120) for session in plan.sessions[:half])
    yield "half of them defined otherwise", replace(plan, sessions=changed + plan.sessions[half:])


def with_policy(plan: NodePlan) -> NodePlan:
    sessions = tuple(
        replace(session, export_policies=(NOT_THESE.name, *session.export_policies)) for session in plan.sessions
    )
    return replace(plan, policies=(*plan.policies, NOT_THESE), sessions=sessions)


def apply(directory: Path, plan: NodePlan) -> tuple[float, Applied]:
    (directory / "plan.json").write_bytes(encode_plan(plan))
    (directory / "exabgp.conf").write_text(render_exabgp_conf(plan))
    with ControlClient(directory / "speaker.sock") as client:
        started = time.perf_counter()
        applied = client.ask(Apply(plan))
        return time.perf_counter() - started, applied


def measure(case: Case, directory: Path) -> None:
    speaker = next(daemon for daemon in DAEMONS if daemon.name == "speaker")
    with Segment(case) as segment:
        segment.start(REFLECTOR, speaker.prepare(case, directory), directory / "log")
        load = Load(segment, case, build(HERE / "reflection" / "load.c"), directory)
        everyone = range(case.clients)
        outcome = load.connect(list(messages.opens(case, everyone)), WINDOW, LIMIT)
        load.play(list(messages.ends_of_rib(case, everyone)), LIMIT)
        converged = load.play(list(messages.tables(case)), LIMIT)
        print(f"{case.clients} sessions up in {outcome.since_open:.2f} s, converged in {converged.seconds:.2f} s")
        for what, plan in changes(speaker_plan(case)):
            seconds, applied = apply(directory, plan)
            print(f"{what:36} {seconds * 1000:7.0f} ms, {len(applied.reset)} sessions reset", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sessions", type=int, default=1000)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("reload.py: network namespaces need root")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        measure(Case(options.sessions, PREFIXES), Path(directory))


if __name__ == "__main__":
    main()
