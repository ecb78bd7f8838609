"""The figures of a lab as JUnit XML: a test suite, a test case for each kind of expectation and for each event."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bgpctl.lab.rehearse.figures import EventFigures, LabFigures

_CONVERGENCE, _EVENTS = "convergence", "events"


def junit_xml(lab: LabFigures) -> bytes:
    """One document. Figures are properties of their case."""
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", name=lab.lab)
    for check in lab.checks:
        _case(suite, f"{lab.lab}.{_CONVERGENCE}", check.name, lab.converged_seconds, check.failures)
    for event in lab.events:
        case = _case(suite, f"{lab.lab}.{_EVENTS}", event.name, event.converged_seconds or 0.0, event.failures)
        _properties(case, event)
    for name in lab.not_run:
        case = _case(suite, f"{lab.lab}.{_EVENTS}", name, 0.0, ())
        SubElement(case, "skipped", message="the lab did not recover from the event before")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("./testcase/failure"))))
    suite.set("skipped", str(len(lab.not_run)))
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: Element, classname: str, name: str, seconds: float, failures: Iterable[str]) -> Element:
    case = SubElement(suite, "testcase", classname=classname, name=name, time=f"{seconds:.3f}")
    lines = list(failures)
    if lines:
        failure = SubElement(case, "failure", message=lines[0])
        failure.text = "\n".join(lines)
    return case


def _properties(case: Element, event: EventFigures) -> None:
    figures = {
        "actions": "; ".join(event.actions),
        "undone": "; ".join(event.undone),
        "converged_seconds": event.converged_seconds,
        "recovered_seconds": event.recovered_seconds,
        "packets_sent": event.sent,
        "packets_lost": event.lost,
        "packets_lost_after_undo": event.lost_after_undo,
        "lose_at_most": event.lose_at_most,
        "longest_outage_seconds": event.longest_outage_seconds,
    }
    properties = Element("properties")
    for name, value in figures.items():
        if value is not None:
            SubElement(properties, "property", name=name, value=str(value))
    # Before a failure: readers of JUnit files stop at what they know.
    case.insert(0, properties)
