"""A payment advice (付款通知单): one payment to one manager, what it is for, and the tax withheld from it."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select

from ledger import approvals, deals, managers, payout_steps, users
from ledger.clock import day_of
from ledger.core import report
from ledger.core.capitals import amount_cn
from ledger.core.entry import PAYABLE
from ledger.core.errors import NotFound
from ledger.core.report import Cell, Figure, Particular, Report, Table
from ledger.core.statement import Words
from ledger.drawing import METHODS
from ledger.journal import Entry, Posting
from ledger.payments import Payout, PayoutLine
from ledger.reporting import Drawn, amount, head, text

_TITLE = Words(zh="佣金付款通知单", en="Payment advice")
_STATES = {
    "reserved": Words(zh="已提交，银行尚未确认", en="On its way; the bank has not confirmed it yet"),
    "paid": Words(zh="银行已确认付款", en="Confirmed by the bank"),
    "taken_out": Words(zh="已移出付款单，未付款", en="Taken out of the batch, not paid"),
    "bounced": Words(zh="付款后被银行退汇，款项重新应付", en="Given back by the bank after it was paid"),
    "returned": Words(zh="已退回，未付款", en="Returned, not paid"),
}


def draw(session: Session, subject: str, now: datetime) -> Drawn:
    """The advice of one payment, by the id of its line."""
    line = session.get(PayoutLine, subject)
    if line is None:
        raise NotFound("payment_unknown", "there is no payment {id}", id=subject)
    payout = session.get_one(Payout, line.payout_id)
    by_deal = _by_deal(session, line)
    drawn = Report(
        header=head(
            session,
            "payment_advice",
            f"{payout.no}-{line.manager_id}",
            title=_TITLE,
            about=line.payee_name,
            currency=payout.currency,
            now=now,
        ),
        particulars=_particulars(payout, line),
        figures=_figures(line, payout.currency),
        ties=(
            report.tie(
                Words(zh="税前金额", en="Gross"),
                (
                    Words(zh="实付加代扣税款", en="Net and tax"),
                    line.net_minor + line.tax_minor + line.vat_minor,
                ),
                (Words(zh="各项目合计", en="By deal"), line.gross_minor),
            ),
        ),
        tables=(by_deal, _tax(line), _approved(session, payout)),
    )
    return Drawn(drawn, manager_id=line.manager_id)


def _particulars(payout: Payout, line: PayoutLine) -> tuple[Particular, ...]:
    return (
        Particular(
            title=Words(zh="收款人", en="Payee"), text=Words(zh=f"{line.payee_name}（{line.manager_id}）")
        ),
        Particular(title=Words(zh="付款单", en="Payout"), text=Words(zh=payout.no)),
        Particular(
            title=Words(zh="收款账户", en="Account"),
            text=Words(zh=f"{line.bank_name} {managers.masked(line.bank_account)}"),
        ),
        Particular(title=Words(zh="付款日", en="Value date"), text=Words(zh=line.value_on.isoformat())),
        Particular(title=Words(zh="计税方式", en="Tax method"), text=METHODS[line.tax_method]),
        Particular(title=Words(zh="状态", en="State"), text=_STATES[line.state]),
    )


def _figures(line: PayoutLine, currency: str) -> tuple[Figure, ...]:
    words = amount_cn(line.net_minor, currency) if currency == "CNY" else ""
    return (
        Figure(title=Words(zh="实付金额（税后）", en="Paid, net"), amount_minor=line.net_minor, words=words),
        Figure(title=Words(zh="税前", en="Gross"), amount_minor=line.gross_minor),
        Figure(title=Words(zh="代扣个税", en="Tax"), amount_minor=line.tax_minor),
        *(
            [Figure(title=Words(zh="代扣增值税", en="VAT"), amount_minor=line.vat_minor)]
            if line.vat_minor
            else []
        ),
    )


def _by_deal(session: Session, line: PayoutLine) -> Table:
    query = (
        select(Posting.deal_id, func.sum(Posting.amount_minor))
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(Entry.kind == "payout_made", Entry.source == line.id, Posting.account == PAYABLE)
        .group_by(Posting.deal_id)
        .order_by(Posting.deal_id)
    )
    found = {deal_id: int(minor) for deal_id, minor in session.exec(query)}
    known = deals.by_id(session, [one for one in found if one])
    rows: list[tuple[Cell, ...]] = [
        (deal_id or "—", known[deal_id].title if deal_id in known else "不属于项目的金额", minor)
        for deal_id, minor in found.items()
    ]
    columns = (text("项目编号", "Deal", 40), text("项目", "Title"), amount("金额", "Amount", 32))
    return report.table(Words(zh="所付项目", en="What it pays for"), columns, rows)


def _tax(line: PayoutLine) -> Table:
    rows: list[tuple[Cell, ...]] = [(words,) for words in payout_steps.tax_words(line)]
    return report.table(Words(zh="计税过程", en="Tax working"), (text("步骤", "Step"),), rows)


def _approved(session: Session, payout: Payout) -> Table:
    given = approvals.of_batch(session, payout.id)
    names = users.names(session, [payout.made_by, *(one.approved_by for one in given)])
    rows: list[tuple[Cell, ...]] = [
        (Words(zh="制单", en="Made"), names.get(payout.made_by, payout.made_by), _day(payout.made_at)),
        *(
            (
                Words(zh="批准", en="Approved"),
                names.get(one.approved_by, one.approved_by),
                _day(one.approved_at),
            )
            for one in given
        ),
    ]
    columns = (text("步骤", "Step", 40), text("经办人", "By"), text("日期", "On", 32))
    return report.table(Words(zh="经办", en="Who did what"), columns, rows)


def _day(at: datetime) -> str:
    return day_of(at).isoformat()
