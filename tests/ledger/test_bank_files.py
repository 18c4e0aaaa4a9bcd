"""The file a batch goes to the bank in: by every shipped layout it holds the batch, or it is not written."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import openpyxl
import pytest
from lxml import etree

from ledger import audit, layouts, managers, pain001, sending
from ledger.core.errors import Conflict, Forbidden, Invalid, InvalidFile
from ledger.core.money import format_minor
from ledger.db import Database
from ledger.files import Store
from tests.ledger import bank
from tests.ledger.firm import day
from tests.ledger.payrun import World

OWN = """\
format: 1
layout: own
title: {zh: 自定义}
file: csv
encoding: gbk
delimiter: "|"
header: false
columns:
  - {value: reference}
  - {value: account}
  - {value: payee}
  - {value: amount}
  - {text: 人民币}
trailer: [{text: 合计}, {value: count}, {value: sum}, {}, {}]
"""


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    made = World(database, Store(tmp_path / "files"))
    made.earner("M2", 1_234_50)
    bank.set_payer(made)
    return made


def test_the_plain_sheet_is_utf8_with_a_mark_and_our_reference(world: World) -> None:
    payout = world.make()
    content = bank.send(world, payout)
    assert content.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert head == ["序号", "收款账号", "收款户名", "收款方开户行", "金额", "用途"]
    for number, (row, line) in enumerate(zip(rows, world.lines(payout), strict=True), 1):
        net = format_minor(line.net_minor, "CNY")
        told = [str(number), line.bank_account, line.payee_name, line.bank_name, net]
        assert row == [*told, f"居间服务佣金 {payout.no} {line.id}"]


def test_the_corporate_sheet_keeps_every_digit_of_accounts_and_amounts(world: World) -> None:
    payout = world.make()
    content = bank.send(world, payout, "corporate")
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert [cell.value for cell in sheet[1]] == [
        "付款账号开户行", "付款账号", "付款账号名称", "收款账号开户行", "省份", "城市", "收款账号",
        "收款账号名称", "金额", "汇款用途", "备注",
    ]  # fmt: skip
    for cells, line in zip(sheet.iter_rows(min_row=2), world.lines(payout), strict=True):
        assert (cells[6].value, cells[6].data_type) == (line.bank_account, "s")
        assert cells[1].value == bank.PAYER["payer.account"] and cells[10].value == line.id
        assert cells[8].value == line.net_minor / 100 and cells[8].number_format == "0.00"


def test_pain_001_holds_to_its_schema_and_names_banks_by_cnaps(world: World) -> None:
    def known(session: object) -> None:
        session.get_one(managers.Manager, "M2").bank_cnaps = "308584000013"  # type: ignore[attr-defined]

    world.do(known)
    payout = world.make()
    content = bank.send(world, payout, "pain001")
    root = etree.fromstring(content)
    space = {"p": pain001.NAMESPACE}
    lines = world.lines(payout)

    def texts(path: str) -> list[str]:
        return [one.text for one in root.findall(f".//{path}", space)]

    total = format_minor(sum(line.net_minor for line in lines), "CNY")
    assert texts("p:NbOfTxs") == ["2", "2"] and texts("p:CtrlSum") == [total, total]
    assert texts("p:EndToEndId") == [line.id for line in lines]
    assert texts("p:CdtrAgt//p:MmbId") == ["308584000013"] and set(texts("p:Cd")) == {"CNAPS"}
    assert texts("p:ReqdExctnDt/p:Dt") == ["2026-03-10"]


def test_what_the_schema_does_not_take_is_not_written(world: World) -> None:
    world.do(lambda session: managers.keep_account(session, managers.get(session, "M2"), "9" * 40))
    payout = world.make()
    with pytest.raises(Conflict) as refused:
        bank.send(world, payout, "pain001")
    assert refused.value.code == "pain_invalid"


def test_a_layout_of_ones_own_may_have_a_trailer_and_gbk(world: World) -> None:
    added = world.do(lambda session: layouts.add(session, OWN, by=world.firm.finance, now=day(7)))
    again = world.do(lambda session: layouts.add(session, OWN, by=world.firm.finance, now=day(7)))
    assert added.id == again.id
    payout = world.make()
    lines = world.lines(payout)
    total = format_minor(sum(line.net_minor for line in lines), "CNY")
    *rows, last = bank.send(world, payout, "own").decode("gbk").splitlines()
    assert last == f"合计|2|{total}||" and [row.split("|")[0] for row in rows] == [line.id for line in lines]
    with pytest.raises(Conflict):
        world.do(lambda s: layouts.add(s, layouts.shipped_text("simple"), by=world.firm.finance, now=day(7)))
    with pytest.raises(Forbidden):
        world.do(lambda s: layouts.add(s, OWN, by=world.firm.operator, now=day(7)))
    with pytest.raises(InvalidFile):
        world.do(lambda s: layouts.add(s, "format: 2", by=world.firm.finance, now=day(7)))


def test_a_file_that_would_not_be_the_batch_is_not_written(world: World) -> None:
    world.do(lambda session: managers.keep_account(session, managers.get(session, "M2"), "=6225"))
    payout = world.make()
    with pytest.raises(Conflict) as refused:
        bank.send(world, payout)
    assert refused.value.code == "file_differs"
    with world.database.reading() as session:
        again = session.get_one(type(payout), payout.id)
        assert (again.state, again.file_sha256) == ("approved", None)


def test_a_name_the_encoding_does_not_have_is_said(world: World) -> None:
    world.do(lambda session: layouts.add(session, OWN, by=world.firm.finance, now=day(7)))
    world.do(lambda session: setattr(session.get_one(managers.Manager, "M2"), "name", "李𠮷"))
    payout = world.make()
    with pytest.raises(Invalid) as refused:
        bank.send(world, payout, "own")
    assert refused.value.code == "not_in_encoding" and "李𠮷" in str(refused.value)


def test_without_a_payer_the_corporate_sheet_is_not_written(database: Database, tmp_path: Path) -> None:
    world = World(database, Store(tmp_path / "files"))
    payout = world.make()
    with pytest.raises(Conflict) as refused:
        bank.send(world, payout, "corporate")
    assert refused.value.code == "payer_missing"


def test_a_second_download_has_the_same_bytes_and_is_noted(world: World) -> None:
    payout = world.make()
    first = bank.send(world, payout, "corporate")

    def again(session: object) -> bytes:
        return sending.send(
            session,  # type: ignore[arg-type]
            world.firm.store,
            payout.id,
            layout="simple",
            by=world.firm.finance,
            now=day(8),
        )[1]

    assert world.do(again) == first
    with world.database.reading() as session:
        read = audit.listing(session, actions=["payout.read_file"], subject=payout.id)
    assert len(read) == 1
