"""The reflectors under test: how each is configured for a case, and started.

Rule: every one of them is configured the same way - all clients by address, passive, route reflection clients of one
cluster, hold time and families alike, no kernel routes - and otherwise runs as its package has it. Ours filters what it
exports as a compiled node does; the others export everything, which is less work. `frr-tuned` is FRR without the delays
with which it gathers updates.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bgpctl.compiler.rendering.exabgp_conf import render_exabgp_conf
from bgpctl.lab.daemons.openbgpd import openbgpd_program
from labs.bench.reflection.case import CLUSTER_ID, LOCAL_AS, ROUTER_ID, Case
from reflector.plan import (
    DEFAULT_HOLD_TIME,
    Listen,
    Match,
    NodePlan,
    Policy,
    PolicyRule,
    PrefixMatch,
    SessionKind,
    SessionPlan,
    Verdict,
    encode_plan,
)

Command = list[str]
FAMILY_NAME = {4: "ipv4", 6: "ipv6"}


@dataclass(frozen=True, slots=True)
class Daemon:
    """`binary` must be there, from Debian's `package`; `prepare` writes what the daemon reads into the directory and
    returns how to start it in the foreground. `reflects`: it does what RFC 4456 asks, so that it can be checked."""

    name: str
    binary: str
    package: str
    prepare: Callable[[Case, Path], Command]
    reflects: bool = True

    def is_installed(self) -> bool:
        return shutil.which(self.binary) is not None


def _speaker(case: Case, directory: Path) -> Command:
    plan = speaker_plan(case)
    (directory / "plan.json").write_bytes(encode_plan(plan))
    (directory / "exabgp.conf").write_text(render_exabgp_conf(plan))
    return [sys.executable, "-m", "reflector", str(directory)]


def speaker_plan(case: Case) -> NodePlan:
    """As compiled for a reflector: what is inside the pool is advertised, anything else is not."""
    inside = PrefixMatch(case.link.pool, int(case.link.pool.partition("/")[2]), case.link.host_length)
    pools = Policy("pools", (PolicyRule(Verdict.ACCEPT, Match(prefix=inside)), PolicyRule(Verdict.REJECT)))
    sessions = tuple(
        SessionPlan(
            name=f"client-{address}",
            kind=SessionKind.NODE,
            peer_address=address,
            peer_as=LOCAL_AS,
            local_as=LOCAL_AS,
            families=(case.family,),
            local_address=case.link.reflector,
            passive=True,
            rr_client=True,
            export_policies=(pools.name,),
        )
        for address in case.addresses()
    )
    return NodePlan(
        node="reflector",
        router_id=ROUTER_ID,
        local_as=LOCAL_AS,
        cluster_id=CLUSTER_ID,
        log_level="none",
        listen=(Listen(case.link.reflector),),
        sessions=sessions,
        policies=(pools,),
    )


def _bird(case: Case, directory: Path) -> Command:
    channel = FAMILY_NAME[case.family]
    clients = "".join(
        f"protocol bgp client{number} from clients {{ neighbor {address} as {LOCAL_AS}; }}\n"
        for number, address in enumerate(case.addresses())
    )
    (directory / "bird.conf").write_text(f"""router id {ROUTER_ID};
protocol device {{ }}
protocol static {{ {channel}; route {case.link.clients} via {case.link.load}; }}
template bgp clients {{
    local {case.link.reflector} as {LOCAL_AS};
    passive;
    hold time {DEFAULT_HOLD_TIME};
    rr client;
    rr cluster id {CLUSTER_ID};
    {channel} {{ import all; export where source = RTS_BGP; }};
}}
{clients}""")
    return ["bird", "-f", "-c", str(directory / "bird.conf"), "-s", str(directory / "bird.ctl")]


FRR_BGPD = "/usr/lib/frr/bgpd"
# How long FRR gathers changes before it advertises them to a group of peers, in ms; its default is 1 s and more with
# many peers.
FRR_TUNING = " coalesce-time 10\n"


def _frr(tuning: str) -> Callable[[Case, Path], Command]:
    """bgpd alone: without zebra it takes every next hop for reachable."""
    group = " neighbor clients advertisement-interval 0\n" if tuning else ""

    def prepare(case: Case, directory: Path) -> Command:
        members = "".join(f" neighbor {address} peer-group clients\n" for address in case.addresses())
        conf = directory / "bgpd.conf"
        conf.write_text(f"""frr defaults traditional
