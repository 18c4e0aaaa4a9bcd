"""What an uploaded file really is: told from its bytes, never from its name or from what a browser says.

Photos, PDF, office documents, archives and text are taken, and looked into: a picture or an archive that
unfolds to far more than it weighs, a file that is two kinds at once, a PDF that runs scripts or starts
programs, and a document with macros are refused. Nothing is rewritten, for evidence is kept as it was given.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

from ledger.core.errors import Invalid

PIXELS_MOST = 64_000_000  # of all frames; a large phone camera has 50 million
UNFOLDED_MOST = 256 * 1024 * 1024  # bytes
MEMBERS_MOST = 5_000  # of an archive
OBJECTS_MOST = 200_000  # of a PDF
RATIO_MOST = 200  # of an archive's member above a megabyte

PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
PDF, ZIP, TEXT = "application/pdf", "application/zip", "text/plain"
OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "OFD.xml": "application/ofd",
}
_SIGNS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF", b"RIFF": "WEBP"}
_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|script|svg|iframe|\?php)", re.IGNORECASE)
_ACTIVE = {"/JS", "/JavaScript", "/Launch", "/RichMedia", "/EmbeddedFile", "/ImportData", "/XFA"}


def media_type(name: str, content: bytes) -> str:
    """The media type of a file, looked into; Invalid where it is of no kind that is taken, or hostile."""
    sign = next((kind for sign, kind in _SIGNS.items() if content.startswith(sign)), None)
    if sign is not None:
        return _picture(name, content, sign)
    if content.startswith(b"%PDF-"):
        return _pdf(name, content)
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _archive(name, content)
    return _text(name, content)


def _text(name: str, content: bytes) -> str:
    """Text of any of our encodings; markup among it is text too, for it is never shown as a page."""
    _of_one_kind(name, content)
    for encoding in ("utf-8", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if all(sign.isprintable() or sign in "\r\n\t\f\ufeff\u3000\xa0" or sign.isspace() for sign in text):
            return TEXT
    raise Invalid(
        "evidence_kind",
        "the file “{name}” is of no kind that can be checked: send a photo, a PDF, a document or text",
        name=name,
    )


def _of_one_kind(name: str, content: bytes) -> None:
    """Refuse what another program would read as an archive or a PDF."""
    if b"%PDF-" in content[:1024] or zipfile.is_zipfile(io.BytesIO(content)):
        raise Invalid("evidence_two_kinds", "the file “{name}” is of two kinds at once", name=name)


# Pictures


def _picture(name: str, content: bytes, kind: str) -> str:
    _of_one_kind(name, content)
    if _MARKUP.search(content[:1024]):
        raise Invalid("evidence_two_kinds", "the file “{name}” is of two kinds at once", name=name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            _look(name, content, kind)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_much(name) from error
    except Invalid:
        raise
    except Exception as error:  # a damaged picture makes its reader stumble in every way there is
        raise Invalid(
            "evidence_broken", "the picture “{name}” cannot be read; take it again", name=name
        ) from error
    return PICTURES[kind]


def _look(name: str, content: bytes, kind: str) -> None:
    """Read the sizes first, then the picture itself."""
    with Image.open(io.BytesIO(content), formats=[kind]) as picture:
        width, height = picture.size
        if width * height * getattr(picture, "n_frames", 1) > PIXELS_MOST:
            raise _too_much(name)
        picture.draft("RGB", (width // 8, height // 8))  # an eighth of a JPEG is read as safely as all of it
        picture.load()


def _too_much(name: str) -> Invalid:
    return Invalid("evidence_bomb", "the file “{name}” unfolds to far more than it weighs", name=name)


# Archives


def _archive(name: str, content: bytes) -> str:
    if b"%PDF-" in content[:1024]:
        raise Invalid("evidence_two_kinds", "the file “{name}” is of two kinds at once", name=name)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except Exception as error:  # as above
        raise Invalid("evidence_broken", "the archive “{name}” cannot be read", name=name) from error
    _unfolds_to_little(name, members)
    if any(one.filename.endswith("vbaProject.bin") for one in members):
        raise Invalid("evidence_macros", "the document “{name}” has macros; save it without them", name=name)
    return next(
        (kind for begin, kind in OFFICE.items() if any(one.filename.startswith(begin) for one in members)),
        ZIP,
    )


def _unfolds_to_little(name: str, members: list[zipfile.ZipInfo]) -> None:
    large = (one for one in members if one.file_size > 1024 * 1024)
    if (
        len(members) > MEMBERS_MOST
        or sum(one.file_size for one in members) > UNFOLDED_MOST
        or any(one.file_size > RATIO_MOST * max(one.compress_size, 1) for one in large)
    ):
        raise _too_much(name)


# PDF


def _pdf(name: str, content: bytes) -> str:
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise Invalid("evidence_two_kinds", "the file “{name}” is of two kinds at once", name=name)
    _streams_unfold_to_little(name, content)
    try:
        active = next(_active(name, PdfReader(io.BytesIO(content))), None)
    except Invalid:
        raise
    except Exception as error:  # as above
        raise Invalid(
            "evidence_broken", "the PDF “{name}” cannot be read; make it again", name=name
        ) from error
    if active is not None:
        raise Invalid(
            "evidence_active",
            "the PDF “{name}” holds {what}; print it to a PDF again",
            name=name,
            what=active,
        )
    return PDF


def _streams_unfold_to_little(name: str, content: bytes) -> None:
    """Unfold every stream a bounded way, before anything else reads it."""
    room = UNFOLDED_MOST
    for found in re.finditer(rb"stream\r?\n", content):
        unfolding = zlib.decompressobj()
        try:
            room -= len(unfolding.decompress(content[found.end() : found.end() + 20 * 1024 * 1024], room + 1))
        except zlib.error:
            continue  # not deflated
        if room < 0:
            raise _too_much(name)


def _active(name: str, reader: PdfReader) -> Iterator[str]:
    """What in a PDF would do something by itself, by its name in the file."""
    if reader.is_encrypted:
        raise Invalid("evidence_locked", "the PDF “{name}” is locked; save it without a password", name=name)
    if len(reader.pages) == 0:
        raise Invalid("evidence_broken", "the PDF “{name}” cannot be read; make it again", name=name)
    seen, waiting = set[int](), [reader.trailer.raw_get("/Root")]
    while waiting:
        one: Any = waiting.pop()
        if isinstance(one, IndirectObject):
            if one.idnum in seen:
                continue
            seen.add(one.idnum)
            if len(seen) > OBJECTS_MOST:
                raise _too_much(name)
            one = one.get_object()
        if isinstance(one, DictionaryObject):
            yield from (key for key in one if key in _ACTIVE)
            yield from (str(one[key]) for key in ("/S", "/Type") if str(one.get(key)) in _ACTIVE)
        waiting.extend(_inside(one))


def _inside(one: Any) -> list[Any]:
    if isinstance(one, DictionaryObject | StreamObject):
        return [one.raw_get(key) for key in one if key != "/Parent"]
    return [list.__getitem__(one, at) for at in range(len(one))] if isinstance(one, ArrayObject) else []
