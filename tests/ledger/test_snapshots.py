"""Balances are kept at every close; what stands is that plus the postings since, and verify adds it up."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from ledger import accounts, reopenings, seals, snapshots
from ledger.core.entry import CHART, PAYABLE
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


Held = dict[tuple[str, str], int]


def known(session: Session, on: date | None, block: int | None) -> Held:
    """Every balance at the end of a day as known at a block, from the postings and the lists of blocks."""
    query = "SELECT p.account, p.owner, sum(p.amount_minor) FROM posting p JOIN entry e ON e.id = p.entry_id"
    query += " WHERE true" if on is None else f" AND e.booked_on <= '{on}'"
    if block is not None:
        query += (
            " AND EXISTS (SELECT 1 FROM sealed s WHERE s.kind = 'entry'"
            f" AND s.row_id = CAST(e.id AS text) AND s.block_no <= {block})"
        )
    rows = session.execute(text(f"{query} GROUP BY 1, 2 HAVING sum(p.amount_minor) <> 0"))
    return {(account, owner): int(amount) for account, owner, amount in rows}


def told(session: Session, on: date | None, block: int | None) -> Held:
    """The same as the product tells it."""
    found = accounts.held(session, accounts.AsOf(on, block))
    return {(one.account, one.owner): one.balance_minor for one in found}


def on_both_axes(desk: Desk) -> None:
    """Every block by every day on which something turns, and the sums of one account and of its owners."""
    days = [None, *(date(2026, month, day) for month in (1, 2, 3) for day in (12, 19, 20, 28)), *ENDS]
    with desk.database.reading() as session:
        last = seals.latest(session)
        for block in (None, *range(1, last.no + 1 if last else 1)):
            for on in days:
                wanted, as_of = known(session, on, block), accounts.AsOf(on, block)
                assert told(session, on, block) == wanted, as_of
                payable = {owner: amount for (code, owner), amount in wanted.items() if code == PAYABLE}
                assert accounts.total_of(session, PAYABLE, as_of=as_of) == sum(payable.values())
                across = accounts.across(session, (PAYABLE,), as_of=as_of, by=desk.people["finance"])
                assert {one.owner: one.balances_minor[PAYABLE] for one in across} == payable


ENDS = (date(2025, 12, 31), date(2026, 1, 31), date(2026, 3, 31))


def test_balances_of_any_day_as_known_at_any_block_are_exact(desk: Desk) -> None:
    """Also of months that were reopened: what came in then is in later blocks."""
    desk.do(lambda session: seals.seal_within(session, by="clock", now=desk.now))
    on_both_axes(desk)
    asked = desk.do(lambda s: reopenings.ask(s, "2026-01", reason="a receipt", **desk.by("finance")).id)
    desk.do(lambda s: reopenings.agree(s, asked, **desk.by("third")))
    for month in (1, 2):
        desk.fee("fee_received", 77_77, f"YH-9{month}", on=date(2026, month, 19))
        desk.do(lambda session: seals.seal_within(session, by="clock", now=desk.now))
    on_both_axes(desk)
    desk.close("2026-02")
    desk.fee("fee_received", 88_88, "YH-10", on=date(2026, 2, 19))  # late: it lands in March
    on_both_axes(desk)
    assert desk.wrong() == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_is_read_for_a_balance_is_the_last_snapshot_and_what_came_since(desk: Desk) -> None:
    """However old the books are: no query of a day or of a block reads the postings that were kept."""
    with Session(desk.database.engine.execution_options(writes=True)) as session:
        last = seals.latest(session)
        assert last is not None
        axes = [(None, None), (date(2026, 2, 28), None), (date(2026, 3, 19), None), (None, last.no)]
        wanted, summed = [told(session, *axis) for axis in axes], naive(session)
        session.execute(text("DROP TRIGGER posting_never_changes"))
        session.execute(text("UPDATE posting SET amount_minor = amount_minor * 9 WHERE period = '2026-01'"))
        session.expire_all()
        assert [told(session, *axis) for axis in axes] == wanted
        assert naive(session) != summed
        session.rollback()


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
        assert list(snapshots.differences(session)) == [
            ("balances of 2026-02", "2202.02:M2 CNY is off by 1"),
            ("total of 2026-02", "2202.02 CNY is off by -1 from what its owners have"),
        ]
        session.rollback()


def test_owners_at_zero_are_not_kept_and_their_accounts_stay_in_the_trial_balance(desk: Desk) -> None:
    with desk.database.reading() as session:
        assert all(session.exec(select(KeptBalance.amount_minor)))
        by = desk.people["finance"]
        shown = {one.account for one in accounts.trial_balance(session, through="2026-02", by=by)}
        assert shown == set(session.exec(select(Posting.account)))
