"""Papers are asked for where they belong, kept, listed and taken home; a month ties or says where not."""

from __future__ import annotations

import io

import openpyxl
import pytest

from ledger import printing, signing
from tests.api.desk import Desk


@pytest.fixture(autouse=True)
def _own_key() -> None:
    signing.key.cache_clear()


def test_a_paper_is_made_once_and_handed_out_byte_for_byte(desk: Desk) -> None:
    desk.tell_fees()
    asked = {"kind": "deal_life", "subject": "D-1"}
    assert '<input type="hidden" name="subject" value="D-1">' in desk.open("operator", "/deals/D-1").text
    where = desk.done("operator", "/papers", asked)
    assert desk.done("operator", "/papers", asked) == where

    first, again = desk.open("operator", where), desk.open("operator", f"{where}?download=yes")
    assert first.content.startswith(b"%PDF") and first.content == again.content
    assert "D-1" in desk.see("operator", "/papers")


def test_the_tables_of_every_paper_are_a_workbook_too(desk: Desk) -> None:
    payout = desk.tell_payout()
    line = desk.open("finance", f"/payouts/{payout.id}").text.split('name="subject" value="')[1].split('"')[0]
    for kind, subject in (
        ("consolidated", "2026-05"),
        ("deal_life", "D-1"),
        ("payment_advice", line),
        ("record_of_work", "M1"),
    ):
        answer = desk.open("finance", f"/papers/workbook?kind={kind}&subject={subject}")
        assert answer.status_code == 200, (kind, answer.text[:300])
        sheets = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets
        assert sheets and all(sheet.max_row > 1 for sheet in sheets)
    assert desk.open("finance", "/papers/workbook?kind=nothing&subject=M1").status_code == 404


def test_managers_have_their_own_record_and_nobody_elses_nor_the_platforms(desk: Desk) -> None:
    desk.tell_fees()
    where = desk.done("zhang", "/papers", {"kind": "record_of_work", "subject": "M1"})
    assert desk.open("zhang", where).status_code == 200 and desk.open("li", where).status_code == 404
    for subject in ("M1", "M9"):
        asked = {"kind": "record_of_work", "subject": subject}
        assert desk.fill("li", "/papers", asked).status_code == 404
    assert desk.fill("zhang", "/papers", {"kind": "consolidated", "subject": "2026-05"}).status_code == 403
    assert desk.open("zhang", "/periods/2026-05/tie-out").status_code == 403


def test_a_month_ties_once_every_statement_is_made(desk: Desk) -> None:
    desk.tell_fees()
    before = desk.see("finance", "/periods/2026-05/tie-out")
    assert "2 份结算单未生成" in before and "2 位收款人不符" in before and "张三" in before

    store = desk.client.app.state.store  # type: ignore[attr-defined]
    printing.run(desk.database, store, "2026-05", kind="preliminary")
    after = desk.see("finance", "/periods/2026-05/tie-out")
    assert "勾稽相符" in after and "差额 ¥0.00" in after
    assert "/periods/2026-05/tie-out" in desk.open("finance", "/periods/2026-05").text
