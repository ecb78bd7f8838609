"""docs/agent-options.md, written from the declarations of options:

python -m bgpctl.agent.options_page > docs/agent-options.md
"""

from __future__ import annotations

import sys

from bgpctl.agent.options import AgentOptions
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.configuration.option import declared_options
from bgpctl.configuration.page import options_table

OPENING = """\
# Options of the agent

This page is written from the declarations in `bgpctl/agent/options.py`, `bgpctl/configuration/compile_options.py` and
`bgpctl/agent/autodetection/settings.py` (`python -m bgpctl.agent.options_page > docs/agent-options.md`).

## Where an option can stand
1. on the command line: `--route-table 200`
2. in the environment: `BGPCTL_ROUTE_TABLE=200`, or for some options in a variable of Calico
3. in the YAML file of `--config FILE` (or `BGPCTL_CONFIG`): `route-table: 200`
4. otherwise its default holds

The first place that has it decides. An empty variable counts as not set. A flag is `true` or `false` in the environment
and in the file; on the command line `--fib` undoes a `no-fib: true` of the file, and so on.

```yaml
# /etc/bgpctl/agent.yaml, for `bgpctl agent --config /etc/bgpctl/agent.yaml`
resources: /etc/bgpctl/resources
metrics-address: ":9179"
peer-metrics: by-type
```

When something is wrong, the agent does not start (status 2), and each problem is one line with its place:
```
bgpctl: /etc/bgpctl/agent.yaml:2: route-table: 255 is the kernel's table of its own addresses
BGPCTL_NO_FIB: 'yes' is not true or false
/etc/bgpctl/agent.yaml:4: peer-metric: there is no such option; did you mean peer-metrics?
```

## All options
"""

COMPILING = f"""
## Options of the commands that compile
`bgpctl compile`, `diff`, `validate` and `proof` have the options that decide about plans, from the same places:
{", ".join(f"`{each.flag}`" for each in declared_options(CompileOptions))}.
Give them the file of an agent, and they use what concerns them:
`bgpctl compile --config /etc/bgpctl/agent.yaml DIRECTORY --node n1` shows the plan that the agent of n1 makes.
"""

CLOSING = """
More about detected addresses: [address-detection.md](address-detection.md); about another route table:
[kernel-routes.md](kernel-routes.md); about the speaker's user: [privileges.md](privileges.md); about TLS:
[agent-pages.md](agent-pages.md#tls).
"""


def render_page() -> str:
    """The whole page."""
    return "".join((OPENING, options_table(AgentOptions), COMPILING, CLOSING))


if __name__ == "__main__":
    sys.stdout.write(render_page())
