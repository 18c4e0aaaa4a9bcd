"""Reading facts files (docs/PLANS.md) into `DealFacts`; `facts_writer` is the way back.

A file holds one deal, or `deals: [...]`, or, as JSON lines, a deal a line. Whatever is wrong is one
`InvalidFile` with its line. A fact's value does not say where it was written, so `FactsFile` keeps
that beside it: the line for errors, and the `ref` by which an import knows a fact again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from ledger.core import facts_csv, money, scalars
from ledger.core.document import Fields, Node, checked_text, read, read_json_line, shown, suggest
from ledger.core.errors import InvalidFile
from ledger.core.facts import (
    Adjustment,
    Cancelled,
    Deal,
    DealFacts,
    Fact,
    Fee,
    FeeKind,
    GateFailed,
    Manager,
    Milestone,
    MilestoneWithdrawn,
    Paid,
    Participant,
    Reinstated,
    Stated,
    Statement,
)
from ledger.core.plan import Plan

MANY_SIZE_MOST = 16_000_000  # characters of a `deals:` document; JSON lines have no such bound
SEQ_MOST = 999_999_999
YEAR_MOST = 100
WORDS_MOST = 500


class Origin(NamedTuple):
    """Where a fact was written: the event's line, its type, and its `ref` if it has one."""

    line: int
    type: str
    ref: str | None


@dataclass(frozen=True, slots=True)
class FactsFile:
    """The facts of one deal as a file has them; `origins` runs parallel to `facts.facts`.

    An event that states two figures is two facts of the same origin.
    """

    facts: DealFacts
    currency: str
    name: str
    line: int  # of the deal
    origins: tuple[Origin, ...]
    manager_lines: Mapping[str, int]

    def fail(self, line: int, what: str, mend: str) -> InvalidFile:
        """The error to raise about a line of the file."""
        return InvalidFile(self.name, line, what, mend)


def read_facts(text: str | bytes, name: str, currency: str) -> DealFacts:
    """The one deal in a file called `name`, or InvalidFile."""
    return read_facts_file(text, name, currency).facts


def read_facts_file(text: str | bytes, name: str, currency: str) -> FactsFile:
    """The one deal in a file called `name` and where its facts stand, or InvalidFile."""
    return _one_deal(read(text, name), currency)


def read_many(text: str | bytes, name: str, currency: str) -> Iterator[FactsFile | InvalidFile]:
    """Each deal of a file, or its error: JSON lines, CSV, a `deals:` document, or a single deal."""
    if _is_json_lines(text, name):
        yield from read_lines(
            text.split(b"\n") if isinstance(text, bytes) else text.split("\n"), name, currency
        )
        return
    try:
        if name.lower().endswith(".csv"):
            deals = list(facts_csv.deals(text, name))
        else:
            deals = _deals(read(text, name, size_most=MANY_SIZE_MOST))
    except InvalidFile as error:
        yield error
        return
    yield from (_or_error(deal, currency) for deal in deals)


@dataclass(frozen=True, slots=True)
class Unread:
    """A line of a JSON lines file as it stands there, for whoever reads it, in another process too."""

    text: str | bytes
    name: str
    line: int
    currency: str

    def read(self) -> Iterator[FactsFile | InvalidFile]:
        """The deal it has, or its error; nothing where it is blank."""
        try:
            text = checked_text(self.text, self.name, first_line=self.line).strip()
            if text:
                yield _one_deal(read_json_line(text, self.name, self.line), self.currency)
        except InvalidFile as error:
            yield error


def unread_lines(lines: Iterable[str | bytes], name: str, currency: str) -> Iterator[Unread]:
    """Each line of a JSON lines file, without holding the file."""
    return (Unread(line, name, number, currency) for number, line in enumerate(lines, 1))


def read_lines(lines: Iterable[str | bytes], name: str, currency: str) -> Iterator[FactsFile | InvalidFile]:
    """Each deal of a JSON lines file, or its error, without holding the file. Blank lines are left out."""
    for one in unread_lines(lines, name, currency):
        yield from one.read()


