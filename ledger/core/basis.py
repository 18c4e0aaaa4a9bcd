"""Rule 1, the basis: fees added up and figures as last stated; for a running share year by year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from ledger.core.facts import Deal, Fee, FeeKind, Stated
from ledger.core.known import Known, new, the_latest
from ledger.core.money import round_ratio
from ledger.core.plan import Basis, Pool
from ledger.core.reached import Reached
from ledger.core.rules import FEES, Rules

# The fees of each year of a running share, less what was given back: (year from 1, minor), in order
ByYear = tuple[tuple[int, int], ...]


class Sums(NamedTuple):
    """Rule 1: the fees by kind with the VAT inside them, and the latest statement of each figure."""

    fees_minor: dict[FeeKind, int]
    taxes_minor: dict[FeeKind, int]
    stated: dict[str, Stated]

    def fees(self, basis: Basis) -> tuple[int, int, int]:
        """(added, taken off again, the VAT in what is left) of the fees that make up a basis."""
        up, down = FEES[basis]
        tax_minor = self.taxes_minor.get(up, 0) - self.taxes_minor.get(down, 0)
        return self.fees_minor.get(up, 0), self.fees_minor.get(down, 0), tax_minor


def added_up(rules: Rules, known: Known) -> Sums:
    """Fees added up and figures as last stated."""
    amounts: dict[FeeKind, int] = {}
    taxes: dict[FeeKind, int] = {}
    for fee in known.fees:
        amounts[fee.kind] = amounts.get(fee.kind, 0) + fee.amount_minor
        if fee.tax_minor:
            taxes[fee.kind] = taxes.get(fee.kind, 0) + fee.tax_minor
    stated = _stated(known.stated, rules.figures) if rules.figures else {}
    return new(Sums, (amounts, taxes, stated))


def _stated(stated: Sequence[Stated], figures: Sequence[str]) -> dict[str, Stated]:
    """The latest statement of each of these figures, where there is one."""
    statements = {figure: [fact for fact in stated if fact.what == figure] for figure in figures}
    return {figure: the_latest(facts) for figure, facts in statements.items() if facts}


def bases_of(pool: Pool, sums: Sums) -> tuple[int, ...]:
    """Each basis the plan names; what was never stated is zero. The least of them counts."""
    return tuple([_basis(pool, sums, basis) for basis in pool.bases])


def _basis(pool: Pool, sums: Sums, basis: Basis) -> int:
    if basis not in FEES:
        fact = sums.stated.get(basis)
        return fact.amount_minor if fact else 0
    up_minor, down_minor, tax_minor = sums.fees(basis)
    return up_minor - down_minor if pool.vat_included else up_minor - down_minor - tax_minor


def hoped_bases(pool: Pool, sums: Sums, deal: Deal) -> tuple[int, ...]:
    """The bases once the expected fee is in: it stands for the fees, and for what no one has stated.

    A figure not stated yet cannot be the least of several: it is left out, unless nothing else is left.
    """
    hoped = [
        _hoped_fees(pool, sums, deal, basis) if basis in FEES else sums.stated[basis].amount_minor
        for basis in pool.bases
        if basis in FEES or basis in sums.stated
    ]
    return tuple(hoped) or (_net(pool, deal, deal.expected_fee_minor or 0),)


def _hoped_fees(pool: Pool, sums: Sums, deal: Deal, basis: Basis) -> int:
    """What there is of it, and what is missing from the expected fee, without the VAT in that.

    The VAT of the whole is not taken off the whole: rounded document by document, it may be a fen more or
    less, and once everything is in nothing may be left to hope for.
    """
    up_minor, down_minor, _ = sums.fees(basis)
    missing = (deal.expected_fee_minor or 0) - (up_minor - down_minor)
    return _basis(pool, sums, basis) + (_net(pool, deal, missing) if missing > 0 else 0)


def _net(pool: Pool, deal: Deal, gross_minor: int) -> int:
    """An amount without the VAT in it by the deal's rate, where it does not count."""
    if deal.tax_rate is None or pool.vat_included:
        return gross_minor
    part, rest = deal.tax_rate.numerator, deal.tax_rate.denominator
    return gross_minor - round_ratio(gross_minor * part, part + rest)


# For a running share: the basis year by year


def year_by_year(rules: Rules, reached: Sequence[Reached | None], fees: Sequence[Fee]) -> ByYear:
    """What each year had of the fees, without VAT where it does not count.

    A fee is of the year it names, or else of the year of its day. What is given back is taken from its
    year, then from those before, the last first, then from those after: so that giving back everything
    leaves nothing, and no fee is given back at the rate of a year in which it did not come.
    """
    up, down = FEES[rules.plan.pool.bases[0]]
    begun = _begun(rules, reached)
    years: dict[int, int] = {}
    back: list[tuple[date, int, int]] = []
    for fee in fees:
        if fee.kind == up:
            year = _year(fee, begun)
            years[year] = years.get(year, 0) + _counted(rules, fee)
        elif fee.kind == down:
            back.append((fee.on, _year(fee, begun), _counted(rules, fee)))
    for _, year, amount in sorted(back):
        _take_back(years, year, amount)
    return tuple(sorted(years.items()))


def _begun(rules: Rules, reached: Sequence[Reached | None]) -> date | None:
    """The day the first year begins, if it has."""
    years = rules.plan.pool.years
    stage = reached[rules.position[years.since]] if years else None
    return stage.since if stage and not stage.too_late else None


def _year(fee: Fee, begun: date | None) -> int:
    """The year a fee is of: 1 is the first, and everything before it."""
    if fee.year is not None:
        return fee.year
    if begun is None or fee.on < begun:
        return 1
    return fee.on.year - begun.year + ((fee.on.month, fee.on.day) >= (begun.month, begun.day))


def _counted(rules: Rules, fee: Fee) -> int:
    return fee.amount_minor if rules.plan.pool.vat_included else fee.amount_minor - fee.tax_minor


def _take_back(years: dict[int, int], year: int, amount: int) -> None:
    """Take an amount from the years that have it, from `year` back, then on; what none has, from `year`."""
    before = [other for other in years if other <= year]
    after = [other for other in years if other > year]
    for other in (*sorted(before, reverse=True), *sorted(after)):
        taken = min(amount, max(0, years[other]))
        years[other] -= taken
        amount -= taken
    if amount:
        years[year] = years.get(year, 0) - amount


def hoped_years(by_year: ByYear, more: int) -> ByYear:
    """The same with what is still hoped for, in the last year that had anything."""
    if not by_year:
        return ((1, more),)
    year, amount = by_year[-1]
    return (*by_year[:-1], (year, amount + max(0, more)))
