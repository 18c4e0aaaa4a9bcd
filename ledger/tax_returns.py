"""What goes to the tax office and to wages (申报表): lists drawn from what the bank has paid, as files.

A month is that of the value date. Whom the platform withholds from stands in the withholding return; who
is paid with wages, in the list for wages; the platform's report of a quarter has everybody, and the
income that neither of the two has told already.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session, col, func, select

from ledger import audit, identities, managers, rights, sheets, withholding
from ledger.core import period as months
from ledger.core import tax_return
from ledger.core.errors import Invalid
from ledger.core.money import format_minor
from ledger.core.tax import Paid
from ledger.core.tax_return import Line
from ledger.identities import NAMED_ZH, PayeeIdentity
from ledger.payments import PayoutLine
from ledger.sheets import Cell, Column, Sheet
from ledger.users import User

Kind = Literal["withholding", "platform", "wages", "vat"]
Format = Literal["xlsx", "csv"]
WITHHELD = ("per_payment", "platform_cumulative")
TOLD = (*WITHHELD, "payroll")  # income that another return tells
_QUARTER = re.compile(r"(\d{4})Q([1-4])")

_INCOME = "劳务报酬所得"
_PERSON = (
    Column("序号", 6),
    Column("姓名", 14),
    Column("身份证件类型", 16),
    Column("身份证件号码", 22),
    Column("纳税人识别号", 22),
    Column("是否为非居民个人", 10),
)
_RETURN = (
    *_PERSON,
    Column("所得项目", 16),
    *(
        Column(title, 14, is_amount=True)
        for title in ("收入", "费用", "免税收入", "减除费用", "专项扣除", "专项附加扣除", "其他扣除")
    ),
    *(
        Column(title, 14, is_amount=True)
        for title in ("允许扣除的税费", "累计收入额", "累计减除费用", "累计应纳税所得额")
    ),
    Column("税率/预扣率", 10),
    *(
        Column(title, 14, is_amount=True)
        for title in ("速算扣除数", "应纳税额", "减免税额", "已缴税额", "应补退税额")
    ),
    Column("备注", 40),
)
_VAT = (
    *_PERSON[:5],
    *(
        Column(title, 16, is_amount=True)
        for title in ("含税收入", "不含税销售额", "增值税", "附加税费", "已代扣", "差额")
    ),
    Column("备注", 20),
)
_REPORT = (
    *_PERSON,
    Column("服务类型", 14),
    Column("付款笔数", 10),
    Column("收入总额", 16, is_amount=True),
    Column("其中：已扣缴或并入工资申报", 20, is_amount=True),
    Column("本次报送收入", 16, is_amount=True),
    Column("备注", 40),
)
_WAGES = (
    Column("序号", 6),
    Column("人员编号", 14),
    *_PERSON[1:4],
    Column("付款笔数", 10),
    Column("并入工资的佣金", 18, is_amount=True),
    Column("备注", 40),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One payee's line of the withholding return."""

    manager_id: str
    name: str
    line: Line


def rows(session: Session, period: str, *, by: User) -> list[Row]:
    """The withholding return of a month, payee by payee."""
    rights.require(by, "tax.see")
    return _rows(session, months.parse(period))


def _rows(session: Session, period: str) -> list[Row]:
    income = withholding.income_through(session)
    paid = {
        key: [counted for one in some if (counted := income(one)).amount_minor > 0]
        for key, some in _paid(session, int(period[:4])).items()
    }
    settings_on = withholding.settings_through(session)
    wanted = sorted(
        key
        for key, some in paid.items()
        if key[1] in WITHHELD and any(months.of(one.on) == period for one in some)
    )
    names = managers.names(session, [manager_id for manager_id, _ in wanted])
    return [
        Row(
            manager_id,
            names.get(manager_id, manager_id),
            tax_return.line(method, paid[manager_id, method], period, settings_on),
        )
        for manager_id, method in wanted
    ]


def _paid(session: Session, year: int) -> Mapping[tuple[str, str], list[Paid]]:
    """What the bank paid in a year, by payee and method."""
    found: dict[tuple[str, str], list[Paid]] = defaultdict(list)
    for one in withholding.paid_of(session, year):
        found[one.manager_id, one.method].append(one.paid)
    return found


def on_the_way(session: Session, period: str) -> int:
    """How many payments of a month the bank has not answered: its return is not whole yet."""
    query = select(func.count()).where(
        PayoutLine.state == "reserved",
        col(PayoutLine.value_on).between(months.first_day(period), months.last_day(period)),
    )
    return int(session.exec(query).one())


def quarter_of(text: str) -> list[str]:
    """The months of a quarter written 2026Q4, or Invalid."""
    found = _QUARTER.fullmatch(text)
    if found is None:
        raise Invalid("quarter_invalid", "“{text}” is no quarter; write it as 2026Q4", text=text[:20])
    first = int(found[2]) * 3 - 2
    return [f"{found[1]}-{month:02d}" for month in range(first, first + 3)]


def export(
    session: Session, kind: Kind, span: str, format: Format, *, by: User, now: datetime
) -> tuple[str, bytes]:
    """A list as a file, and its name. It has numbers of documents in clear, so who took it is noted."""
    rights.require(by, "tax.see")
    draw = {"withholding": _withholding, "platform": _platform, "wages": _wages, "vat": _vat}[kind]
    sheet = draw(session, span)
    audit.note(session, by, "tax.export", span, after={"kind": kind, "format": format}, now=now)
    content = sheets.workbook([sheet]) if format == "xlsx" else sheets.csv_file(sheet)
    return f"{sheet.name}-{span}.{format}", content


