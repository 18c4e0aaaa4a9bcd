"""The press: a page becomes a PDF/A-3u with what it was printed from attached inside.

No clock, no network, no file but the templates' own: what the page does not say is not on the paper.
"""

from __future__ import annotations

import gc
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any, Literal
from xml.etree.ElementTree import fromstring
from zoneinfo import ZoneInfo

import segno
from cssselect2 import ElementWrapper
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydyf import PDF, Stream
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject
from pyhanko.pdf_utils.reader import PdfFileReader
from weasyprint import CSS, HTML, Attachment
from weasyprint.css import ColorProfile
from weasyprint.document import Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from ledger import fonts
from ledger.core.errors import Invalid
from ledger.core.money import format_minor

Lang = Literal["zh", "zh+en"]

_SRGB = "sRGB2014.icc"
_TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
STYLE = _TEMPLATES / "papers" / "paper.css"
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Source:
    """What a paper is printed from: attached under `name`, `text` being its canonical JSON."""

    name: str
    text: str
    number: str
    made_at: datetime


def pdf(page: str, source: Source) -> bytes:
    """A page of well-formed XML as PDF/A-3u, its source attached; the same bytes on the same machine."""
    attached = Attachment(
        string=source.text,
        name=source.name,
        description=source.number,
        created=source.made_at,
        modified=source.made_at,
        relationship="Source",
    )
    press = _press()
    with press.lock, _uncollected():
        made: bytes = _Page(_NOT_IN_XML.sub("\ufffd", page), press.fetcher).write_pdf(
            finisher=_deflate,
            uncompressed_pdf=True,
            font_config=press.font_config,
            attachments=[attached],
            pdf_variant="pdf/a-3u",
            color_profiles={"icc": press.icc},
            output_intent="icc",
            pdf_identifier=sha256(source.text.encode()).digest()[:16],
        )
    return made


def warm() -> None:
    """Make a process ready to print many: faces, style sheet, and a heap the collector leaves alone."""
    _press()
    templates()
    gc.collect()
    gc.freeze()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave the garbage of one paper for afterwards: looking for it on the way takes a sixth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def attached(pdf: bytes) -> tuple[str, bytes]:
    """(name, content) of the one file attached to a paper; Invalid where there is none, or several."""
    try:
        root = PdfFileReader(io.BytesIO(pdf)).root
        names = iter(root["/Names"]["/EmbeddedFiles"]["/Names"])
        found = [_file(spec.get_object()) for _, spec in zip(names, names, strict=True)]
    except Exception as wrong:  # a damaged file makes its reader stumble in every way there is
        raise Invalid("pdf_unreadable", "this is no PDF of a settlement statement") from wrong
    if len(found) != 1:
        raise Invalid(
            "pdf_without_snapshot", "this PDF has {count} files attached, not one", count=len(found)
        )
    return found[0]


def _file(spec: DictionaryObject) -> tuple[str, bytes]:
    return str(spec.get("/UF") or spec["/F"]), bytes(spec["/EF"]["/F"].data)


_SIGNED = {"/AcroForm", "/Perms", "/Annots"}  # what a signature adds: looked at by itself


def drawn(pdf: bytes) -> str:
    """A digest of all that a reader of the file is shown or handed, but an invisible signature.

    Objects are followed from the root and numbered as they are met, so it does not matter in which
    order a file keeps them. Invalid where they cannot be followed.
    """
    try:
        reader, digest = PdfFileReader(io.BytesIO(pdf)), sha256()
        without = _SIGNED if _is_only_signed(reader.root) else set()
        for part in _walk(reader.root, {}, without):
            digest.update(part)
    except Exception as wrong:  # as above
        raise Invalid("pdf_unreadable", "this PDF cannot be followed") from wrong
    return digest.hexdigest()


def _is_only_signed(root: DictionaryObject) -> bool:
    """Whether its one form field is a signature nobody sees, and no page has another annotation."""
    if "/AcroForm" not in root:
        return True
    form, fields = root["/AcroForm"], root["/AcroForm"]["/Fields"]
    annotated = [field for page in root["/Pages"]["/Kids"] for field in page.get_object().get("/Annots", ())]
    field = fields[0].get_object()
    return (
        set(form) <= {"/Fields", "/SigFlags"}
        and len(fields) == 1
        and [one.reference for one in annotated] == [fields.raw_get(0).reference]
        and field["/FT"] == "/Sig"
        and not any(field["/Rect"])
        and "/AP" not in field
    )


