"""Balances are kept at every close; what stands is that plus the postings since, and verify adds it up."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from ledger import accounts, reopenings, seals, snapshots
from ledger.core.entry import CHART
from ledger.db import Database
from ledger.journal import Posting
from ledger.snapshots import KeptBalance, Snapshot
from tests.desk import Desk


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """Three months of work: the first two are closed, the third is under way."""
    desk = Desk(database, tmp_path / "files").move_in()
    desk.deal()
    desk.today = date(2026, 1, 12)
    desk.reach("sign", {"M1": "2", "M2": "1"})
    for month in (1, 2, 3):
        desk.today = date(2026, month, 20)
        desk.fee("fee_received", 1_000_00 + month, f"YH-{month}")
        desk.pay(only=["M1"])
        desk.today = date(2026, month + 1, 2)
        if month < 3:
            desk.close(f"2026-0{month}")
    return desk


def naive(session: Session, through: str = "9") -> dict[tuple[str, str], int]:
    """Every balance from the postings alone."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for one in session.exec(select(Posting).where(Posting.period <= through)):
        sums[one.account, one.owner] += one.amount_minor
    return {key: amount for key, amount in sums.items() if amount}


def as_the_postings_say(desk: Desk) -> bool:
    """Whether every way to ask for balances, at the end of every month, says what the postings say."""
    by = desk.people["finance"]
    with desk.database.reading() as session:
        for through in (None, "2025-12", "2026-01", "2026-02", "2026-03", "2026-04"):
            wanted = naive(session, through or "9")
            found = {
                (code, one.owner): one.balance_minor
                for code in CHART
                for one in accounts.by_owner(session, code, through=through)
            }
            single = {key: accounts.balance(session, *key, "CNY", through=through) for key in wanted}
            total: dict[str, int] = defaultdict(int)
            for (code, _), amount in wanted.items():
                total[code] += amount
            trial = {
                one.account: one.balance_minor
                for one in accounts.trial_balance(session, through=through, by=by)
            }
            there = {code: amount for code, amount in trial.items() if amount}
            if not found == single == wanted or there != {c: a for c, a in total.items() if a}:
                return False
    return True


def kept(desk: Desk) -> list[str]:
    """The months of the snapshots that were made, in order."""
    with desk.database.reading() as session:
        return list(session.exec(select(Snapshot.period).order_by(Snapshot.block_no)))  # type: ignore[arg-type]


def test_balances_are_what_was_kept_and_the_postings_since(desk: Desk) -> None:
    assert kept(desk) == ["2026-01", "2026-02"]
    assert as_the_postings_say(desk)
    assert desk.wrong() == []


def test_a_snapshot_names_a_block_that_holds_everything_of_its_months(desk: Desk) -> None:
    with desk.database.reading() as session:
        for made in session.exec(select(Snapshot)).all():
            assert seals.get(session, made.block_no).made_at == made.made_at
            through = {"through": made.period, "by": desk.people["finance"]}
            known = accounts.trial_balance(session, block=made.block_no, **through)
            assert known == accounts.trial_balance(session, **through)


def test_a_reopened_month_is_added_up_until_it_is_closed_again(desk: Desk) -> None:
    asked = desk.do(lambda s: reopenings.ask(s, "2026-02", reason="a receipt", **desk.by("finance")).id)
    desk.do(lambda s: reopenings.agree(s, asked, **desk.by("third")))
    desk.fee("fee_received", 77_77, "YH-9", on=date(2026, 2, 27))
    with desk.database.reading() as session:
        standing = snapshots.standing(session)
        assert standing is not None and standing.period == "2026-01"
    assert as_the_postings_say(desk) and desk.wrong() == []
    desk.close("2026-02")
    assert kept(desk) == ["2026-01", "2026-02", "2026-02"]
    assert as_the_postings_say(desk) and desk.wrong() == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_balances_come_from_the_snapshot_and_verify_finds_a_false_one(desk: Desk) -> None:
    change = (
        "UPDATE kept_balance SET amount_minor = amount_minor + 1 WHERE account = '2202.02' AND owner = 'M2'"
        " AND snapshot_id = (SELECT id FROM balance_snapshot WHERE period = '2026-02')"
    )
    with Session(desk.database.engine.execution_options(writes=True)) as session:
        before = accounts.balance(session, "2202.02", "M2", "CNY")
        session.execute(text("DROP TRIGGER kept_balance_never_changes"))
        session.execute(text(change))
        assert accounts.balance(session, "2202.02", "M2", "CNY") == before + 1
        assert list(snapshots.differences(session)) == [("balances of 2026-02", "2202.02:M2 CNY is off by 1")]
        session.rollback()


def test_owners_at_zero_are_not_kept_and_their_accounts_stay_in_the_trial_balance(desk: Desk) -> None:
    with desk.database.reading() as session:
        assert all(session.exec(select(KeptBalance.amount_minor).where(KeptBalance.owner != "")))
        by = desk.people["finance"]
        shown = {one.account for one in accounts.trial_balance(session, through="2026-02", by=by)}
        assert shown == set(session.exec(select(Posting.account)))
