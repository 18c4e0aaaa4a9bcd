"""Reading a plan file (docs/PLANS.md) into a `Plan`, whole and checked, or one error with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType

from ledger.core import condition, money, scalars
from ledger.core.document import Fields, Node, read, shown, suggest
from ledger.core.errors import Invalid, InvalidFile
from ledger.core.facts import Deal
from ledger.core.plan import (
    BASES,
    Basis,
    Bracket,
    Clawback,
    Holdback,
    Plan,
    Pool,
    Stage,
    Take,
    TierMode,
    Title,
    Years,
    required,
)

SIZE_MOST = 200_000  # characters
LIST_MOST = 100  # stages, brackets, years, grades, reasons
SHARE_PARTS_MOST = 1_000_000  # the finest share is a millionth
HOLD_DAYS_MOST = 3650

_MODES: tuple[TierMode, ...] = ("marginal", "whole")
_ADDED_UP: tuple[Basis, ...] = ("fee_invoiced", "fee_received")
_TAKES: tuple[Take, ...] = ("none", "unpaid", "all")


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan with the line of each of its parts: "when", "pool", "pool.cap", "stages.ID", ..."""

    plan: Plan
    name: str
    lines: Mapping[str, int]

    def fail(self, part: str, what: str, mend: str) -> InvalidFile:
        """The error to raise about a part of the plan."""
        return InvalidFile(self.name, self.lines.get(part, 1), what, mend)

    def line_of(self, part: str) -> int:
        """Where a part of the plan stands: its own line, or that of what it is in."""
        return self.lines.get(part) or self.lines.get(part.partition(".")[0], 1)

    def admit(self, deal: Deal) -> None:
        """Refuse a deal that the plan's condition does not hold for."""
        if self.plan.when is None:
            return
        try:
            holds = condition.allows(self.plan.when, deal)
        except Invalid as error:
            what, _, mend = str(error).partition("; ")
            raise self.fail("when", what, mend) from None
        if not holds:
            what = f"the plan is not for deal {deal.id}: “{shown(self.plan.when)}” does not hold"
            raise self.fail("when", what, "use another plan, or correct the deal")


def read_plan(text: str | bytes, name: str) -> Plan:
    """The plan in a file called `name`, or InvalidFile."""
    return read_plan_file(text, name).plan


def read_plan_file(text: str | bytes, name: str) -> PlanFile:
    """The plan in a file called `name` and where its parts stand, or InvalidFile."""
    root = read(text, name, size_most=SIZE_MOST)
    fields = root.fields(
        "format",
        "plan",
        "title",
        "currency",
        "pool",
        "stages",
        "grades",
        "holdback",
        "caps",
        "clawback",
        "when",
    )
    scalars.check_format(fields)
    plan_id = scalars.code(fields.need("plan"))
    currency = _currency(fields.need("currency"))
    pool = _pool(fields.need("pool"), currency)
    stages = _stages(fields.need("stages"), currency)
    _check_since(fields.need("pool"), pool, stages)
    caps = _caps(fields.get("caps"), currency)
    plan = Plan(
        id=plan_id,
        title=_title(fields, plan_id),
        currency=currency,
        pool=pool,
        stages=stages,
        grades=_grades(fields.get("grades")),
        holdback=_holdback(fields.get("holdback"), stages),
        cap_per_deal_minor=caps[0],
        cap_per_year_minor=caps[1],
        clawback=_clawbacks(fields.get("clawback")),
        when=_when(fields.get("when")),
    )
    return PlanFile(plan, name, _lines(fields))


def _lines(fields: Fields) -> dict[str, int]:
    lines = {key: node.line for key, node in fields.items()}
    for part in ("pool", "caps", "holdback", "clawback"):
        if part in fields:
            lines |= {f"{part}.{key}": node.line for key, node in fields[part].entries().items()}
    for node in fields["stages"].items():
        lines[f"stages.{node.entries()['id'].text()}"] = node.line
    return lines


def _currency(node: Node) -> str:
    code = node.text()
    try:
        money.digits(code)
    except Invalid as error:
        raise scalars.refused(node, error) from None
    return code


def _title(fields: Fields, otherwise: str) -> Title:
    """`{zh, en}`, either standing in for the other, or one text for both, or else the id."""
    node = fields.get("title")
    if node is None:
        return Title(otherwise, otherwise)
    if isinstance(node.value, str):
        return Title(node.text(), node.text())
    texts = [text.text() for key in ("zh", "en") if (text := node.fields("zh", "en").get(key))]
    if not texts:
        raise node.fail("the title is empty", "write {zh: …, en: …}")
    return Title(zh=texts[0], en=texts[-1])


# --- the pool


