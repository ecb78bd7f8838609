"""The commands by name. Only the module of the command that is asked for is imported: what a question to a socket costs
is the answer, and not the compiler that another command needs. Heavy imports happen inside the commands.

Exit statuses are in docs/exit-status.md: 0 done, 1 the answer is no, 2 the world is not ready.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bgpctl.cli.program import is_plugin, program_name

if TYPE_CHECKING:
    import typer

# Command -> the module that has it.
MODULES = {
    "agent": "agent",
    "apply": "apply",
    "compare": "compare",
    "compile": "compile",
    "completion": "completion",
    "confirm": "confirm",
    "connect": "connect",
    "controller": "controller",
    "delete": "delete",
    "describe": "describe",
    "diff": "diff",
    "drain": "drain",
    "explain": "explain",
    "fib": "fib",
    "get": "get",
    "help": "help",
    "journal": "journal",
    "lab": "lab",
    "migrate": "migrate",
    "node-status": "node_status",
    "peers": "peers",
    "plan": "plan",
    "proof": "proof",
    "restore": "restore",
    "routes": "show",
    "snapshot": "snapshot",
    "status": "status",
    "topology": "topology",
    "uninstall": "uninstall",
    "validate": "validate",
}
# Those that only ask a socket, each declared under its own name (declare.py).
ASKING = frozenset({"confirm", "connect", "drain", "explain", "fib", "node-status", "peers", "routes", "status"})
# These, those that only ask a datastore, and the daemons, which live too long to carry what a command line asks for.
PLAIN = ASKING | {"agent", "controller", "get"}
# Set by the shell that asks for completions, of which any command may be one.
COMPLETE_VARIABLE = "_BGPCTL_COMPLETE"
NOT_READY = 2
# 128 and the number of SIGPIPE.
ENDED_BY_PIPE = 141


def application(commands: Iterable[str]) -> typer.Typer:
    """The program with these commands."""
    from bgpctl.cli.root import new_application, speak_as_plugin

    app = new_application()
    for module in dict.fromkeys(MODULES[command] for command in commands):
        import_module(f"bgpctl.cli.{module}").register(app)
    if is_plugin():
        speak_as_plugin(app, MODULES)
    return app


@cache
def _with_all_commands() -> typer.Typer:
    return application(MODULES)


def __getattr__(name: str) -> Any:
    """`app`, the program with all commands, is made when somebody wants it."""
    if name == "app":
        return _with_all_commands()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main() -> None:
    """The console script: a world that is not ready ends with one sentence and status 2."""
    try:
        asked = sys.argv[1] if len(sys.argv) > 1 and COMPLETE_VARIABLE not in os.environ else ""
        if asked not in PLAIN or not _answer_plainly(asked, sys.argv[2:]):
            (application([asked]) if asked in MODULES else _with_all_commands())(prog_name=program_name())
    except BrokenPipeError:
        # Whoever reads has had enough (head); Python must not try to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(ENDED_BY_PIPE) from None
    except PermissionError as error:
        _end(f"permission denied: {error.filename or error}; run this as root, or as a user who may do that")
    except Exception as error:
        from bgpctl.errors import NotReadyError

        if not isinstance(error, NotReadyError):
            raise
        _end(str(error))


def _answer_plainly(command: str, words: Sequence[str]) -> bool:
    """Whether the command was given so that it could be run without typer, which takes longer to import than
    the answer."""
    from bgpctl.cli.plain import plain_values

    function = getattr(import_module(f"bgpctl.cli.{MODULES[command]}"), command.replace("-", "_"))
    values = plain_values(function, words)
    if values is not None:
        function(**values)
        sys.stdout.flush()
    return values is not None


def _end(sentence: str) -> None:
    print(f"{program_name()}: {sentence}", file=sys.stderr)  # noqa: T201
    raise SystemExit(NOT_READY) from None
