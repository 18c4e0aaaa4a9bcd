"""Joining on pages: the link is shown once to operations; the invited person fills in one form."""

from __future__ import annotations

import re

from sqlmodel import select

from ledger.invitations import Invitation
from tests.api.desk import Desk, words

PHONE = "13900001234"
DETAILS = {
    "name": "赵敏",
    "identity_kind": "resident_id",
    "identity_number": "11010519491231002X",
    "bank_name": "工商银行",
    "bank_account": "6222 0200 1122 3344 58",
    "password": "a password of my own",
    "again": "a password of my own",
}


def invited(desk: Desk, **fields: str) -> tuple[str, str]:
    """The invitation's id and its code."""
    answer = desk.fill("operator", "/invitations/new", {"phone": PHONE, **fields})
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    found = re.search(r'value="[^"]*/join\?code=([\w-]+)"', answer.text)
    assert found
    with desk.database.reading() as session:
        latest = session.exec(select(Invitation).order_by(Invitation.id.desc())).first()  # type: ignore[attr-defined]
        assert latest
        return latest.id, found[1]


def test_a_manager_joins_by_a_link_and_signs_in_once_operations_confirm(desk: Desk) -> None:
    id, code = invited(desk)
    assert "加入" in desk.see("", f"/join?code={code}")
    sent = desk.fill("", "/join", {"code": code, **DETAILS})
    assert sent.status_code == 200 and "核对" in words(sent.text)
    entered = {"phone": PHONE, "password": DETAILS["password"], "next": "/"}
    assert desk.fill("", "/sign-in", entered).status_code == 403
    assert "赵敏" in desk.see("operator", f"/invitations/{id}")
    assert "受邀人" in desk.see("operator", "/notices")
    where = desk.done("operator", f"/invitations/{id}/confirm", {"tax_method": "per_payment", "grade": ""})
    assert where.startswith("/managers/")
    assert desk.fill("", "/sign-in", entered).status_code == 303


def test_the_numbers_are_masked_until_somebody_asks_for_them(desk: Desk) -> None:
    id, code = invited(desk)
    desk.fill("", "/join", {"code": code, **DETAILS})
    assert "622202001122334458" not in desk.open("operator", f"/invitations/{id}").text
    shown = desk.fill("operator", f"/invitations/{id}/reveal")
    assert "622202001122334458" in shown.text and shown.headers["Cache-Control"] == "no-store"


def test_wrong_details_come_back_by_field_and_the_link_stays_good(desk: Desk) -> None:
    _, code = invited(desk)
    wrong = {"identity_number": "1", "again": "another password", "bank_account": ""}
    mended = desk.mend("", "/join", {"code": code, **DETAILS, **wrong})
    assert set(mended.errors) == {"again", "bank_account"}
    mended = desk.mend("", "/join", {"code": code, **DETAILS, "identity_number": "1"})
    assert set(mended.errors) == {"identity_number"}
    assert mended.kept("name") == "赵敏" and mended.kept("code") == code
    assert DETAILS["password"] not in mended.html
    assert desk.fill("", "/join", {"code": code, **DETAILS}).status_code == 200


def test_a_link_that_is_used_wrong_or_missing_says_so_and_no_more(desk: Desk) -> None:
    id, code = invited(desk)
    desk.fill("", "/join", {"code": code, **DETAILS})
    for asked, status in ((code, 409), ("nothing", 404), ("", 404)):
        answer = desk.open("", f"/join?code={asked}")
        assert answer.status_code == status
        assert "赵敏" not in answer.text and PHONE not in answer.text
    assert desk.done("operator", f"/invitations/{id}/withdraw", {"reason": "证件不符"}) == "/invitations"
    assert desk.open("", f"/join?code={code}").status_code == 409


def test_a_phone_that_has_a_user_is_told_beside_the_field(desk: Desk) -> None:
    mended = desk.mend("operator", "/invitations/new", {"phone": desk.users["finance"].phone})
    assert desk.users["finance"].name in mended.errors["phone"]
    invited(desk)
    assert "phone" in desk.mend("operator", "/invitations/new", {"phone": PHONE}).errors


def test_nobody_but_operations_sees_invitations(desk: Desk) -> None:
    id, _ = invited(desk)
    for who in ("zhang", "finance"):
        for path in ("/invitations", "/invitations/new", f"/invitations/{id}"):
            assert desk.open(who, path).status_code == 403
