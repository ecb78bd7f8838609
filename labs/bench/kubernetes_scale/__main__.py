"""python -m labs.bench.kubernetes_scale: a large cluster in a real API server, and what bgpctl makes of it (root).

etcd and kube-apiserver run here (make kube builds them), in a network namespace of their own.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
from pathlib import Path

import msgspec

from bgpctl.errors import NotReadyError
from labs.bench.kubernetes_scale.report import misses, print_results
from labs.bench.kubernetes_scale.run import STEPS, Sizes, run

NODES, QUICK_NODES = 5000, 300


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m labs.bench.kubernetes_scale", description=__doc__)
    parser.add_argument("--nodes", type=int, help=f"without the six reflectors ({NODES})")
    parser.add_argument("--steps", default=",".join(STEPS), help=f"beside the controller's start ({','.join(STEPS)})")
    parser.add_argument("--runs", type=int, help="of each change; odd numbers have a median (5)")
    parser.add_argument("--agents", type=int, help="whole agents that restart at once, of up to as many nodes (8)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_NODES} nodes, one run of each change")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def _sizes(given: argparse.Namespace) -> Sizes:
    nodes = given.nodes or (QUICK_NODES if given.quick else NODES)
    agents = min(nodes, given.agents or (2 if given.quick else 8))
    if given.quick:
        return Sizes(nodes, runs=given.runs or 1, seconds=10, sources=min(nodes, 20), agents=agents)
    return Sizes(nodes, runs=given.runs or 5, seconds=60, sources=min(nodes, 200), agents=agents)


def _run(given: argparse.Namespace) -> None:
    if os.geteuid() != 0:
        raise NotReadyError("The benchmark makes network namespaces: run it as root.")
    steps = frozenset(given.steps.split(",")) - {""}
    if unknown := steps - set(STEPS):
        raise NotReadyError(f"There is no step {', '.join(sorted(unknown))}: choose of {', '.join(STEPS)}.")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
    results = run(_sizes(given), steps)
    print_results(results)
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    if wrong := misses(results):
        raise NotReadyError("; ".join(wrong))


def _stop(signal_number: int, _frame: object) -> None:
    raise SystemExit(128 + signal_number)


def main() -> None:
    # Either way out ends what runs and removes the namespaces.
    # Set explicitly: a shell that runs this in the background has SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        _run(_arguments())
    except NotReadyError as error:
        print(f"bench: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