def _withholding(session: Session, period: str) -> Sheet:
    found = _rows(session, months.parse(period))
    known = identities.of(session, [row.manager_id for row in found])
    lines = [
        (*_person(no, row.name, known.get(row.manager_id)), *_figures(row.line))
        for no, row in enumerate(found, 1)
    ]
    return Sheet("个人所得税扣缴申报表", _RETURN, lines, notes=_lacking(found, known))


def _person(no: int, name: str, known: PayeeIdentity | None) -> tuple[Cell, ...]:
    if known is None:
        return (no, name, "", "", "", "否")
    kind, number = NAMED_ZH[known.kind], known.identity_number
    # the identity number is the taxpayer's number of whoever has one
    taxpayer = number if known.kind in ("resident_id", "credit_code") else ""
    return (no, name, kind, number, taxpayer, "是" if known.residence == "non_resident" else "否")


def _figures(line: Line) -> tuple[Cell, ...]:
    is_cumulative = line.counted_minor is not None
    return (
        _INCOME,
        line.income_minor,
        line.expenses_minor,
        *(0, None, None, None, None, None),
        line.counted_minor,
        line.deduction_minor,
        line.taxable_minor if is_cumulative else None,
        line.rate,
        line.quick_minor,
        line.tax_minor,
        0,
        line.before_minor,
        line.withheld_minor,
        _remark(line),
    )


def _remark(line: Line) -> str:
    how = (
        "平台累计预扣"
        if line.counted_minor is not None
        else f"按次预扣，应纳税所得额{_yuan(line.taxable_minor)}"
    )
    off = f"；与应纳税额相差{_yuan(line.off_minor)}，因付款退回或设置变更，次笔更正" if line.off_minor else ""
    return how + off


def _yuan(minor: int) -> str:
    return format_minor(minor, "CNY")


def _lacking(found: Iterable[Row], known: Mapping[str, PayeeIdentity]) -> tuple[str, ...]:
    without = [row.name for row in found if row.manager_id not in known]
    return (f"缺身份证件：{'、'.join(without)}",) if without else ()


def _vat(session: Session, period: str) -> Sheet:
    """What payees owe of VAT for a month that is filed for them, and what was withheld."""
    found = [
        one
        for one in withholding.vat_of_month(session, months.parse(period))
        if one.turnover_minor or one.had_minor
    ]
    wanted = [one.manager_id for one in found]
    names, known = managers.names(session, wanted), identities.of(session, wanted)
    lines = [
        (*_person(no, names[one.manager_id], known.get(one.manager_id))[:5], *_owed(one))
        for no, one in enumerate(found, 1)
    ]
    notes = (
        "达到起征点的，全额计税。付款退回后，多扣的已退回应付佣金，少扣的已从应付佣金中补扣；"
        "“差额”不为零的，尚有付款在途，或税务设置有变更。",
    )
    return Sheet("代办增值税及附加", _VAT, lines, notes=notes)


def _owed(one: withholding.VatMonth) -> tuple[Cell, ...]:
    return (
        one.turnover_minor,
        one.turnover_minor - one.owed.vat_minor,
        one.owed.vat_minor,
        one.owed.surcharge_minor,
        one.had_minor,
        one.off_minor,
        "" if one.owed.vat_minor else "免征",
    )


def _platform(session: Session, quarter: str) -> Sheet:
    wanted = quarter_of(quarter)
    income: dict[str, list[tuple[str, Paid]]] = defaultdict(list)
    for (manager_id, method), some in sorted(_paid(session, int(quarter[:4])).items()):
        income[manager_id] += [(method, one) for one in some if months.of(one.on) in wanted]
    payees = [manager_id for manager_id in sorted(income) if income[manager_id]]
    names, known = managers.names(session, payees), identities.of(session, payees)
    lines = [
        (*_person(no, names[one], known.get(one)), *_reported(income[one]))
        for no, one in enumerate(payees, 1)
    ]
    notes = ("依国务院令第810号按季报送；已随扣缴申报或工资申报的收入不重复报送，另列。",)
    return Sheet("平台内从业人员身份和收入信息", _REPORT, lines, notes=notes)


def _reported(paid: list[tuple[str, Paid]]) -> tuple[Cell, ...]:
    total = sum(one.turnover_minor for _, one in paid)
    told = sum(one.turnover_minor for method, one in paid if method in TOLD)
    remark = "收入已申报，仅报送身份信息" if told == total else ""
    return ("经纪代理服务", len(paid), total, told, total - told, remark)


def _wages(session: Session, period: str) -> Sheet:
    wanted = {
        manager_id: some
        for (manager_id, method), paid in sorted(_paid(session, int(months.parse(period)[:4])).items())
        if method == "payroll" and (some := [one for one in paid if months.of(one.on) == period])
    }
    names, known = managers.names(session, wanted), identities.of(session, wanted)
    lines: Iterator[tuple[Cell, ...]] = (
        (
            no,
            manager_id,
            *_person(no, names[manager_id], known.get(manager_id))[1:4],
            len(some),
            sum(one.amount_minor for one in some),
            "佣金已付，未代扣，并入当月工资薪金计税",
        )
        for no, (manager_id, some) in enumerate(wanted.items(), 1)
    )
    return Sheet("并入工资的佣金", _WAGES, list(lines))
