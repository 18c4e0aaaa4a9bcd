"""The language a person reads: Chinese unless they asked for English.

Texts are English in the code, with {named} places, and looked up in the catalogue
`translations/zh/LC_MESSAGES/messages.po`, which is read as it is: nothing is compiled. The language
of the request at hand is kept in a context variable, so that `_` needs no argument for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Literal, cast

from babel.messages.pofile import read_po

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
TAGS: Mapping[Language, str] = {"zh": "zh-CN", "en": "en"}  # for the lang attribute

NAMES: Mapping[Language, str] = {"zh": "中文", "en": "English"}  # each in itself

CATALOGUE = Path(__file__).parent / "translations" / "zh" / "LC_MESSAGES" / "messages.po"

_now: ContextVar[Language] = ContextVar("language", default="zh")


def read_catalogue(path: Path = CATALOGUE) -> dict[tuple[str, str], str]:
    """Translations by (context, English text). A text in the plural is looked up by its singular."""
    with path.open("rb") as file:
        messages = [message for message in read_po(file, locale="zh") if message.id and not message.fuzzy]
    return {(message.context or "", _first(message.id)): _first(message.string) for message in messages}


def _first(text: object) -> str:
    return text if isinstance(text, str) else str(cast("tuple[str, ...]", text)[0])


_ZH = read_catalogue()


def current() -> Language:
    """The language of the request at hand."""
    return _now.get()


def use(language: Language) -> None:
    """Speak `language` for the rest of this request."""
    _now.set(language)


def known(text: str | None) -> Language | None:
    """`text` as one of our languages, `en-GB` being English; None where it is none of them."""
    prefix = (text or "").strip().lower()[:2]
    return next((language for language in LANGUAGES if language == prefix), None)


def gettext(text: str, /, **facts: object) -> str:
    """`text` in the language at hand, its places filled."""
    return _filled(_looked_up("", text), facts)


def pgettext(context: str, text: str, /, **facts: object) -> str:
    """As `gettext`, for a text that means different things in different places."""
    return _filled(_looked_up(context, text), facts)


def ngettext(one: str, many: str, count: int, /, **facts: object) -> str:
    """As `gettext`, by number; {count} is filled in. Chinese has one form for all numbers."""
    english = one if count == 1 else many
    text = _ZH.get(("", one), english) if current() == "zh" else english
    return _filled(text, {"count": count, **facts})


def either(zh: str, en: str) -> str:
    """Of what comes in both languages (a plan's title, a stage's), the one in the language at hand."""
    return (zh or en) if current() == "zh" else (en or zh)


def N_(text: str) -> str:
    """Marks a text for the catalogue that is looked up later."""
    return text


def is_listed(text: str) -> bool:
    """Whether the catalogue knows `text`."""
    return ("", text) in _ZH


def _looked_up(context: str, text: str) -> str:
    return _ZH.get((context, text), text) if current() == "zh" else text


def _filled(text: str, facts: Mapping[str, object]) -> str:
    return text.format(**facts) if facts else text