def check_against(plan: Plan, file: FactsFile) -> None:
    """Refuse facts that this plan cannot be applied to: another currency, an unknown stage or grade."""
    if file.currency != plan.currency:
        what = f"the facts are in {file.currency}, the plan in {plan.currency}"
        raise file.fail(file.line, what, "read them in the plan's currency")
    for manager in file.facts.managers.values():
        _check_grade(plan, file, manager.grade, file.manager_lines[manager.id])
    stages = [stage.id for stage in plan.stages]
    for fact, origin in zip(file.facts.facts, file.origins, strict=True):
        if (
            isinstance(fact, Milestone | MilestoneWithdrawn | GateFailed | Adjustment)
            and fact.stage not in stages
        ):
            what = f"there is no stage “{fact.stage}” in the plan {plan.id}"
            raise file.fail(origin.line, what, suggest(fact.stage, stages))
        if isinstance(fact, GateFailed) and not plan.stages[stages.index(fact.stage)].gate:
            what = f"the stage {fact.stage} of the plan {plan.id} is no gate that could fail"
            raise file.fail(origin.line, what, "write “type: cancelled” with a reason, or make it a gate")
        if isinstance(fact, Milestone):
            for participant in fact.participants:
                _check_grade(plan, file, participant.grade, origin.line)


def _check_grade(plan: Plan, file: FactsFile, grade: str | None, line: int) -> None:
    if plan.grades and grade is not None and grade not in plan.grades:
        what = f"there is no grade “{grade}” in the plan {plan.id}"
        raise file.fail(line, what, suggest(grade, list(plan.grades)))


# --- several deals


def _is_json_lines(text: str | bytes, name: str) -> bool:
    """By name, or because the first line is a whole JSON object that is a single deal."""
    if re.search(r"\.(jsonl|ndjson)$", name, re.I):
        return True
    first = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text).lstrip("\ufeff \t\r\n")
    first = first.partition("\n")[0].strip()
    if not first.startswith("{"):
        return False
    try:
        return "deals" not in read_json_line(first, name, 1).entries()
    except InvalidFile:
        return False


def _deals(root: Node) -> list[Node]:
    if not isinstance(root.value, dict) or "deals" not in root.value:
        return [root]
    fields = root.fields("format", "deals")
    scalars.check_format(fields)
    return fields.need("deals").items()


def _or_error(node: Node, currency: str) -> FactsFile | InvalidFile:
    try:
        return _one_deal(node, currency, format_needed=not node.label)
    except InvalidFile as error:
        return error


# --- one deal


def _one_deal(node: Node, currency: str, *, format_needed: bool = True) -> FactsFile:
    fields = node.fields("format", "deal", "managers", "events")
    if format_needed or "format" in fields:
        scalars.check_format(fields)
    deal = _deal(fields.need("deal"), currency)
    managers, lines = _managers(fields.get("managers"))
    events = _Events(currency, deal.tax_rate, managers)
    for event in _items(fields.get("events")):
        events.add(event)
    return FactsFile(
        DealFacts(deal, tuple(events.facts), MappingProxyType(managers)),
        currency,
        node.file,
        fields.need("deal").line,
        tuple(events.origins),
        MappingProxyType(lines),
    )


def _items(node: Node | None) -> list[Node]:
    return node.items() if node else []


def _deal(node: Node, currency: str) -> Deal:
    fields = node.fields(
        "id", "category", "mode", "expected_fee", "tax_rate", "title", "client", "source", "opened_on"
    )
    fee, rate, opened = fields.get("expected_fee"), fields.get("tax_rate"), fields.get("opened_on")
    return Deal(
        id=scalars.identifier(fields.need("id")),
        category=_words(fields.get("category")),
        mode=_words(fields.get("mode")),
        expected_fee_minor=scalars.amount_from_zero(fee, currency) if fee else None,
        tax_rate=scalars.rate(rate) if rate else None,
        title=_words(fields.get("title")),
        client=_words(fields.get("client")),
        source=_words(fields.get("source")),
        opened_on=scalars.day(opened) if opened else None,
    )


