"""A file of payments to one person, the input of `yongjin tax`: `{payments: [{on, amount, kind}, ...]}`."""

from __future__ import annotations

from ledger.core import scalars, tax
from ledger.core.document import Node, read
from ledger.core.errors import Invalid

PAYMENTS_MOST = 2_000  # to one person


def read_payments(text: str | bytes, name: str, method: str) -> tuple[tax.Payment, ...]:
    """The payments as listed, each of which the method can tax; or InvalidFile."""
    fields = read(text, name).fields("format", "payments")
    if "format" in fields:
        scalars.check_format(fields)
    listed = fields.need("payments")
    if len(listed.items()) > PAYMENTS_MOST:
        raise listed.fail(f"there are more than {PAYMENTS_MOST} payments", "divide the file by person")
    return tuple(_payment(node, method) for node in listed.items())


def _payment(node: Node, method: str) -> tax.Payment:
    fields = node.fields("on", "amount", "kind")
    on = fields.need("on")
    payment = tax.Payment(
        on=scalars.day(on),
        amount_minor=scalars.amount_above_zero(fields.need("amount"), "CNY"),
        kind=scalars.code(fields["kind"]) if "kind" in fields else tax.KIND,
    )
    try:
        tax.withhold(method, (), payment)
    except Invalid as error:
        raise scalars.refused(on, error) from None
    return payment
