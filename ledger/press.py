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
from threading import Lock
from xml.etree.ElementTree import fromstring

from cssselect2 import ElementWrapper
from pydyf import PDF, Stream
from weasyprint import CSS, HTML, Attachment
from weasyprint.css import ColorProfile
from weasyprint.document import Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from ledger import fonts, stationery

_SRGB = "sRGB2014.icc"
STYLE = stationery.TEMPLATES / "papers" / "paper.css"
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


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
    stationery.templates()
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
