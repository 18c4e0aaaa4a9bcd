"""What a paper's PDF holds: the one file attached to it, and a digest of all that is shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject
from pyhanko.pdf_utils.reader import PdfFileReader

from ledger.core.errors import Invalid


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
