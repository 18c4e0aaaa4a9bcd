"""Anyone with a paper can find out whether it is genuine, and learns nothing the paper does not say."""

from __future__ import annotations

from ledger import managers, printing, signing, statements
from ledger.core.statement import Snapshot, code
from ledger.files import Store
from tests.api.desk import Desk, words
from tests.snapshots import lines, snapshot


def kept(desk: Desk) -> tuple[Snapshot, bytes]:
    """A manager's statement as it was made and kept, first revision."""
    signing.key.cache_clear()
    store: Store = desk.client.app.state.store  # type: ignore[attr-defined]
    printing.run(desk.database, store, "2026-05", kind="preliminary")
    with desk.database.reading() as session:
        found = statements.numbered(session, "JS-2026-05-M1-1")
        return statements.read(found), store.get(found.pdf_sha256)


def sent(desk: Desk, pdf: bytes) -> str:
    answer = desk.client.post("/verify", files={"file": ("JS.pdf", pdf, "application/pdf")})
    assert answer.status_code == 200, words(answer.text)
    return words(answer.text)


def test_the_code_on_the_paper_finds_it_without_a_sign_in(desk: Desk) -> None:
    shown, _ = kept(desk)
    said = desk.see("", f"/verify/{shown.header.number}/{code(shown)}")

    assert "单据真实，与平台留存的完全一致" in said
    assert shown.header.number in said and shown.header.payee.name in said
    typed = desk.done("", "/verify", {"number": shown.header.number, "code": code(shown).lower()})
    assert "单据真实" in desk.see("", typed)


def test_a_wrong_code_and_a_wrong_number_are_told_alike(desk: Desk) -> None:
    shown, _ = kept(desk)
    answers = [
        desk.open("", f"/verify/{number}/{typed}")
        for number, typed in ((shown.header.number, "AAAAAAAAAA"), ("JS-2026-05-M999-1", code(shown)))
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    for answer in answers:
        assert "没有单号与核验码都相符的单据" in words(answer.text)
        assert shown.header.payee.name not in words(answer.text)


def test_the_file_itself_is_enough(desk: Desk) -> None:
    _, pdf = kept(desk)
    assert "单据真实" in sent(desk, pdf)


def test_a_changed_file_is_refused_and_says_why(desk: Desk) -> None:
    shown, pdf = kept(desk)
    changed = bytearray(pdf)
    changed[len(pdf) // 2] ^= 1
    said = sent(desk, bytes(changed))

    assert "请勿采信" in said and "签名之后文件被改动过" in said
    assert shown.header.payee.name not in said


def test_a_paper_made_up_with_our_own_program_is_none_of_ours(desk: Desk) -> None:
    kept(desk)
    assert "请勿采信" in sent(desk, printing.printed(snapshot(lines(1))))
    assert "不是本平台的单据" in sent(desk, b"%PDF-1.7 nothing")


def test_a_replaced_paper_says_so(desk: Desk) -> None:
    _, pdf = kept(desk)
    with desk.database.writing() as session:
        managers.set_payment(
            session, "M1", bank_name="中国银行", bank_account="6217000000000001", tax_method="invoiced"
        )
    printing.run(desk.database, desk.client.app.state.store, "2026-05", kind="preliminary")  # type: ignore[attr-defined]

    assert "已被后一版替代" in sent(desk, pdf)


def test_nothing_given_is_said_so(desk: Desk) -> None:
    assert "请选择 PDF 文件" in desk.mend("", "/verify", {}).errors["file"]
