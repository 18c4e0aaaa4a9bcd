"""Where the operator has decided so, nobody is paid without an agreement in force."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger import payables, payee_agreements, settings
from ledger.core.errors import Conflict, Forbidden, Invalid, Refused
from ledger.db import Database
from tests.desk import PLAN, Desk


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    made = Desk(database, tmp_path / "files").move_in(PLAN)
    made.deal("D-1")
    made.reach("find")
    return made


def why_not(desk: Desk) -> str | None:
    with desk.database.reading() as session:
        (due,) = payables.preview(session, **desk.by("operator"))
        return due.why_not


def add(desk: Desk, number: str = "XY-1", who: str = "operator", **given: Any) -> str:
    told = {"signed_on": date(2026, 1, 1), "from_on": date(2026, 1, 1), "until_on": date(2026, 1, 31)} | given
    return desk.do(
        lambda session: (
            payee_agreements.add(
                session,
                desk.store,
                "M1",
                number=number,
                file_name="a.txt",
                content=b"a",
                **told,
                **desk.by(who),
            ).id
        )
    )


def required(desk: Desk) -> None:
    desk.do(
        lambda session: settings.decide(
            session,
            settings.AGREEMENT_REQUIRED,
            value="yes",
            from_on=date(2026, 1, 1),
            reason="民法典第964条",
            **desk.by("finance"),
        )
    )


def refused(kind: type[Refused], act: Any) -> str:
    with pytest.raises(kind) as found:
        act()
    return found.value.code


def test_without_the_setting_nothing_is_needed(desk: Desk) -> None:
    assert why_not(desk) is None


def test_nobody_is_paid_without_an_agreement_in_force(desk: Desk) -> None:
    required(desk)
    assert why_not(desk) == "no_agreement"
    add(desk)
    assert why_not(desk) is None
    desk.today = date(2026, 2, 1)
    assert why_not(desk) == "no_agreement"  # it was in force until the end of January
    later = add(desk, "XY-2", from_on=date(2026, 2, 1), until_on=None)
    assert why_not(desk) is None
    desk.do(
        lambda session: payee_agreements.end(
            session, later, last_on=date(2026, 1, 31), reason="解除", **desk.by("operator")
        )
    )
    assert why_not(desk) == "no_agreement"
    with desk.database.reading() as session:
        on_file = payee_agreements.on_file(session, "M1", by=desk.people["finance"])
        assert [one.agreement.number for one in on_file] == ["XY-2", "XY-1"]


def test_what_cannot_be_put_on_file(desk: Desk) -> None:
    known = add(desk)
    assert refused(Conflict, lambda: add(desk)) == "agreement_known"
    assert refused(Invalid, lambda: add(desk, " ")) == "agreement_number"
    assert refused(Invalid, lambda: add(desk, "XY-3", until_on=date(2025, 1, 1))) == "agreement_days"
    assert refused(Invalid, lambda: add(desk, "XY-3", signed_on=date(2027, 1, 1))) == "day_in_future"
    assert refused(Forbidden, lambda: add(desk, "XY-3", who="finance")) == "not_allowed"

    def end(reason: str) -> Any:
        return desk.do(
            lambda session: (
                payee_agreements.end(
                    session, known, last_on=desk.today, reason=reason, **desk.by("operator")
                ).id
            )
        )

    assert refused(Invalid, lambda: end(" ")) == "reason_missing"
    end("解除")
    assert refused(Conflict, lambda: end("解除")) == "agreement_ended"
