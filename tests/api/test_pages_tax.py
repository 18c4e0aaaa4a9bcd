"""Finance sees the tax by month, takes its lists and remits it; payees' papers and settings are kept."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pytest

from ledger import approvals, bank_answers, deals, managers, payouts, sending, settings
from tests.api.front import Front
from tests.samples import pdf

INVOICE = pdf()

RESIDENT = "11010519491231002X"


@pytest.fixture
def paid(front: Front) -> None:
    """张三 was paid in March: the award of one stage, and his share of a fee."""
    _pay(front, _earned(front))


def _earned(front: Front) -> str:
    """A deal on which 张三 has earned something."""
    deal = front.deal()
    front.fill("operator", f"/milestones/{front.milestone(deal)}/verify")
    front.fee(deal, "50000.00", "YH-1")
    return deal


def _pay(front: Front, deal: str, more_minor: int = 0) -> None:
    with front.database.writing() as session:
        if more_minor:
            deals.adjust(
                session,
                deal,
                manager_id="M1",
                stage="need_discovery",
                amount_minor=more_minor,
                reason="补发",
                on=date(2026, 3, 1),
                by=front.users["finance"],
                now=front.now(),
            )
    with front.database.writing() as session:
        by = front.users
        made = payouts.make(session, value_on=date(2026, 3, 1), by=by["operator"], now=front.now())
        approvals.approve(session, made.id, by=by["second"], now=front.now())
        store = front.client.app.state.store  # type: ignore[attr-defined]
        sending.send(session, store, made.id, by=by["finance"], now=front.now())
        bank_answers.confirm(session, made.id, value_on=date(2026, 3, 1), by=by["finance"], now=front.now())


def test_a_month_is_looked_at_exported_and_remitted(front: Front, paid: None) -> None:
    assert "2026-03" in front.look("finance", "/tax")
    month = front.look("finance", "/tax/2026-03")
    assert "Withholding return 1" in month and "张三" in month and RESIDENT not in month
    left = front.found(r'name="amount" required="" value="([0-9.]+)"', "finance", "/tax/2026-03")
    assert "Please fill this in" in front.fill(
        "finance", "/tax/2026-03/remit", 422, amount=left, on="2026-03-01"
    )
    more = front.fill("finance", "/tax/2026-03/remit", 422, amount="9999", on="2026-03-01", ref="SP-1")
    assert "still to be remitted" in more
    front.fill("finance", "/tax/2026-03/remit", amount=left, on="2026-03-01", ref="SP-1")
    done = front.look("finance", "/tax/2026-03")
    assert "Everything withheld for this month is remitted." in done and "SP-1" in done
    assert front.page("operator", "GET", "/tax").status_code == 403
    front.look("finance", "/tax/2026-13", 422)


def test_payees_vat_is_remitted_apart_and_what_is_wrong_with_it_is_said_beside_it(front: Front) -> None:
    deal = _earned(front)
    with front.database.writing() as session:
        by = front.users["finance"]
        decided = {"value": "yes", "from_on": date(2026, 1, 1), "reason": "核定"}
        settings.decide(session, settings.VAT, **decided, by=by, now=front.now())  # type: ignore[arg-type]
    _pay(front, deal, more_minor=150_000_00)
    here = "/tax/2026-03"
    income = front.found(r'name="amount" required="" value="([0-9.]+)"', "finance", here)
    vat = front.found(r'type="hidden" name="amount" value="([0-9.]+)"', "finance", here)
    front.fill("finance", f"{here}/remit", 422, of="vat", amount=vat, on="2999-01-01", ref="SP-9")
    answer = front.page(
        "finance", "POST", f"{here}/remit", data={"of": "vat", "amount": vat, "on": "2999-01-01"}
    )
    before, _, after = answer.text.partition('name="of"')
    assert f'value="{income}"' in before and "Please fill this in" in before
    assert 'value="2999-01-01"' in after and 'value="2999-01-01"' not in before
    front.fill("finance", f"{here}/remit", of="vat", amount=vat, on="2026-03-01", ref="SP-9")
    assert "SP-9" in front.look("finance", here)


def test_the_lists_come_as_files(front: Front, paid: None) -> None:
    fields = {"kind": "withholding", "span": "2026-03", "format": "xlsx"}
    answer = front.page("finance", "POST", "/tax/exports", data=fields)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None and sheet["B2"].value == "张三"
    answer = front.page("finance", "POST", "/tax/exports", data={**fields, "format": "csv"})
    assert "张三" in answer.content.decode("utf-8-sig")
    quarter = front.page(
        "finance", "POST", "/tax/exports", data={**fields, "kind": "platform", "span": "2026Q1"}
    )
    assert quarter.status_code == 200
    wrong = front.fill("finance", "/tax/exports", 422, kind="platform", span="2026-03", format="csv")
    assert "write it as 2026Q4" in wrong


def test_a_payees_document_and_invoices_are_kept_by_themselves(front: Front) -> None:
    mine = front.fill("zhang", "/managers/M1/identity", 422, kind="resident_id", number="11010519491231002")
    assert "no valid number" in mine
    front.fill("zhang", "/managers/M1/identity", kind="resident_id", number=RESIDENT)
    page = front.look("zhang", "/managers/M1/papers")
    assert "1101**********002X" in page and RESIDENT not in page
    front.look("li", "/managers/M1/papers", 404)
    given = {"invoice": "FP-1", "amount": "1,000.00", "issued_on": "2026-03-01"}
    assert "choose the file" in front.fill("zhang", "/managers/M1/invoices", 422, **given)
    files = {"file": ("发票.pdf", INVOICE, "application/pdf")}
    front.fill("zhang", "/managers/M1/invoices", files=files, **given)
    assert "on file already" in front.fill("zhang", "/managers/M1/invoices", 422, files=files, **given)
    assert "FP-1" in front.look("operator", "/managers/M1/papers")
    file = front.found(r'href="(/invoices/[^"]+/file)"', "operator", "/managers/M1/papers")
    assert front.page("operator", "GET", file).content == INVOICE
    taken = file.replace("/file", "/take-back")
    assert front.page("zhang", "POST", taken, data={"reason": "作废"}).status_code == 403
    front.fill("operator", taken, reason="作废")
    assert "FP-1" not in front.look("operator", "/managers/M1/papers")


def test_finance_decides_a_setting_from_a_day_with_the_reason(front: Front) -> None:
    given = {"name": "tax.break_months", "value": "2", "from_on": "2026-03-01"}
    assert "Please fill this in" in front.fill("finance", "/settings", 422, **given)
    wrong = front.fill("finance", "/settings", 422, **{**given, "value": "99"}, reason="r")
    assert "it may be 1–11" in wrong
    front.fill("finance", "/settings", **given, reason="主管税务机关答复")
    assert "2 from 2026-03-01 主管税务机关答复" in front.look("operator", "/settings")
    assert front.page("operator", "POST", "/settings", data={**given, "reason": "r"}).status_code == 403
    assert front.page("zhang", "GET", "/settings").status_code == 403


def test_a_setting_that_is_a_word_is_said_and_meant_in_the_language_at_hand(front: Front) -> None:
    given = {"name": "payee.agreement_required", "from_on": "2026-03-01", "reason": "合同管理办法"}
    chinese = {"value": "是", **given}
    front.page("finance", "POST", "/settings?lang=zh", data=chinese)
    assert "yes from 2026-03-01 合同管理办法" in front.look("finance", "/settings")
    assert "<strong>是</strong>" in front.page("finance", "GET", "/settings?lang=zh").text


def test_who_invoices_is_told_that_none_is_on_file(front: Front) -> None:
    with front.database.writing() as session:
        managers.set_payment(
            session, "M1", bank_name="b", bank_account="1", tax_method="invoiced", by=None, now=front.now()
        )
    assert "Without an invoice on file nothing is paid." in front.look("zhang", "/managers/M1/papers")
    assert front.page("zhang", "GET", "/payee").status_code == 303


def test_operations_put_an_agreement_on_file_and_end_it(front: Front) -> None:
    given = {"agreement": "XY-1", "signed_on": "2026-03-01", "from_on": "2026-03-01"}
    assert "choose the file" in front.fill("operator", "/managers/M1/payee-agreements", 422, **given)
    files = {"paper": ("a.txt", b"a", "text/plain")}
    front.fill("operator", "/managers/M1/payee-agreements", files=files, **given)
    assert "XY-1 signed 2026-03-01" in front.look("zhang", "/managers/M1/papers")
    assert front.page("zhang", "POST", "/managers/M1/payee-agreements", data=given).status_code == 403
    file = front.found(r'href="(/payee-agreements/[^"]+/file)"', "zhang", "/managers/M1/papers")
    assert front.page("zhang", "GET", file).content == b"a"
    assert front.page("li", "GET", file).status_code == 404
    front.fill("operator", file.replace("/file", "/end"), last_on="2026-02-28", reason="解除")
    assert "Not in force" in front.look("operator", "/managers/M1/papers")
