"""Exports: hledger and Beancount accept our books and come to the same balances; vouchers balance."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import openpyxl
import pytest
from beancount import loader
from beancount.core import account as beancount_account
from beancount.core import data
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from ledger import (
    accounts,
    approvals,
    bank_answers,
    cities,
    closing,
    exports,
    imports,
    journal,
    managers,
    payouts,
    plans,
    sending,
    users,
)
from ledger.city import City, lines, proportional_minor
from ledger.cli import main
from ledger.core.entry import (
    BANK,
    CHART,
    CONTRA,
    EXPECTED,
    PAYABLE,
    RECEIVABLE,
    RECOVERABLE,
    Entry,
    Posting,
    mirrored,
)
from ledger.core.errors import Forbidden, Invalid
from ledger.core.facts_file import read_lines
from ledger.core.money import format_minor, parse_minor
from ledger.db import Database
from ledger.exports.names import account_name, owner_of, owner_part
from ledger.files import Store
from ledger.users import User
from tests.desk import Desk
from tests.ledger import copies
from tests.ledger.openings import signed
from tests.ledger.test_payees_vat import come_back, decide, paid

NOW = datetime(2024, 1, 10, 2, tzinfo=UTC)
Balances = dict[str, int]
Judge = Callable[[Path], Balances]


# --- what there is to export


@pytest.fixture
def people(database: Database) -> dict[str, User]:
    return add_people(database)


def add_people(database: Database) -> dict[str, User]:
    """An operator who drafts, one who publishes and approves, somebody of finance."""

    def add(session: Session, phone: str, role: str) -> User:
        return users.add(session, phone=phone, name=role, role=role, password="long enough to guess", now=NOW)

    with database.writing() as session:
        return {
            "maker": add(session, "13800000001", "operator"),
            "checker": add(session, "13800000002", "operator"),
            "finance": add(session, "13800000003", "finance"),
        }


@pytest.fixture
def a_city(database: Database, tmp_path: Path) -> Database:
    """150 deals of a year, its months closed up to June, and a payout on its way through the bank."""

    def lived() -> None:
        people = add_people(database)
        import_city(database, people, contracts=150)
        pay(database, people, tmp_path)
        with database.writing() as session:
            closing.close(session, "2023-06", by=people["finance"], now=NOW)

    copies.once(database, tmp_path / "files", lived)
    return database


def import_city(database: Database, people: dict[str, User], *, contracts: int) -> None:
    tianjin = (Path(cities.__path__[0]) / "tianjin.yaml").read_text("utf-8")
    plan = re.sub(r"(?m)^when:.*\n", "", tianjin)  # for every category of deal
    with database.writing() as session:
        drafted = plans.draft(session, plan, by=people["maker"], now=NOW)
        plans.publish(session, drafted.id, effective_on=date(2020, 1, 1), by=people["checker"], now=NOW)
    year = City(contracts=contracts, total_minor=proportional_minor(contracts), managers=12)
    made = read_lines((line.encode() for line in lines(year)), "city.jsonl", "CNY")
    report = imports.load(database, made, plan_id="tianjin-platform-manager", now=NOW)
    assert report.refused == [] and report.deals == contracts


def pay(database: Database, people: dict[str, User], tmp_path: Path) -> None:
    """One batch: a line paid with its tax, a line returned, the rest in transit."""
    maker, checker, finance = people["maker"], people["checker"], people["finance"]
    with database.writing() as session:
        for manager in managers.listing(session):
            account = {"bank_name": "银行", "bank_account": "6222021234567890"}
            managers.set_payment(session, manager.id, **account, tax_method="per_payment")
        batch = payouts.make(session, value_on=date(2024, 1, 10), by=maker, now=NOW)
        approvals.approve(session, batch.id, by=checker, now=NOW)
        sending.send(session, Store(tmp_path / "files"), batch.id, by=finance, now=NOW)
        first, second, *_ = payouts.lines_of(session, batch.id)
        bank_answers.confirm(
            session, batch.id, value_on=date(2024, 1, 10), line_ids=[first.id], by=finance, now=NOW
        )
        bank_answers.return_lines(
            session, batch.id, line_ids=[second.id], reason="户名不符", by=finance, now=NOW
        )


def ours(database: Database, *, through: str | None = None) -> Balances:
    """Every account that holds something, as ledger.accounts has it."""
    with database.reading() as session:
        return {
            account_name(code, one.owner): one.balance_minor
            for code in CHART
            for one in accounts.by_owner(session, code, through=through)
        }


def write(database: Database, path: Path, format: exports.Format, period: str | None = None) -> Path:
    with database.reading() as session:
        path.write_text("".join(exports.journal(session, format, period=period)), "utf-8")
    return path


# --- the judges


def hledger(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    in_utf8 = {"LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
    return subprocess.run(["hledger", *arguments], capture_output=True, text=True, env=in_utf8)


def by_hledger(path: Path) -> Balances:
    """What hledger has, after it has checked everything it can."""
    checked = hledger("-f", path, "check", "--strict", "ordereddates")
    assert checked.returncode == 0, checked.stderr
    found = hledger("-f", path, "balance", "--flat", "--no-total", "--output-format", "csv")
    rows = list(csv.DictReader(io.StringIO(found.stdout)))
    return {row["account"]: parse_minor(row["balance"].removesuffix(" CNY"), "CNY") for row in rows}


def by_beancount(path: Path) -> Balances:
    """What Beancount has, after it has checked everything it can."""
    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for transaction in data.filter_txns(entries):
        for posting in transaction.postings:
            assert posting.units.currency == "CNY"
            sums[posting.account] += posting.units.number
    return {name: parse_minor(str(total), "CNY") for name, total in sums.items() if total}


JUDGES: dict[exports.Format, Judge] = {"hledger": by_hledger, "beancount": by_beancount}
both = pytest.mark.parametrize("format", JUDGES)


def test_the_judges_come_to_our_balance_of_every_account(a_city: Database, tmp_path: Path) -> None:
    expected = ours(a_city)
    kinds = {name.split(":")[1] for name in expected}
    assert {"Bank", "Receivable", "Payable", "Held", "InTransit", "Memorandum"} <= kinds
    assert {"OutputVat", "WithheldIit", "FeeRevenue", "CommissionCost"} <= kinds

    for format, judge in JUDGES.items():
        path = write(a_city, tmp_path / format, format)
        assert judge(path) == expected, format


def test_vat_that_is_given_back_is_in_every_export(database: Database, tmp_path: Path) -> None:
    desk = Desk(database, tmp_path / "files").move_in()
    desk.deal("D-1")
    desk.today = date(2026, 3, 5)
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    desk.today = date(2026, 4, 2)
    come_back(desk, first)
    paid(desk, 70_000_00)
    expected = ours(database)
    assert expected["Liabilities:WithheldVat"] == -1_287_13  # 130,000.00 in April
    for format, judge in JUDGES.items():
        assert judge(write(database, tmp_path / format, format)) == expected, format
    given = [row for row in voucher_rows(database, "2026-04") if row["摘要"] == "更正2026-03代扣增值税"]
    assert [(row["科目编码"], row["借方金额"], row["贷方金额"]) for row in given] == [
        ("2221.13", "1089.11", ""),
        ("2202.01", "", "1089.11"),
    ]


def test_a_month_begins_with_what_was_brought_forward(a_city: Database, tmp_path: Path) -> None:
    for format, judge in JUDGES.items():
        for month in ("2023-01", "2023-07", "2024-01", "2024-02"):
            path = write(a_city, tmp_path / f"{format}-{month}", format, month)
            assert judge(path) == ours(a_city, through=month), (format, month)
    june, july = ((tmp_path / f"hledger-{month}").read_text() for month in ("2024-02", "2023-07"))
    assert "brought forward" in june and "entry:" not in june
    assert set(re.findall(r"^(\d{4}-\d\d)-", july, re.MULTILINE)) == {"2023-07"}


@both
def test_one_fen_changed_in_a_journal_is_refused(
    database: Database, people: dict[str, User], tmp_path: Path, format: exports.Format
) -> None:
    import_city(database, people, contracts=3)
    path = write(database, tmp_path / format, format)
    assert JUDGES[format](path)
    original = path.read_text()
    amount = re.compile(r"(?m)^( {2,4}[A-Z]\S+ +-?\d+\.\d)(\d)(?= CNY)")
    path.write_text(amount.sub(lambda m: f"{m[1]}{(int(m[2]) + 1) % 10}", original, count=1))

    with pytest.raises(AssertionError):
        JUDGES[format](path)


@both
def test_a_whole_entry_missing_from_a_journal_is_refused(
    database: Database, people: dict[str, User], tmp_path: Path, format: exports.Format
) -> None:
    """Each entry balances by itself: it is the asserted balances that miss it."""
    import_city(database, people, contracts=3)
    path = write(database, tmp_path / format, format)
    entries = path.read_text().split("\n\n")
    del entries[len(entries) // 2]
    path.write_text("\n\n".join(entries))

    with pytest.raises(AssertionError):
        JUDGES[format](path)


@both
def test_empty_books_are_a_journal_too(database: Database, tmp_path: Path, format: exports.Format) -> None:
    assert JUDGES[format](write(database, tmp_path / format, format)) == {}
    assert JUDGES[format](write(database, tmp_path / format, format, "2026-10")) == {}


# --- hostile names

STRANGE = (
    "M1",
    "M-1",
    "M_1",
    "M--1",
    "m1",
    "_",
    "-",
    "X-x-M1",
    "a,b;c|d",
    "[2026-01-01]",
    'say"\\n"',
    "%2C",
    "type:A",
    "date:2020-01-01",
    "基本户",
    "张三·王",
    "😀",
    "=1+1",
    "(x)",
    "*",
    "é",
    "e\u0301",
)


def post_strange(database: Database) -> None:
    """An entry and its reversal for each strange owner, with strange summaries too."""
    with database.writing() as session:
        for number, owner in enumerate(STRANGE, 1):
            about = {"deal_id": owner, "manager_id": owner, "stage": owner}
            entry = Entry(
                kind="left_owing",
                source=owner,
                on=date(2026, 5, number),
                period="2026-05",
                currency="CNY",
                summary=f'{owner} ; comment | 50% off\n"second" line \\',
                deal_id=owner,
                because=(owner, "x"),
                postings=(
                    Posting(RECOVERABLE, 100 * number, owner, **about),
                    Posting(PAYABLE, -100 * number, owner, **about),
                ),
            )
            there = journal.post(session, entry, now=NOW)
            if number % 2:
                undone = Entry(
                    kind="left_owing",
                    source=f"~{owner}",
                    on=date(2026, 6, number),
                    period="2026-06",
                    currency="CNY",
                    postings=mirrored(entry.postings),
                    reverses=there.entry_id,
                )
                journal.post(session, undone, now=NOW)


@both
def test_no_id_and_no_summary_can_disturb_a_journal(
    database: Database, tmp_path: Path, format: exports.Format
) -> None:
    post_strange(database)
    found = JUDGES[format](write(database, tmp_path / format, format))
    assert found == ours(database)
    assert {owner_of(name.rsplit(":", 1)[1]) for name in found} >= set(STRANGE[1::2])


def test_beancount_keeps_every_id_and_summary_as_it_was(database: Database, tmp_path: Path) -> None:
    post_strange(database)
    entries, errors, _ = loader.load_file(str(write(database, tmp_path / "books.beancount", "beancount")))
    assert errors == []
    made = [t for t in data.filter_txns(entries) if not t.meta.get("reverses")]
    assert [t.meta["source"] for t in made] == list(STRANGE)
    assert [t.narration.partition(" ; ")[0] for t in made] == list(STRANGE)
    assert all(t.narration.endswith('| 50% off\n"second" line \\') for t in made)
    assert [t.postings[1].meta["manager"] for t in made] == list(STRANGE)
    assert {o.meta.get("owner") for o in entries if isinstance(o, data.Open)} == {*STRANGE}


def test_hledger_reads_every_label_as_one_value(database: Database, tmp_path: Path) -> None:
    post_strange(database)
    path = write(database, tmp_path / "books.journal", "hledger")
    values = hledger("-f", path, "tags", "--values", "manager").stdout.splitlines()
    assert sorted(map(unquote, values)) == sorted(STRANGE)


def test_a_reversal_is_linked_to_what_it_reverses(database: Database, tmp_path: Path) -> None:
    post_strange(database)
    entries, _, _ = loader.load_file(str(write(database, tmp_path / "books.beancount", "beancount")))
    first, undone = (t for t in data.filter_txns(entries) if t.links & {"entry-1"})
    assert undone.meta["reverses"] == first.meta["entry"]

    path = write(database, tmp_path / "books.journal", "hledger")
    found = json.loads(hledger("-f", path, "print", "tag:reverses=^1$", "-O", "json").stdout)
    assert [transaction["tcode"] for transaction in found] == [undone.meta["entry"]]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=2, max_size=2))
@settings(max_examples=100)
def test_two_ids_never_share_an_account_and_can_be_read_back(owners: list[str]) -> None:
    names = [account_name(PAYABLE, owner) for owner in owners]
    assert all(beancount_account.is_valid(name) for name in names)
    assert [owner_of(owner_part(owner)) for owner in owners] == owners
    assert (names[0] == names[1]) == (owners[0] == owners[1])


@given(st.from_regex(r"[A-Z0-9][A-Za-z0-9]*", fullmatch=True))
def test_a_plain_id_stands_for_itself(owner: str) -> None:
    assert owner_part(owner) == owner


# --- vouchers


def voucher_rows(database: Database, period: str | None = None) -> list[dict[str, str]]:
    out = io.BytesIO()
    with database.reading() as session:
        exports.vouchers(session, out, period=period)
    assert out.getvalue().startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig"))))


def minor(cell: str) -> int:
    return parse_minor(cell or "0", "CNY")


def test_vouchers_balance_and_add_up_to_the_books(a_city: Database) -> None:
    rows = voucher_rows(a_city)
    sums: dict[str, int] = defaultdict(int)
    off: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        debit, credit = minor(row["借方金额"]), minor(row["贷方金额"])
        assert (debit > 0) != (credit > 0) and debit >= 0 and credit >= 0
        sums[row["科目编码"]] += debit - credit
        off[row["日期"][:7], row["凭证号"]] += debit - credit

    assert set(off.values()) == {0}
    with a_city.reading() as session:
        books = {code: sum(b.balance_minor for b in accounts.by_owner(session, code)) for code in CHART}
    on_books = {code for code in CHART if CHART[code].side != "memorandum"}
    assert sums == {code: books[code] for code in on_books if code in sums}
    assert {code for code in on_books if books[code]} <= sums.keys()


def test_vouchers_are_numbered_without_a_gap_through_each_month(a_city: Database) -> None:
    numbers: dict[str, list[int]] = defaultdict(list)
    days: dict[str, list[str]] = defaultdict(list)
    for row in voucher_rows(a_city):
        month, number = row["日期"][:7], int(row["凭证号"])
        days[month].append(row["日期"])
        if number not in numbers[month]:
            numbers[month].append(number)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    assert all(found == sorted(found) for found in days.values())
    assert len(numbers) >= 12


def test_vouchers_leave_out_memorandum_entries_and_say_so(a_city: Database) -> None:
    with a_city.reading() as session:
        written = exports.vouchers(session, io.BytesIO())
    assert written.memorandum > 0
    assert not {"9001", "9009"} & {row["科目编码"] for row in voucher_rows(a_city)}
    assert "2023-06" not in written.open_periods and "2023-07" in written.open_periods


def test_a_voucher_line_names_client_person_and_project(a_city: Database) -> None:
    rows = voucher_rows(a_city, "2023-11")
    assert all(row["往来单位"].startswith("株洲") for row in rows if row["科目编码"] in ("1122", "2203"))
    cost = [row for row in rows if row["科目编码"] == "6401"]
    assert all(row["人员"] for row in cost)
    assert all(bool(row["项目"]) != ("年度封顶" in row["摘要"]) for row in cost)  # a cap is of no deal
    assert {row["银行账户"] for row in rows if row["科目编码"] == "1002"} == {"基本户"}


def test_a_workbook_says_what_the_csv_says(a_city: Database) -> None:
    out = io.BytesIO()
    with a_city.reading() as session:
        exports.vouchers(session, out, as_workbook=True)
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == sorted({row["日期"][:7] for row in voucher_rows(a_city)})
    read = [shown(cells) for sheet in book for cells in sheet.iter_rows(min_row=2, values_only=True)]
    assert read == [list(row.values()) for row in voucher_rows(a_city)]


def shown(cells: Iterable[object]) -> list[str]:
    """Cells of a workbook as the CSV writes them."""
    return [
        cell.date().isoformat()
        if isinstance(cell, datetime)
        else format_minor(round(Decimal(str(cell)) * 100), "CNY")
        if place in (6, 7) and cell is not None
        else str("" if cell is None else cell)
        for place, cell in enumerate(cells)
    ]


def test_a_cell_that_begins_like_a_formula_is_text(database: Database) -> None:
    post_strange(database)
    cells = {cell for row in voucher_rows(database) for cell in row.values()}
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]

    out = io.BytesIO()
    with database.reading() as session:
        exports.vouchers(session, out, as_workbook=True)
    kinds = {cell.data_type for sheet in openpyxl.load_workbook(out) for row in sheet for cell in row}
    assert "f" not in kinds


def test_an_entry_whose_memorandum_part_stands_alone_becomes_a_voucher_without_it(database: Database) -> None:
    with database.writing() as session:
        opening = Entry(
            kind="opening",
            source=signed(session, "co_1", "2026-01", now=NOW),
            on=date(2026, 1, 1),
            period="2026-01",
            currency="CNY",
            postings=(
                Posting(BANK, 500, "基本户"),
                Posting(RECEIVABLE, -500, "C1"),
                Posting(EXPECTED, 70, "M1"),
                Posting(CONTRA, -70),
            ),
        )
        journal.post(session, opening, now=NOW)
    assert [(row["科目编码"], row["借方金额"], row["贷方金额"]) for row in voucher_rows(database)] == [
        ("1002", "5.00", ""),
        ("1122", "", "5.00"),
    ]


# --- who may, and the command


def test_a_manager_may_not_export_the_books(database: Database) -> None:
    who = {"id": "us_1", "phone": "1", "name": "x", "role": "manager", "manager_id": "M1"}
    nobody = User(**who, password_hash="", created_at=NOW)
    with database.reading() as session:
        with pytest.raises(Forbidden):
            exports.journal(session, "hledger", by=nobody)
        with pytest.raises(Forbidden):
            exports.vouchers(session, io.BytesIO(), by=nobody)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["yongjin", "export", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_writes_the_same_to_a_file_and_to_the_screen(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    post_strange(database)
    for format in ("hledger", "beancount", "vouchers"):
        out = tmp_path / format
        assert run(monkeypatch, "--format", format, "--out", str(out)) == 0
        capfdbinary.readouterr()
        assert run(monkeypatch, "--format", format) == 0
        assert capfdbinary.readouterr().out == out.read_bytes()
    assert run(monkeypatch, "--format", "vouchers", "--out", str(tmp_path / "vouchers.XLSX")) == 0
    assert openpyxl.load_workbook(tmp_path / "vouchers.XLSX").sheetnames == ["2026-05", "2026-06"]


def test_a_refused_export_leaves_the_file_that_was_there(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "books.journal"
    out.write_text("yesterday's")
    for arguments in (
        ("--format", "hledger", "--period", "2023-13", "--out", str(out)),
        ("--format", "hledger", "--out", str(tmp_path / "books.xlsx")),
        ("--format", "beancount", "--out", str(tmp_path / "nowhere" / "books")),
    ):
        assert run(monkeypatch, *arguments) == 2
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["books.journal"]
    assert out.read_text() == "yesterday's"


def test_a_period_that_is_no_period_is_refused_before_a_line_is_written(database: Database) -> None:
    with database.reading() as session, pytest.raises(Invalid):
        exports.journal(session, "hledger", period="October")
