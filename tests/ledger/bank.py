"""A bank: it takes a batch's file and answers, payment by payment, in whatever shape is asked for."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import openpyxl

from ledger import bank_returns, layouts, sending, settings
from ledger.bank_returns import BankReturn, BankReturnRow
from ledger.core.money import format_minor
from ledger.payouts import Payout, PayoutLine
from tests.ledger.firm import day
from tests.ledger.payrun import VALUE_ON, World

TITLES = ("用途", "收款账号", "金额", "交易状态", "失败原因", "交易日期")
PAYER = {
    settings.PAYER_NAME: "株洲技术经理人平台有限公司",
    settings.PAYER_BANK: "中国工商银行株洲分行",
    settings.PAYER_ACCOUNT: "1903020109022100000",
    settings.PAYER_CNAPS: "102552000013",
}


def set_payer(world: World) -> None:
    def decided(session: Any) -> None:
        for name, value in PAYER.items():
            settings.decide(
                session,
                name,
                value=value,
                from_on=day(0).date(),
                reason="开户",
                by=world.firm.finance,
                now=day(5),
            )

    world.do(decided)


def send(world: World, payout: Payout, layout: str = layouts.FIRST) -> bytes:
    """The file of a batch that `second` approved."""
    world.approve(payout, world.firm.second)
    _, content = world.do(
        lambda session: sending.send(
            session, world.firm.store, payout.id, layout=layout, by=world.firm.finance, now=day(7)
        )
    )
    return bytes(content)


def row(line: PayoutLine, result: str = "交易成功", on: date = VALUE_ON, **changed: str) -> list[str]:
    """The bank's row about one payment."""
    said = {
        "用途": f"居间服务佣金 {line.id}",
        "收款账号": line.bank_account,
        "金额": format_minor(line.net_minor, "CNY"),
        "交易状态": result,
        "失败原因": "" if result == "交易成功" else "账户已销户",
        "交易日期": on.isoformat() if result == "交易成功" else "",
    } | changed
    return [said[title] for title in TITLES]


def csv_file(rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> bytes:
    return "".join(f"{','.join(one)}\r\n" for one in (TITLES, *rows)).encode(encoding)


def xlsx_file(rows: Sequence[Sequence[object]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for one in (TITLES, *rows):
        book.active.append(list(one))
    book.save(out)
    return out.getvalue()


def take(world: World, content: bytes, *, now: datetime | None = None, **more: Any) -> BankReturn:
    """The firm's finance imports what the bank sent."""
    given: dict[str, Any] = {"name": "回单.csv", "layout": "simple", **more}
    return world.do(  # type: ignore[no-any-return]
        lambda session: bank_returns.take(
            session, world.firm.store, content, by=world.firm.finance, now=now or day(8), **given
        )
    )


def outcomes(world: World, kept: BankReturn) -> Mapping[int, str]:
    """By row: what it came to, or why it went to a person."""
    rows: list[BankReturnRow] = world.do(lambda session: bank_returns.rows_of(session, kept.id))
    return {one.row: one.why or one.outcome for one in rows}
