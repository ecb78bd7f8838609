"""python -m reflector [--user UID:GID] RUN_DIRECTORY: the speaker of one node.

Reads plan.json and exabgp.conf in the run directory, and drain.json if there is one, and serves speaker.sock there. As
root it becomes that user as soon as it listens, or the usual one when none is named (process/account.py). With
BGPCTL_JOURNAL=on in its environment every event is recorded from the first one on (journal/). Exit status: 0 stopped by
SIGTERM, 2 something that it needs is missing (one sentence on standard error), anything else is a bug.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

from reflector.drain_file import DrainFileError, read_drain
from reflector.plan import NodePlan, decode_plan
from reflector.process.account import Account, AccountError, account_named
from reflector.process.descriptors import lack, raise_limit

# NodePlan.log_level in ExaBGP's words.
LOG_LEVELS = {name: name.upper() for name in ("debug", "info", "warning", "error", "critical")}
JOURNAL_VARIABLE = "BGPCTL_JOURNAL"


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--user", user, directory]:
            pass
        case [directory]:
            user = ""
        case _:
            return _not_ready("usage: python -m reflector [--user UID:GID] RUN_DIRECTORY")
    run_directory = Path(directory).absolute()
    try:
        account = Account.parse(user) if user else account_named("")
        plan = decode_plan((run_directory / "plan.json").read_bytes())
        (run_directory / "exabgp.conf").read_bytes()
        drain = read_drain(run_directory)
    except (AccountError, DrainFileError) as error:
        return _not_ready(str(error))
    except OSError as error:
        return _not_ready(f"cannot read {error.filename}: {error.strerror}")
    except msgspec.ValidationError as error:
        return _not_ready(f"{run_directory / 'plan.json'}: {error}")
    if reason := lack(len(plan.sessions), raise_limit()):
        return _not_ready(reason)
    _set_exabgp_environment(plan)
    from reflector.speaker import run_speaker

    is_recorded = os.environ.get(JOURNAL_VARIABLE, "") == "on"
    drain = msgspec.structs.replace(drain, since=time.monotonic() - max(time.time() - drain.since, 0.0))
    status, failure = run_speaker(plan, run_directory, time.monotonic, account, drain=drain, is_recorded=is_recorded)
    return _not_ready(failure) if failure else status


def _set_exabgp_environment(plan: NodePlan) -> None:
    """ExaBGP reads its settings from the environment when it is imported, which is therefore done after this."""
    ports = {listen.port for listen in plan.listen}
    settings = {
        "exabgp_daemon_user": "root",
        "exabgp_daemon_daemonize": "false",
        "exabgp_daemon_drop": "false",
        "exabgp_log_destination": "stderr",
        "exabgp_log_level": LOG_LEVELS.get(plan.log_level, "INFO"),
        "exabgp_log_network": "false",
        "exabgp_api_cli": "false",
        "exabgp_cache_attributes": "false",
        "exabgp_tcp_bind": " ".join(listen.address for listen in plan.listen),
        "exabgp_tcp_port": str(ports.pop() if len(ports) == 1 else 179),
    }
    os.environ.update(settings)


def _not_ready(sentence: str) -> int:
    print(f"speaker: {sentence}", file=sys.stderr)  # noqa: T201  the one sentence of exit status 2
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
