"""Money out: prepared by one, approved by another, answered by the bank."""

from __future__ import annotations

import re

from sqlmodel import select

from ledger import payouts
from tests.api.desk import Desk, words


def test_the_preview_says_who_is_paid_and_who_is_not_and_why(desk: Desk) -> None:
    desk.tell_fees()
    with desk.database.writing() as session:
        session.get_one(payouts.managers.Manager, "M2").bank_account_kept = None
    shown = desk.see("operator", "/payouts/new")
    assert "本次付款 1" in shown and "张三" in shown
    assert "李四 没有收款账户" in shown


def test_a_payout_is_made_from_the_preview(desk: Desk) -> None:
    desk.tell_fees()
    made = desk.done("operator", "/payouts/new", {"value_on": "2026-05-20"})
    shown = desk.see("operator", made)
    assert "待审批" in shown and "制单人 operator" in shown and "起息日 2026-05-20" in shown
    assert "**** 3445" in shown and "6222020200112233445" not in shown
    assert "税额计算过程" in shown and "减除" in shown


def test_a_value_date_that_has_passed_is_refused_beside_the_field(desk: Desk) -> None:
    desk.tell_fees()
    mended = desk.mend("operator", "/payouts/new", {"value_on": "2026-05-01"})
    assert mended.errors == {"value_on": "起息日 2026-05-01 已过"} and mended.kept("value_on") == "2026-05-01"


def test_whoever_made_a_payout_is_not_offered_to_approve_it(desk: Desk) -> None:
    made = desk.tell_payout()
    assert f"/payouts/{made.id}/approve" not in desk.open("operator", f"/payouts/{made.id}").text
    assert desk.open("operator", f"/payouts/{made.id}/approve").status_code == 403
    assert desk.fill("operator", f"/payouts/{made.id}/approve", {"digest": made.digest}).status_code == 403


def test_approving_repeats_count_sum_and_fingerprint(desk: Desk) -> None:
    made = desk.tell_payout()
    asked = desk.open("second", f"/payouts/{made.id}/approve").text
    assert "笔数 2" in words(asked) and made.digest[:12] in words(asked)
    assert f'name="digest" value="{made.digest}"' in asked
    desk.done("second", f"/payouts/{made.id}/approve", {"digest": made.digest, "confirmed": "yes"})
    shown = desk.see("second", f"/payouts/{made.id}")
    assert "状态 second 2026-05-18 10:00" in shown and f"{made.digest[:12]} 有效" in shown


def test_what_was_not_shown_is_not_approved(desk: Desk) -> None:
    made = desk.tell_payout()
    assert desk.fill("second", f"/payouts/{made.id}/approve", {"digest": "0" * 64}).status_code == 409


def test_the_bank_file_is_sent_once_and_downloaded_as_often_as_wanted(desk: Desk) -> None:
    made = _sent(desk)
    file = desk.open("finance", f"/payouts/{made}/file")
    assert file.headers["content-disposition"].endswith('.csv"') and "6222020200112233445" in file.text
    assert desk.open("operator", f"/payouts/{made}/file").content == file.content
    assert desk.done("finance", f"/payouts/{made}/send") == f"/payouts/{made}"


def test_there_is_no_file_before_it_is_sent(desk: Desk) -> None:
    assert desk.open("finance", f"/payouts/{desk.tell_payout().id}/file").status_code == 409


def test_confirming_all_asks_first_and_then_books_on_the_banks_day(desk: Desk) -> None:
    made = _sent(desk)
    asked = desk.fill("finance", f"/payouts/{made}/bank", {"do": "all", "value_on": "2026-05-19"})
    assert asked.status_code == 200 and "笔数 2" in words(asked.text) and "2026-05-19" in words(asked.text)
    assert "payout_confirmed" not in "".join(desk.journal())
    desk.done("finance", f"/payouts/{made}/bank", {"do": "all", "value_on": "2026-05-19", "confirmed": "yes"})
    assert "已结清" in desk.see("finance", f"/payouts/{made}")
    assert sum("payout_confirmed" in entry for entry in desk.journal()) == 2


