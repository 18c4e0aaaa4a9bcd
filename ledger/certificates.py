"""An income certificate (收入纳税证明): what a payee was paid in a year, the tax withheld, month by month."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, datetime

from sqlmodel import Session

from ledger import clock, identities, managers, withholding
from ledger.core import period as months
from ledger.core import report
from ledger.core.capitals import amount_cn
from ledger.core.errors import Invalid
from ledger.core.report import Cell, Figure, Particular, Report, Table
from ledger.core.statement import Words
from ledger.core.tax import Paid
from ledger.drawing import METHODS
from ledger.reporting import Drawn, amount, count, head, text
from ledger.withholding import Stands

_TITLE = Words(zh="年度收入及代扣个人所得税证明", en="Certificate of income and tax withheld")
_SUBJECT = re.compile(r"(?P<manager>.+)[@-](?P<year>\d{4})")


def draw(session: Session, subject: str, now: datetime) -> Drawn:
    """The certificate of a payee's year, `M1@2026` or as its number has it; in CNY, by value date."""
    manager_id, year = _asked(subject)
    manager, paid = (
        managers.get(session, manager_id),
        withholding.paid_of(session, year, manager_ids=[manager_id]),
    )
    through = min(clock.day_of(now), date(year, 12, 31))
    gross = sum(one.paid.turnover_minor for one in paid)
    tax = sum(one.paid.withheld_minor for one in paid)
    vat = sum(one.paid.vat_minor - one.paid.vat_back_minor for one in paid)
    table = _by_month(paid)
    drawn = Report(
        header=head(
            session,
            "income_certificate",
            f"{manager_id}-{year}",
            title=_TITLE,
            about=manager.name,
            currency="CNY",
            now=now,
        ),
        opening=Words(
            zh=f"兹证明{manager.name}（编号 {manager_id}）{year}年1月1日至{through.month}月{through.day}日"
            "自本平台取得的佣金收入及由本平台代扣的个人所得税如下，以银行实际付款日为准，与平台账簿一致。",
            en=f"This certifies the commission paid by the platform to {manager.name} ({manager_id}) in "
            f"{year} up to {through}, and the income tax withheld from it, by the bank's value date, as "
            "the books have it.",
        ),
        particulars=_particulars(session, manager, year, through),
        figures=(
            Figure(
                title=Words(zh="收入合计（税前）", en="Income, gross"),
                amount_minor=gross,
                words=amount_cn(gross),
            ),
            Figure(
                title=Words(zh="代扣个人所得税", en="Tax withheld"), amount_minor=tax, words=amount_cn(tax)
            ),
            Figure(title=Words(zh="实付", en="Paid, net"), amount_minor=gross - tax - vat),
        ),
        ties=(
            report.tie(
                Words(zh="收入合计", en="Income"),
                (Words(zh="账簿已付", en="Paid in the books"), gross),
                (Words(zh="各月合计", en="By month"), table.totals[3] or 0 if table.totals else 0),
            ),
        ),
        tables=(table,),
        notes=(
            Words(
                zh="自行开票或并入工资的金额由收款人或工资扣缴义务人申报，本平台未代扣。",
                en="What the payee invoices or is paid with wages is declared elsewhere, nothing withheld.",
            ),
        ),
        closing=Words(zh="特此证明。", en="Certified as above."),
    )
    return Drawn(drawn, manager_id=manager_id)


def _asked(subject: str) -> tuple[str, int]:
    found = _SUBJECT.fullmatch(subject)
    if found is None:
        raise Invalid(
            "certificate_subject",
            "“{subject}” is no payee's year; write the manager and the year, such as M1@2026",
            subject=subject[:60],
        )
    return found["manager"], int(found["year"])


def _particulars(
    session: Session, manager: managers.Manager, year: int, through: date
) -> tuple[Particular, ...]:
    known = identities.of(session, [manager.id]).get(manager.id)
    said = (
        f"{identities.NAMED_ZH[known.kind]} {identities.masked(known.identity_number)}" if known else "未登记"
    )
    return (
        Particular(title=Words(zh="姓名", en="Name"), text=Words(zh=f"{manager.name}（{manager.id}）")),
        Particular(title=Words(zh="证件", en="Document"), text=Words(zh=said)),
        Particular(title=Words(zh="期间", en="Period"), text=Words(zh=f"{year}-01-01 至 {through}")),
    )


def _by_month(paid: list[Stands]) -> Table:
    """A row for each month and way of withholding."""
    found: dict[tuple[str, str], list[Paid]] = defaultdict(list)
    for one in paid:
        found[months.of(one.paid.on), one.method].append(one.paid)
    rows: list[tuple[Cell, ...]] = []
    for (month, method), some in sorted(found.items()):
        gross, tax = sum(one.turnover_minor for one in some), sum(one.withheld_minor for one in some)
        vat = sum(one.vat_minor - one.vat_back_minor for one in some)
        rows.append((month, METHODS[method], len(some), gross, tax, vat, gross - tax - vat))
    columns = (
        text("月份", "Month", 22),
        text("计税方式", "Tax method"),
        count("付款笔数", "Payments", 20),
        amount("收入（税前）", "Income", 32),
        amount("代扣个税", "Tax", 28),
        amount("代扣增值税", "VAT", 28),
        amount("实付", "Net", 32),
    )
    return report.table(Words(zh="按月明细", en="Month by month"), columns, rows)
