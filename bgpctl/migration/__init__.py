"""Calico's older data as v3 resources: dumps of etcd (v1 and v3) and calicoctl's v1 YAML. Pure.

    texts --sources--> entries, documents --v1, v3--> objects, with what became of each --judged--> Migration

Rule: whatever stands in a source has a fate in the report, and where anything is an error nothing is made of it all.
The conversion is that of Calico 2.6 to 3.0 (libcalico-go/lib/upgrade until 2025-12), which Calico no longer has.
"""
