"""Bank layouts (银行文件格式): how a bank's files are written and its answers read, as YAML."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, PathId
from ledger import layouts
from ledger.core.bank_layout import Layout, read_layout

router = noun("bank-layouts")


class NewLayout(Body):
    """A layout as YAML; `GET /bank-layouts/simple` is one to begin with."""

    text: Annotated[str, Field(min_length=1, max_length=20_000)]


class LayoutAnswer(Answer):
    """What a layout makes, and whether it reads the bank's answer."""

    id: str
    title_zh: str
    title_en: str
    file: str
    encoding: str
    reads_answers: bool
    shipped: bool


class LayoutText(LayoutAnswer):
    """The same, with its YAML."""

    text: str


def _told(layout: Layout) -> dict[str, object]:
    return {
        "id": layout.id,
        "title_zh": layout.title_zh,
        "title_en": layout.title_en,
        "file": layout.file,
        "encoding": layout.encoding,
        "reads_answers": layout.answer is not None,
        "shipped": layout.id in layouts.SHIPPED,
    }


@router.get("")
def listing(session: Books, by: By) -> list[LayoutAnswer]:
    """Every layout, the shipped ones first."""
    return [LayoutAnswer.model_validate(_told(one)) for one in layouts.listing(session, by=by)]


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> LayoutText:
    """One layout and its YAML."""
    text = layouts.text_of(session, id, by=by)
    return LayoutText.model_validate({**_told(read_layout(text, f"{id}.yaml")), "text": text})


@router.post("", status_code=201)
def add(body: NewLayout, session: Books, by: By, now: Now) -> LayoutText:
    """Add a layout, or a later version of one of your own."""
    added = layouts.add(session, body.text, by=by, now=now)
    return LayoutText.model_validate({**_told(read_layout(added.text, "layout.yaml")), "text": added.text})
