"""The bench of statements compares the same page, and what it measures is what is made."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pypdf
import pytest

from ledger import paper
from ledger.benches import statements
from ledger.core.statement import to_json
from ledger.files import Store


def shown(pdf: bytes) -> str:
    return "".join("".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def test_the_plain_loop_prints_the_same_page_and_signs_it(tmp_path: Path) -> None:
    plain, ours = statements._plain(0), paper.render(statements._statement(0))
    assert Counter(shown(plain)) == Counter(shown(ours))  # in whatever order a file keeps them
    assert shown(plain).count("高温合金粉末制备技术许可") == statements.LINES
    signed = statements._plain_signed(0, signer=statements._default_signer(tmp_path))
    assert pypdf.PdfReader(io.BytesIO(signed)).get_fields()


def test_ours_is_signed_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YONGJIN_VAR", str(tmp_path))
    statements._kept(to_json(statements._statement(3)), root=str(tmp_path))
    (kept,) = (path for path in (tmp_path / "files").rglob("*") if path.is_file())
    assert "M5" in shown(Store(tmp_path / "files").get(kept.name))
