"""Whatever stands in a payments file, it is read or refused by line."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.errors import InvalidFile
from ledger.core.tax import KIND, METHODS, Payment
from ledger.core.tax_file import PAYMENTS_MOST, read_payments

SCALARS = st.sampled_from(
    ["2026-05-06", "7000.00", '"7000.00"', "NaN", "~", "[]", "{}", "-1", "1e9", "brokerage"]
)
KEYS = st.sampled_from(["on", "amount", "kind", "payments", "format", "当日"])
ITEMS = st.lists(st.tuples(KEYS, SCALARS), max_size=4).map(
    lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
)
FILES = st.lists(ITEMS | SCALARS, max_size=4).map(lambda items: f"payments: [{', '.join(items)}]")


@settings(max_examples=100, deadline=None)
@given(FILES | st.text() | st.binary(), st.sampled_from(METHODS))
def test_any_bytes_are_read_or_refused_by_line(content: str | bytes, method: str) -> None:
    try:
        payments = read_payments(content, "facts.yaml", method)
    except InvalidFile as refusal:
        assert re.match(r"facts\.yaml:[0-9]+: .+; .+", str(refusal))
        assert "\n" not in str(refusal)
    else:
        assert all(payment.amount_minor > 0 for payment in payments)


def test_payments_are_read_as_listed() -> None:
    content = (
        'format: 1\npayments: [{on: 2026-06-15, amount: "7000.00"}, {on: 2026-05-06, amount: 5, kind: x}]'
    )
    assert read_payments(content, "facts.yaml", "per_payment") == (
        Payment(date(2026, 6, 15), 700_000, KIND),
        Payment(date(2026, 5, 6), 500, "x"),
    )


def test_a_file_of_too_many_payments_is_refused() -> None:
    content = "payments:\n" + "- {on: 2026-05-06, amount: 1}\n" * (PAYMENTS_MOST + 1)
    with pytest.raises(InvalidFile, match="divide the file"):
        read_payments(content, "facts.yaml", "per_payment")
