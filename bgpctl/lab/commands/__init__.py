"""The commands `bgpctl lab ...`: which there are, in the order of `bgpctl lab --help`.

The rule: `bgpctl` imports this at every start, so whatever costs time is imported in the command that needs it.
"""

import typer

from bgpctl.lab.commands import build, look, verify

PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}

lab = typer.Typer(no_args_is_help=True, help="Run a containerlab topology file in network namespaces.")
lab.command()(build.up)
lab.command()(build.down)
lab.command()(build.status)
lab.command("test")(verify.expect)
lab.command()(verify.run)
lab.command(context_settings=PASS_ON)(verify.do)
lab.command()(look.show)
lab.command()(look.graph)
lab.command("exec", context_settings=PASS_ON)(look.execute)
lab.command()(look.capture)
