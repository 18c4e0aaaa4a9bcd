"""A statement's sums tie or it is refused; its JSON is one text and comes back whole."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.errors import Invalid
from ledger.core.statement import (
    Further,
    Line,
    Payout,
    Snapshot,
    Step,
    Words,
    check,
    from_json,
    number,
    to_json,
)
from tests.snapshots import line, lines, ordinary, snapshot

AMOUNTS = st.integers(-(10**15), 10**15)
NATURES = st.sampled_from(["earned", "adjusted", "clawed_back"])
STEPS = st.lists(
    st.sampled_from(["made", "sent", "confirmed", "returned", "bounced", "paid_elsewhere"]),
    min_size=1,
    unique=True,
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    some_lines = tuple(
        line(i, draw(AMOUNTS), draw(AMOUNTS), nature=draw(NATURES)) for i in range(draw(st.integers(0, 4)))
    )
    payouts = []
    for i in range(draw(st.integers(0, 3))):
        net_minor, tax_minor = draw(AMOUNTS), draw(AMOUNTS)
        steps = tuple(Step.model_validate({"what": what, "on": date(2026, 10, 8)}) for what in draw(STEPS))
        payouts.append(
            Payout(
                reference=f"FK-{i}",
                gross_minor=net_minor + tax_minor,
                tax_minor=tax_minor,
                net_minor=net_minor,
                steps=steps,
            )
        )
    return snapshot(some_lines, opening_minor=draw(AMOUNTS), payouts=tuple(payouts))


def changed(base: Snapshot, path: str, by: int) -> Snapshot:
    """The snapshot with the amount at `path` moved, as somebody would who edits the JSON."""
    tree = json.loads(to_json(base))
    *way, last = path.split(".")
    place = tree
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] += by
    return from_json(json.dumps(tree))


def test_what_came_into_statements_later_is_left_out_where_there_is_none() -> None:
    """Or every statement of before would have another hash, and `verify` would say it was changed."""
    assert "vat" not in to_json(ordinary())
    taken = changed(ordinary(), "year_to_date.net_minor", -1)
    with_vat = taken.model_copy(
        update={"year_to_date": taken.year_to_date.model_copy(update={"vat_minor": 1})}
    )
    assert '"vat_minor":1' in to_json(with_vat) and from_json(to_json(with_vat)) == with_vat


@settings(max_examples=60, deadline=None)
@given(snapshots())
def test_a_statement_comes_back_from_its_json_whole(drawn: Snapshot) -> None:
    text = to_json(drawn)

    assert from_json(text) == drawn
    assert to_json(from_json(text)) == text


@settings(max_examples=60, deadline=None)
@given(snapshots())
def test_a_statement_made_from_its_parts_ties(drawn: Snapshot) -> None:
    assert check(drawn) is drawn


AMOUNTS_THAT_TIE = [
    "bridge.opening_minor",
    "bridge.earned_minor",
    "bridge.adjustments_minor",
    "bridge.clawed_back_minor",
    "bridge.year_cap_minor",
    "bridge.held_minor",
    "bridge.released_minor",
    "bridge.in_approval_minor",
    "bridge.in_transit_minor",
    "bridge.rejected_minor",
    "bridge.paid_net_minor",
    "bridge.paid_tax_minor",
    "bridge.paid_elsewhere_minor",
    "bridge.left_owing_minor",
    "bridge.brought_in_minor",
    "bridge.closing_minor",
    "lines.3.gross_minor",
    "lines.3.held_minor",
    "lines.3.payable_minor",
    "adjustments.0.old_minor",
    "adjustments.0.new_minor",
    "adjustments.0.difference_minor",
    "adjustments.0.held_minor",
    "releases.0.amount_minor",
    "payouts.0.gross_minor",
    "payouts.0.tax_minor",
    "payouts.0.net_minor",
    "payouts.1.gross_minor",
    "pending.0.amount_minor",
    "pending.2.amount_minor",
    "held_minor",
    "expected_minor",
    "year_to_date.earned_minor",
    "year_to_date.paid_gross_minor",
    "year_to_date.tax_minor",
    "year_to_date.net_minor",
    "twelve_months.4.earned_minor",
    "twelve_months.11.earned_minor",
]


@pytest.mark.parametrize("path", AMOUNTS_THAT_TIE)
def test_one_fen_anywhere_and_the_statement_is_refused(path: str) -> None:
    check(ordinary())

    with pytest.raises(Invalid) as refused:
        check(changed(ordinary(), path, by=1))

    assert refused.value.code == "statement_untied"
    assert "JS-2026-10-M1-1" in str(refused.value)


def test_two_wrong_rows_that_cancel_out_are_still_refused() -> None:
    moved = changed(changed(ordinary(), "bridge.earned_minor", by=100), "bridge.held_minor", by=-100)

    with pytest.raises(Invalid, match="earned is stated as"):
        check(moved)


def test_an_empty_month_ties() -> None:
    empty = check(snapshot(opening_minor=1_250))

    assert empty.bridge.closing_minor == 1_250
    assert list(dict.fromkeys(amount for _, amount in empty.bridge.rows())) == [0]


def test_a_clawback_after_payout_leaves_a_negative_closing() -> None:
    taken = check(snapshot((line(0, -900_00, nature="clawed_back"),), opening_minor=100_00))

    assert (taken.bridge.clawed_back_minor, taken.bridge.closing_minor) == (-900_00, -800_00)


def test_what_is_in_approval_in_one_month_is_paid_in_the_next_and_counts_once() -> None:
    made = Payout(
        reference="FK-1",
        gross_minor=1000,
        tax_minor=30,
        net_minor=970,
        steps=(Step(what="made", on=date(2026, 9, 30)),),
    )
    paid = made.model_copy(
        update={"steps": tuple(Step(what=what, on=date(2026, 10, 9)) for what in ("sent", "confirmed"))}
    )
    september = check(snapshot(opening_minor=1000, payouts=(made,))).bridge
    october = check(snapshot(opening_minor=september.closing_minor, payouts=(paid,))).bridge

    assert (september.in_approval_minor, september.closing_minor) == (-1000, 0)
    assert (october.in_approval_minor, october.paid_net_minor, october.paid_tax_minor) == (1000, -970, -30)
    assert october.closing_minor == 0


@pytest.mark.parametrize(
    ("last", "closing_minor"),
    [("returned", 1000), ("bounced", 1000), ("confirmed", 0)],
    ids=["refused by the bank", "given back", "paid"],
)
def test_a_payout_that_comes_back_is_owed_again(last: str, closing_minor: int) -> None:
    steps = tuple(
        Step.model_validate({"what": what, "on": date(2026, 10, 9)}) for what in ("made", "sent", last)
    )
    payout = Payout(reference="FK-1", gross_minor=1000, net_minor=1000, steps=steps)

    assert check(snapshot(opening_minor=1000, payouts=(payout,))).bridge.closing_minor == closing_minor


def test_every_further_row_is_spelled_out() -> None:
    relief = Further(
        row="year_cap", on=date(2026, 10, 31), what=Words(zh="年度封顶"), amount_minor=-500, entry="#9"
    )
    capped = check(snapshot(lines(2), further=(relief,)))

    assert capped.bridge.year_cap_minor == -500
    with pytest.raises(Invalid, match="year_cap is stated as"):
        check(capped.model_copy(update={"further": ()}))


def test_the_months_are_twelve_and_end_with_the_period() -> None:
    base = ordinary()

    for months in (base.twelve_months[1:], base.twelve_months[::-1], ()):
        with pytest.raises(Invalid) as refused:
            check(base.model_copy(update={"twelve_months": months}))
        assert refused.value.code == "statement_months"


@pytest.mark.parametrize("amount", [1.0, True, "100", None])
def test_an_amount_that_is_no_whole_number_is_no_amount(amount: object) -> None:
    with pytest.raises(ValueError, match="payable_minor"):
        line(0, 100, payable_minor=amount)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the text"),
        ("[]", "the text"),
        ('{"version": 2}', "version"),
        ("{", "the text"),
        (b"\xff\xfe", "the text"),
    ],
)
def test_a_text_that_is_no_statement_is_refused_with_its_place(text: str | bytes, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_json(text)

    assert refused.value.code == "statement_unreadable"
    assert says in str(refused.value)


def test_an_unknown_field_is_refused() -> None:
    tree = json.loads(to_json(ordinary()))
    tree["bridge"]["gift_minor"] = 100

    with pytest.raises(Invalid, match=r"bridge\.gift_minor"):
        from_json(json.dumps(tree))


def test_one_instant_has_one_text() -> None:
    shanghai = datetime(2026, 11, 3, 9, 30, tzinfo=timezone(timedelta(hours=8)))

    assert to_json(snapshot(made_at=shanghai)) == to_json(
        snapshot(made_at=datetime(2026, 11, 3, 1, 30, tzinfo=UTC))
    )


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="made_at"):
        snapshot(made_at=datetime(2026, 11, 3, 1, 30))  # noqa: DTZ001 the case


def test_a_number_names_period_payee_and_revision_and_a_foreign_currency() -> None:
    assert number("2026-10", "M1", 1) == "JS-2026-10-M1-1"
    assert number("2026-10", "M1", 2, "USD") == "JS-2026-10-M1-USD-2"


def test_a_value_cannot_be_changed() -> None:
    earned: Line = ordinary().lines[0]

    with pytest.raises(ValueError, match="frozen"):
        earned.gross_minor = 1  # type: ignore[misc]