def test_chosen_lines_are_paid_and_others_refused_with_the_reason(desk: Desk) -> None:
    made = _sent(desk)
    first, second = _lines(desk, made)
    path = f"/payouts/{made}/bank"
    desk.done("finance", path, {"do": "some", "line": first, "value_on": "2026-05-19", "confirmed": "yes"})
    desk.done("finance", path, {"do": "return", "line": second, "reason": "账户已销户", "confirmed": "yes"})
    shown = desk.see("finance", f"/payouts/{made}")
    assert "已结清" in shown and "已付 2026-05-19" in shown and "已退回 账户已销户" in shown


def test_what_the_bank_did_is_repeated_and_can_be_confirmed(desk: Desk) -> None:
    made = _sent(desk)
    first, second = _lines(desk, made)
    told: dict[str, dict[str, str]] = {
        "确认付款": {"do": "some", "line": first, "value_on": "2026-05-19"},
        "退回": {"do": "return", "line": second, "reason": "账户已销户"},
    }
    for button, given in told.items():
        asked = desk.fill("finance", f"/payouts/{made}/bank", given)
        assert re.search(rf'name="confirmed" value="yes">{button}</button>', asked.text), button
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
        desk.done("finance", f"/payouts/{made}/bank", {**fields, "confirmed": "yes"})
    assert "已退回 账户已销户" in desk.see("finance", f"/payouts/{made}")


def test_lines_have_to_be_ticked_and_a_refusal_needs_its_reason(desk: Desk) -> None:
    made = _sent(desk)
    answer = desk.fill("finance", f"/payouts/{made}/bank", {"do": "return", "value_on": "2026-05-19"})
    assert answer.status_code == 422
    assert "请勾选相关的明细" in words(answer.text) and "请填写此项" in words(answer.text)


def test_a_day_of_another_month_is_refused_beside_the_field(desk: Desk) -> None:
    made = _sent(desk)
    desk.day = "2026-06-02"
    sent = {"do": "all", "value_on": "2026-06-01", "confirmed": "yes"}
    assert set(desk.mend("finance", f"/payouts/{made}/bank", sent).errors) == {"value_on"}


def test_a_voided_payout_says_why_and_the_money_is_payable_again(desk: Desk) -> None:
    made = desk.tell_payout()
    assert set(desk.mend("operator", f"/payouts/{made.id}/void", {}).errors) == {"reason"}
    desk.done("operator", f"/payouts/{made.id}/void", {"reason": "账户有误"})
    assert "已作废：账户有误" in desk.see("operator", f"/payouts/{made.id}")
    assert "本次付款 2" in desk.see("operator", "/payouts/new")


def test_the_list_shows_sums_and_is_filtered_by_state(desk: Desk) -> None:
    made = desk.tell_payout()
    assert made.no in desk.see("finance", "/payouts?state=made")
    assert "没有处于该状态的付款单" in desk.see("finance", "/payouts?state=sent")


def test_managers_do_not_see_payouts(desk: Desk) -> None:
    desk.tell_payout()
    assert desk.open("zhang", "/payouts").status_code == 403


def test_operations_do_not_confirm_what_the_bank_did(desk: Desk) -> None:
    made = _sent(desk)
    assert f"/payouts/{made}/bank" not in desk.open("operator", f"/payouts/{made}").text
    assert desk.fill("operator", f"/payouts/{made}/bank", {"do": "all"}).status_code == 403


def test_the_pages_about_payouts_are_complete_in_english(desk: Desk) -> None:
    made = desk.tell_payout()
    desk.lang = "en"
    shown = desk.see("operator", "/payouts") + desk.see("operator", f"/payouts/{made.id}")
    assert "Waiting for approval" in shown and "Why this tax" in shown and "税" not in shown


def _sent(desk: Desk) -> str:
    made = desk.tell_payout()
    desk.done("second", f"/payouts/{made.id}/approve", {"digest": made.digest})
    desk.day = "2026-05-19"
    desk.done("finance", f"/payouts/{made.id}/send")
    return made.id


def _lines(desk: Desk, payout_id: str) -> list[str]:
    with desk.database.reading() as session:
        query = select(payouts.PayoutLine.id).where(payouts.PayoutLine.payout_id == payout_id)
        return list(session.exec(query.order_by(payouts.PayoutLine.manager_id)))
