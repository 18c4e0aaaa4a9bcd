"""Income tax withheld from what managers are paid (代扣个人所得税), after what the books say was paid."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session, col, select

from ledger import managers
from ledger.core import period, tax
from ledger.core.errors import Conflict
from ledger.payments import Payout, PayoutLine


def withheld(
    session: Session, manager: managers.Manager, on: date, gross_minor: int, *, currency: str
) -> tax.Withheld:
    """The tax on a payment to a manager on a value date, after what was paid before in the year.

    Payments of one month are one payment to the rules, so those planned for later in it count too.
    """
    history = session.exec(
        select(PayoutLine)
        .join(Payout, col(Payout.id) == PayoutLine.payout_id)
        .where(
            PayoutLine.manager_id == manager.id,
            PayoutLine.tax_method == manager.tax_method,
            PayoutLine.value_on >= date(on.year, 1, 1),
            PayoutLine.state != "returned",
            Payout.currency == currency,
        )
        .order_by(col(PayoutLine.value_on), col(PayoutLine.id))
    ).all()
    if history and period.of(history[-1].value_on) > period.of(on):
        raise Conflict(
            "paid_later_month",
            "{manager} has a payment in {later} already; one in {month} would change its tax",
            manager=manager.id,
            later=period.of(history[-1].value_on),
            month=period.of(on),
        )
    before = [tax.Paid(min(line.value_on, on), line.gross_minor, line.tax_minor) for line in history]
    return tax.withhold(manager.tax_method, before, tax.Payment(on, gross_minor))