def _pool(node: Node, currency: str) -> Pool:
    fields = node.fields("basis", "vat", "rate", "tiers", "years", "floor", "cap")
    bases = _bases(fields.need("basis"))
    mode, brackets = _brackets(fields, currency)
    floor, cap = fields.get("floor"), fields.get("cap")
    floor_minor = scalars.amount_from_zero(floor, currency) if floor else None
    cap_minor = scalars.amount_from_zero(cap, currency) if cap else None
    if floor and floor_minor is not None and cap_minor is not None and floor_minor > cap_minor:
        raise floor.fail("the floor is above the cap", "lower the floor or raise the cap")
    vat = fields.get("vat")
    return Pool(
        bases=bases,
        vat_included=vat is not None and vat.one_of("excluded", "included") == "included",
        mode=mode,
        brackets=brackets,
        floor_minor=floor_minor,
        cap_minor=cap_minor,
        years=_years(fields.get("years"), bases),
    )


def _bases(node: Node) -> tuple[Basis, ...]:
    """One figure, or the several of which the least counts."""
    if not isinstance(node.value, dict):
        return (_basis(node),)
    several = _some(node.fields("min_of").need("min_of"))
    bases: list[Basis] = []
    for item in several:
        basis = _basis(item)
        if basis in bases:
            raise item.fail(f"“{basis}” is repeated in min_of", "name each figure once")
        bases.append(basis)
    return tuple(bases)


def _basis(node: Node) -> Basis:
    named = node.one_of(*BASES)
    return next(basis for basis in BASES if basis == named)


def _brackets(fields: Fields, currency: str) -> tuple[TierMode, tuple[Bracket, ...]]:
    """A plain rate is one marginal bracket from zero; rates by year need none."""
    rate, tiers, years = fields.get("rate"), fields.get("tiers"), fields.get("years")
    several = [(name, node) for name, node in (("rate", rate), ("tiers", tiers), ("years", years)) if node]
    if len(several) > 1:
        (first, _), (second, node) = several[:2]
        named = "a rate" if first == "rate" else first
        raise node.fail(f"the pool has both {named} and {second}", "keep one of them")
    if rate:
        return "marginal", (Bracket(0, scalars.rate(rate)),)
    if years:
        return "marginal", ()
    if not tiers:
        raise fields.node.fail("the pool has neither a rate nor tiers", "add “rate: 40%”")
    inner = tiers.fields("mode", "brackets")
    named = inner.need("mode").one_of(*_MODES)
    mode = next(mode for mode in _MODES if mode == named)
    return mode, _rising(_some(inner.need("brackets")), currency)


def _rising(nodes: Sequence[Node], currency: str) -> tuple[Bracket, ...]:
    brackets: list[Bracket] = []
    for node in nodes:
        fields = node.fields("from", "rate")
        from_minor = scalars.amount_from_zero(fields.need("from"), currency)
        if not brackets and from_minor:
            raise node.fail("the first bracket is not from 0", "write “from: 0”, with rate 0% if need be")
        if brackets and from_minor <= brackets[-1].from_minor:
            raise node.fail("a bracket does not begin above the one before", "order them by a rising “from”")
        brackets.append(Bracket(from_minor, scalars.rate(fields.need("rate"))))
    return tuple(brackets)


def _years(node: Node | None, bases: Sequence[Basis]) -> Years | None:
    if node is None:
        return None
    fields = node.fields("since", "rates")
    rates = tuple(scalars.rate(item) for item in _some(fields.need("rates")))
    if len(bases) > 1 or bases[0] not in _ADDED_UP:
        what = f"rates by year need fees, which have days, and the basis is {' and '.join(bases)}"
        raise node.fail(what, "write “basis: fee_received”, or a rate")
    return Years(fields.need("since").text(), rates)


def _check_since(node: Node, pool: Pool, stages: Sequence[Stage]) -> None:
    """Years are counted from a stage of the plan."""
    ids = [stage.id for stage in stages]
    if pool.years and pool.years.since not in ids:
        since = node.entries()["years"].entries()["since"]
        what = f"there is no stage “{shown(pool.years.since)}” to count years from"
        raise since.fail(what, suggest(pool.years.since, ids))


# --- the stages


def _stages(node: Node, currency: str) -> tuple[Stage, ...]:
    nodes = _some(node)
    rows = [item.fields("id", "title", "share", "award", "gate", "requires", "evidence") for item in nodes]
    ids = _distinct([row.need("id") for row in rows])
    shares = [scalars.rate(row.need("share")) for row in rows]
    weights = _share_weights(node, shares)
    stages = tuple(
        Stage(
            id=stage_id,
            title=_title(row, stage_id),
            share=share,
            weight=part,
            award_minor=scalars.amount_from_zero(award, currency) if (award := row.get("award")) else 0,
            requires=_requires(row, ids),
            evidence=_distinct(evidence.items()) if (evidence := row.get("evidence")) else (),
            gate=scalars.truth(gate) if (gate := row.get("gate")) else False,
        )
        for row, stage_id, share, part in zip(rows, ids, shares, weights, strict=True)
    )
    _check_acyclic(nodes, stages)
    return stages


