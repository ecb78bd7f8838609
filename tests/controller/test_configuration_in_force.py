"""What of a cluster's resources is its configuration, and when it is another one."""

from __future__ import annotations

from bgpctl.controller.configuration import configuration_of
from bgpctl.resources.in_force.versions import Versions, versions_of_texts
from bgpctl.resources.reading.parse import parse_documents

PEER = """\
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: p}
spec: {peerIP: 192.0.2.1, asNumber: 64512}
"""
NODE = "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: a}\n"


def test_a_configuration_is_what_operators_write_however_it_is_written() -> None:
    plain = configuration_of(versions_of_texts({"a.yaml": PEER, "n.yaml": NODE}))
    assert [each["kind"] for each in plain.objects] == ["BGPPeer"]
    from_server = PEER.replace("name: p", "uid: x, resourceVersion: '7', managedFields: [], name: p")
    assert configuration_of(versions_of_texts({"other.yaml": from_server})) == plain
    assert configuration_of(versions_of_texts({"a.yaml": PEER.replace("64512", "64513")})).revision != plain.revision


def test_of_what_is_not_in_force_as_it_stands_the_version_in_force_counts() -> None:
    old, new = (parse_documents([(f"{each}.yaml", PEER)]) for each in ("old", "new"))
    (placed,) = Versions(old.resources, old.files).placed.values()
    assert configuration_of(Versions(new.resources, new.files, {("BGPPeer", "p"): ()})).objects == ()
    assert len(configuration_of(Versions(new.resources, {}, {("BGPPeer", "p"): placed})).objects) == 1
