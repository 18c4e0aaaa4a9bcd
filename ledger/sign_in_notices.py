"""Telling somebody that how they sign in was changed: if it was not them, they learn of it.

In the app, and by e-mail where they left an address. What is told names no secret and nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session

from ledger import notices
from ledger.audit import Note
from ledger.core.papers import Words
from ledger.notices import Told
from ledger.users import User

KIND = "sign_in"
_NOT_YOU = Words(zh="；若非您本人，请告知管理员", en="; if it was not you, tell an administrator")


def _said(zh: str, en: str) -> Words:
    return Words(zh=zh + _NOT_YOU.zh, en=en + _NOT_YOU.en)


CHANGES: Mapping[str, Words] = {
    "user.reset": _said("管理员重设了您的密码", "Your password was reset by an administrator"),
    "user.choose_password": _said("您的密码已更改", "Your password was changed"),
    "user.second_factor": _said("您的二次验证已启用", "Your second factor counts from now on"),
    "user.no_second_factor": _said("您的二次验证已取消", "Your second factor was taken away"),
    "user.recovery_code": _said("您的一个纸质备用码已被使用", "A code of your paper was used"),
    "user.company_identity": _said("您的公司账号已关联到这里", "Your company account leads here from now on"),
    "user.no_company_identity": _said("您的公司账号已解除关联", "Your company account leads here no more"),
}


def hear(session: Session, note: Note) -> None:
    """Tell whom it concerns of what was just noted."""
    words = CHANGES.get(note.action)
    user = session.get(User, note.subject) if words else None
    if words is not None and user is not None:
        notices.tell(session, [user], Told(KIND, note.id, words, "/account"), now=note.noted_at)
