"""The paper shows what the snapshot says, all of it and nothing else, and carries the snapshot inside."""

from __future__ import annotations

import gc
import io
import re
import socket
from datetime import UTC, date, datetime
from functools import cache

import pypdf
import pytest
from fontTools.ttLib import TTFont

from ledger import fonts, paper, stationery
from ledger.core.errors import Invalid
from ledger.core.statement import Snapshot, Words, to_json
from tests.snapshots import line, lines, ordinary, snapshot

RARE = "欧阳㑇䶮𬭎"  # in Unicode's extensions, and in people's names
HOSTILE = '<img src=file:///etc/passwd>&amp;{{ 7*7 }}"'


@cache
def printed(kind: str, lang: paper.Lang = "zh") -> bytes:
    made: dict[str, Snapshot] = {
        "ordinary": ordinary(),
        "long": ordinary(120),
        "empty": snapshot(),
        "named": named(f"{RARE}{HOSTILE}"),
    }
    return paper.render(made[kind], lang)


def named(name: str) -> Snapshot:
    base = snapshot(lines(1))
    payee = base.header.payee.model_copy(update={"name": name})
    return base.model_copy(update={"header": base.header.model_copy(update={"payee": payee})})


def text(pdf: bytes) -> str:
    """What can be read off the paper, without white space, which layout may put anywhere."""
    return "".join(text_of(page) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def text_of(page: pypdf.PageObject) -> str:
    return re.sub(r"\s+", "", page.extract_text())


def test_every_amount_of_every_line_is_on_the_paper() -> None:
    read, shown = text(printed("long")), ordinary(120)

    for one in shown.lines:
        row = "".join(
            stationery.grouped(minor, "CNY") for minor in (one.gross_minor, one.held_minor, one.payable_minor)
        )
        assert one.entry + one.deal_title in read or one.entry in read
        assert row in read, one.entry
        assert re.sub(r"\s+", "", one.because.zh) in read


def test_every_section_and_every_row_of_the_bridge_is_on_the_paper() -> None:
    read, shown = text(printed("ordinary")), ordinary()

    amounts = [minor for _, minor in shown.bridge.rows()]
    amounts += [
        shown.bridge.opening_minor,
        shown.bridge.closing_minor,
        shown.held_minor,
        shown.expected_minor,
    ]
    amounts += [
        shown.adjustments[0].old_minor,
        shown.adjustments[0].new_minor,
        shown.releases[0].amount_minor,
    ]
    amounts += [item.amount_minor for item in shown.pending]
    amounts += [shown.payouts[0].gross_minor, shown.payouts[0].tax_minor, shown.payouts[0].net_minor]
    amounts += list(shown.year_to_date.model_dump().values())
    for minor in amounts:
        assert stationery.grouped(minor, "CNY") in read
    for words in ("以前期间的调整", "计税过程", "暂扣释放", "最迟提出日2026-11-18", "封存块#214", "第1版"):
        assert words in read


def test_a_long_statement_repeats_its_head_and_numbers_its_pages() -> None:
    pages = pypdf.PdfReader(io.BytesIO(printed("long"))).pages
    assert len(pages) > 5

    for number, page in enumerate(pages, 1):
        read = re.sub(r"\s+", "", page.extract_text())
        assert f"第{number}页共{len(pages)}页" in read
        assert "JS-2026-10-M1-1" in read
    assert all("费率×份额" in re.sub(r"\s+", "", page.extract_text()) for page in pages[:-2])


def test_no_line_is_cut_in_two_by_a_page() -> None:
    pages = [
        re.sub(r"\s+", "", page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(printed("long"))).pages
    ]

    for one in ordinary(120).lines:
        row = stationery.grouped(one.gross_minor, "CNY") + stationery.grouped(one.held_minor, "CNY")
        assert any(one.entry in page and row in page for page in pages), one.entry


@pytest.mark.parametrize("count", range(2, 8))
def test_no_row_of_any_list_is_cut_in_two_wherever_the_page_ends(count: int) -> None:
    """Each list comes to the end of a page with its first row at some of these lengths."""
    shown = ordinary(count)
    long = "一个名字要占两行的项目，因为它在合同上就叫这么长的名字，改不短"
    shown = shown.model_copy(
        update={"pending": tuple(item.model_copy(update={"deal_title": long}) for item in shown.pending)}
    )
    pages = [text_of(page) for page in pypdf.PdfReader(io.BytesIO(paper.render(shown))).pages]

    def together(*said: str) -> bool:
        return any(all(one in page for one in said) for page in pages)

    for one in shown.lines:
        assert together(
            f"{stationery.grouped(one.payable_minor, 'CNY')}", one.entry, re.sub(r"\s", "", one.because.zh)
        )
    for row in shown.pending:
        assert together(stationery.grouped(row.amount_minor, "CNY"), long + row.deal_id)
    assert together(shown.adjustments[0].deal_id, shown.adjustments[0].reason.zh.replace(" ", ""))
    for payout in shown.payouts:
        assert together(payout.reference, *(re.sub(r"\s", "", words.zh) for words in payout.tax_working))


def test_an_empty_month_says_so_on_one_page() -> None:
    assert len(pypdf.PdfReader(io.BytesIO(printed("empty"))).pages) == 1
    assert "本期没有任何变动" in text(printed("empty"))


def test_a_preliminary_statement_says_so_on_every_page() -> None:
    draft = snapshot(lines(30), kind="preliminary", revision=2, replaces="JS-2026-10-M1-1")
    pages = pypdf.PdfReader(io.BytesIO(paper.render(draft))).pages

    assert len(pages) > 1
    assert all("预结算" in page.extract_text() for page in pages)
    assert "替代JS-2026-10-M1-1" in text(paper.render(draft))
    assert "预结算" not in text(printed("ordinary"))


def test_both_languages_stand_together() -> None:
    read = text(printed("ordinary", "zh+en"))

    assert "应付佣金变动Howthebalancemoved" in read
    assert "Techsourcing" in read
    assert "Techsourcing" not in text(printed("ordinary"))


def test_a_hostile_name_prints_as_text_and_fetches_nothing() -> None:
    assert re.sub(r"\s+", "", HOSTILE) in text(printed("named"))
    assert "root:" not in text(printed("named"))


def test_characters_no_paper_can_show_do_not_stop_it() -> None:
    assert "张\ufffd三" in text(paper.render(named("张\x00三"))) or "张" in text(
        paper.render(named("张\x00三"))
    )


def test_rare_characters_have_a_glyph_in_an_embedded_font() -> None:
    drawn = "".join(embedded_glyphs(printed("named")))

    for character in RARE:
        assert character in drawn, character


def embedded_glyphs(pdf: bytes) -> list[str]:
    """The characters for which a font inside the PDF has an outline, by its ToUnicode table."""
    found = []
    for page in pypdf.PdfReader(io.BytesIO(pdf)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            whole = font.get_object()
            descriptor = whole["/DescendantFonts"][0].get_object()["/FontDescriptor"]
            outlines = TTFont(io.BytesIO(descriptor["/FontFile3"].get_object().get_data()))
            order, charstrings = outlines.getGlyphOrder(), outlines["CFF "].cff.topDictIndex[0].CharStrings
            mapping = whole["/ToUnicode"].get_object().get_data().decode()
            for glyph, code in re.findall(r"<([0-9a-f]{4})> <([0-9a-f]+)>", mapping):
                if int(glyph, 16) and len(charstrings[order[int(glyph, 16)]].bytecode) > 4:
                    found.append(bytes.fromhex(code).decode("utf-16-be"))
    return found


def test_common_characters_come_from_the_cut_face_and_rare_ones_do_not() -> None:
    common = fonts.common_characters()

    assert {ord(character) for character in "佣金结算单￥¥0123456789,.-—“”×·"} <= common
    assert not {ord(character) for character in "㑇䶮𬭎"} & common
    assert len(fonts.cut("regular")) < 4_000_000


def test_the_snapshot_travels_inside_the_paper() -> None:
    for kind, shown in (("ordinary", ordinary()), ("long", ordinary(120)), ("empty", snapshot())):
        assert paper.embedded_snapshot(printed(kind)) == shown
        assert paper.embedded(printed(kind)).decode() == to_json(shown)


@pytest.mark.parametrize("given", [b"", b"%PDF-1.7", b"not a PDF", printed("empty")[:2000]])
def test_what_is_no_statement_is_refused(given: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        paper.embedded_snapshot(given)

    assert refused.value.code == "pdf_unreadable"


def test_a_pdf_without_our_attachment_is_refused() -> None:
    writer, out = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.add_attachment("other.json", b"{}")
    writer.write(out)

    with pytest.raises(Invalid, match=r"no statement\.json attached"):
        paper.embedded_snapshot(out.getvalue())


def test_a_statement_that_does_not_tie_is_not_printed() -> None:
    base = ordinary()
    wrong = base.model_copy(update={"bridge": base.bridge.model_copy(update={"closing_minor": 1})})

    with pytest.raises(Invalid, match="closing is stated as"):
        paper.render(wrong)


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert paper.render(ordinary()) == printed("ordinary")


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the paper reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    asked = snapshot(lines(1), verify_url="https://example.com/verify/JS-2026-10-M1-1")
    paper.render(
        asked.model_copy(update={"closing_words": "<link rel=stylesheet href=https://example.com/a.css>"})
    )


def test_the_paper_says_what_it_is_in_its_metadata() -> None:
    reader = pypdf.PdfReader(io.BytesIO(printed("ordinary")))
    about = reader.metadata

    assert about is not None
    assert about.title == "佣金结算单 JS-2026-10-M1-1 张三"
    assert about.author == "天津市技术转移服务有限公司"
    assert about.creation_date == datetime(2026, 11, 3, 1, 30, tzinfo=UTC)
    metadata = reader.root_object["/Metadata"].get_object()
    assert isinstance(metadata, pypdf.generic.StreamObject)
    assert re.search(rb'pdfaid:part="3"[^>]*pdfaid:conformance="U"', metadata.get_data())


def test_a_negative_closing_is_explained() -> None:
    owing = snapshot(
        (line(0, -90_000_00, nature="clawed_back", because=Words(zh="项目取消，追回")),), opening_minor=100_00
    )
    read = text(paper.render(owing))

    assert "-¥89,900.00" in read
    assert "余额为负" in read
    assert "（追回）" in read


def test_figures_as_long_as_a_contract_may_have_do_not_run_into_each_other() -> None:
    large = snapshot((line(0, 12_345_678_901_23, 1_234_567_890_12, on=date(2026, 10, 5)),))
    pdf = pypdf.PdfReader(io.BytesIO(paper.render(large)))

    assert "12,345,678,901.23 1,234,567,890.12 11,111,111,011.11" in re.sub(
        r"\s+", " ", pdf.pages[0].extract_text()
    )


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (0, "CNY", "0.00"),
        (-5, "CNY", "-0.05"),
        (140950, "CNY", "1,409.50"),
        (-123456789, "CNY", "-1,234,567.89"),
        (1234567, "JPY", "1,234,567"),
        (1234567, "KWD", "1,234.567"),
    ],
)
def test_figures_are_grouped_by_thousands(minor: int, currency: str, shown: str) -> None:
    assert stationery.grouped(minor, currency) == shown


def test_printing_leaves_the_collector_as_it_was() -> None:
    assert gc.isenabled()
    with pytest.raises(Invalid):
        paper.render(ordinary().model_copy(update={"held_minor": 1}))
    paper.render(snapshot())
    assert gc.isenabled()
