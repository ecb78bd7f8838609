"""Commands that take a value of options: their parameters, and `--config`, follow from its declarations.

    @with_options
    def agent(options: AgentOptions) -> None: ...

is a command with a parameter for each option of AgentOptions. Every file of --config may have all options of the
agent, so that the file of a node serves every command; each reads those that it has.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from bgpctl.agent.options import AgentOptions
from bgpctl.cli.declare import option
from bgpctl.configuration.option import Declared, declared_options
from bgpctl.configuration.read import OptionsFile, Sources, read_options

CONFIG_VARIABLE = "BGPCTL_CONFIG"
ConfigOption = Annotated[
    Path | None,
    option(
        "--config",
        metavar="FILE",
        envvar=CONFIG_VARIABLE,
        help="YAML with options under their names, for those that neither the command line nor the environment sets.",
    ),
]


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """`command` has one parameter `options`, of a dataclass with options."""
    hints = get_type_hints(command, include_extras=True)
    kind = hints["options"]
    declared = declared_options(kind)

    def run(*, config: Path | None = None, **values: Any) -> None:
        if config is None and os.environ.get(CONFIG_VARIABLE):
            config = Path(os.environ[CONFIG_VARIABLE])
        given = {each.name: values.pop(each.name, None) for each in declared}
        sources = Sources(given, os.environ, _read(config, declared) if config is not None else None)
        command(**values, options=read_options(kind, sources))

    own = [
        each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(command).parameters.values()
        if each.name != "options"
    ]
    config = inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ConfigOption)
    parameters = [*own, *map(_parameter, declared), config]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def _parameter(one: Declared) -> inspect.Parameter:
    """Texts, and for flags a boolean: `read` makes values of them, wherever they come from."""
    flags = [f"{one.flag}/{one.option.opposite}" if one.option.opposite else one.flag]
    metavar = one.option.metavar or f"[{'|'.join(one.choices)}]"
    kind: Any = bool | None if one.is_flag else str | None
    default: str | bool = one.default_text if one.default_text and not one.is_flag else False
    note = option(*flags, help=one.option.help, metavar=None if one.is_flag else metavar, show_default=default)
    return inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, note])


def _read(path: Path, declared: Iterable[Declared]) -> OptionsFile:
    from bgpctl.configuration.file import read_options_file  # a YAML reader, only for those who have a file

    keys = {each.key for each in (*declared_options(AgentOptions), *declared)}
    return read_options_file(path, sorted(keys))
