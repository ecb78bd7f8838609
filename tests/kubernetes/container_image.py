"""The image of config/container, built by Docker Engine on a Debian that debootstrap has made.

What this machine says of its package indexes goes into the build as for an operator behind a proxy: build arguments,
and a bundle of certificates as a secret.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from docker_engine import DockerEngine

ROOT = Path(__file__).parents[2]
# A link made by requirements/container-base, beside this Python environment.
BASE = Path(sys.prefix) / "container-base.tar"
ARGUMENTS = ("PIP_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
BUNDLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def import_base(engine: DockerEngine) -> str:
    if not BASE.exists():
        pytest.skip(f"{BASE} is not there: requirements/container-base makes it")
    engine.docker("import", BASE, "bgpctl-base")
    return "bgpctl-base"


def build(engine: DockerEngine, base: str, tag: str, *words: str) -> str:
    """Its name."""
    arguments = [f"--build-arg={name}" for name in ARGUMENTS if os.environ.get(name)]
    bundle = next((os.environ[name] for name in BUNDLES if os.environ.get(name)), "")
    secrets = [f"--secret=id=certificates,src={bundle}"] if bundle else []
    engine.docker(
        "build", "--network=host", f"--build-arg=BASE={base}", *arguments, *secrets, f"--tag={tag}",
        f"--file={ROOT / 'config/container/Containerfile'}", *words, ROOT,
    )  # fmt: skip
    return tag


def layers(engine: DockerEngine, image: str) -> str:
    return engine.docker("image", "inspect", "--format={{.RootFS.Layers}}", image)
