"""What can be refused, and why.

    Refused
    ├── NotFound    there is no such thing, or it is not yours to see
    ├── Forbidden   you may not do this
    ├── TooMany     you tried too often; wait
    ├── Conflict    the thing is no longer in a state that allows it
    └── Invalid     what was given cannot be understood or cannot be true

Every refusal has a stable `code` (for programs), a `text` with named places (for
translation) and `facts` (what goes into the places). `str(error)` is the English sentence.
"""

from __future__ import annotations


class Refused(Exception):
    """Something was asked for that cannot be done; nothing was changed."""

    def __init__(self, code: str, text: str, /, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.facts = facts

    def __str__(self) -> str:
        facts = {name: _written(value) for name, value in self.facts.items()}
        return self.text.format(**facts) if facts else self.text


def _written(value: object) -> object:
    """A fact as it is written down; several refusals become their sentences."""
    return "; ".join(str(one) for one in value) if isinstance(value, list) else value


class NotFound(Refused):
    """There is no such thing, or the asker may not know of it."""


class Forbidden(Refused):
    """The asker lacks the right."""


class TooMany(Refused):
    """The asker tried too often, and has to wait: its facts say how many `minutes` or `seconds`."""

    @property
    def seconds(self) -> int:
        """How long to wait."""
        minutes, seconds = (int(str(self.facts.get(name, 0))) for name in ("minutes", "seconds"))
        return 60 * minutes + seconds


class Conflict(Refused):
    """The thing's state, or something already recorded, stands against it."""


class Invalid(Refused):
    """The input is wrong."""


class InvalidFile(Invalid):
    """A file is wrong at one line: `FILE:LINE: what; how to mend it`."""

    def __init__(self, name: str, line: int, what: str, mend: str) -> None:
        super().__init__(
            "file_invalid", "{file}:{line}: {what}; {mend}", file=name, line=line, what=what, mend=mend
        )

    def __reduce__(self) -> tuple[type[InvalidFile], tuple[object, ...]]:
        """How it goes to another process."""
        return InvalidFile, tuple(self.facts[part] for part in ("file", "line", "what", "mend"))
