"""What an uploaded file is, its bytes tell; what is hostile is refused."""

from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import sniffing
from ledger.core.errors import Invalid
from ledger.sniffing import media_type
from tests.samples import archive, pdf, picture


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (picture("PNG"), "image/png"),
        (picture("JPEG"), "image/jpeg"),
        (picture("GIF"), "image/gif"),
        (picture("WEBP"), "image/webp"),
        (pdf(), "application/pdf"),
        (archive(word__document=b"<w/>"), sniffing.OFFICE["word/"]),
        (archive(xl__workbook=b"<x/>"), sniffing.OFFICE["xl/"]),
        (archive(contract=b"text"), "application/zip"),
        ("需求表：眼动传感\r\n".encode(), "text/plain"),
        ("需求表：眼动传感\r\n".encode("gb18030"), "text/plain"),
        (b"<script>alert(1)</script>", "text/plain"),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, expected: str) -> None:
    for name in ("a.exe", "a.html", "照片.jpg"):
        assert media_type(name, content) == expected


def refused(content: bytes) -> str:
    with pytest.raises(Invalid) as refusal:
        media_type("a.pdf", content)
    return refusal.value.code


def a_png_of(width: int, height: int) -> bytes:
    """A PNG whose header tells of a large picture, and whose rows are all the same."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * ((width // 8 + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_that_unfolds_to_far_more_than_it_weighs_is_refused() -> None:
    bomb = a_png_of(20_000, 20_000)
    assert len(bomb) < 100_000
    assert refused(bomb) == "evidence_bomb"


def test_an_archive_that_unfolds_to_far_more_than_it_weighs_is_refused() -> None:
    assert refused(archive(zeros=bytes(5_000_000))) == "evidence_bomb"
    assert refused(archive(**{f"n{at}": b"" for at in range(sniffing.MEMBERS_MOST + 1)})) == "evidence_bomb"


def test_a_pdf_that_unfolds_to_far_more_than_it_weighs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sniffing, "UNFOLDED_MOST", 1_000_000)
    stream = zlib.compress(bytes(2_000_000), 9)
    body = pdf().replace(
        b"%%EOF", b"9 0 obj <</Filter/FlateDecode>> stream\n" + stream + b"\nendstream\n%%EOF"
    )
    assert refused(body) == "evidence_bomb"


@pytest.mark.parametrize(
    "content",
    [
        picture("PNG") + archive(a=b"a"),
        picture("GIF") + archive(a=b"a"),
        picture("JPEG") + b"%PDF-1.7",
        picture("GIF", comment=b"<script>alert(1)</script>"),
        pdf() + archive(a=b"a"),
        b"GIF89a/*%PDF-1.7",
        b"harmless " + pdf(),
        b"text and then " + archive(a=b"a"),
        b"PK\x03\x04 %PDF-1.7",
    ],
)
def test_a_file_of_two_kinds_is_refused(content: bytes) -> None:
    assert refused(content) == "evidence_two_kinds"


def test_a_pdf_that_does_something_by_itself_is_refused() -> None:
    assert refused(pdf(script="app.alert(1)")) == "evidence_active"
    assert refused(pdf(script="app.alert(1)").replace(b"/JavaScript", b"/JavaScr#69pt")) == "evidence_active"
    assert refused(pdf(attached=b"MZ")) == "evidence_active"
    assert refused(pdf(password="x")) == "evidence_locked"


def test_a_document_with_macros_is_refused() -> None:
    macros = archive(word__document=b"<w/>", word__vbaProject_bin=b"")
    assert refused(macros.replace(b"vbaProject_bin", b"vbaProject.bin")) == "evidence_macros"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"MZ\x90\x00\x03\x00", "evidence_kind"),
        (b"\x7fELF\x02\x01\x01\x00", "evidence_kind"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "evidence_kind"),
        (picture("PNG")[:40], "evidence_broken"),
        (picture("JPEG")[:60], "evidence_broken"),
        (b"%PDF-1.7 and nothing else", "evidence_broken"),
        (b"PK\x03\x04 and nothing else", "evidence_broken"),
    ],
)
def test_what_cannot_be_checked_is_refused(content: bytes, code: str) -> None:
    assert refused(content) == code


SEEDS = [picture("PNG"), picture("JPEG"), picture("GIF"), picture("WEBP"), pdf(), archive(a=b"a" * 50)]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_a_damaged_file_is_understood_or_refused_and_never_a_failure(
    seed: bytes, data: st.DataObject
) -> None:
    content = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)))
    with contextlib.suppress(Invalid):
        media_type("a", bytes(content[:cut]))
