"""Conditions in plans: which deals may use one. A small part of CEL, the Common Expression Language.

A condition sees one thing, `deal`, and compares: `== != < <= > >= in && || ! ?:`, indexing, and
`size startsWith endsWith contains`. There is no arithmetic, no loop (CEL's macros are refused), no
clock and no other function, so a condition is short, ends at once and never makes an amount.
"""

from __future__ import annotations

import re
from functools import lru_cache

import cel

from ledger.core.errors import Invalid
from ledger.core.facts import Deal

LENGTH_MOST = 1000
FUNCTIONS = ("size", "startsWith", "endsWith", "contains")

_OPERATORS = ["_&&_", "_||_", "!_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_?_:_", "_[_]"]
_ALLOWED = frozenset({*FUNCTIONS, *_OPERATORS})
_CEL_ERROR = re.compile(r"ERROR: <input>:\d+:(\d+): (.*)")
_SAMPLE = Deal("D-1", "transfer", "lump_sum", 5_000_000)

Field = str | int | None


def fields(deal: Deal) -> dict[str, Field]:
    """What a condition sees as `deal`. What is not known of it is null; a day is text like 2026-05-06."""
    return {
        "id": deal.id,
        "category": deal.category,
        "mode": deal.mode,
        "title": deal.title,
        "client": deal.client,
        "source": deal.source,
        "opened_on": deal.opened_on.isoformat() if deal.opened_on else None,
        "expected_fee_minor": deal.expected_fee_minor,
    }


@lru_cache(maxsize=256)
def compile(condition: str) -> cel.Program:
    """The condition ready to run, or Invalid: no CEL, more than a comparison, or an unknown field."""
    if len(condition) > LENGTH_MOST:
        raise _invalid(f"it is longer than {LENGTH_MOST} characters")
    try:
        program = cel.compile(condition)
    except ValueError as error:
        raise _invalid(_first_error(str(error))) from None
    _check_names(program)
    _try_out(program)
    return program


def allows(condition: str, deal: Deal) -> bool:
    """Whether the condition holds for the deal; Invalid where it cannot be decided."""
    try:
        answer = compile(condition).execute({"deal": fields(deal)})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise Invalid(
            "condition_undecided",
            "the condition “{condition}” cannot be decided for deal {deal}: {why}; ask first whether a field"
            " is null, as in deal.mode != null && …",
            condition=condition,
            deal=deal.id,
            why=_short(error),
        ) from None
    if answer is not True and answer is not False:
        raise _invalid("it is not true or false")
    return answer


def _check_names(program: cel.Program) -> None:
    for name in program.variables():
        if name != "deal":
            raise _invalid(f"there is no “{name}” in a condition, only deal")
    for name in program.functions():
        if name not in _ALLOWED:
            raise _invalid(f"“{name.strip('@_')}” is not allowed; compare, or use {', '.join(FUNCTIONS)}")


def _try_out(program: cel.Program) -> None:
    """A field that no deal has, and an answer that is not true or false, show on a made-up deal."""
    try:
        answer = program.execute({"deal": fields(_SAMPLE)})
    except KeyError as error:
        known = ", ".join(fields(_SAMPLE))
        raise _invalid(f"there is no deal.{error.args[0]}; a deal has {known}") from None
    except (TypeError, ValueError, RuntimeError):
        return  # another deal may well have what this one lacks
    if answer is not True and answer is not False:
        raise _invalid("it is not true or false")


def _first_error(text: str) -> str:
    found = _CEL_ERROR.search(text)
    return f"{found[2]} at character {found[1]}" if found else "it is no CEL"


def _invalid(what: str) -> Invalid:
    return Invalid("condition_invalid", "the condition cannot be used: {what}", what=what)


def _short(error: Exception) -> str:
    return str(error).partition(".")[0].partition(":")[0]