router bgp {LOCAL_AS}
 bgp router-id {ROUTER_ID}
 bgp cluster-id {CLUSTER_ID}
 no bgp default ipv4-unicast
{tuning} neighbor clients peer-group
 neighbor clients remote-as {LOCAL_AS}
 neighbor clients timers {DEFAULT_HOLD_TIME // 3} {DEFAULT_HOLD_TIME}
 neighbor clients passive
{group}{members} address-family {FAMILY_NAME[case.family]} unicast
  neighbor clients activate
  neighbor clients route-reflector-client
 exit-address-family
""")
        command = [FRR_BGPD, "--skip_runas", "--no_zebra", "--no_kernel", "-f", str(conf)]
        command += ["-i", str(directory / "bgpd.pid"), "--vty_socket", str(directory), "-P", "0"]
        return [*command, "-l", case.link.reflector, "--log", "stdout", "--log-level", "errors"]

    return prepare


def _gobgp(case: Case, directory: Path) -> Command:
    neighbors = "".join(
        f"""[[neighbors]]
[neighbors.config]
neighbor-address = "{address}"
peer-as = {LOCAL_AS}
[neighbors.transport.config]
passive-mode = true
local-address = "{case.link.reflector}"
[neighbors.timers.config]
hold-time = {DEFAULT_HOLD_TIME}
[neighbors.route-reflector.config]
route-reflector-client = true
route-reflector-cluster-id = "{CLUSTER_ID}"
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "{FAMILY_NAME[case.family]}-unicast"
"""
        for address in case.addresses()
    )
    conf = directory / "gobgpd.toml"
    conf.write_text(f"""[global.config]
as = {LOCAL_AS}
router-id = "{ROUTER_ID}"
local-address-list = ["{case.link.reflector}"]
{neighbors}""")
    return ["gobgpd", "-f", str(conf), "-l", "error", "--pprof-disable", "--api-hosts", f"unix://{directory}/api"]


# It wants an empty directory to chroot to, which its service unit makes; the mount is seen by this process alone.
_WITH_RUN_DIRECTORY = 'mount -t tmpfs none /run && mkdir -m 755 /run/openbgpd && exec "$@"'


def _openbgpd(case: Case, directory: Path) -> Command:
    neighbors = "".join(f"    neighbor {address}\n" for address in case.addresses())
    conf = directory / "bgpd.conf"
    conf.write_text(f"""AS {LOCAL_AS}
router-id {ROUTER_ID}
holdtime {DEFAULT_HOLD_TIME}
fib-update no
listen on {case.link.reflector}
socket "{directory}/bgpd.sock"
group "clients" {{
    remote-as {LOCAL_AS}
    local-address {case.link.reflector}
    passive
    route-reflector {CLUSTER_ID}
{neighbors}}}
allow from ibgp
allow to ibgp
""")
    conf.chmod(0o600)
    return ["sh", "-c", _WITH_RUN_DIRECTORY, "sh", openbgpd_program("bgpd"), "-d", "-f", str(conf)]


def fanout(program: Path) -> Daemon:
    """The floor: fanout.c, as built."""
    return Daemon(
        "fan-out",
        str(program),
        "none: built from fanout.c",
        lambda case, _: [str(program), str(case.family), case.link.reflector],
        reflects=False,
    )


DAEMONS = (
    Daemon("speaker", sys.executable, "none: this project", _speaker),
    Daemon("bird", "bird", "bird2", _bird),
    Daemon("frr", FRR_BGPD, "frr", _frr("")),
    Daemon("frr-tuned", FRR_BGPD, "frr", _frr(FRR_TUNING)),
    Daemon("openbgpd", openbgpd_program("bgpd"), "openbgpd", _openbgpd),
    Daemon("gobgp", "gobgpd", "gobgpd", _gobgp),
)
