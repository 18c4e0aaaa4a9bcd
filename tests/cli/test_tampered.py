"""A signed statement that was changed afterwards, in its attachment, signature or pages, is refused."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from pypdf.generic import ArrayObject, NameObject, TextStringObject

from ledger import paper, pdf_reader, printing, signing
from ledger.cli import main
from tests.snapshots import lines, snapshot

Tamper = Callable[[bytes, bytes], bytes]


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, bytes]:
    """Two statements of one installation, signed by its key."""
    var = tmp_path_factory.mktemp("installation")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("YONGJIN_VAR", str(var))
        signing.key.cache_clear()
        return var, printing.printed(snapshot(lines(2))), printing.printed(snapshot(lines(3)))


def _written(writer: pypdf.PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _rewritten(pdf: bytes) -> pypdf.PdfWriter:
    return pypdf.PdfWriter(clone_from=io.BytesIO(pdf))


def _added_to(pdf: bytes) -> pypdf.PdfWriter:
    """A writer that leaves the signed bytes as they are and adds to them."""
    return pypdf.PdfWriter(io.BytesIO(pdf), incremental=True)


def _attach(writer: pypdf.PdfWriter, text: bytes) -> bytes:
    names = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"].get_object()  # type: ignore[index]
    old = names[1].get_object()["/EF"]["/F"].get_object()
    old.set_data(text)
    return _written(writer)


def another_attachment(mine: bytes, other: bytes) -> bytes:
    return _attach(_rewritten(mine), pdf_reader.attached(other)[1])


def another_attachment_added(mine: bytes, other: bytes) -> bytes:
    writer = _added_to(mine)
    carried = writer._add_object(_stream(pdf_reader.attached(other)[1]))
    names = writer.root_object["/Names"].get_object()["/EmbeddedFiles"].get_object()["/Names"].get_object()  # type: ignore[index]
    names[1].get_object()["/EF"].get_object()[NameObject("/F")] = carried
    return _written(writer)


def _stream(text: bytes) -> pypdf.generic.StreamObject:
    stream = pypdf.generic.DecodedStreamObject()
    stream.set_data(text)
    stream[NameObject("/Type")] = NameObject("/EmbeddedFile")
    return stream


def signature_cut_off(mine: bytes, other: bytes) -> bytes:
    """What stood in the file before it was signed."""
    return mine[: mine.rindex(b"%%EOF", 0, mine.rindex(b"%%EOF")) + 6]


def signature_field_removed(mine: bytes, other: bytes) -> bytes:
    writer = _rewritten(mine)
    del writer.root_object["/AcroForm"]
    for page in writer.pages:
        page.pop(NameObject("/Annots"), None)
    return _written(writer)


def signature_hidden(mine: bytes, other: bytes) -> bytes:
    """The signed bytes stay; what is added says that there are no fields."""
    writer = _added_to(mine)
    form = writer.root_object["/AcroForm"].get_object()
    form[NameObject("/Fields")] = ArrayObject()  # type: ignore[index]
    return _written(writer)


def page_of_another(mine: bytes, other: bytes) -> bytes:
    writer = _rewritten(mine)
    writer.insert_page(pypdf.PdfReader(io.BytesIO(other)).pages[0], 0)
    writer.remove_page(1)
    return _written(writer)


def page_added(mine: bytes, other: bytes) -> bytes:
    writer = _added_to(mine)
    writer.add_page(pypdf.PdfReader(io.BytesIO(other)).pages[0])
    return _written(writer)


def signature_of_another(mine: bytes, other: bytes) -> bytes:
    """The other statement's signature in the place of this one's."""

    def place(pdf: bytes) -> slice:
        start = pdf.rindex(b"/Contents <")
        return slice(start, pdf.index(b">", start))

    return mine[: place(mine).start] + other[place(other)] + mine[place(mine).stop :]


def title_changed(mine: bytes, other: bytes) -> bytes:
    writer = _added_to(mine)
    writer.add_metadata({NameObject("/Title"): TextStringObject("佣金结算单")})
    return _written(writer)


TAMPERS = (
    another_attachment,
    another_attachment_added,
    signature_cut_off,
    signature_field_removed,
    signature_hidden,
    page_of_another,
    page_added,
    signature_of_another,
    title_changed,
)


def _verified(
    pdf: bytes, papers: tuple[Path, bytes, bytes], capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    file = papers[0] / "looked-at.pdf"
    file.write_bytes(pdf)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("YONGJIN_VAR", str(papers[0]))
        patched.setattr(sys, "argv", ["yongjin", "statements", "verify", str(file), "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(str(ended.value.code or 0)), capsys.readouterr().out


def test_both_papers_hold_as_they_were_signed(
    papers: tuple[Path, bytes, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    for pdf in papers[1:]:
        code, said = _verified(pdf, papers, capsys)
        assert (code, json.loads(said)["signature"]) == (0, "known"), said


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda tamper: tamper.__name__)
def test_what_was_changed_after_it_was_signed_is_refused(
    tamper: Tamper, papers: tuple[Path, bytes, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    _, mine, other = papers
    forged = tamper(mine, other)
    assert forged != mine and paper.embedded(forged)  # it still is a paper that can be read

    code, said = _verified(forged, papers, capsys)

    told = json.loads(said)
    assert (code, told["holds"]) == (1, False), said
    assert told["signature"] in ("broken", "missing")
    if tamper in (another_attachment, another_attachment_added, page_of_another, page_added):
        assert told["page"] == "differs"
