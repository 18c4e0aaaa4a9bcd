"""A table of events is read as a facts file is: the same facts, or one error with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.errors import InvalidFile
from ledger.core.facts_file import FactsFile, read_many

TABLE = """deal.id,deal.category,deal.expected_fee,on,type,stage,managers,names,amount,ref
D-1,transfer,50000.00,2026-03-02,milestone,need_discovery,M1,M1:张三,,
D-1,,,2026-03-09,milestone,tech_sourcing,M1:60; M2:40,,,
D-2,license,,2026-04-01,fee_received,,,,"12000.00",YH-1
D-1,,,2026-05-06,fee_received,,,,25000.00,YH-2
"""
DOCUMENT = """format: 1
deals:
  - deal: {id: D-1, category: transfer, expected_fee: "50000.00"}
    managers: [{id: M1, name: 张三}, {id: M2}]
    events:
      - {on: 2026-03-02, type: milestone, stage: need_discovery, managers: {M1: 1}}
      - {on: 2026-03-09, type: milestone, stage: tech_sourcing, managers: {M1: 60, M2: 40}}
      - {on: 2026-05-06, type: fee_received, amount: "25000.00", ref: YH-2}
  - deal: {id: D-2, category: license}
    events: [{on: 2026-04-01, type: fee_received, amount: "12000.00", ref: YH-1}]
"""


def test_a_table_says_what_the_document_says() -> None:
    table, document = list(read_many(TABLE, "f.csv", "CNY")), list(read_many(DOCUMENT, "f.yaml", "CNY"))
    assert [one.facts for one in table if isinstance(one, FactsFile)] == [
        one.facts for one in document if isinstance(one, FactsFile)
    ]


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("\n", "\r\n").encode(), lambda t: t.encode("utf-8-sig")]
)
def test_windows_line_ends_and_a_byte_order_mark_work(change) -> None:  # type: ignore[no-untyped-def]
    read = list(read_many(change(TABLE), "f.csv", "CNY"))
    assert all(isinstance(one, FactsFile) for one in read)
    assert len(read) == 2


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "f.csv:1: the file is empty"),
        ("on,type\n", "f.csv:1: there is no column deal.id"),
        ("deal.id,on,on\n", "f.csv:1: the column “on” stands twice"),
        ("deal.id,on\n,2026-01-01\n", "f.csv:2: the row names no deal"),
        ("deal.id,on\nD-1,2026-01-01,x\n", "f.csv:2: the row has 3 cells"),
        ("deal.id,deal.mode\nD-1,a\nD-1,b\n", "f.csv:3: deal.mode is “b” here and “a” in line 2"),
        (TABLE.replace("M1:60; M2:40", "M1:60; M1:40"), "f.csv:3: “M1:40” under managers is no pair"),
        (TABLE.replace("2026-03-09", "2026-02-30"), "f.csv:3: "),
        (TABLE.replace("25000.00", "1e400"), "f.csv:5: "),
        (TABLE.replace("fee_received,,,,25000.00", "fee_recieved,,,,25000.00"), "f.csv:5: "),
        (TABLE.encode("gbk"), "f.csv:2: "),
    ],
)
def test_a_wrong_table_is_one_error_with_its_line(table: str | bytes, said: str) -> None:
    errors = [one for one in read_many(table, "f.csv", "CNY") if isinstance(one, InvalidFile)]
    assert len(errors) == 1
    assert str(errors[0]).startswith(said)


@given(
    st.one_of(
        st.text(), st.binary(), st.text(alphabet='deal.id,on;:"\n\rM1 2026-').map("deal.id,on\n".__add__)
    )
)
def test_whatever_the_bytes_there_are_deals_or_errors_with_a_line(content: str | bytes) -> None:
    for one in read_many(content, "f.csv", "CNY"):
        assert isinstance(one, FactsFile) or one.facts["line"]
