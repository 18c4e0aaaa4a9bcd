"""Layouts of bank files (银行文件格式): those that are shipped, and those an operator added."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files

from sqlmodel import Field, Session, col, select

from ledger import audit, ids, rights
from ledger.core.bank_layout import Layout, read_layout
from ledger.core.errors import Conflict, NotFound
from ledger.db import Instant, Row, fingerprint
from ledger.users import User

SHIPPED = ("simple", "corporate", "pain001")
FIRST = SHIPPED[0]


class BankLayout(Row, table=True):
    """A layout as somebody wrote it; the latest of a name counts."""

    __tablename__ = "bank_layout"

    id: str = Field(primary_key=True)
    layout: str = Field(index=True)
    text: str
    digest: str
    added_by: str
    added_at: datetime = Field(sa_type=Instant)


def shipped_text(name: str) -> str:
    """A shipped layout as YAML, to begin one's own with."""
    return (files("ledger") / "bank_layouts" / f"{name}.yaml").read_text("utf-8")


def add(session: Session, text: str, *, by: User, now: datetime) -> BankLayout:
    """Add a layout, or a later version of one. The same text again is the same layout."""
    rights.require(by, "bank_layout.edit")
    layout = read_layout(text, "layout.yaml")
    if layout.id in SHIPPED:
        raise Conflict(
            "layout_shipped", "“{name}” is shipped and stays as it is; give yours another id", name=layout.id
        )
    known, digest = _latest(session, layout.id), fingerprint(text.encode())
    if known is not None and known.digest == digest:
        return known
    added = BankLayout(
        id=ids.new("bl"), layout=layout.id, text=text, digest=digest, added_by=by.id, added_at=now
    )
    session.add(added)
    audit.changed(session, by, "bank_layout.add", added, now=now)
    session.flush()
    return added


def get(session: Session, name: str) -> Layout:
    """One layout by its name, or NotFound."""
    return read_layout(_text(session, name), f"{name}.yaml")


def text_of(session: Session, name: str, *, by: User) -> str:
    """A layout's YAML."""
    rights.require(by, "payout.see")
    return _text(session, name)


def _text(session: Session, name: str) -> str:
    if name in SHIPPED:
        return shipped_text(name)
    known = _latest(session, name)
    if known is None:
        raise NotFound("layout_unknown", "there is no bank layout “{name}”", name=name[:40])
    return known.text


def _latest(session: Session, name: str) -> BankLayout | None:
    query = select(BankLayout).where(BankLayout.layout == name)
    return session.exec(query.order_by(col(BankLayout.id).desc())).first()


def listing(session: Session, *, by: User) -> list[Layout]:
    """Every layout: the shipped ones, then one's own by name."""
    rights.require(by, "payout.see")
    own = sorted(session.exec(select(BankLayout.layout).distinct()))
    return [get(session, name) for name in (*SHIPPED, *own)]
