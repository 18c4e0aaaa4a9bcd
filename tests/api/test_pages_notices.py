"""A payee is told of a statement, opens it from there and confirms it; finance sees who has."""

from __future__ import annotations

from sqlmodel import select

from ledger import printing, reminders, signing
from ledger.statements import Statement
from tests.api.desk import Desk


def test_a_payee_reads_opens_and_confirms(desk: Desk) -> None:
    signing.key.cache_clear()
    desk.tell_fees()
    store = desk.client.app.state.store  # type: ignore[attr-defined]
    printing.run(desk.database, store, "2026-05", kind="preliminary")
    with desk.database.writing() as session:
        reminders.statements_made(session, "2026-05", now=desk.now())
        mine = session.exec(select(Statement).where(Statement.manager_id == "M1")).one()

    home = desk.open("zhang", "/").text
    assert "您 2026-05 的预结算单已生成" in home
    notice = home.split('action="/notices/')[1].split('"')[0]
    where = desk.done("zhang", f"/notices/{notice}")
    assert where == f"/statements/{mine.id}"
    assert "2026-05 的预结算单已生成" not in desk.see("zhang", "/")
    assert "2026-05 的预结算单已生成" in desk.see("zhang", "/notices")

    assert "确认无误" in desk.see("zhang", where)
    assert desk.done("zhang", f"{where}/acknowledge") == where
    assert "收款人已于" in desk.see("finance", where) and "确认无误" not in desk.see("zhang", where)
    assert "收款人已确认 1" in desk.see("finance", "/periods/2026-05/tie-out")
    assert desk.fill("li", f"{where}/acknowledge").status_code == 404
    assert desk.done("finance", f"{where}/resend") == where
    assert "2026-05 的预结算单已生成" in desk.see("zhang", "/")
    assert desk.done("zhang", "/notices/read") == "/notices"
    assert "2026-05 的预结算单已生成" not in desk.see("zhang", "/")


def test_an_address_is_left_and_mended(desk: Desk) -> None:
    assert set(desk.mend("zhang", "/notices/address", {"email": "zhang"}).errors) == {"email"}
    assert desk.done("zhang", "/notices/address", {"email": "zhang@example.org"}) == "/notices"
    assert 'value="zhang@example.org"' in desk.open("zhang", "/notices").text
