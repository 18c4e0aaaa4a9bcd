"""`yongjin tax` and `yongjin amount-cn`: what is withheld from a person, an amount in words. No database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ledger.cli.app import Json, Language, app, file_content, print_json
from ledger.core import tax
from ledger.core.capitals import amount_cn
from ledger.core.money import format_minor, parse_minor
from ledger.core.tax_file import read_payments


@app.command("amount-cn", context_settings={"ignore_unknown_options": True})
def amount_in_words(
    amount: Annotated[str, typer.Argument(help="The amount in yuan, such as 1409.50.")],
    as_json: Json = False,
) -> None:
    """Write an amount in words (大写金额)."""
    minor = parse_minor(amount, "CNY")
    words = amount_cn(minor)
    if as_json:
        print_json({"amount": format_minor(minor, "CNY"), "words": words})
    else:
        print(words)


@app.command("tax")
def withheld(
    method: Annotated[str, typer.Option(help=f"One of {', '.join(tax.METHODS)}.", show_default=False)],
    facts: Annotated[Path, typer.Option(help="The payments to one person.", show_default=False)],
    break_months: Annotated[
        int, typer.Option("--break-months", help="How many empty months restart the cumulative count.")
    ] = tax.DEFAULTS.break_months,
    lang: Annotated[Language, typer.Option("--lang", help="The language of the reasons.")] = Language.en,
    as_json: Json = False,
) -> None:
    """Say what is withheld from each payment to a person, and why."""
    settings = tax.Settings(break_months)
    tax.check_method(method)
    tax.check_settings(settings)
    payments = read_payments(file_content(facts), str(facts), method)
    result = {"payments": _lines(tax.withhold_all(method, payments, settings), lang)}
    if as_json:
        print_json(result)
    else:
        _print_table(result["payments"], lang)


def _lines(held: Sequence[tax.Withheld], lang: Language) -> list[dict[str, Any]]:
    return [
        {
            "on": one.on.isoformat(),
            "amount": format_minor(one.amount_minor, "CNY"),
            "withheld": format_minor(one.withheld_minor, "CNY"),
            "net": format_minor(one.net_minor, "CNY"),
            "because": tax.sentences(one.because, lang.value),
        }
        for one in held
    ]


_HEADS = {
    "en": ("Date", "Amount", "Withheld", "Net", "Because"),
    "zh": ("日期", "金额", "预扣税额", "实付", "说明"),
}


def _print_table(lines: Sequence[dict[str, Any]], lang: Language) -> None:
    on, *amounts, because = _HEADS[lang.value]
    table = Table(on)
    for head in amounts:
        table.add_column(head, justify="right")
    table.add_column(because, overflow="fold")
    for line in lines:
        table.add_row(line["on"], line["amount"], line["withheld"], line["net"], "\n".join(line["because"]))
    Console().print(table)
