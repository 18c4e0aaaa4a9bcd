"""A payee's account: its numbers; and a changed one is confirmed by somebody else before it is paid to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import bank_accounts, managers
from ledger.core.errors import Conflict, Forbidden, Invalid, Refused
from ledger.db import Database
from ledger.files import Store
from tests.ledger.firm import day
from tests.ledger.payrun import World


@pytest.mark.parametrize(("text", "kept"), [("6222 0202-0011", "622202020011"), ("123456", "123456")])
def test_an_account_is_kept_without_what_people_put_between_its_digits(text: str, kept: str) -> None:
    assert bank_accounts.number(text) == kept


@pytest.mark.parametrize("text", ["12345", "6222O20200112233", "1" * 31, "６２２２０２０２００１１", ""])
def test_what_is_no_account_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        bank_accounts.number(text)
    assert refused.value.code == "account_number"


def test_a_branch_number_has_twelve_digits() -> None:
    assert bank_accounts.cnaps("102 552 000 013") == "102552000013"
    for text in ("10255200001", "1025520000134", "10255200001X"):
        with pytest.raises(Invalid) as refused:
            bank_accounts.cnaps(text)
        assert refused.value.code == "cnaps_number"


def test_a_card_with_a_slip_of_the_pen_is_looked_at_again_and_an_account_of_a_company_is_not() -> None:
    assert not bank_accounts.looks_wrong("6222020200112233446")
    assert bank_accounts.looks_wrong("6222020200112233445")
    assert not bank_accounts.looks_wrong("1903020109022100000")  # a company's
    assert not bank_accounts.looks_wrong(None)


def test_nothing_goes_to_a_changed_account_before_somebody_else_has_confirmed_it(
    database: Database, tmp_path: Path
) -> None:
    world = World(database, Store(tmp_path / "files"))
    people, now = world.firm, day(7)

    def change(account: str, minute: int) -> Any:
        at = now.replace(minute=minute)
        details = {"bank_name": "工商银行", "bank_account": account, "tax_method": "per_payment"}
        world.do(lambda s: managers.set_payment(s, "M1", **details, by=people.operator, now=at))
        return at

    def confirm(seen: Any, by: Any) -> None:
        world.do(lambda s: bank_accounts.confirm(s, "M1", seen=seen, by=by, now=now))

    def refused(kind: type[Refused], action: Any, *given: Any) -> str:
        with pytest.raises(kind) as found:
            action(*given)
        return found.value.code

    assert world.due().why_not is None
    first = change("62229999", 1)
    assert world.due().why_not == "account_unconfirmed"
    assert refused(Conflict, world.make) == "nothing_payable"
    assert refused(Forbidden, confirm, first, people.operator) == "not_your_own"  # they changed it
    assert refused(Forbidden, confirm, first, people.manager) == "not_allowed"
    second = change("62228888", 2)
    assert refused(Conflict, confirm, first, people.second) == "account_changed_again"
    confirm(second, people.second)
    assert refused(Conflict, confirm, second, people.second) == "account_settled"
    assert world.due().why_not is None

    payout = world.make()
    world.approve(payout, people.second)
    change("62227777", 3)
    change("62228888", 4)  # and back: what is sent goes to nothing that waits
    assert refused(Conflict, world.send, payout) == "account_changed"
    confirm(now.replace(minute=4), people.finance)
    world.send(payout)