def _share_weights(node: Node, shares: Sequence[Fraction]) -> tuple[int, ...]:
    """The shares as coprime whole numbers; they must add up to exactly 100%."""
    whole = sum(shares, Fraction(0))
    if whole != 1:
        what = f"the shares of the stages add up to {money.format_rate(whole)}, not 100%"
        raise node.fail(what, "change them so that they do; thirds are written “1/3”")
    weights = money.coprime(shares)
    if sum(weights) > SHARE_PARTS_MOST:
        raise node.fail("the shares of the stages are too fine", "round them to 0.0001% at most")
    return weights


def _requires(row: Fields, ids: Sequence[str]) -> tuple[str, ...]:
    node = row.get("requires")
    if node is None:
        return ()
    required = _distinct(node.items())
    for item, stage_id in zip(node.items(), required, strict=True):
        if stage_id not in ids:
            raise item.fail(f"there is no stage “{stage_id}” to require", suggest(stage_id, ids))
    return required


def _check_acyclic(nodes: Sequence[Node], stages: Sequence[Stage]) -> None:
    try:
        TopologicalSorter({stage.id: required(stage, stages) for stage in stages}).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        first = min(i for i, stage in enumerate(stages) if stage.id in cycle)
        path = shown(" → ".join(reversed(cycle)))
        raise nodes[first].fail(f"stages require each other in a circle: {path}", "remove one") from None


# --- the rest


def _grades(node: Node | None) -> Mapping[str, Fraction]:
    if node is None:
        return MappingProxyType({})
    _some_entries(node)
    return MappingProxyType(
        {scalars.identifier(item, name): scalars.grade(item) for name, item in node.entries().items()}
    )


def _holdback(node: Node | None, stages: Sequence[Stage]) -> Holdback | None:
    if node is None:
        return None
    fields = node.fields("rate", "release")
    rate = scalars.rate(fields.need("rate"))
    release = fields.need("release").fields("stage", "days")
    stage, days = release.get("stage"), release.get("days")
    if (stage is None) == (days is None):
        raise release.node.fail("a release needs either a stage or days", "write {stage: …} or {days: 90}")
    if days is not None:
        return Holdback(rate, None, scalars.whole(days, 1, HOLD_DAYS_MOST))
    ids = [known.id for known in stages]
    if stage is not None and stage.text() not in ids:
        raise stage.fail(
            f"there is no stage “{shown(stage.text())}” to release at", suggest(stage.text(), ids)
        )
    return Holdback(rate, stage.text() if stage else None, None)


def _caps(node: Node | None, currency: str) -> tuple[int | None, int | None]:
    """Per manager: over a deal, over a year."""
    if node is None:
        return None, None
    fields = node.fields("per_manager_per_deal", "per_manager_per_year")
    deal, year = fields.get("per_manager_per_deal"), fields.get("per_manager_per_year")
    return (
        scalars.amount_from_zero(deal, currency) if deal else None,
        scalars.amount_from_zero(year, currency) if year else None,
    )


def _clawbacks(node: Node | None) -> Mapping[str, Clawback]:
    if node is None:
        return MappingProxyType({})
    _some_entries(node)
    return MappingProxyType(
        {scalars.identifier(item, reason): _clawback(item) for reason, item in node.entries().items()}
    )


def _clawback(node: Node) -> Clawback:
    fields = node.fields("take", "keep_awards")
    named = fields.need("take").one_of(*_TAKES)
    keep = fields.get("keep_awards")
    return Clawback(
        take=next(take for take in _TAKES if take == named),
        keep_awards=scalars.truth(keep) if keep else False,
    )


def _when(node: Node | None) -> str | None:
    if node is None:
        return None
    text = node.prose()
    try:
        condition.compile(text)
    except Invalid as error:
        what, _, mend = str(error).partition("; ")
        raise node.fail(what, mend or "write a CEL comparison such as deal.category == 'transfer'") from None
    return text


# --- lists


def _some(node: Node) -> list[Node]:
    """The list's items: at least one, and not beyond reason."""
    items = node.items()
    if not 1 <= len(items) <= LIST_MOST:
        raise node.fail(f"{node.name} has {len(items)} items", f"write 1 to {LIST_MOST}")
    return items


def _some_entries(node: Node) -> None:
    if not 1 <= len(node.entries()) <= LIST_MOST:
        raise node.fail(f"{node.name} has {len(node.entries())} entries", f"write 1 to {LIST_MOST}")


def _distinct(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Ids, none twice."""
    seen: dict[str, int] = {}
    for node in nodes:
        found = scalars.code(node)
        if found in seen:
            raise node.fail(f"“{found}” is repeated from line {seen[found]}", "keep one of the two")
        seen[found] = node.line
    return tuple(seen)
