"""A manager joins by invitation: a link good once and for a time, their own details, operations' word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from ledger import (
    entrance,
    identities,
    invitations,
    managers,
    needs,
    notices,
    payables,
    rekeying,
    settings,
    users,
    vault,
    verification,
)
from ledger.audit import Note
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from ledger.db import Database
from ledger.invitations import Invitation
from ledger.managers import Manager
from ledger.notices import Delivery, Notice
from ledger.users import User
from tests.desk import Desk

PHONE = "13900001234"
PASSWORD = "a password of my own"
DETAILS: Mapping[str, Any] = {
    "password": PASSWORD,
    "name": "赵敏",
    "identity_kind": "resident_id",
    "identity_number": "11010519491231002x",
    "bank_name": "工商银行株洲支行",
    "bank_account": "6222 0200 1122 3344 58",
}


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path / "files").move_in()


def invite(desk: Desk, phone: str = PHONE, **more: Any) -> tuple[Invitation, str]:
    return desk.do(lambda session: invitations.invite(session, phone=phone, **more, **desk.by("operator")))


def enter(desk: Desk, code: str, **other: Any) -> Invitation:
    given = {**DETAILS, **other}
    return desk.do(lambda session: invitations.enter(session, code, **given, now=desk.now))


def confirm(desk: Desk, invitation: Invitation, **more: Any) -> Manager:
    return desk.do(lambda session: invitations.confirm(session, invitation.id, **more, **desk.by("second")))


def sign_in(desk: Desk, phone: str = PHONE, password: str = PASSWORD) -> User:
    return desk.do(lambda session: entrance.sign_in(session, phone=phone, password=password, now=desk.now)[0])


def refused(desk: Desk, code: str) -> str:
    """How the code is refused, opened and used alike."""
    with pytest.raises(Refused) as opening:
        desk.do(lambda session: invitations.opened(session, code, now=desk.now))
    with pytest.raises(Refused) as entering:
        enter(desk, code)
    assert opening.value.code == entering.value.code
    return opening.value.code


def test_who_was_invited_enters_their_details_and_can_work_once_operations_confirm(desk: Desk) -> None:
    invitation, code = invite(desk)
    enter(desk, code)
    with pytest.raises(Forbidden, match="wrong"):
        sign_in(desk)
    manager = confirm(desk, invitation, grade="senior", tax_method="platform_cumulative")

    user = sign_in(desk)
    assert (user.role, user.manager_id, user.password_given_by) == ("manager", manager.id, None)
    with desk.database.reading() as session:
        kept = managers.get(session, manager.id)
        assert (kept.name, kept.bank_account, kept.account_waits) == ("赵敏", "622202001122334458", False)
        assert managers.grades_on(session, [manager.id], desk.today) == {manager.id: "senior"}
        assert managers.tax_methods_on(session, [manager.id], desk.today)[manager.id] == "platform_cumulative"
        identity = identities.get(session, manager.id, by=desk.people["operator"])
        assert identity.identity_number == "11010519491231002X"


def test_before_they_are_confirmed_nobody_can_name_or_pay_them(desk: Desk) -> None:
    invitation, code = invite(desk)
    entered = enter(desk, code)
    desk.deal("D-1")
    assert entered.manager_id is None
    with pytest.raises(NotFound, match="manager"):
        desk.reach("find", {"赵敏": "1"})
    manager = confirm(desk, invitation)
    desk.reach("find", {manager.id: "1"})
    with desk.database.reading() as session:
        due = payables.preview(session, **desk.by("operator"))
        assert [(one.manager_id, one.why_not) for one in due] == [(manager.id, None)]


def test_a_link_is_good_once(desk: Desk) -> None:
    invitation, code = invite(desk)
    enter(desk, code)
    assert refused(desk, code) == "invitation_used"
    confirm(desk, invitation)
    assert refused(desk, code) == "invitation_used"
    with pytest.raises(Conflict, match="cannot confirm"):
        confirm(desk, invitation)


def test_nobody_gets_a_second_sign_in_in_the_name_of_who_has_one(desk: Desk) -> None:
    """Neither by inviting them under another number, nor by two invitations that were both made in time."""
    manager = desk.do(lambda session: managers.add(session, name="钱七", now=desk.now))
    both = [invite(desk, phone, manager_id=manager.id) for phone in ("13900005678", "13900005679")]
    for _, secret in both:
        enter(desk, secret, name="钱七", identity_number="110101199003070812")
    confirm(desk, both[0][0])
    with pytest.raises(Conflict) as late:
        confirm(desk, both[1][0])
    with pytest.raises(Conflict) as again:
        invite(desk, "13900005680", manager_id=manager.id)
    with pytest.raises(Conflict) as added:
        desk.do(
            lambda session: users.add(
                session,
                phone="13900005681",
                name="钱七",
                role="manager",
                password=PASSWORD,
                manager_id=manager.id,
                now=desk.now,
            )
        )
    assert {late.value.code, again.value.code, added.value.code} == {"manager_signs_in"}
    assert sign_in(desk, "13900005678").manager_id == manager.id


def test_details_that_are_wrong_do_not_use_the_link(desk: Desk) -> None:
    _, code = invite(desk)
    wrong = {
        "identity_number": "110105194912310021",
        "bank_account": "12",
        "bank_cnaps": "1",
        "bank_name": " ",
        "name": " ",
        "password": "short",
        "identity_kind": "passport number",
    }
    for field, value in wrong.items():
        with pytest.raises(Invalid):
            enter(desk, code, **{field: value})
    enter(desk, code)


def test_two_who_use_a_link_at_the_same_instant_are_one_who_joined(desk: Desk) -> None:
    _, code = invite(desk)
    came, barrier = [], Barrier(2)

    def use(name: str) -> None:
        barrier.wait()
        try:
            came.append(enter(desk, code, name=name).name)
        except Conflict as refusal:
            came.append(refusal.code)

    threads = [Thread(target=use, args=(name,)) for name in ("甲", "乙")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "invitation_used" in came and len(set(came) & {"甲", "乙"}) == 1


def test_a_link_ends_after_the_days_of_the_setting(desk: Desk) -> None:
    desk.do(
        lambda session: settings.decide(
            session,
            settings.INVITATION_DAYS,
            value="3",
            from_on=date(2026, 1, 1),
            reason="r",
            **desk.by("finance"),
        )
    )
    _, code = invite(desk)
    desk.today += timedelta(days=3)
    assert refused(desk, code) == "invitation_expired"
    _, again = invite(desk)
    enter(desk, again)


def test_a_link_that_was_withdrawn_opens_nothing_and_what_was_entered_is_forgotten(desk: Desk) -> None:
    invitation, code = invite(desk)
    enter(desk, code)
    withdrawn = desk.do(
        lambda session: invitations.withdraw(session, invitation.id, reason="证件不符", **desk.by("operator"))
    )
    assert refused(desk, code) == "invitation_void"
    personal = ("name", "identity_number", "bank_account", "password_hash")
    assert [getattr(withdrawn, field) for field in personal] == [None] * 4
    with pytest.raises(Conflict):
        confirm(desk, invitation)
    invite(desk)


def test_what_was_entered_stays_with_the_manager_alone_once_it_is_confirmed(desk: Desk) -> None:
    invitation, code = invite(desk)
    enter(desk, code)
    confirm(desk, invitation)
    with desk.database.reading() as session:
        kept = session.get_one(Invitation, invitation.id)
        assert (kept.name, kept.bank_account, kept.identity_number, kept.password_hash) == (None,) * 4


def test_that_a_phone_has_a_user_already_is_told_to_operations_only(desk: Desk) -> None:
    with pytest.raises(Conflict, match="finance"):
        invite(desk, desk.people["finance"].phone)
    _, code = invite(desk)
    desk.do(
        lambda session: session.add(
            User(
                id="us_new", phone=PHONE, name="李秘", role="finance", password_hash="x", created_at=desk.now
            )
        )
    )
    assert refused(desk, code) == "invitation_void"
    with pytest.raises(Conflict) as refusal, desk.database.reading() as session:
        invitations.opened(session, code, now=desk.now)
    assert "李秘" not in str(refusal.value) and PHONE not in str(refusal.value)


def test_a_phone_is_invited_once_at_a_time_however_it_is_written(desk: Desk) -> None:
    invite(desk, "139 0000-1234")
    with pytest.raises(Conflict, match="invited already"):
        invite(desk)


def test_a_manager_of_the_books_is_invited_and_another_account_waits_for_a_second_person(desk: Desk) -> None:
    invitation, code = invite(desk, manager_id="M1")
    enter(desk, code)
    assert confirm(desk, invitation).id == "M1"
    with desk.database.reading() as session:
        kept = managers.get(session, "M1")
        assert (kept.name, kept.account_waits, kept.account_changed_by) == ("经理1", True, "us_second")
    assert sign_in(desk).manager_id == "M1"


def test_only_operations_invite_look_confirm_and_withdraw(desk: Desk) -> None:
    invitation, _ = invite(desk)
    for who in ("finance", "third"):
        for action in (
            lambda session, by: invitations.invite(session, phone="13900009999", **by),
            lambda session, by: invitations.get(session, invitation.id, by=by["by"]),
            lambda session, by: invitations.listing(session, by=by["by"]),
            lambda session, by: invitations.confirm(session, invitation.id, **by),
            lambda session, by: invitations.withdraw(session, invitation.id, reason="r", **by),
        ):
            with pytest.raises(Forbidden):
                desk.do(lambda session, act=action, name=who: act(session, desk.by(name)))


def test_the_code_is_kept_as_a_hash_and_the_numbers_under_the_keys(desk: Desk) -> None:
    _, code = invite(desk)
    enter(desk, code)
    with desk.database.engine.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM invitation")).all())
        noted = str(connection.execute(text("SELECT before, after FROM audit_note")).all())
    for secret in (code, PASSWORD, "11010519491231002X", "622202001122334458"):
        assert secret not in rows + noted
    vault.rotate()
    desk.do(rekeying.rewrite)
    with desk.database.engine.connect() as connection:
        sealed = connection.execute(text("SELECT bank_account FROM invitation")).scalar_one()
        assert sealed.startswith(f"{vault.PREFIX}{vault.ring().current}.")


def test_operations_are_told_that_somebody_entered_their_details(desk: Desk) -> None:
    invitation, code = invite(desk)
    enter(desk, code)
    with desk.database.reading() as session:
        told = session.exec(select(Notice).where(Notice.kind == invitations.ENTERED)).all()
        assert {(one.user_id, one.path) for one in told} == {
            ("us_operator", f"/invitations/{invitation.id}"),
            ("us_second", f"/invitations/{invitation.id}"),
        }
        assert all(PHONE not in one.title_zh for one in told)


def test_each_step_is_noted_with_who_took_it(desk: Desk) -> None:
    invitation, code = invite(desk)
    enter(desk, code)
    confirm(desk, invitation)
    with desk.database.reading() as session:
        noted = session.exec(select(Note).where(Note.subject == invitation.id).order_by(Note.id)).all()
        assert [(one.action, one.actor) for one in noted] == [
            ("manager.invite", "us_operator"),
            ("manager.enter", "nobody"),
            ("manager.confirm", "us_second"),
        ]
        assert not verification.verify(session, desk.store, now=desk.now).differences


def test_the_database_lets_nobody_skip_a_step_or_change_whom_it_was_for(desk: Desk) -> None:
    invite(desk)
    for change in (
        "UPDATE invitation SET state = 'confirmed'",
        "UPDATE invitation SET phone = '1'",
        "UPDATE invitation SET expires_at = '2099-01-01 00:00:00'",
        "DELETE FROM invitation",
    ):
        with pytest.raises(DBAPIError), desk.database.engine.begin() as connection:
            connection.execute(text(change))


def test_a_link_is_written_to_an_address_where_mail_can_be_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid, match="PUBLIC_URL"):
        invite(desk, email="zhao@example.org")
    monkeypatch.setenv("YONGJIN_PUBLIC_URL", "https://yongjin.example.org")
    with pytest.raises(Invalid, match="no mail server"):
        invite(desk, email="zhao@example.org")
    monkeypatch.setenv("YONGJIN_SMTP_URL", "smtp://localhost?tls=no")
    with pytest.raises(Invalid, match="no e-mail address"):
        invite(desk, email="zhao")
    _, code = invite(desk, email=" zhao@example.org ")
    with desk.database.reading() as session:
        waiting = session.exec(select(Delivery)).one()
        assert (waiting.address, waiting.channel) == ("zhao@example.org", notices.EMAIL)
        assert waiting.link == f"https://yongjin.example.org/join?code={code}"


def test_what_the_invited_person_logs_is_theirs(desk: Desk) -> None:
    invitation, code = invite(desk)
    enter(desk, code)
    manager, user = confirm(desk, invitation), sign_in(desk)
    logged = desk.do(
        lambda session: needs.log(session, title="轴承减振", client="株洲某厂", by=user, now=desk.now)
    )
    assert logged.manager_id == manager.id
