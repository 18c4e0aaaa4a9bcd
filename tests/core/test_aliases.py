"""People by their order: nobody is named, and nobody's fen changes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.aliases import aliased, aliases
from ledger.core.document import UNPRINTABLE
from ledger.core.facts import Deal, DealFacts, Fact, Manager
from ledger.core.facts_file import read_facts
from ledger.core.facts_writer import facts_as_text
from ledger.core.plan import Plan
from ledger.core.target import target
from tests.deals import adjusted, deal, milestone, paid, received
from tests.histories import END, MANAGERS, deals, histories, plans


def test_aliases_keep_the_order_of_the_ids_by_code_points() -> None:
    ids = [f"M{number}" for number in range(1, 12)]
    called = aliases(ids)
    assert [called[one] for one in sorted(ids)] == sorted(called.values())
    assert called["M1"] == "P01" and called["M10"] == "P02" and called["M2"] == "P04"


def test_only_one_s_own_name_and_reasons_are_told() -> None:
    facts = DealFacts(
        Deal("D-1"),
        deal(
            milestone("03-01", "find", 李=1, 张=2),
            received("03-02", 100_00),
            adjusted("03-03", "李", "find", 100, "李某的私事"),
            adjusted("03-03", "张", "find", 50, "补贴"),
            paid("03-04", "李", 10),
        ).facts,
        {"李": Manager("李", "李四", "senior"), "张": Manager("张", "张三")},
    )
    text = facts_as_text(aliased(facts, "张"), "CNY")
    assert text == (
        "format: 1\n"
        'deal: {"id": "D-1"}\n'
        "managers:\n"
        '  - {"id": "P1", "name": "张三"}\n'
        '  - {"id": "P2", "name": "P2", "grade": "senior"}\n'
        "events:\n"
        '  - {"on": "2026-03-01", "type": "milestone", "stage": "find", "managers": {"P1": "2", "P2": "1"},'
        ' "grades": {"P2": null}}\n'
        '  - {"on": "2026-03-02", "type": "fee_received", "amount": "100.00"}\n'
        '  - {"on": "2026-03-03", "type": "adjustment", "manager": "P2", "stage": "find", "amount": "1.00",'
        ' "reason": "–"}\n'
        '  - {"on": "2026-03-03", "type": "adjustment", "manager": "P1", "stage": "find", "amount": "0.50",'
        ' "reason": "补贴"}\n'
        '  - {"on": "2026-03-04", "type": "paid", "manager": "P2", "amount": "0.10"}\n'
    )


@settings(max_examples=100, deadline=None)
@given(plans(), deals, histories, st.sampled_from(MANAGERS))
def test_the_file_that_one_manager_gets_gives_everybody_the_same_fen(
    plan: Plan, about: Deal, facts: list[Fact], own: str
) -> None:
    said = tuple(fact for fact in facts if getattr(fact, "amount_minor", 1))  # a file has no event of nothing
    whole = DealFacts(about, said, {one: Manager(one, one) for one in MANAGERS})
    called = aliases(MANAGERS)
    again = read_facts(facts_as_text(aliased(whole, own), "CNY"), "facts.yaml", "CNY")
    ours = [row._replace(manager=called[row.manager]) for row in target(plan, whole, END).rows]
    assert list(target(plan, again, END).rows) == ours


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_a_title_of_any_letters_is_one_line_that_can_be_read_again(letters: str) -> None:
    title = f"《{letters}》"
    text = facts_as_text(DealFacts(Deal("D-1", title=title), ()), "CNY")
    assert text.count("\n") == 2
    assert read_facts(text, "facts.yaml", "CNY").deal.title == UNPRINTABLE.sub("?", title)
