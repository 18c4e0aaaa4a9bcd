"""The bank's answer as a file: matched by reference, amount and account, applied once, and never guessed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from ledger import bank_returns, fees
from ledger.core import entry
from ledger.core.errors import Conflict, Forbidden, Invalid
from ledger.db import Database
from ledger.files import Store
from ledger.payouts import Payout
from tests.ledger import bank
from tests.ledger.firm import day
from tests.ledger.payrun import World


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    made = World(database, Store(tmp_path / "files"))
    made.earner("M2", 1_234_50)
    made.earner("M3", 99_00)
    return made


def sent(world: World) -> Payout:
    payout = world.make()
    bank.send(world, payout)
    return payout


def states(world: World, payout: Payout) -> list[str]:
    return [line.state for line in world.lines(payout)]


@pytest.mark.parametrize("shape", ["utf-8", "utf-8-sig", "gbk", "utf-16", "xlsx"])
def test_an_answer_settles_and_returns_line_by_line(world: World, shape: str) -> None:
    payout = sent(world)
    first, second, third = world.lines(payout)
    rows = [bank.row(third), bank.row(second, "退票"), bank.row(first)]
    content = bank.xlsx_file(rows) if shape == "xlsx" else bank.csv_file(rows, shape)
    kept = bank.take(world, content)
    assert bank.outcomes(world, kept) == {2: "paid", 3: "returned", 4: "paid"}
    assert states(world, payout) == ["paid", "returned", "paid"]
    assert world.lines(payout)[1].reason == "账户已销户"
    assert world.balance(entry.IN_TRANSIT, payout.id) == 0
    assert -world.balance(entry.PAYABLE, "M2") == 1_234_50
    assert world.differences(day(8)) == []


def test_a_file_imported_twice_changes_nothing_nor_do_its_rows_in_another_file(world: World) -> None:
    payout = sent(world)
    first, second, third = world.lines(payout)
    content = bank.csv_file([bank.row(first), bank.row(second, "失败")])
    kept = bank.take(world, content)
    before = world.balance(entry.BANK, fees.BASIC_ACCOUNT)
    assert bank.take(world, content).id == kept.id
    again = bank.take(world, bank.csv_file([bank.row(second, "失败"), bank.row(first), bank.row(third)]))
    assert bank.outcomes(world, again) == {2: "known", 3: "known", 4: "paid"}
    assert world.balance(entry.BANK, fees.BASIC_ACCOUNT) == before - third.net_minor
    assert world.differences(day(8)) == []


def test_what_does_not_match_waits_for_a_person(world: World) -> None:
    payout = sent(world)
    first, second, third = world.lines(payout)
    rows = [
        bank.row(first, 金额="0.01"),
        bank.row(second, 收款账号="6225999"),
        bank.row(third, 用途="佣金"),
        bank.row(third, "失败"),
        bank.row(third),
    ]
    kept = bank.take(world, bank.csv_file(rows))
    assert list(bank.outcomes(world, kept).values()) == [
        "amount_differs", "account_differs", "no_reference", "file_contradicts", "file_contradicts",
    ]  # fmt: skip
    assert states(world, payout) == ["reserved"] * 3
    waiting = [row for row in world.do(bank_returns.waiting) if row.return_id == kept.id]
    assert len(waiting) == 5

    def aside(session: object, row_id: str, note: str) -> None:
        bank_returns.set_aside(session, row_id, note=note, by=world.firm.finance, now=day(8))  # type: ignore[arg-type]

    world.do(lambda session: aside(session, waiting[0].id, "电话核实"))
    with pytest.raises(Conflict):
        world.do(lambda session: aside(session, waiting[0].id, "again"))
    with pytest.raises(Invalid):
        world.do(lambda session: aside(session, waiting[1].id, " "))
    assert len([row for row in world.do(bank_returns.waiting) if row.return_id == kept.id]) == 4


def test_a_confirmation_from_another_month_goes_to_a_person(world: World) -> None:
    payout = sent(world)
    first, second, _ = world.lines(payout)
    rows = [bank.row(first, on=day(31).date()), bank.row(second)]
    kept = bank.take(world, bank.csv_file(rows), now=day(40))
    assert bank.outcomes(world, kept) == {2: "value_month_differs", 3: "paid"}
    assert states(world, payout) == ["reserved", "paid", "reserved"]


def test_a_batch_that_was_not_sent_has_no_answer(world: World) -> None:
    payout = world.make()
    kept = bank.take(world, bank.csv_file([bank.row(line) for line in world.lines(payout)]))
    assert set(bank.outcomes(world, kept).values()) == {"reference_unknown"}


def test_without_a_day_in_the_file_the_one_given_counts(world: World) -> None:
    payout = sent(world)
    rows = [bank.row(line, 交易日期="") for line in world.lines(payout)]
    kept = bank.take(world, bank.csv_file(rows))
    assert set(bank.outcomes(world, kept).values()) == {"day_missing"}
    kept = bank.take(world, bank.csv_file(rows[::-1]), paid_on=day(8).date())
    assert states(world, payout) == ["paid"] * 3


def test_only_finance_imports(world: World) -> None:
    with pytest.raises(Forbidden):
        world.do(
            lambda session: bank_returns.take(
                session,
                world.firm.store,
                b"x",
                name="x",
                layout="simple",
                by=world.firm.operator,
                now=day(8),
            )
        )


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("_", "."), content)
    return out.getvalue()


def hostile() -> dict[str, tuple[bytes, str]]:
    good = bank.xlsx_file([])
    entities = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    return {
        "nothing": (b"", "sheet_columns"),
        "cut off workbook": (good[: len(good) // 2], "sheet_broken"),
        "a zip that is no workbook": (zipped(a_txt=b"x"), "sheet_broken"),
        "entities": (zipped(a_xml=entities), "sheet_hostile"),
        "a bomb": (zipped(a_xml=b" " * (201 * 1024 * 1024)), "sheet_large"),
        "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), "sheet_encoding_unknown"),
        "control characters": (b"a,b\x00c\r\n", "sheet_binary"),
        "old XLS": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 100, "sheet_old"),
        "one endless cell": (b"x" * 3000, "sheet_wide"),
        "an open quote": (b'"a,b\r\n', "sheet_quoted"),
        "other columns": ("姓名,电话\r\n张三,1\r\n".encode(), "sheet_columns"),
        "half a letter": ("用途".encode()[:-1], "sheet_encoding_unknown"),
        "opened in a wrong encoding": (
            bank.csv_file([]).decode("gb18030", "ignore").encode(),
            "sheet_misread",
        ),
    }


def test_hostile_and_broken_files_are_refused_and_change_nothing(world: World) -> None:
    payout = sent(world)
    before = world.do(lambda session: bank_returns.listing(session, by=world.firm.finance))
    for what, (content, code) in hostile().items():
        with pytest.raises(Invalid) as refused:
            bank.take(world, content)
        assert refused.value.code == code, what
    assert states(world, payout) == ["reserved"] * 3
    after = world.do(lambda session: bank_returns.listing(session, by=world.firm.finance))
    assert [kept.id for kept in after] == [kept.id for kept in before]


def test_a_file_in_another_encoding_than_the_layout_takes_is_recognised_and_said(world: World) -> None:
    from ledger import layouts

    own = layouts.shipped_text("simple").replace("layout: simple", "layout: gbk-bank")
    own = own.replace("answer:\n", "answer:\n  encoding: gbk\n")
    world.do(lambda session: layouts.add(session, own, by=world.firm.finance, now=day(7)))
    payout = sent(world)
    rows = [bank.row(line) for line in world.lines(payout)]
    with pytest.raises(Invalid) as refused:
        bank.take(world, bank.csv_file(rows), layout="gbk-bank")
    assert "UTF-8" in str(refused.value) and "GBK" in str(refused.value)
    bank.take(world, bank.csv_file(rows, "gbk"), layout="gbk-bank")
    assert states(world, payout) == ["paid"] * 3


def test_a_cut_off_file_leaves_the_rest_in_transit(world: World) -> None:
    payout = sent(world)
    content = bank.csv_file([bank.row(line) for line in world.lines(payout)])
    kept = bank.take(world, content[: content.rindex(b"2026")])
    assert list(bank.outcomes(world, kept).values()) == ["paid", "paid", "day_missing"]
    assert states(world, payout) == ["paid", "paid", "reserved"]
    assert -world.balance(entry.IN_TRANSIT, payout.id) == world.lines(payout)[2].gross_minor
    assert world.differences(day(8)) == []
