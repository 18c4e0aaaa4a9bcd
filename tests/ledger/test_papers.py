"""Every paper besides the statements is drawn from the books, signed, verifiable and never made twice."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import openpyxl
import pypdf
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from ledger import (
    authenticity,
    closing,
    config,
    demo,
    papers,
    press,
    printing,
    report_paper,
    seals,
    signing,
    tieout,
    verification,
)
from ledger.core import report
from ledger.core.errors import Forbidden, Invalid, NotFound
from ledger.core.money import format_minor
from ledger.db import Database
from ledger.files import Store
from ledger.migrations import run as migrations
from ledger.papers import Paper
from ledger.payments import PayoutLine
from ledger.stationery import grouped
from ledger.users import User
from tests.ledger import firm

NOW = datetime(2026, 12, 15, 2, tzinfo=UTC)
PERIOD = "2026-11"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Store]]:
    """The demonstration's story with a few of its city's contracts, closed, its statements made."""
    var = tmp_path_factory.mktemp("story")
    url = f"sqlite:///{var / 'yongjin.db'}"
    migrations.upgrade(url)
    database, store = Database(url), Store(var / "files")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("YONGJIN_VAR", str(var))
        environment.setenv("YONGJIN_PUBLIC_URL", "https://example.org")
        demo.load(database, store, contracts=3, now=NOW)
        database.run(lambda session: closing.close(session, PERIOD, by=None, now=NOW))
        printing.run(database, store, PERIOD, kind="final")
        yield database, store
    database.close()


def user(database: Database, role: str) -> User:
    with database.reading() as session:
        found = session.exec(select(User).where(User.role == role).order_by(col(User.id))).first()
        assert found
        session.expunge(found)
        return found


def subject(database: Database, kind: report.Kind) -> str:
    with database.reading() as session:
        line = session.exec(select(PayoutLine.id).where(PayoutLine.manager_id == "T001")).first()
        deal = session.exec(text("SELECT deal_id FROM deal_manager WHERE manager_id = 'T001'")).first()  # type: ignore[call-overload]
    assert line and deal
    return {
        "consolidated": PERIOD,
        "deal_life": deal[0],
        "payment_advice": line,
        "record_of_work": "T001",
        "income_certificate": "T001@2026",
    }[kind]


def issued(story: tuple[Database, Store], kind: report.Kind, about: str = "") -> tuple[Paper, bytes]:
    database, store = story
    by, wanted = user(database, "finance"), about or subject(database, kind)
    with database.writing() as session:
        kept = papers.issue(session, store, kind, wanted, by=by, now=NOW)
        session.flush()
        session.expunge(kept)
    return kept, store.get(kept.pdf_sha256)


def read_off(pdf: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in pages))


@pytest.mark.parametrize("kind", get_args(report.Kind))
def test_a_paper_is_signed_holds_agrees_with_the_books_and_prints_all_it_says(
    story: tuple[Database, Store], kind: report.Kind
) -> None:
    database, _ = story
    kept, pdf = issued(story, kind)

    examined = authenticity.examine(pdf, signing.known(config.from_environment()))

    assert (examined.signed, examined.arithmetic, examined.page, examined.why) == (
        "known",
        "ties",
        "same",
        (),
    )
    assert isinstance(examined.snapshot, report.Report)
    assert examined.snapshot.header.verify_url.startswith(f"https://example.org/verify/{kept.number}/")
    shown = read_off(pdf)
    for table in examined.snapshot.tables:
        for row in table.rows:
            for cell, column in zip(row, table.columns, strict=True):
                if isinstance(cell, int) and column.kind == "amount":
                    assert grouped(cell, "CNY") in shown
                elif isinstance(cell, report.Words):
                    assert re.sub(r"\s+", "", cell.zh) in shown
    with database.reading() as session:
        assert papers.in_books(session, examined.snapshot, pdf) == "agrees"
        assert [one for one in examined.snapshot.ties if one.difference_minor] == []


@pytest.mark.parametrize("kind", get_args(report.Kind))
def test_the_same_paper_is_not_made_twice(story: tuple[Database, Store], kind: report.Kind) -> None:
    first, pdf = issued(story, kind)
    again, same = issued(story, kind)
    assert (again.id, same) == (first.id, pdf)


def test_a_changed_digit_a_changed_byte_and_anothers_page_are_refused(story: tuple[Database, Store]) -> None:
    _, pdf = issued(story, "payment_advice")
    known = signing.known(config.from_environment())
    digit = pdf.index(b"/ByteRange")
    assert not authenticity.examine(pdf[: digit - 40] + b"9" + pdf[digit - 39 :], known).holds
    assert not authenticity.examine(pdf[:-3] + b"X" + pdf[-2:], known).holds

    examined = authenticity.examine(pdf, known)
    assert isinstance(examined.snapshot, report.Report)
    _, other = issued(story, "record_of_work")
    record = authenticity.examine(other, known).snapshot
    assert isinstance(record, report.Report)
    # the other's pages around this one's data
    strange = report_paper.html(record)
    forged = press.pdf(
        strange,
        press.Source(
            report_paper.ATTACHMENT,
            report.papers.to_json(examined.snapshot),
            examined.number,
            NOW,
        ),
    )
    signed = signing.sign(forged, signing.key(config.from_environment()), at=NOW)
    assert authenticity.examine(signed, known).page == "differs"


def test_the_consolidated_statement_ties_to_the_books_by_manager_deal_and_stage(
    story: tuple[Database, Store],
) -> None:
    database, _ = story
    kept, _ = issued(story, "consolidated")
    made = papers.read(kept)

    with database.reading() as session:
        tied = tieout.of(session, PERIOD)
        account = session.exec(
            text("SELECT -sum(amount_minor) FROM posting WHERE account = '2202.01' AND period <= '2026-11'")  # type: ignore[call-overload]
        ).one()[0]
    assert tied.differing == ()
    assert tied.statements_minor == tied.account_minor == account
    assert made.ties[0].left_minor == account
    assert made.figures[0].amount_minor == account
    by_manager = made.tables[0]
    assert by_manager.totals[-1] == account


def test_a_missing_statement_is_a_difference_that_is_listed(story: tuple[Database, Store]) -> None:
    kept, _ = issued(story, "consolidated", "2026-12")
    made = papers.read(kept)
    assert made.ties[0].difference_minor == -made.figures[0].amount_minor
    assert made.tables[0].title.zh == "差异" and made.tables[0].rows


def test_the_workbook_has_the_tables_of_the_paper(story: tuple[Database, Store]) -> None:
    database, _ = story
    kept, _ = issued(story, "consolidated")
    with database.reading() as session:
        name, book = papers.workbook(session, "consolidated", PERIOD, by=user(database, "finance"), now=NOW)
    sheets = openpyxl.load_workbook(io.BytesIO(book))
    assert (name, sheets.sheetnames) == (f"HZ-{PERIOD}", ["勾稽核对", "按经理人", "按项目", "按阶段"])
    last = [cell.value for cell in list(sheets["按经理人"].rows)[-1]]
    closing = papers.read(kept).tables[0].totals[-1]
    assert closing is not None and f"{last[-1]:.2f}" == format_minor(closing, "CNY")


def test_a_manager_has_their_own_papers_and_no_others(story: tuple[Database, Store]) -> None:
    database, store = story
    own = user(database, "manager")
    with database.writing() as session:
        kept = papers.issue(session, store, "record_of_work", own.manager_id or "", by=own, now=NOW)
        assert papers.get(session, kept.id, by=own).id == kept.id
        assert {one.manager_id for one in papers.listing(session, by=own)} == {own.manager_id}
    for kind, about in (("record_of_work", "T002"), ("consolidated", PERIOD)):
        with database.reading() as session, pytest.raises((Forbidden, NotFound)):
            papers.issue(session, store, kind, about, by=own, now=NOW)  # type: ignore[arg-type]
    with database.reading() as session, pytest.raises(NotFound):
        papers.issue(session, store, "deal_life", "nowhere", by=user(database, "finance"), now=NOW)


def test_a_report_whose_figures_do_not_follow_is_refused(story: tuple[Database, Store]) -> None:
    kept, _ = issued(story, "record_of_work")
    made = papers.read(kept)
    table = made.tables[0]
    totals = tuple(total + 1 if total is not None else None for total in table.totals)
    wrong = made.model_copy(update={"tables": (table.model_copy(update={"totals": totals}),)})
    with pytest.raises(Invalid, match="adds up to"):
        report.check(wrong)
    ragged = made.model_copy(update={"tables": (table.model_copy(update={"rows": (("x",),)}),)})
    with pytest.raises(Invalid, match="cells"):
        report.check(ragged)


def test_papers_are_sealed_verified_and_never_changed(database: Database, tmp_path: Path) -> None:
    made = firm.found(database, Store(tmp_path / "files"))
    with database.writing() as session:
        kept = papers.issue(session, made.store, "record_of_work", "M1", by=made.finance, now=firm.day(6))
        old = kept.pdf_sha256
    with database.writing() as session:
        firm.reach(session, made, "tech_sourcing", firm.day(7))
        later = papers.issue(session, made.store, "record_of_work", "M1", by=made.finance, now=firm.day(8))
        assert (later.revision, later.replaces) == (kept.revision + 1, kept.number)
        assert made.store.get(old)
        seals.seal_within(session, by="test", now=firm.day(8))
    with database.reading() as session:
        result = verification.verify(session, made.store, now=firm.day(9))
        assert (result.differences, result.counted["papers"]) == ([], later.revision)
    for statement in (
        "UPDATE paper SET revision = 9",
        "DELETE FROM paper",
        "UPDATE statement SET revision = 9",
    ):
        with pytest.raises(DBAPIError), database.writing() as session:
            _run(session, statement)


def _run(session: Session, statement: str) -> None:
    session.execute(text(statement))
