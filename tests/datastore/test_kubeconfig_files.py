"""Several kubeconfigs in KUBECONFIG: who has which context, and where its files lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access, namespace_of, open_client
from bgpctl.kubernetes.kubeconfig_files import merged_kubeconfig


def config(path: Path, name: str, *, current: str = "", **user: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    data: dict[str, Any] = {
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": f"of-{path.parent.name}"}}],
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{path.parent.name}", "certificate-authority": "ca"}}
        ],
        "users": [{"name": name, "user": user or {"token": "x"}}],
    }
    path.write_text(json.dumps(data | ({"current-context": current} if current else {})))
    return path


def test_the_first_file_that_has_a_name_has_it(tmp_path: Path) -> None:
    one = config(tmp_path / "one" / "config", "a")
    two = config(tmp_path / "two" / "config", "b", current="b", tokenFile="token")
    three = config(tmp_path / "three" / "config", "a", current="a")
    merged = merged_kubeconfig([tmp_path / "nowhere", one, two, three])
    assert merged["current-context"] == "b"
    assert [each["cluster"]["server"] for each in merged["clusters"]] == ["https://one", "https://two"]
    assert [each["cluster"]["certificate-authority"] for each in merged["clusters"]] == [
        str(tmp_path / "one" / "ca"),
        str(tmp_path / "two" / "ca"),
    ]
    assert merged["users"][1]["user"]["tokenFile"] == str(tmp_path / "two" / "token")


def test_the_context_is_found_in_any_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = config(tmp_path / "one" / "c", "a"), config(tmp_path / "two" / "c", "b", current="b")
    monkeypatch.setenv("KUBECONFIG", f"{one}:{tmp_path / 'nowhere'}:{two}")
    assert namespace_of(Access()) == "of-two"
    assert namespace_of(Access(context="a")) == "of-one"
    with pytest.raises(NotReadyError, match="Context 'c' not found"):
        namespace_of(Access(context="c"))
    # A file that is named goes before the environment.
    assert namespace_of(Access(kubeconfig=one, context="a")) == "of-one"


@pytest.mark.parametrize("text", ["[]", "{", "contexts: [1]", "users: [{user: {}}]"])
def test_one_that_is_none_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "bad").write_text(text)
    monkeypatch.setenv("KUBECONFIG", f"{config(tmp_path / 'one' / 'c', 'a', current='a')}:{tmp_path / 'bad'}")
    with pytest.raises(NotReadyError, match="cannot use the access to"):
        open_client(Access())
