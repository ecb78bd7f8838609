"""What kustomize and Helm make of config/, as objects by kind, namespace and name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
# Links made by `make kube` and `make helm`, beside this Python environment.
KUBECTL = Path(sys.prefix) / "kubernetes" / "kubectl"
HELM = Path(sys.prefix) / "helm" / "helm"
KUBERNETES = "1.35.4"

needs_kubectl = pytest.mark.skipif(not KUBECTL.exists(), reason=f"{KUBECTL} is not there: make kube builds it")
needs_helm = pytest.mark.skipif(not HELM.exists(), reason=f"{HELM} is not there: make kube builds it")

Objects = dict[tuple[str, str, str], dict[str, Any]]


def kustomized(room: str) -> Objects:
    return by_name(ran(KUBECTL, "kustomize", CONFIG / room))


def helm(*words: str) -> Objects:
    options = ("--namespace", "bgpctl-system", "--kube-version", KUBERNETES, "--include-crds")
    return by_name(ran(HELM, "template", "bgpctl", CONFIG / "chart", *options, *words))


def ran(*words: str | Path) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_name(text: str) -> Objects:
    found = [each for each in yaml.safe_load_all(text) if each]
    objects = {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in found}
    assert len(objects) == len(found), "two objects have one name"
    return objects
