"""python -m labs.bench.reflection: our reflector beside BIRD, FRR, OpenBGPD and GoBGP (root).

Runs of the daemons alternate, so that a busy machine hurts all alike; figures are medians. The reflector has one core
and the load has one.
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
from labs.bench.reflection.case import Case, Family, parse_case
from labs.bench.reflection.correctness import check
from labs.bench.reflection.daemons import DAEMONS, Daemon, fanout
from labs.bench.reflection.load import build
from labs.bench.reflection.measure import Run, measure
from labs.bench.reflection.report import print_case, print_correctness, print_heading

SIZES = "50x4,100x10,250x4,500x4,1000x1,1000x4,100x1000,10x10000"
QUICK_SIZES = "50x4,100x10,10x10000"
STEPS = ("correctness", "churn", "late", "withdraw", "idle")
# Few routes, and more than fit into one message.
CORRECTNESS_SIZES = ("8x4", "4x2000")
HERE = Path(__file__).parent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m labs.bench.reflection", description=__doc__)
    parser.add_argument("--sizes", help=f"clients x prefixes each ({SIZES})")
    parser.add_argument("--daemons", help="some of: fan-out, " + ", ".join(one.name for one in DAEMONS))
    parser.add_argument("--runs", type=int, help="of each daemon and size; odd numbers have a median (3)")
    parser.add_argument("--family", type=int, action="append", choices=(4, 6), help="default: 4, then 6")
    parser.add_argument("--steps", default=",".join(STEPS), help=f"beside set-up and convergence ({','.join(STEPS)})")
    parser.add_argument("--quick", action="store_true", help=f"one run of {QUICK_SIZES} over IPv4")
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    return parser.parse_args()


def _families(given: argparse.Namespace) -> list[Family]:
    return given.family or ([4] if given.quick else [4, 6])


def _cases(given: argparse.Namespace) -> list[Case]:
    sizes = given.sizes or (QUICK_SIZES if given.quick else SIZES)
    return [parse_case(size, family) for family in _families(given) for size in sizes.split(",")]


def _daemons(given: argparse.Namespace) -> list[Daemon]:
    known = {one.name: one for one in (fanout(build(HERE / "fanout.c")), *DAEMONS)}
    names = given.daemons.split(",") if given.daemons else list(known)
    if unknown := set(names) - known.keys():
        raise NotReadyError(f"There is no daemon {', '.join(sorted(unknown))}: choose of {', '.join(known)}.")
    for name in names:
        if not known[name].is_installed():
            print(f"{name} is left out: Debian package {known[name].package} is not installed", file=sys.stderr)
    return [known[name] for name in names if known[name].is_installed()]


def _run(given: argparse.Namespace) -> None:
    if os.geteuid() != 0:
        raise NotReadyError("The benchmark makes network namespaces: run it as root.")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
    daemons, load = _daemons(given), build(HERE / "load.c")
    if "correctness" in given.steps.split(","):
        _check(given, daemons, load)
    _measure(given, daemons, load)


def _check(given: argparse.Namespace, daemons: list[Daemon], load: Path) -> None:
    for family in _families(given):
        for size in CORRECTNESS_SIZES:
            case = parse_case(size, family)
            print_correctness(case, {one.name: check(one, case, load) for one in daemons if one.reflects})


def _measure(given: argparse.Namespace, daemons: list[Daemon], load: Path) -> None:
    count = given.runs or (1 if given.quick else 3)
    every: list[Run] = []
    print_heading(count)
    for case in _cases(given):
        runs: dict[str, list[Run]] = {daemon.name: [] for daemon in daemons}
        for _ in range(count):
            for daemon in daemons:
                former = runs[daemon.name]
                # Who needed more than the limit once is not waited for again.
                if not any(run.failure for run in former):
                    former.append(measure(daemon, case, load, frozenset(given.steps.split(","))))
        print_case(case, runs)
        every += [run for some in runs.values() for run in some]
        if given.json:
            given.json.write_bytes(msgspec.json.format(msgspec.json.encode(every)))


def _stop(signal_number: int, _frame: object) -> None:
    raise SystemExit(128 + signal_number)


def main() -> None:
    # Either way out removes the namespaces.
    # Set explicitly: a shell that runs this in the background has SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        _run(_arguments())
    except (NotReadyError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
