"""Options as rows of a Markdown table: one declaration, one row."""

from __future__ import annotations

from bgpctl.configuration.option import Declared, declared_options

HEAD = "| option | environment | default | meaning |\n|---|---|---|---|\n"


def options_table(kind: type) -> str:
    """All options of a dataclass, in its order. The key in the file of --config is the option without its dashes."""
    return HEAD + "".join(map(_row, declared_options(kind)))


def _row(declared: Declared) -> str:
    option = declared.option
    value = option.metavar or (" \\| ".join(declared.choices) if not declared.is_flag else "")
    flags = f"`{declared.flag}{f' {value}' if value else ''}`" + (f", `{option.opposite}`" if option.opposite else "")
    names = (declared.variable, *(option.variables.names if option.variables else ()))
    variables = ", ".join(f"`{name}`" for name in names)
    default = "**required**" if declared.is_required else declared.default_text or "-"
    return f"| {flags} | {variables} | {default} | {option.help} |\n"
