"""Every figure of every statement of a city's month, read off its PDF, is what the books say.

What the books say is asked for by SQL that stands here, and by nothing of what drew the statements.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ledger import paper, printing, statements
from ledger.core import period as months
from ledger.core.capitals import amount_cn
from ledger.db import Database
from ledger.files import Store
from tests.ledger import city_month, read_paper
from tests.ledger.city_month import AFTER, BUSY, LATER, NOW
from tests.ledger.read_paper import Read

FEW, CITY = 14, 4_467  # contracts
STAGES = {
    "need_discovery": "需求挖掘",
    "tech_sourcing": "技术寻源",
    "contract_signing": "合同签订",
    "completion": "完成转化",
}
KINDS = {"held": "暂扣", "expected": "预计"}
ROOM = 110  # how tall the bars may be, highest and lowest together


class Books:
    """The ledger's answers about one manager and one month, in SQL."""

    def __init__(self, session: Session, manager: str, period: str) -> None:
        self._session = session
        self._given = {
            "m": manager,
            "p": period,
            "january": f"{period[:4]}-01",
            "first": months.following(f"{int(period[:4]) - 1}{period[4:]}"),
            "batch": f"FK-{period.replace('-', '')}-%",
            "day": str(months.last_day(period)),
        }

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._session.execute(text(sql), self._given)]

    def one(self, sql: str) -> int:
        return int(self.rows(sql)[0][0] or 0)

    def posted(self, account: str, where: str) -> int:
        """The sum of the manager's postings on an account; credit is negative."""
        return self.one(
            "SELECT SUM(p.amount_minor) FROM posting p JOIN entry e ON e.id = p.entry_id "
            f"WHERE p.manager_id = :m AND p.currency = 'CNY' AND p.account = '{account}' AND {where}"
        )


def bridge(books: Books) -> dict[str, int]:
    now = "p.period = :p AND e.kind"
    cost, late = "6401", "p.origin < p.period AND p.nature <> 'clawed_back'"
    sent = books.one(
        "SELECT SUM(l.gross_minor) FROM payout_line l JOIN payout b ON b.id = l.payout_id "
        "WHERE l.manager_id = :m AND b.sent_at IS NOT NULL AND l.state <> 'taken_out' AND b.no LIKE :batch"
    )
    confirmed = books.posted("2202.03", f"{now} = 'payout_confirmed'")
    vat = books.posted("2221.13", f"{now} = 'payout_confirmed'")
    return {
        "期初余额": -books.posted("2202.01", "p.period < :p"),
        "本期计提": books.posted(cost, f"{now} = 'accrual' AND p.nature = 'earned' AND NOT ({late})"),
        "调整": books.posted(cost, f"{now} = 'accrual' AND (p.nature = 'adjusted' OR ({late}))"),
        "追回": books.posted(cost, f"{now} = 'accrual' AND p.nature = 'clawed_back'"),
        "暂扣": books.posted("2202.02", f"{now} = 'accrual'"),
        "暂扣释放": -books.posted("2202.01", f"{now} = 'release'"),
        "审批中": sent - books.posted("2202.01", f"{now} = 'payout_made'"),
        "在途": confirmed - sent,
        "退回与退汇": -books.posted("2202.01", f"{now} = 'payout_returned'"),
        "已付（税后）": books.posted("1002", f"{now} = 'payout_confirmed'"),
        "代扣个人所得税": books.posted("2221.12", f"{now} = 'payout_confirmed'"),
        **({"代扣增值税及附加": vat} if vat else {}),
        "期末余额": -books.posted("2202.01", "p.period <= :p"),
    }


def year(books: Books) -> dict[str, int]:
    since = "p.period BETWEEN :january AND :p"
    paid = f"{since} AND e.kind = 'payout_confirmed'"
    return {
        "计提佣金": books.posted("6401", since),
        "已付（税前）": books.posted("2202.03", paid),
        "代扣个人所得税": -books.posted("2221.12", paid),
        "已付（税后）": -books.posted("1002", paid),
    }


_MOVED = """
    SELECT e.booked_on, p.entry_id, p.deal_id, p.stage, p.origin, p.nature,
           SUM(CASE WHEN p.account = '6401' THEN p.amount_minor ELSE 0 END) AS gross,
           SUM(CASE WHEN p.account = '2202.02' THEN -p.amount_minor ELSE 0 END) AS held
    FROM posting p JOIN entry e ON e.id = p.entry_id
    WHERE p.manager_id = :m AND p.period = :p AND e.kind = 'accrual' AND p.account IN ('6401', '2202.02')
    GROUP BY e.booked_on, p.entry_id, p.deal_id, p.stage, p.origin, p.nature
"""
_BEFORE = """
    SELECT COALESCE(SUM(amount_minor), 0) FROM posting
    WHERE account = '6401' AND manager_id = :m AND deal_id = :deal AND stage = :stage AND origin = :origin
    AND nature = :nature AND entry_id < :entry
"""