def _managers(node: Node | None) -> tuple[dict[str, Manager], dict[str, int]]:
    """The managers by id in the order listed, and the line of each."""
    managers: dict[str, Manager] = {}
    lines: dict[str, int] = {}
    for item in _items(node):
        fields = item.fields("id", "name", "grade")
        manager_id = scalars.identifier(fields.need("id"))
        if manager_id in managers:
            raise item.fail(f"the manager {manager_id} is repeated from line {lines[manager_id]}", "keep one")
        grade = fields.get("grade")
        managers[manager_id] = Manager(
            manager_id, _words(fields.get("name")) or manager_id, scalars.identifier(grade) if grade else None
        )
        lines[manager_id] = item.line
    return managers, lines


def _words(node: Node | None) -> str | None:
    """A text for people, on one line and not beyond reason."""
    if node is None:
        return None
    text = node.text()
    if len(text) > WORDS_MOST:
        raise node.fail(f"{node.name} is longer than {WORDS_MOST} characters", "shorten it")
    return text


# --- events


@dataclass(slots=True)
class _Events:
    """The facts read so far, and what the next one must not contradict."""

    currency: str
    tax_rate: Fraction | None
    managers: Mapping[str, Manager]
    facts: list[Fact] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    by_ref: dict[str, tuple[Origin, list[Fact]]] = field(default_factory=dict)
    by_order: dict[tuple[object, ...], tuple[Origin, Fact]] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        """Read one event; a `ref` seen before is the same fact, or a conflict."""
        kind = Fields(node, node.entries()).need("type").one_of(*_READERS)
        keys, reader = _READERS[kind]
        fields = node.fields("on", "type", "seq", "ref", *keys)
        ref = _words(fields.get("ref"))
        on = scalars.day(fields.need("on"))
        seq_node = fields.get("seq")
        seq = scalars.whole(seq_node, 0, SEQ_MOST) if seq_node else 0
        facts = reader(self, fields, on, seq)
        origin = Origin(node.line, kind, ref)
        if self._seen(node, origin, facts):
            return
        for fact in facts:
            self._check_order(node, origin, fact)
            self.facts.append(fact)
            self.origins.append(origin)

    def _seen(self, node: Node, origin: Origin, facts: list[Fact]) -> bool:
        if origin.ref is None:
            return False
        first, known = self.by_ref.setdefault(origin.ref, (origin, facts))
        if known is facts:
            return False
        if known != facts:
            what = f"the ref “{shown(origin.ref)}” stands for another fact on line {first.line}"
            raise node.fail(what, "give each fact its own ref")
        return True

    def _check_order(self, node: Node, origin: Origin, fact: Fact) -> None:
        """Two statements, milestones or cancellations of one order must say the same."""
        order = _order(fact)
        if order is None:
            return
        first, known = self.by_order.setdefault(order, (origin, fact))
        if known != fact:
            what = f"this {origin.type} contradicts line {first.line} of the same day and seq"
            raise node.fail(what, "give the later one a higher “seq”")

    def participant(self, node: Node, manager: str) -> Manager:
        """The manager called so in the file's list."""
        scalars.identifier(node, manager)
        if manager not in self.managers:
            raise node.fail(
                f"there is no manager “{manager}” among the managers",
                suggest(manager, list(self.managers)) if self.managers else "add “managers: [{id: …}]”",
            )
        return self.managers[manager]


def _order(fact: Fact) -> tuple[object, ...] | None:
    """What only one fact may be said about, or None where every item counts."""
    if isinstance(fact, Stated):
        return fact.what, fact.on, fact.seq
    if isinstance(fact, Milestone):
        return "milestone", fact.stage, fact.on, fact.seq
    if isinstance(fact, Cancelled):
        return "cancelled", fact.on, fact.seq
    return None


_Reader = Callable[[_Events, Fields, date, int], list[Fact]]


