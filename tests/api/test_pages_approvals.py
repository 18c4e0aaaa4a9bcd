"""Approving on the pages: what is missing and by whom, stand-ins, lines taken out, several at once."""

from __future__ import annotations

from datetime import date

from ledger import approvals, payouts, policies, stand_ins
from ledger.core.policy import Band, Policy
from tests.api.desk import Desk, words

BOTH = ("finance", "operator")


def test_the_page_says_who_is_asked_who_agreed_and_who_is_missing(desk: Desk) -> None:
    _policy(desk, Band(0, 2, BOTH))
    made = desk.tell_payout()
    shown = desk.see("second", f"/payouts/{made.id}")
    assert "还差 2 人审批" in shown and "finance、second" in shown
    assert "须由他人进行" in desk.see("operator", f"/payouts/{made.id}")
    desk.done("second", f"/payouts/{made.id}/approve", {"digest": made.digest})
    shown = desk.see("finance", f"/payouts/{made.id}")
    assert "还差 1 人审批，可由以下人员审批：finance。" in shown and "有效" in shown
    desk.done("finance", f"/payouts/{made.id}/approve", {"digest": made.digest})
    assert "还差" not in desk.see("finance", f"/payouts/{made.id}")


def test_a_stand_in_is_named_chosen_and_shown_as_b_for_a(desk: Desk) -> None:
    made = desk.tell_payout()
    named = {
        "for_user": desk.users["finance"].id,
        "by_user": desk.users["second"].id,
        "from_on": "2026-05-18",
        "to_on": "2026-05-20",
        "reason": "出差",
    }
    refused = desk.mend("finance", "/stand-ins", {**named, "to_on": "2026-05-17"})
    assert set(refused.errors) == {"to_on"}
    assert desk.done("finance", "/stand-ins", named) == "/stand-ins"
    assert "second 代 finance" in desk.see("operator", "/stand-ins")
    asked = desk.see("second", f"/payouts/{made.id}/approve")
    assert "以谁的名义" in asked and "代 finance" in asked
    fields = {"digest": made.digest, "for_user": desk.users["finance"].id}
    desk.done("second", f"/payouts/{made.id}/approve", fields)
    assert "second 代 finance" in desk.see("operator", f"/payouts/{made.id}")
    with desk.database.reading() as session:
        (named_id,) = [one.id for one in stand_ins.listing(session, by=desk.users["finance"])]
    desk.done("finance", f"/stand-ins/{named_id}/end")
    assert "已结束" in desk.see("finance", "/stand-ins")


def test_lines_are_taken_out_after_asking_and_approvals_lapse(desk: Desk) -> None:
    made = desk.tell_payout()
    desk.done("second", f"/payouts/{made.id}/approve", {"digest": made.digest})
    with desk.database.reading() as session:
        first, _ = (line.id for line in payouts.lines_of(session, made.id))
    path = f"/payouts/{made.id}/take-out"
    assert set(desk.mend("operator", path, {}).errors) == {"reason"}
    asked = desk.fill("operator", path, {"line": first, "reason": "账户待核"})
    assert asked.status_code == 200 and "笔数 1" in words(asked.text)
    desk.done("operator", path, {"line": first, "reason": "账户待核", "confirmed": "yes"})
    shown = desk.see("second", f"/payouts/{made.id}")
    assert (
        "已失效：付款单或付款制度已有变更" in shown
        and "已移出" in shown
        and "账户待核" in shown
        and "还差 1 人审批" in shown
    )
    assert "1 笔付款" in shown


def test_several_batches_are_approved_together_and_count_and_sum_are_repeated(desk: Desk) -> None:
    first, second = _two(desk)
    shown = desk.open("second", "/payouts").text
    assert shown.count('name="payout"') == 2
    ticked = {"payout": [first, second]}
    asked = desk.fill("second", "/payouts/approve", ticked)
    with desk.database.reading() as session:
        sums = payouts.sums(session, [first, second])
        seen = [f"{one}:{session.get_one(payouts.Payout, one).digest}" for one in (first, second)]
    net = sum(sums[one][""].net_minor for one in sums)
    assert "笔数 2" in words(asked.text) and f"{net / 100:,.2f}" in words(asked.text)
    desk.done("second", "/payouts/approve", {"seen": seen, "confirmed": "yes"})
    assert "没有处于该状态的付款单" not in desk.see("second", "/payouts?state=approved")


def test_of_several_those_one_may_not_approve_are_left_out_and_why(desk: Desk) -> None:
    first, second = _two(desk)
    with desk.database.writing() as session:
        approvals.approve(session, first, by=desk.users["second"], now=desk.now())
    asked = desk.fill("second", "/payouts/approve", {"payout": [first, second]})
    assert "笔数 1" in words(asked.text) and "每个人对一张付款单只能批准一次" in words(asked.text)
    none = desk.fill("operator", "/payouts/approve", {"payout": [first, second]})
    assert none.status_code == 422 and 'name="confirmed"' not in none.text


def test_what_changed_meanwhile_is_approved_by_nobody(desk: Desk) -> None:
    first, second = _two(desk)
    seen = [f"{first}:{'0' * 64}", f"{second}:{'0' * 64}"]
    refused = desk.fill("second", "/payouts/approve", {"seen": seen, "confirmed": "yes"})
    assert refused.status_code == 409
    assert "没有处于该状态的付款单" in desk.see("second", "/payouts?state=approved")


def test_first_time_payees_are_shown_before_approving(desk: Desk) -> None:
    made = desk.tell_payout()
    assert "首次收款" in desk.see("second", f"/payouts/{made.id}/approve")


def test_the_pages_about_approving_are_complete_in_english(desk: Desk) -> None:
    made = desk.tell_payout()
    desk.lang = "en"
    shown = desk.see("second", f"/payouts/{made.id}") + desk.see("second", f"/payouts/{made.id}/approve")
    shown += desk.see("second", "/stand-ins")
    assert "1 approval is missing" in shown and "Paid for the first time" in shown and "审批" not in shown


def _policy(desk: Desk, *bands: Band) -> None:
    def write() -> None:
        with desk.database.writing() as session:
            drafted = policies.draft(session, Policy(0, bands, {}), by=desk.users["operator"], now=desk.now())
            policies.publish(
                session,
                drafted.id,
                effective_on=date(2026, 5, 1),
                by=desk.users["second"],
                now=desk.now(),
            )

    desk.day = "2026-05-01"
    write()


def _two(desk: Desk) -> tuple[str, str]:
    """Two batches, one for each manager."""
    desk.tell_fees()
    desk.day = "2026-05-18"
    with desk.database.writing() as session:
        one, other = (
            payouts.make(
                session, value_on=date(2026, 5, 20), only=[who], by=desk.users["operator"], now=desk.now()
            ).id
            for who in ("M1", "M2")
        )
    return one, other
