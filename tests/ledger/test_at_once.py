"""Sixteen processes at once: nothing is lost, nothing is doubled, and the books are right at every moment.

A deadlock or a lost race is tried again inside; whatever else than a refusal reaches a clerk fails here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger import facts, managers, payouts, seals, withholding
from ledger.db import Database
from ledger.invoices import add as add_invoice
from ledger.payouts import Payout
from tests.crowd import SIXTEEN, Act, Clerk, Crowd, act, at_this_moment, counted, gathered
from tests.ledger.test_payees_vat import CLIFF, decide, earn
from tests.ledger.test_snapshots import Held, known, told

LONG = pytest.param(40, marks=pytest.mark.long)
times = pytest.mark.parametrize("times", [1, LONG])


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with gathered() as everybody:
        yield everybody


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Clerk:
    clerk = Clerk(database, tmp_path / "files")
    clerk.move_in()
    return clerk


def receipt(ref: str, amount: int = 1_000_01, deal: str = "D-1", **more: Any) -> Act:
    return act("fee", "fee_received", amount, ref, deal=deal, **more)


def refs(desk: Clerk, deal: str = "D-1") -> list[str]:
    with desk.database.reading() as session:
        return sorted(fact.ref for fact in facts.of_deal(session, deal) if fact.type == "fee_received")


def one(desk: Clerk, query: str) -> Any:
    with desk.database.reading() as session:
        return session.execute(text(query)).scalar()


def all_in_order(desk: Clerk) -> None:
    """The invariants, when everybody has gone home."""
    assert at_this_moment(desk) == []
    assert desk.settle() == 0
    assert desk.wrong() == []


@times
def test_sixteen_write_on_one_deal(desk: Clerk, crowd: Crowd, times: int) -> None:
    """Each has documents of their own; one document everybody has, and it counts once."""
    desk.deal()
    desk.reach("find", {"M1": "1", "M2": "1"})
    mine = [[receipt(f"YH-{who}-{n}") for n in range(times)] + [receipt("YH-all")] for who in range(SIXTEEN)]
    outcomes = crowd.at_once(desk, mine)
    assert counted(outcomes) == {"done": SIXTEEN * (times + 1)}
    assert refs(desk) == sorted({act.given[2] for acts in mine for act in acts})
    received = 1_000_01 * (SIXTEEN * times + 1)
    assert desk.balance("1002", "基本户") == received
    all_in_order(desk)


@times
def test_sixteen_write_on_many_deals(desk: Clerk, crowd: Crowd, times: int) -> None:
    """In opposite orders, so that they meet: one document over two deals, stages, managers in common."""
    names = [f"D-{n}" for n in range(6)]
    for name in names:
        desk.deal(name)
    work = []
    for who in range(SIXTEEN):
        order = names if who % 2 else names[::-1]
        acts = []
        for n in range(times):
            pair = {order[n % 6]: 300_00 + who, order[(n + who) % 5 + 1]: 200_00}
            acts.append(act("fee", "fee_received", pair, f"YH-{who}-{n}"))
            weights = {"M1": "2", "M2": "1"} if who % 2 else {"M2": "1"}
            acts.append(act("reach", "find", weights, deal=order[who % 6]))
        work.append(acts)
    outcomes = crowd.at_once(desk, work)
    assert counted(outcomes) == {"done": 2 * SIXTEEN * times}
    received = sum(sum(acts[2 * n].given[1].values()) for acts in work for n in range(times))
    assert desk.balance("1002", "基本户") == received
    all_in_order(desk)


@times
def test_two_verify_the_same_milestone_and_one_does(desk: Clerk, crowd: Crowd, times: int) -> None:
    desk.deal()
    logged = [desk.reach("find", verify=False) for _ in range(times)]
    outcomes = crowd.at_once(desk, [[act("verify", one) for one in logged] for _ in range(4)])
    assert counted(outcomes) == {"done": times, "state_forbids": 3 * times}
    assert one(desk, "SELECT count(*) FROM fact WHERE type = 'milestone'") == times
    all_in_order(desk)


@times
def test_two_make_and_two_approve_the_same_payout(desk: Clerk, crowd: Crowd, times: int) -> None:
    """What is payable is reserved once, however many ask; it is agreed to once."""
    for n in range(times):
        desk.deal(f"D-{n}")
        desk.reach("find", deal=f"D-{n}")
        made = crowd.at_once(desk, [[act("make")] for _ in range(4)])
        assert counted(made) == {"done": 1, "nothing_payable": 3}
        payout = one(desk, "SELECT id FROM payout WHERE state = 'made'")
        everybody = ("second", "second", "finance", "third")
        agreed = crowd.at_once(desk, [[act("approve", payout, who)] for who in everybody])
        # who agrees again has agreed; whoever comes after another comes too late
        assert counted(agreed) in ({"done": 1, "state_forbids": 3}, {"done": 2, "state_forbids": 2})
    assert desk.balance("2202.01", "M1") == 0
    assert one(desk, "SELECT sum(gross_minor) FROM payout_line") == times * 450_00
    assert one(desk, "SELECT count(*) FROM payout_approval") == times
    all_in_order(desk)


@times
def test_a_payout_races_what_takes_the_money_back(desk: Clerk, crowd: Crowd, times: int) -> None:
    """Cancelled before it was made, a deal is not paid; after, what was paid stays. Never between the two."""
    for n in range(times):
        names = [f"D-{n}-{m}" for m in range(5)]
        for name in names:
            desk.deal(name)
            desk.reach("find", {"M1": "1", "M2": "2"}, deal=name)
            desk.fee("fee_received", 10_000_00, f"YH-{name}", deal=name)
        cancelled = [[act("cancel", name)] for name in names[:3]]
        refunded = [[act("fee", "fee_refunded", 9_000_00, f"TK-{name}", deal=name)] for name in names[3:]]
        outcomes = crowd.at_once(desk, [*cancelled, [act("make")], *refunded])
        assert counted(outcomes) == {"done": 6}
        payout = one(desk, "SELECT id FROM payout WHERE state = 'made'")
        again = crowd.at_once(desk, [[act("void", payout)], [act("make")], [act("cancel", names[3])]])
        assert set(counted(again)) <= {"done", "nothing_payable"}
        assert at_this_moment(desk) == []
        for left in ("M1", "M2"):
            assert -desk.balance("2202.01", left) >= 0 or desk.balance("6401", "") >= 0
        if (made := one(desk, "SELECT id FROM payout WHERE state = 'made'")) is not None:
            desk.void(made)
    all_in_order(desk)


@times
def test_a_payment_that_comes_back_races_the_next_of_its_month(desk: Clerk, crowd: Crowd, times: int) -> None:
    """The VAT that the other bore is given back once, whichever is first."""
    decide(desk)
    desk.deal("D-1")
    for n in range(times):
        desk.today = date(2026, 3, 5) + timedelta(62 * n)
        earn(desk, 60_000_00)
        first = desk.pay()
        earn(desk, 50_000_00)
        desk.pay()
        earn(desk, 20_000_00)
        back, made = [act("bounce", first)], [act("make")]
        outcomes = counted(crowd.at_once(desk, [back, made, back, made]))
        assert set(outcomes) <= {"done", "nothing_payable"} and outcomes["done"] >= 3
        for batch in (one.id for one in batches(desk)):
            desk.void(batch)
        with desk.database.reading() as session:
            (month,) = withholding.vat_of_month(session, f"{desk.today:%Y-%m}")
        assert (month.turnover_minor, month.had_minor, month.off_minor) == (50_000_00, 0, 0)
        # all of it is payable: what came back, what was not paid, and the VAT that was too much
        assert -desk.balance("2202.01", "M1") == 80_000_00 + CLIFF
        earn(desk, -80_000_00)
        desk.today += timedelta(31)
        desk.pay()  # and the VAT is paid out
    all_in_order(desk)


def batches(desk: Clerk) -> list[Payout]:
    """Those that wait."""
    with desk.database.reading() as session:
        found = payouts.listing(session, by=desk.people["finance"], state="made")
        session.expunge_all()
    return found


@times
def test_an_invoice_is_taken_back_or_paid_against_but_not_both(desk: Clerk, crowd: Crowd, times: int) -> None:
    with desk.database.writing() as session:
        managers.set_payment(
            session,
            "M1",
            tax_method="invoiced",
            bank_name="工商银行",
            bank_account="6222020200112233441",
            **desk.by("operator"),
        )
    for n in range(times):
        desk.deal(f"D-{n}")
        desk.reach("find", deal=f"D-{n}")
        invoice = invoiced(desk, f"FP-{n}")
        outcomes = crowd.at_once(desk, [[act("make")], [act("take_back", invoice)]])
        assert counted(outcomes) in ({"done": 1, "invoice_used": 1}, {"done": 1, "nothing_payable": 1})
    taken = "SELECT count(*) FROM invoice_use JOIN invoice_taken_back USING (invoice_id)"
    assert one(desk, taken) == 0
    all_in_order(desk)


def invoiced(desk: Clerk, number: str) -> str:
    return desk.do(
        lambda session: (
            add_invoice(
                session,
                desk.store,
                "M1",
                number=number,
                issued_on=desk.today,
                amount_minor=500_00,
                file_name="fp.pdf",
                content=number.encode(),
                **desk.by("operator"),
            ).id
        )
    )


@times
def test_a_close_races_those_who_post(desk: Clerk, crowd: Crowd, times: int) -> None:
    """What came in before the close is in its month and under its seal, the rest in the next month."""
    names = [f"D-{n}" for n in range(SIXTEEN - 1)]
    for name in names:
        desk.deal(name)
        desk.reach("find", deal=name)
    desk.today = date(2026, 2, 1)
    january = date(2026, 1, 20)
    posting = [[receipt(f"YH-{name}-{n}", deal=name, on=january) for n in range(2 * times)] for name in names]
    outcomes = crowd.at_once(desk, [*posting[:7], [act("close_seen", "2026-01")], *posting[7:]])
    assert counted(outcomes) == {"done": 2 * times * len(names) + 1}
    assert one(desk, "SELECT state FROM period WHERE id = '2026-01'") == "closed"
    unsealed = (
        "SELECT count(*) FROM entry WHERE period = '2026-01'"
        " AND CAST(id AS text) NOT IN (SELECT row_id FROM sealed WHERE kind = 'entry')"
    )
    assert one(desk, unsealed) == 0
    assert one(desk, "SELECT count(*) FROM entry WHERE kind = 'fee_received'") == 2 * times * len(names)
    all_in_order(desk)


@times
def test_what_a_block_knew_it_knows_whoever_writes_meanwhile(desk: Clerk, crowd: Crowd, times: int) -> None:
    """Blocks are cut while sixteen write and correct: each tells the same balances of any day for ever."""
    names = [f"D-{n}" for n in range(4)]
    for name in names:
        desk.deal(name)
        desk.reach("find", {"M1": "1", "M2": "1"}, deal=name)
    work = [
        [receipt(f"YH-{who}-{n}", deal=names[(who + n) % 4], on=DAYS[n % 2]) for n in range(3 * times)]
        for who in range(SIXTEEN)
    ]
    seen: dict[tuple[int, date | None], Held] = {}

    def cut() -> None:
        for block in seals.seal(desk.database, by="clock", now=desk.now):
            with desk.database.reading() as session:
                seen.update({(block.no, on): told(session, on, block.no) for on in (None, *DAYS)})

    with ThreadPoolExecutor(1) as beside:
        under_way = beside.submit(crowd.at_once, desk, work)
        while not under_way.done():
            cut()
        assert counted(under_way.result()) == {"done": 3 * times * SIXTEEN}
    cut()
    assert len(seen) > 3, "nothing was cut in between"
    with desk.database.reading() as session:
        for (block, on), was in seen.items():
            assert told(session, on, block) == known(session, on, block) == was
    all_in_order(desk)


DAYS = (date(2026, 1, 2), date(2026, 1, 5))


def line(number: int, receipts: int) -> bytes:
    """A deal as an import has it: a milestone, receipts, and something that was paid elsewhere."""
    who, other = ("M1", "M2") if number % 2 else ("M2", "M1")
    events = [
        {"on": "2026-01-02", "type": "milestone", "stage": "find", "managers": {who: 1, other: 1}},
        *(
            {"on": "2026-01-03", "type": "fee_received", "amount": "10000.00", "ref": f"YH-{number}-{n}"}
            for n in range(receipts)
        ),
        {"on": "2026-01-04", "type": "paid", "manager": who, "amount": "10.00", "ref": f"FK-{number}"},
        {"on": "2026-01-04", "type": "paid", "manager": other, "amount": "10.00", "ref": f"FL-{number}"},
    ]
    deal = {"id": f"D-{number}", "expected_fee": "100000.00", "client": f"企业{number % 3}"}
    people = [{"id": "M1"}, {"id": "M2"}]
    return json.dumps(
        {"format": 1, "deal": deal, "managers": people, "events": events}, ensure_ascii=False
    ).encode()


@times
def test_imports_race_each_other_and_the_pages(desk: Clerk, crowd: Crowd, times: int) -> None:
    """The same file by three at once, in other orders, while people write on the same deals."""
    count = 10 * times
    first = [line(n, 1) for n in range(count)]
    desk.take_in(first[: count // 2])
    more = [line(n, 2) for n in range(count)]
    people = [
        [receipt(f"YM-{who}-{n}", deal=f"D-{n % (count // 2)}") for n in range(who, who + 3 * times)]
        for who in range(8)
    ]
    loads = [[act("take_in", some)] for some in (more, more[::-1], more[count // 2 :] + first)]
    outcomes = crowd.at_once(desk, [*loads, *people])
    assert counted(outcomes) == {"done": 3 + 8 * 3 * times}
    assert one(desk, "SELECT count(*) FROM deal") == count
    assert one(desk, "SELECT count(*) FROM fact WHERE type = 'fee_received'") == 2 * count + 8 * 3 * times
    assert one(desk, "SELECT count(*) FROM entry WHERE kind = 'paid_elsewhere'") == 2 * count
    assert one(desk, "SELECT count(*) FROM organisation WHERE name LIKE '企业%'") >= 3
    all_in_order(desk)