def _milestone(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
    node = fields.need("managers")
    grades = dict(fields["grades"].entries()) if "grades" in fields else {}
    participants = []
    for manager_id, item in sorted(node.entries().items()):
        grade = events.participant(item, manager_id).grade
        if (other := grades.pop(manager_id, None)) is not None:
            grade = None if other.empty else scalars.identifier(other)
        participants.append(Participant(manager_id, scalars.weight(item), grade))
    for manager_id, item in grades.items():
        raise item.fail(f"“{shown(manager_id)}” has a grade but no part in the milestone", "remove it")
    if not any(participant.weight for participant in participants):
        raise node.fail("nobody has a weight above zero", "give at least one manager a weight")
    return [Milestone(on, scalars.code(fields.need("stage")), tuple(participants), seq)]


def _milestone_withdrawn(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
    return [MilestoneWithdrawn(on, scalars.code(fields.need("stage")), seq)]


def _contract(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
    stated: tuple[Statement, ...] = ("contract_amount", "transaction_amount")
    facts: list[Fact] = [
        Stated(on, what, scalars.amount_from_zero(node, events.currency), seq)
        for what in stated
        if (node := fields.get(what))
    ]
    if not facts:
        raise fields.node.fail("the contract states no amount", "add “contract_amount: …”")
    return facts


def _figure(what: Statement) -> _Reader:
    def read_figure(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
        return [Stated(on, what, scalars.amount_from_zero(fields.need("amount"), events.currency), seq)]

    return read_figure


def _fee(kind: FeeKind) -> _Reader:
    def read_fee(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
        amount_minor = scalars.amount_above_zero(fields.need("amount"), events.currency)
        year = scalars.whole(node, 1, YEAR_MOST) if (node := fields.get("year")) else None
        return [Fee(on, kind, amount_minor, _tax(events, fields, amount_minor), year)]

    return read_fee


def _tax(events: _Events, fields: Fields, amount_minor: int) -> int:
    """The VAT inside the amount: as stated, or by the fact's rate, or by the deal's, or none."""
    tax, rate_node = fields.get("tax"), fields.get("tax_rate")
    if tax and rate_node:
        raise tax.fail("the fee has both a tax and a tax_rate", "keep one of them")
    if tax:
        tax_minor = scalars.amount_from_zero(tax, events.currency)
        if tax_minor > amount_minor:
            raise tax.fail("the tax is more than the amount, which includes it", "correct one of the two")
        return tax_minor
    rate = scalars.rate(rate_node) if rate_node else events.tax_rate
    return money.round_half_away(amount_minor * rate / (1 + rate)) if rate else 0


def _paid(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
    return [Paid(on, _manager(events, fields), _amount_not_zero(events, fields))]


def _cancelled(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
    return [Cancelled(on, scalars.identifier(fields.need("reason")), seq)]


def _gate_failed(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
    return [GateFailed(on, scalars.code(fields.need("stage")), seq)]


def _reinstated(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
    return [Reinstated(on, seq)]


def _adjustment(events: _Events, fields: Fields, on: date, seq: int) -> list[Fact]:
    manager, stage = _manager(events, fields), scalars.code(fields.need("stage"))
    reason = _words(fields.need("reason")) or ""
    return [Adjustment(on, manager, stage, _amount_not_zero(events, fields), reason)]


def _manager(events: _Events, fields: Fields) -> str:
    node = fields.need("manager")
    return events.participant(node, node.text()).id


def _amount_not_zero(events: _Events, fields: Fields) -> int:
    node = fields.need("amount")
    amount_minor = scalars.amount(node, events.currency)
    if not amount_minor:
        raise node.fail(f"{node.name} is zero", "write an amount or leave the event out")
    return amount_minor


_FEE_KEYS = ("amount", "tax", "tax_rate", "year")
_READERS: dict[str, tuple[tuple[str, ...], _Reader]] = {
    "milestone": (("stage", "managers", "grades"), _milestone),
    "milestone_withdrawn": (("stage",), _milestone_withdrawn),
    "contract": (("contract_amount", "transaction_amount"), _contract),
    "net_income": (("amount",), _figure("net_income")),
    "stake_valued": (("amount",), _figure("stake_value")),
    "fee_invoiced": (_FEE_KEYS, _fee("fee_invoiced")),
    "fee_credited": (_FEE_KEYS, _fee("fee_credited")),
    "fee_received": (_FEE_KEYS, _fee("fee_received")),
    "fee_refunded": (_FEE_KEYS, _fee("fee_refunded")),
    "paid": (("manager", "amount"), _paid),
    "cancelled": (("reason",), _cancelled),
    "gate_failed": (("stage",), _gate_failed),
    "reinstated": ((), _reinstated),
    "adjustment": (("manager", "stage", "amount", "reason"), _adjustment),
}
EVENT_TYPES = tuple(_READERS)
