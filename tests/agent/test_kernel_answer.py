"""What the kernel answers about an address and a prefix, asked of a real one in a namespace of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bgpctl.agent.report.kernel_answer import kernel_answer
from bgpctl.cli.explain import kernel_lines
from reflector.messages import KernelAnswer
from reflector.plan import ROUTE_PROTOCOL

pytestmark = pytest.mark.netns

ROUTES = """
link add wire type veth peer name other
address add 10.0.0.1/24 dev wire
-6 address add fd00::1/64 dev wire nodad
link set wire up
link set other up
route add 10.244.21.0/24 via 10.0.0.2 proto {own}
route add 10.244.21.64/26 via 10.0.0.9 proto static
route add blackhole 10.244.22.0/24 proto static
route add prohibit 10.244.23.0/24
-6 route add fd00:244::/64 via fd00::2 proto {own}
"""

InOwnNetwork = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


def ask(in_own_network: InOwnNetwork, *prefixes: str) -> list[KernelAnswer]:
    answers: list[KernelAnswer] = []

    def prepare() -> None:
        for line in ROUTES.format(own=ROUTE_PROTOCOL).strip().splitlines():
            subprocess.run(["ip", *line.split()], check=True)

    async def main() -> None:
        prepare()
        answers.extend(kernel_answer(prefix, ROUTE_PROTOCOL) for prefix in prefixes)

    in_own_network(main)
    return answers


def test_the_route_that_the_kernel_uses_is_named_with_its_owner(in_own_network: InOwnNetwork) -> None:
    ours, foreign, direct, v6 = ask(
        in_own_network, "10.244.21.2/32", "10.244.21.70/32", "10.0.0.7/32", "fd00:244::7/128"
    )
    assert ours.answer == "10.244.21.0/24 via 10.0.0.2 dev wire, ours"
    assert foreign.answer == "10.244.21.64/26 via 10.0.0.9 dev wire, static (protocol 4, metric 0)"
    assert direct.answer == "10.0.0.0/24 dev wire, kernel (protocol 2, metric 0)"
    assert v6.answer == "fd00:244::/64 via fd00::2 dev wire, ours"


def test_what_the_kernel_drops_is_named(in_own_network: InOwnNetwork) -> None:
    blackhole, prohibit, nothing = ask(in_own_network, "10.244.22.1/32", "10.244.23.1/32", "198.51.100.1/32")
    assert "blackhole" in blackhole.answer
    assert blackhole.routes[0].text == "blackhole 10.244.22.0/24, static (protocol 4, metric 0)"
    assert "prohibit" in prohibit.answer
    assert nothing.answer == "no route: the kernel drops what is for it"
    assert nothing.routes == ()


def test_foreign_routes_that_are_more_specific_are_found(in_own_network: InOwnNetwork) -> None:
    (answer,) = ask(in_own_network, "10.244.21.0/24")
    assert [(route.prefix, route.foreign) for route in answer.routes] == [
        ("10.244.21.0/24", False),
        ("10.244.21.64/26", True),
    ]
    assert list(kernel_lines(answer, ""))[-1] == (
        "  10.244.21.64/26 via 10.0.0.9 dev wire, static (protocol 4, metric 0) (foreign)"
    )
