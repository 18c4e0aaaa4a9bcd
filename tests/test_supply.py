"""What the program is made of and runs in: the bill of materials, what the audit says, containers, shells."""

from __future__ import annotations

import json
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    """`scripts/audit`, which has no .py."""
    loader = SourceFileLoader("audit", str(ROOT / "scripts" / "audit"))
    module = module_from_spec(spec_from_loader("audit", loader))  # type: ignore[arg-type]
    loader.exec_module(module)
    return module


def locked(name: str) -> dict[str, str]:
    """Version by part, as a lock says."""
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ \\;]+)", text, re.MULTILINE))


def test_the_bill_of_materials_has_every_locked_part(audit: ModuleType, tmp_path: Path) -> None:
    bill = tmp_path / "sbom.json"
    known = locked("requirements.lock")
    assert audit.write_bill(bill) == len(known)
    written = json.loads(bill.read_text("utf-8"))
    assert written["bomFormat"] == "CycloneDX"
    assert {one["name"]: one["version"] for one in written["components"]} == known
    assert all(one["externalReferences"][0]["hashes"] for one in written["components"])


def test_the_audit_tells_a_flaw_from_a_part_nobody_knows_and_from_no_answer(audit: ModuleType) -> None:
    def said(*parts: dict[str, Any]) -> tuple[bool, str]:
        return audit.verdict(json.dumps({"dependencies": parts, "fixes": []}), "")  # type: ignore[no-any-return]

    sound = {"name": "a", "version": "1", "vulns": []}
    flawed = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]}
    unknown = {"name": "c", "skip_reason": "Dependency not found"}
    assert said(sound) == (False, "none of 1 parts has a known flaw")
    assert said(sound, flawed)[0] is True and "b 2: PYSEC-1, PYSEC-2" in said(sound, flawed)[1]
    assert said(sound, unknown) == (False, "none of 1 parts has a known flaw; 1 parts are not known there")
    assert said(unknown)[1].startswith("SKIPPED")
    assert audit.verdict("", "ConnectionError: no route")[1].endswith("(ConnectionError: no route)")


def test_every_locked_part_has_its_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        parts = re.split(r"^(?=[a-z0-9])", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)[1:]
        assert parts and [one.split()[0] for one in parts if "--hash=sha256:" not in one] == []


def test_containers_run_without_rights_they_do_not_need() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    assert len(services) == 6
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & set(service), name
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ())), name
        if "build" in service:
            assert service["cap_drop"] == ["ALL"], name
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]


def test_no_container_of_ours_is_root_or_goes_through_a_shell() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    orders = [line.split(maxsplit=1) for line in lines if re.match(r"[A-Z]+ ", line)]
    names = [name for name, _ in orders]
    assert [said for name, said in orders if name == "USER"] == ["yongjin"]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "RUN" not in names[names.index("USER") :] and "ADD" not in names
    assert all(said.startswith("[") for name, said in orders if name in ("ENTRYPOINT", "CMD"))
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    checks = [service["healthcheck"]["test"] for service in services.values() if "healthcheck" in service]
    assert checks and all(check[0] == "CMD" for check in checks)


def test_only_what_is_named_goes_into_an_image() -> None:
    assert (ROOT / ".dockerignore").read_text("utf-8").splitlines()[0] == "*"
