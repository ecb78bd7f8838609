"""A lab with every routing daemon on one switch, each in an AS of its own, each with one prefix of its own.

bird 65001   frr 65002   gobgp 65003   openbgpd 65004      10.9.0.<last digit of the AS>, full mesh of eBGP
10.50.<last digit>.0/24 with the communities <AS>:7 and <AS>:1:2
"""

from __future__ import annotations

from pathlib import Path

ASN = {"bird": 65001, "frr": 65002, "gobgp": 65003, "openbgpd": 65004}

TOPOLOGY = """
name: NAME
topology:
  defaults: {kind: linux}
  nodes:
    switch: {kind: bridge}
    bird: {labels: {bgpctl-role: bird}, startup-config: __clabNodeName__.conf}
    frr: {labels: {bgpctl-role: frr}, binds: ["frr.conf:/etc/frr/frr.conf"], exec: [vtysh -b]}
    gobgp:
      labels: {bgpctl-role: gobgp}
      startup-config: gobgp.toml
      exec:
        - gobgp global rib add 10.50.3.0/24 community 65003:7 large-community 65003:1:2
    openbgpd: {labels: {bgpctl-role: openbgpd}, startup-config: openbgpd.conf}
  links:
    - {endpoints: ["bird:eth1", "switch:p1"], ipv4: [10.9.0.1/24]}
    - {endpoints: ["frr:eth1", "switch:p2"], ipv4: [10.9.0.2/24]}
    - {endpoints: ["gobgp:eth1", "switch:p3"], ipv4: [10.9.0.3/24]}
    - {endpoints: ["openbgpd:eth1", "switch:p4"], ipv4: [10.9.0.4/24]}
"""


def address(name: str) -> str:
    return f"10.9.0.{ASN[name] % 10}"


def prefix(name: str) -> str:
    return f"10.50.{ASN[name] % 10}.0/24"


def others(name: str) -> list[str]:
    return [each for each in ASN if each != name]


def write_configurations(directory: Path) -> None:
    (directory / "bird.conf").write_text(_bird())
    (directory / "frr.conf").write_text(_frr())
    (directory / "gobgp.toml").write_text(_gobgp())
    (directory / "openbgpd.conf").write_text(_openbgpd())


def _bird() -> str:
    sessions = "".join(
        f"protocol bgp {name} {{ local as 65001; neighbor {address(name)} as {ASN[name]}; connect delay time 1;\n"
        f"  connect retry time 1; error wait time 1, 2; ipv4 {{ import all; export all; }}; }}\n"
        for name in others("bird")
    )
    return f"""log stderr all;
router id 10.9.0.1;
protocol device {{ }}
protocol kernel {{ ipv4 {{ export all; }}; }}
protocol static {{ ipv4;
  route 10.50.1.0/24 blackhole {{ bgp_community.add((65001,7)); bgp_large_community.add((65001,1,2)); }};
}}
{sessions}"""


def _frr() -> str:
    neighbors = "".join(
        f" neighbor {address(name)} remote-as {ASN[name]}\n neighbor {address(name)} timers connect 1\n"
        f" neighbor {address(name)} advertisement-interval 0\n"
        for name in others("frr")
    )
    return f"""hostname frr
ip route 10.50.2.0/24 blackhole
route-map own permit 10
 set community 65002:7
 set large-community 65002:1:2
exit
router bgp 65002
 bgp router-id 10.9.0.2
 no bgp ebgp-requires-policy
{neighbors} address-family ipv4 unicast
  network 10.50.2.0/24 route-map own
 exit-address-family
exit
"""


def _gobgp() -> str:
    neighbors = "".join(
        f'[[neighbors]]\n[neighbors.config]\nneighbor-address = "{address(name)}"\npeer-as = {ASN[name]}\n'
        "[neighbors.timers.config]\nconnect-retry = 1\nidle-hold-time-after-reset = 1\n"
        for name in others("gobgp")
    )
    return f'[global.config]\nas = 65003\nrouter-id = "10.9.0.3"\n{neighbors}'


def _openbgpd() -> str:
    neighbors = "".join(f"neighbor {address(name)} {{\n  remote-as {ASN[name]}\n}}\n" for name in others("openbgpd"))
    own = "network 10.50.4.0/24 set { community 65004:7 large-community 65004:1:2 }\n"
    settings = "AS 65004\nrouter-id 10.9.0.4\nfib-update no\nnexthop qualify via default\n"
    return f"{settings}{own}{neighbors}allow from any\nallow to any\n"
