"""Managers and organisations, for operations."""

from __future__ import annotations

import pytest

from tests.api.front import Front


def test_a_manager_is_added_and_found(front: Front) -> None:
    added = front.fill(
        "operator",
        "/managers",
        name="王五",
        id="M5",
        phone="139 0000 0005",
        grade="junior",
        from_on="2026-03-01",
        tax_method="per_payment",
        bank_name="工商银行",
        bank_account="6222 0202 0011 2233 447",
    )
    assert added == "/managers/M5"
    shown = front.look("finance", "/managers/M5")
    assert "M5 · Junior · 13900000005" in shown and "**** 3447" in shown
    assert "王五" in front.look("operator", "/managers?q=13900000005")
    assert "No managers found" in front.look("operator", "/managers?q=nobody")


def test_an_account_is_never_shown_whole(front: Front) -> None:
    for path in ("/managers", "/managers/M1"):
        assert "6222020200112233445" not in front.page("operator", "GET", path).text


def test_an_account_left_empty_stays(front: Front) -> None:
    front.fill("operator", "/managers/M1/payment", bank_name="建设银行", tax_method="invoiced")
    shown = front.look("operator", "/managers/M1")
    assert "建设银行" in shown and "**** 3445" in shown and "Sends an invoice" in shown


def test_a_grade_is_held_from_a_day_on(front: Front) -> None:
    front.fill("operator", "/managers/M2/grade", grade="senior", from_on="2026-03-01")
    assert "from 2026-03-01 Senior" in front.look("operator", "/managers/M2")
    assert "Choose one of the grades" in front.fill(
        "operator", "/managers/M2/grade", 422, grade="emperor", from_on="2026-03-01"
    )


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"id": "M1"}, "There is already a manager M1"),
        ({"name": ""}, "Please fill this in"),
        ({"phone": "call me"}, "is not a phone number"),
        ({"id": "a b"}, "cannot be the id of a manager"),
    ],
)
def test_a_wrong_manager_is_refused_beside_the_field(
    front: Front, fields: dict[str, str], error: str
) -> None:
    given = {"name": "王五", "tax_method": "per_payment"} | fields
    assert error in front.fill("operator", "/managers", 422, **given)


def test_managers_see_themselves_and_change_nothing(front: Front) -> None:
    front.look("zhang", "/managers/M1")
    front.look("zhang", "/managers/M2", 404)
    front.look("zhang", "/managers", 403)
    front.fill("zhang", "/managers/M1/payment", 403, tax_method="invoiced")
    front.fill("finance", "/managers", 403, name="X")


def test_an_organisation_shows_its_needs_and_deals(front: Front) -> None:
    front.deal()
    front.need(title="Another need")
    address = front.found(r'href="(/organisations/og_[^"]+)"', "operator", "/organisations?q=Vision")
    shown = front.look("operator", address)
    assert "Eye-axis measuring" in shown and "Another need" in shown


def test_a_credit_code_is_checked(front: Front) -> None:
    front.need()
    address = front.found(r'href="(/organisations/og_[^"]+)"', "operator", "/organisations")
    wrong = front.fill("operator", address, 422, name="Vision Ltd", credit_code="91110000600037341X")
    assert "is no credit code" in wrong
    front.fill("operator", address, name="Vision Group", credit_code="91110000600037341L")
    assert "91110000600037341L" in front.look("operator", "/organisations")


def test_two_organisations_have_two_names(front: Front) -> None:
    front.need()
    front.need(client="Other Ltd")
    address = front.found(r'href="(/organisations/og_[^"]+)"', "operator", "/organisations?q=Other")
    assert "has that name" in front.fill("operator", address, 422, name="Vision Ltd")
    assert "There is nothing here" in front.look("operator", "/organisations/og_none", 404)


def test_the_list_of_organisations_is_for_the_desk(front: Front) -> None:
    front.look("zhang", "/organisations", 403)


def test_a_changed_account_waits_for_somebody_else_and_says_so(front: Front) -> None:
    change = {"bank_name": "建设银行", "tax_method": "per_payment", "bank_account": "62170000000000017"}
    front.fill("operator", "/managers/M1/payment", bank_cnaps="105552000013", **change)
    waits = "Nothing is paid to it before somebody else has confirmed it"
    assert waits in front.look("operator", "/managers/M1")
    assert "confirm the account" not in front.look("operator", "/managers/M1")  # who changed it
    shown = front.look("finance", "/managers/M1")
    assert waits in shown and "105552000013" in shown and "The last digit of the card" in shown
    seen = front.found(r'name="changed_at" value="([^"]+)"', "finance", "/managers/M1")
    front.fill("finance", "/managers/M1/account/confirm", 422, changed_at="x")
    front.fill("operator", "/managers/M1/account/confirm", 403, changed_at=seen)
    front.fill("finance", "/managers/M1/account/confirm", changed_at=seen)
    assert waits not in front.look("finance", "/managers/M1")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"bank_account": "6222O2"}, "has 6 to 30 digits"),
        ({"bank_cnaps": "12345"}, "has 12 digits"),
    ],
)
def test_a_wrong_number_is_refused_beside_its_field(front: Front, fields: dict[str, str], error: str) -> None:
    given = {"bank_name": "b", "tax_method": "invoiced"} | fields
    assert error in front.fill("operator", "/managers/M1/payment", 422, **given)


def test_what_was_asked_to_be_deleted_is_taken_back_on_its_page(front: Front) -> None:
    front.fill("zhang", "/persons/M1/erasure", reason="leaving")
    desk = front.look("operator", "/persons/M1")
    assert "only they can take it back" in desk and "Keep the data" not in desk
    front.fill("operator", "/persons/M1/erasure/withdraw", 403, kept="they rang")
    assert "Keep the data" in front.look("zhang", "/persons/M1")
    assert front.fill("zhang", "/persons/M1/erasure/withdraw") == "/persons/M1"
    assert "Ask for deletion" in front.look("zhang", "/persons/M1")
    assert "Nobody asks" in front.fill("zhang", "/persons/M1/erasure/withdraw", 422)


def test_a_desk_that_takes_back_what_a_desk_asked_for_says_why(front: Front) -> None:
    front.fill("operator", "/persons/M2/erasure", reason="entered twice")
    assert "Say why" in front.fill("second", "/persons/M2/erasure/withdraw", 422)
    front.fill("second", "/persons/M2/erasure/withdraw", kept="they are two people")
    assert "Ask for deletion" in front.look("second", "/persons/M2")


def test_the_copy_of_whoever_has_an_id_in_chinese_is_a_file_too(front: Front) -> None:
    front.post("operator", "/managers", {"id": '张三"1', "name": "张三"})
    for path in ('/persons/张三"1/copy', '/api/v1/persons/张三"1/copy'):
        fields = {"data": {"why": "r"}} if path.startswith("/p") else {"json": {"reason": "r"}}
        answer = front.page("operator", "POST", path, **fields)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
        assert "filename*=UTF-8''%E5%BC%A0%E4%B8%89%221-" in answer.headers["content-disposition"]
        assert answer.headers["cache-control"] == "no-store"
