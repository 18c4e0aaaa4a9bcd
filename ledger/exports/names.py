"""What an account is called in a journal: `Liabilities:Payable:M1`.

Both hledger and Beancount read these names. An owner's id becomes one part of the name, so that two
ids never become the same part and the id can be read back from it:

- letters and digits A–Z, a–z, 0–9 and Chinese characters stand for themselves;
- `_` is written `--`, every other character as its code point in hexadecimal between hyphens: `-2e-`;
- an id that does not begin with A–Z or 0–9 has `X-x-` before it, as Beancount wants a capital or a digit.
"""

from __future__ import annotations

import re

from ledger.core.entry import CHART

_ROOTS = {
    "asset": "Assets",
    "liability": "Liabilities",
    "income": "Income",
    "expense": "Expenses",
    "memorandum": "Equity:Memorandum",  # off the books: neither owned nor owed
}
_STRANGE = re.compile(r"[^A-Za-z0-9\u4e00-\u9fff]")
_ESCAPED = re.compile(r"-([0-9a-f]*)-")
_PLAIN_START = re.compile(r"[A-Z0-9]")
_START = "X-x-"


def account_name(account: str, owner: str = "") -> str:
    """The name of an account of the chart, of one owner: ("2202.01", "M1") is `Liabilities:Payable:M1`."""
    known = CHART[account]
    words = "".join(word.capitalize() for word in known.name.split("_"))
    return ":".join([_ROOTS[known.side], words, *([owner_part(owner)] if owner else [])])


def owner_part(owner: str) -> str:
    """An owner's id as a part of an account name."""
    part = _STRANGE.sub(_escape, owner)
    return part if _PLAIN_START.match(part) else _START + part


def _escape(match: re.Match[str]) -> str:
    return "--" if match[0] == "_" else f"-{ord(match[0]):x}-"


def owner_of(part: str) -> str:
    """The id that `owner_part` made this of."""
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)) if m[1] else "_", part.removeprefix(_START))
