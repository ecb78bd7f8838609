"""Which settings of a containerlab node mean something in a network namespace.

Every field of containerlab's schema stands in exactly one of the three tables: it is obeyed, it only concerns a
container and may be there, or the lab would not behave as written without it and the file is refused. A field in
none of them is a spelling mistake.
"""

from __future__ import annotations

KINDS = ("linux", "bridge")

NODE_FIELDS = ("kind", "group", "startup-config", "exec", "binds", "env", "sysctls", "labels")

CONTAINER_FIELDS = (
    "image",
    "image-pull-policy",
    "restart-policy",
    "license",
    "type",
    "auto-remove",
    "ports",
    "credentials",
    "user",
    "hostname",
    "runtime",
    "mgmt-ipv4",
    "mgmt-ipv6",
    "network-mode",
    "link-apply-mode",
    "cpu",
    "memory",
    "cpu-set",
    "extras",
    "dns",
    "certificate",
    "aliases",
    "shm-size",
    "cap-add",
    "privileged",
    "cgroupns-mode",
    "cgroup-parent",
    "pid-mode",
    "security-opts",
    "devices",
    "cmd",
    "entrypoint",
)

UNSUPPORTED_FIELDS = {
    "startup-delay": "nodes start at once and wait for their neighbours themselves",
    "enforce-startup-config": "a startup-config is always obeyed: nothing is saved over it",
    "suppress-startup-config": "leave the startup-config out",
    "volumes": "nodes see the files of this machine",
    "env-files": "write the variables into `env`",
    "tmpfs": "nodes see the files of this machine",
    "config": "use `exec`",
    "stages": "links are made before anything starts, then all nodes start at once",
    "healthcheck": "write it into the lab's expectations.yml",
    "components": "one node is one namespace",
}
