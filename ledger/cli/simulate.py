"""`yongjin simulate`: what everyone would earn, from a plan file and a facts file. No database."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ledger.cli.app import Json, Language, app, day_given, file_content, print_json, wrong_files_in
from ledger.core import waits
from ledger.core.facts import DealFacts
from ledger.core.facts_file import FactsFile, check_against, read_facts_file
from ledger.core.money import format_minor
from ledger.core.plan import Plan
from ledger.core.plan_file import read_plan_file
from ledger.core.target import Target, target
from ledger.core.workings import render, sentences, steps, to_data


@app.command()
def simulate(
    plan: Annotated[Path, typer.Option("--plan", help="The plan file.", show_default=False)],
    facts: Annotated[Path, typer.Option("--facts", help="The facts of one deal.", show_default=False)],
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="DATE", help="Facts after this day are ignored.  [default: the latest event]"
        ),
    ] = None,
    lang: Annotated[Language, typer.Option("--lang", help="The language of the reasons.")] = Language.en,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="In JSON also the steps as data, and what each stage waits for."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what everyone has earned on a deal, and why."""
    with wrong_files_in(lang):
        plan_file = read_plan_file(file_content(plan), str(plan))
        facts_file = read_facts_file(file_content(facts), str(facts), plan_file.plan.currency)
        plan_file.admit(facts_file.facts.deal)
        check_against(plan_file.plan, facts_file)
        on = day_given(as_of) if as_of is not None else _latest(facts_file)
    result = target(plan_file.plan, facts_file.facts, on)

    data = simulation(plan_file.plan, facts_file.facts, result, lang)
    if as_json:
        print_json(data if explain else promised(data))
    else:
        _print_table(plan_file.plan, facts_file, result, data, lang)


def promised(data: dict[str, Any]) -> dict[str, Any]:
    """The result without what `--explain` adds, so that whoever compares it whole finds nothing new."""
    rows = [{name: value for name, value in row.items() if name != "steps"} for row in data["allocations"]]
    return {name: value for name, value in data.items() if name != "waits"} | {"allocations": rows}


def simulation(plan: Plan, facts: DealFacts, result: Target, lang: Language) -> dict[str, Any]:
    """What docs/PLANS.md promises, and what `--explain` adds; amounts as text with the currency's digits."""

    def text(minor: int) -> str:
        return format_minor(minor, plan.currency)

    totals: dict[str, list[int]] = {}
    for row in result.rows:
        total = totals.setdefault(row.manager, [0, 0, 0])
        for place, minor in enumerate((row.earned_minor, row.held_minor, row.payable_minor)):
            total[place] += minor
    return {
        "plan": plan.id,
        "deal": facts.deal.id,
        "as_of": result.workings.as_of.isoformat(),
        "currency": plan.currency,
        "pool": {
            "basis": text(result.basis_minor),
            "amount": text(result.pool_minor),
            "allocated": text(result.allocated_minor),
            "reserve": text(result.reserve_minor),
        },
        "allocations": [
            {
                "manager": row.manager,
                "stage": row.stage,
                "earned": text(row.earned_minor),
                "held": text(row.held_minor),
                "payable": text(row.payable_minor),
                "because": sentences(steps(result, row.manager, row.stage), lang.value, plan.currency),
                "steps": to_data(steps(result, row.manager, row.stage)),
            }
            for row in result.rows
        ],
        "totals": {
            manager: dict(zip(("earned", "held", "payable"), map(text, total), strict=True))
            for manager, total in sorted(totals.items())
        },
        "excluded": [{"stage": excluded.stage, "why": excluded.why} for excluded in result.excluded],
        "waits": [
            wait.to_data() | {"says": render(wait.step, lang.value, plan.currency)}
            for wait in waits.of_target(result, facts.facts)
        ],
    }


def _latest(file: FactsFile) -> date:
    days = [fact.on for fact in file.facts.facts]
    if not days:
        raise file.fail(file.line, "the deal has no events to date the result by", "add one, or give --as-of")
    return max(days)


# For people

_HEADS = {
    "en": ("Stage", "Manager", "Earned", "Held", "Payable", "Total", "Basis", "Pool", "Allocated", "Reserve"),
    "zh": ("阶段", "技术经理人", "已计提", "暂扣", "应付", "合计", "计佣基数", "佣金池", "已分配", "留存"),
}


def _print_table(plan: Plan, file: FactsFile, result: Target, data: dict[str, Any], lang: Language) -> None:
    heads = _HEADS[lang.value]
    titles = {one.id: one.title.zh if lang is Language.zh else one.title.en for one in plan.stages}

    def who(manager: str) -> str:
        known = file.facts.managers.get(manager)
        return escape(f"{manager} {known.name}" if known else manager)

    table = Table(title=escape(f"{data['deal']} · {data['as_of']} · {plan.currency}"))
    for place, head in enumerate(heads[:5]):
        table.add_column(head, justify="left" if place < 2 else "right")
    for row in data["allocations"]:
        amounts = (row["earned"], row["held"], row["payable"])
        table.add_row(escape(titles[row["stage"]]), who(row["manager"]), *amounts)
    table.add_section()
    for manager, sums in data["totals"].items():
        table.add_row(heads[5], who(manager), *sums.values())

    console = Console()
    console.print(table)
    figures = zip(heads[6:], data["pool"].values(), strict=True)
    console.print(" · ".join(f"{head} {amount}" for head, amount in figures), highlight=False)
    for one in data["waits"]:
        console.print(f"{one['manager']} {one['says']}".strip(), highlight=False, markup=False)