def _walk(item: Any, met: dict[Any, int], without: set[str]) -> Iterator[bytes]:
    if isinstance(item, IndirectObject):
        number = met.get(item.reference)
        if number is not None:
            yield b"again %d " % number
            return
        met[item.reference] = len(met)
        item = item.get_object()  # type: ignore[no-untyped-call]
    if isinstance(item, DictionaryObject):
        yield b"<<"
        for name in sorted(set(item) - without):
            if not (isinstance(item, StreamObject) and name in ("/Length", "/Filter")):
                yield name.encode()
                yield from _walk(item.raw_get(name), met, without)
        yield b">>"
        if isinstance(item, StreamObject):
            yield b"stream %d " % len(item.data) + item.data
    elif isinstance(item, ArrayObject):
        yield b"["
        for i in range(len(item)):
            yield from _walk(item.raw_get(i), met, without)
        yield b"]"
    else:
        yield repr(item).encode("utf-8", "surrogatepass") + b" "


def grouped(minor: int, currency: str) -> str:
    """The amount with thousands separators and all its decimals: -1,234,567.80."""
    whole, point, part = format_minor(abs(minor), currency).partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{point}{part}"


def figures(currency: str) -> dict[str, Any]:
    """How a page of this currency writes amounts."""
    sign = "¥" if currency == "CNY" else f"{currency} "

    def signed(minor: int) -> str:
        return f"{'-' if minor < 0 else ''}{sign}{grouped(abs(minor), currency)}"

    return {
        "money": lambda minor: grouped(minor, currency),
        "sign_money": signed,
        "unit": "人民币元" if currency == "CNY" else currency,
    }


def instant(at: datetime) -> str:
    """An instant as Beijing reads it."""
    return f"{at.astimezone(_SHANGHAI):%Y-%m-%d %H:%M:%S}（北京时间）"


def qr(url: str) -> Markup | None:
    """The address as a QR code in SVG, or None where there is none."""
    if not url:
        return None
    drawn = io.BytesIO()
    segno.make(url, micro=False).save(drawn, kind="svg", xmldecl=False, border=0, omitsize=True)
    return Markup(drawn.getvalue().decode())


def _deflate(document: Document, pdf: PDF) -> None:
    """Compress as everybody does; WeasyPrint's level 9 takes twice the time for half a percent."""
    for part in pdf.objects:
        if isinstance(part, Stream):
            part.stream = [zlib.compress(b"\n".join(_raw(item) for item in part.stream))]
            part.extra["Filter"] = "/FlateDecode"


def _raw(item: object) -> bytes:
    return item if isinstance(item, bytes) else str(item).encode()


class _Page(HTML):  # type: ignore[misc]
    """A page that is already well-formed, with our style sheet as its only one: papers/paper.css says why.

    Expat reads it in a fortieth of the time the HTML parser takes.
    """

    def __init__(self, text: str, fetcher: URLFetcher) -> None:
        self.base_url, self.url_fetcher, self.media_type = "face:", fetcher, "print"
        self.wrapper_element = ElementWrapper.from_html_root(fromstring(text), content_language=None)
        self.etree_element = self.wrapper_element.etree_element

    def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:
        return [_press().css]


class _OnlyOurFaces(URLFetcher):  # type: ignore[misc]
    """Serves the two cut faces and refuses every other address, files of this machine included."""

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
        faces: dict[str, fonts.Weight] = {"face:regular": "regular", "face:bold": "bold"}
        if url not in faces:
            raise ValueError(f"a paper fetches nothing, and this is something: {url}")
        return URLFetcherResponse(url, fonts.cut(faces[url]), {"Content-Type": "font/otf"})


class _Srgb(ColorProfile):  # type: ignore[misc]
    """The profile's own bytes: LittleCMS writes it another way from the second time on."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), _SRGB, "relative-colorimetric", ["r", "g", "b"])
        self._content = content

    @property
    def content(self) -> bytes:
        return self._content


@dataclass(frozen=True, slots=True)
class _Press:
    """What a process sets up once: faces, parsed style sheet. Pango's font map takes one at a time."""

    font_config: FontConfiguration
    fetcher: URLFetcher
    css: CSS
    icc: ColorProfile
    lock: Lock


@cache
def _press() -> _Press:
    font_config, fetcher = FontConfiguration(), _OnlyOurFaces()
    css = CSS(
        string=STYLE.read_text("utf-8"),
        url_fetcher=fetcher,
        font_config=font_config,
        base_url="face:",
    )
    return _Press(font_config, fetcher, css, _Srgb((files("weasyprint.pdf") / _SRGB).read_bytes()), Lock())


@cache
def templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
