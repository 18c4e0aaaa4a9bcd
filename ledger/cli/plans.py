"""plan check, plan diff, plan publish, plan list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from ledger import clock, config, plans, replay, users
from ledger.cli.app import Json, Language, app, file_content, print_json, wrong_files_in
from ledger.cli.books import bar
from ledger.cli.opened import opened
from ledger.core import compare, lint, picture
from ledger.core.errors import Invalid, NotFound
from ledger.core.money import format_minor
from ledger.core.plan_file import PlanFile, read_plan_file
from ledger.core.sentences import Sentence
from ledger.core.workings import Lang

plan = typer.Typer(help="Commission plans.", no_args_is_help=True)
app.add_typer(plan, name="plan")


@plan.command()
def check(
    file: Path,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Look at the deals in the books, if there are any.")
    ] = True,
    lang: Annotated[Language, typer.Option("--lang", help="The language of the findings.")] = Language.en,
    json: Json = False,
) -> None:
    """Read a plan file and say what is in it, what is wrong and where, and what is odd. Exit 1 on errors."""
    with wrong_files_in(lang):
        read = read_plan_file(file_content(file), str(file))
    seen = _seen(read) if history and _books_there() else None
    found = lint.check(read.plan, seen)
    if json:
        print_json(_checked(read, found, seen))
    else:
        _print_findings(file, read, found, seen, lang)
    if any(one.level == "error" for one in found):
        raise typer.Exit(1)


def _books_there() -> bool:
    """Whether there is a database to look at. None is made by looking."""
    url = config.from_environment().database_url
    return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).exists()


def _seen(read: PlanFile) -> lint.Seen | None:
    """What the plan would have done to the deals in the books; None where they cannot be read."""
    try:
        with opened() as (database, _), bar() as progress, database.reading() as session:
            wanted = replay.deals_under(session, read.plan.id)
            task = progress.add_task("deals", total=len(wanted))
            told = replay.history(session, wanted, lambda done: progress.advance(task, done))
            return lint.watch(read, told, clock.day_of(clock.now()))
    except DBAPIError:
        return None


def _checked(read: PlanFile, found: Sequence[lint.Finding], seen: lint.Seen | None) -> dict[str, Any]:
    currency = read.plan.currency
    return {
        "plan": read.plan.id,
        "title": {"zh": read.plan.title.zh, "en": read.plan.title.en},
        "currency": currency,
        "stages": [stage.id for stage in read.plan.stages],
        "findings": [
            {
                "level": one.level,
                "code": one.step.rule,
                "part": one.step.source,
                "line": read.line_of(one.step.source),
                "says": {"zh": one.say("zh", currency), "en": one.say("en", currency)},
            }
            for one in found
        ],
        "history": None if seen is None else {"deals": seen.deals, "not_for": seen.refused},
    }


def _print_findings(
    file: Path,
    read: PlanFile,
    found: Sequence[lint.Finding],
    seen: lint.Seen | None,
    lang: Language,
) -> None:
    for one in found:
        print(
            f"{file}:{read.line_of(one.step.source)}: {one.level}: {one.say(lang.value, read.plan.currency)}"
        )
    chain = " → ".join(stage.id for stage in read.plan.stages)
    errors = sum(one.level == "error" for one in found)
    state = f"has {errors} errors" if errors else "is in order"
    looked = "" if seen is None else f"; {seen.deals} deals in the books looked at"
    print(f"{file}: plan {read.plan.id} ({read.plan.title.zh}) {state}: {chain}{looked}")


@plan.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The plan file to compare with.")],
    new: Annotated[Path, typer.Argument(help="The plan file that would take its place.")],
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Count what is earned from this day on."),
    ] = None,
    to: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Up to this day (default: today).")
    ] = None,
    picture_file: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.svg", help="Draw the differences.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many managers and deals the table shows.")] = 20,
    lang: Annotated[
        Language, typer.Option("--lang", help="The language of the table and the picture.")
    ] = Language.zh,
    json: Json = False,
) -> None:
    """Replay the deals in the books under two plan files: old, new, difference, and who crosses what."""
    with wrong_files_in(lang):
        files = [read_plan_file(file_content(one), str(one)) for one in (old, new)]
    from_on, to_on = from_.date() if from_ else None, to.date() if to else clock.day_of(clock.now())
    if from_on and from_on > to_on:
        raise Invalid("days_reversed", "{from_on} comes after {to_on}", from_on=from_on, to_on=to_on)
    found = _compared(files[0], files[1], from_on, to_on)
    if picture_file:
        picture_file.write_text(picture.draw(found, lang.value), "utf-8")
    if json:
        print_json(compare.to_data(found))
    else:
        _print_difference(found, top, lang.value)


def _compared(old: PlanFile, new: PlanFile, from_on: date | None, to_on: date) -> compare.Comparison:
    with opened() as (database, _), bar() as progress, database.reading() as session:
        task = progress.add_task("deals")

        def seen(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return replay.compared(session, old, new, from_on=from_on, to_on=to_on, progress=seen)


_SAYS: dict[str, Sentence] = {
    "manager": Sentence("Manager", "技术经理人"),
    "deal": Sentence("Deal, before the cap on the year", "项目（年度封顶前）"),
    "old": Sentence("Old", "旧"),
    "new": Sentence("New", "新"),
    "difference": Sentence("Difference", "差额"),
    "crosses": Sentence("Crosses", "越线"),
    "all": Sentence("All", "合计"),
    "beginning": Sentence("the beginning", "期初"),
    "span": Sentence("{since} to {to}", "{since}至{to}"),
    "more": Sentence("… and {count} more; --json has them all", "……另有{count}行，见 --json"),
    "crossed": Sentence("crossed: {counts}", "越线：{counts}"),
    "nothing": Sentence("nothing", "无"),
    "skipped": Sentence(
        "{count} deals left out; the first is {deal}: {why}", "{count}个项目未计入；第一个是{deal}：{why}"
    ),
    "tier": Sentence("tier", "档位"),
    "pool_floor": Sentence("pool_floor", "佣金池下限"),
    "pool_cap": Sentence("pool_cap", "佣金池上限"),
    "deal_cap": Sentence("deal_cap", "每项目上限"),
    "year_cap": Sentence("year_cap", "年度上限"),
}


def _say(key: str, lang: Lang, **places: object) -> str:
    sentence = _SAYS[key]
    return (sentence.zh if lang == "zh" else sentence.en).format(**places)


def _print_difference(found: compare.Comparison, top: int, lang: Lang) -> None:
    console = Console()
    listed: tuple[tuple[str, list[_Listed]], ...] = (
        ("manager", [(f"{row.manager_id} {row.name}", row) for row in found.managers]),
        ("deal", [(f"{row.deal_id} {row.title}", row) for row in found.deals]),
    )
    for what, rows in listed:
        console.print(_table(found, what, rows, top, lang))
        if len(rows) > top:
            console.print(_say("more", lang, count=len(rows) - top), highlight=False)
    crossings = {what: len(found.crossings(what)) for what in compare.WHATS}
    counts = ", ".join(f"{_say(what, lang)} {count}" for what, count in crossings.items() if count)
    console.print(_say("crossed", lang, counts=counts or _say("nothing", lang)), highlight=False)
    if found.skipped:
        first, count = found.skipped[0], len(found.skipped)
        told = _say("skipped", lang, count=count, deal=first.deal_id, why=first.why)
        console.print(told, highlight=False, markup=False)


_Listed = tuple[str, compare.DealRow | compare.ManagerRow]


def _table(found: compare.Comparison, what: str, rows: Sequence[_Listed], top: int, lang: Lang) -> Table:
    span = _say("span", lang, since=found.from_on or _say("beginning", lang), to=found.to_on)
    table = Table(title=escape(f"{found.old} → {found.new} · {span} · {found.currency}"))
    table.add_column(_say(what, lang))
    for head in ("old", "new", "difference"):
        table.add_column(_say(head, lang), justify="right")
    table.add_column(_say("crosses", lang))

    def add(name: str, old_minor: int, new_minor: int, crosses: str) -> None:
        amounts = (old_minor, new_minor, new_minor - old_minor)
        table.add_row(escape(name), *(format_minor(minor, found.currency) for minor in amounts), crosses)

    for name, row in rows[:top]:
        crosses = sorted({f"{_say(one.what, lang)} {one.old}→{one.new}" for one in row.crossings})
        add(name, row.old_minor, row.new_minor, ", ".join(crosses))
    table.add_section()
    add(_say("all", lang), sum(row.old_minor for _, row in rows), sum(row.new_minor for _, row in rows), "")
    return table


@plan.command()
def publish(
    file: Path,
    by: Annotated[str, typer.Option(help="Phone number of who drafted it.")],
    approved_by: Annotated[str, typer.Option(help="Phone number of who publishes it, somebody else.")],
    effective: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="In force from (default: today).")
    ] = None,
) -> None:
    """Put a plan in force from a day on."""
    now = clock.now()

    def write(session: Session) -> plans.PlanVersion:
        drafted = plans.draft(
            session, file.read_text("utf-8-sig"), name=str(file), by=_user(session, by), now=now
        )
        effective_on = effective.date() if effective else clock.day_of(now)
        return plans.publish(
            session, drafted.id, effective_on=effective_on, by=_user(session, approved_by), now=now
        )

    with opened() as (database, _):
        version = database.run(write)
    print(f"{version.plan_id} version {version.version} is in force from {version.effective_on}")


def _user(session: Session, phone: str) -> users.User:
    found = users.find(session, users.phone_number(phone))
    if found is None:
        raise NotFound("user_unknown", "there is no user with the phone number {id}", id=phone)
    return found


@plan.command("list")
def list_(json: Json = False) -> None:
    """Every version of every plan."""
    with opened() as (database, _), database.reading() as session:
        found = [
            {
                "id": v.id,
                "plan": v.plan_id,
                "version": v.version,
                "state": v.state,
                "effective_on": str(v.effective_on or ""),
                "title": v.title_zh,
            }
            for v in plans.listing(session)
        ]
    if json:
        print_json(found)
    else:
        for one in found:
            print("  ".join(str(value) for value in one.values()))