def lines(books: Books, period: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """(what the month has, what earlier months have in it): a line each, as the paper has it."""
    mine, late = [], []
    for on, entry, deal, stage, origin, nature, gross, held in books.rows(_MOVED):
        about = (str(on), str(entry), deal, STAGES[stage])
        if origin == period or nature == "clawed_back":
            mine.append((*about, nature == "clawed_back", gross, held, gross - held))
        else:
            given = {"m": books._given["m"], "deal": deal, "stage": stage, "origin": origin}
            asked = text(_BEFORE), given | {"nature": nature, "entry": entry}
            old = int(books._session.execute(*asked).scalar_one())
            late.append((*about, origin, old, old + gross, gross, held))
    return mine, late


def releases(books: Books) -> list[tuple[Any, ...]]:
    found = books.rows(
        "SELECT e.booked_on, p.entry_id, p.deal_id, p.stage, p.amount_minor FROM posting p "
        "JOIN entry e ON e.id = p.entry_id WHERE p.manager_id = :m AND p.period = :p "
        "AND e.kind = 'release' AND p.account = '2202.02'"
    )
    return [(str(on), str(entry), deal, STAGES[stage], minor) for on, entry, deal, stage, minor in found]


def paid(books: Books) -> list[tuple[Any, ...]]:
    """Every payment that moved in the month: batch, steps, gross, tax, net."""
    steps = {"payout_made": "制单", "payout_returned": "退回", "payout_confirmed": "银行确认"}
    order = ("制单", "送银行", "退回", "银行确认")
    found: dict[str, tuple[Any, set[str]]] = {}
    for line, kind, *rest, sent in books.rows(
        "SELECT l.id, e.kind, b.no, l.gross_minor, l.tax_minor, l.net_minor, b.sent_at IS NOT NULL "
        "FROM payout_line l JOIN payout b ON b.id = l.payout_id JOIN entry e ON e.source = l.id "
        "WHERE l.manager_id = :m AND e.period = :p"
    ):
        found.setdefault(line, (rest, {"送银行"} if sent else set()))[1].add(steps[kind])
    return [
        (rest[0], tuple(step for step in order if step in taken), *rest[1:]) for rest, taken in found.values()
    ]


def pending(books: Books) -> list[tuple[Any, ...]]:
    found = books.rows(
        "SELECT CASE account WHEN '2202.02' THEN 'held' ELSE 'expected' END AS kind, deal_id, stage, "
        "SUM(CASE account WHEN '2202.02' THEN -amount_minor ELSE amount_minor END) FROM posting "
        "WHERE manager_id = :m AND period <= :p AND account IN ('2202.02', '9001') AND currency = 'CNY' "
        "GROUP BY account, deal_id, stage HAVING SUM(amount_minor) <> 0"
    )
    return [(KINDS[kind], deal, STAGES[stage], int(minor)) for kind, deal, stage, minor in found]


def received(books: Books) -> dict[str, int]:
    """What a deal has received by the end of the month, refunds and VAT off; none of one ever cancelled.

    The late refunds of `city_month` were not known when December was closed.
    """
    found = books.rows(
        "SELECT deal_id, SUM(CASE type WHEN 'fee_received' THEN amount_minor - COALESCE(tax_minor, 0) "
        "WHEN 'fee_refunded' THEN COALESCE(tax_minor, 0) - amount_minor ELSE 0 END) FROM fact "
        "WHERE CAST(fact_on AS VARCHAR) <= :day AND NOT (ref LIKE 'TK-ZZ%' AND :p = '2023-12') "
        "GROUP BY deal_id "
        "HAVING SUM(CASE WHEN type = 'cancelled' THEN 1 ELSE 0 END) = 0"
    )
    return {deal: int(minor) for deal, minor in found}


def check_year_of_bars(books: Books, read: Read, period: str) -> None:
    """The twelve bars are as tall as the months are to each other, and the highest is named."""
    booked = dict(
        books.rows(
            "SELECT period, SUM(amount_minor) FROM posting WHERE manager_id = :m AND account = '6401' "
            "AND currency = 'CNY' AND period BETWEEN :first AND :p GROUP BY period"
        )
    )
    twelve = [int(booked.get(month, 0)) for month in months.span(books._given["first"], period)]
    high, low = max(0, *twelve), min(0, *twelve)
    named = {"最高": high} if high or not low else {}
    assert read.extremes == named | ({"最低": low} if low else {})
    tall = [math.copysign(ROOM * abs(one) // max(1, high - low), one) for one in twelve]
    assert read.bars == tall, (twelve, read.bars)


def check(session: Session, manager: str, period: str, read: Read) -> None:
    """Every figure of one statement."""
    books, said = Books(session, manager, period), read.bridge
    assert said == bridge(books)
    assert said["期初余额"] + sum(list(said.values())[1:-1]) == said["期末余额"]
    assert read.year == year(books)
    held, expected = -books.posted("2202.02", "p.period <= :p"), books.posted("9001", "p.period <= :p")
    assert read.figures == [said["期末余额"], held, expected]
    assert read.words == amount_cn(said["期末余额"], "CNY")

    mine, late = lines(books, period)
    assert Counter(read.lines) == Counter(mine)
    assert Counter(read.adjustments) == Counter(late)
    assert Counter(read.releases) == Counter(releases(books))
    assert Counter(read.payouts) == Counter(paid(books))
    check_totals(read)
    unpaid = [one for one in read.pending if one[0] == "应付"]
    assert Counter(one for one in read.pending if one[0] != "应付") == Counter(pending(books))
    assert sum(int(str(one[-1])) for one in unpaid) in (said["期末余额"], 0)
    assert bool(unpaid) == bool(said["期末余额"])

    known = received(books)
    for entry, deal, base in read.bases:
        assert base == known.get(deal, base), (entry, deal)
    check_year_of_bars(books, read, period)


def check_totals(read: Read) -> None:
    """Totals under lists are the sums of what stands above them."""

    def summed(rows: list[Any], places: int) -> list[int]:
        return [sum(int(row[place]) for row in rows) for place in range(-places, 0)]

    wanted = {
        "本期明细": summed(read.lines, 3),
        "以前期间的调整": summed(read.adjustments, 2),
        "暂扣释放": summed(read.releases, 1),
    }
    there = {"本期明细": read.lines, "以前期间的调整": read.adjustments, "暂扣释放": read.releases}
    assert read.totals == {head: wanted[head] for head, rows in there.items() if rows}


def compared(session: Session, manager: str, period: str, pdf: bytes) -> Counter[str]:
    """Compare one statement; what it had."""
    read = read_paper.read(pdf)
    try:
        check(session, manager, period, read)
    except AssertionError as wrong:
        raise AssertionError(f"{manager} {period}: {wrong}") from wrong
    had = Counter(what for what in ("lines", "adjustments", "releases", "payouts") if getattr(read, what))
    had.update(str(step) for payout in read.payouts for step in payout[1])  # type: ignore[attr-defined]
    had.update(statements=1, debts=int(read.figures[0] < 0), taxed=int(read.year["代扣个人所得税"] > 0))
    return had


def whole_month(database: Database, store: Store, period: str) -> Counter[str]:
    """Print a month and compare every statement of it."""
    kind: statements.Kind = "final" if period == BUSY else "preliminary"
    report = printing.run(database, store, period, kind=kind, workers=2)
    assert report.refused == []
    had: Counter[str] = Counter()
    with database.reading() as session:
        kept = statements.latest_of(session, period)
        assert {one.manager_id for one in kept} == {one for one, _ in statements.wanted(session, period)}
        for one in kept:
            had += compared(session, one.manager_id, period, store.get(one.pdf_sha256))
    return had


@pytest.fixture
def city(
    request: pytest.FixtureRequest, database: Database, tmp_path: Any
) -> Iterator[tuple[Database, Store]]:
    store = Store(tmp_path / "files")
    city_month.load(database, store, request.param)
    city_month.go_on(database, store)
    yield database, store


@pytest.mark.parametrize("city", [FEW], indirect=True)
def test_every_figure_on_a_few_statements_is_what_the_books_say(city: tuple[Database, Store]) -> None:
    database, _ = city
    busiest = text(
        "SELECT manager_id FROM posting WHERE period = :p AND manager_id LIKE 'M%' GROUP BY manager_id "
        "ORDER BY COUNT(DISTINCT entry_id) DESC, COUNT(*) DESC, manager_id LIMIT 3"
    )
    had: Counter[str] = Counter()
    with database.reading() as session:
        for period in (AFTER, LATER):
            for (manager,) in session.execute(busiest, {"p": period}).all():
                drawn = statements.draw(session, manager, period, kind="preliminary", now=NOW)
                had += compared(session, manager, period, paper.render(drawn))
    assert min(had[what] for what in ("lines", "adjustments", "payouts")) > 0, had


@pytest.mark.long
@pytest.mark.parametrize("city", [CITY], indirect=True)
def test_every_figure_on_every_statement_of_a_citys_month_is_what_the_books_say(
    city: tuple[Database, Store],
) -> None:
    busy, after, later = (whole_month(*city, period) for period in (BUSY, AFTER, LATER))
    assert min(one["statements"] for one in (busy, after, later)) >= 300
    assert busy["lines"] > 250 and after["adjustments"] > 0, (busy, after)
    everything = ("lines", "releases", "payouts", "debts", "taxed", "退回", "送银行", "银行确认")
    assert min(later[what] for what in everything) > 0, later
