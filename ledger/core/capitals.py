"""Amounts in words (大写金额), as Chinese bank papers and vouchers require them.

Source: 正确填写票据和结算凭证的基本规定 (中国人民银行, 支付结算办法 appendix 1) and its examples.
Where it leaves a choice, see docs/decisions/0003-amount-in-words.md.
"""

from __future__ import annotations

from ledger.core.errors import Invalid

MOST_MINOR = 10**17  # a thousand 万亿 yuan
_FIGURES = "零壹贰叁肆伍陆柒捌玖"
_UNITS = ((10**8, "亿"), (10**4, "万"), (1000, "仟"), (100, "佰"), (10, "拾"))


def amount_cn(minor: int, currency: str = "CNY") -> str:
    """140950 is 人民币壹仟肆佰零玖元伍角. Only yuan have such a form: another currency is Invalid."""
    if currency != "CNY":
        raise Invalid(
            "amount_words_currency",
            "amounts in {currency} have no 大写 form; only CNY has",
            currency=currency,
        )
    if abs(minor) >= MOST_MINOR:
        raise Invalid("amount_words_too_large", "the amount is too large to be written in words")
    yuan, cents = divmod(abs(minor), 100)
    return f"人民币{'负' if minor < 0 else ''}{_yuan(yuan, cents)}{_cents(yuan, cents)}"


def _yuan(yuan: int, cents: int) -> str:
    return f"{_whole(yuan)}元" if yuan or not cents else ""


def _cents(yuan: int, cents: int) -> str:
    """Jiao and fen; a 零 first where the digit before the first of them is none."""
    jiao, fen = divmod(cents, 10)
    if not cents:
        return "整"
    gap = "零" if yuan and (yuan % 10 == 0 or jiao == 0) else ""
    return gap + (f"{_FIGURES[jiao]}角" if jiao else "") + (f"{_FIGURES[fen]}分" if fen else "")


def _whole(number: int) -> str:
    """How many of the greatest unit, the unit, then the rest, after a 零 where units lie between."""
    for unit, word in _UNITS:
        if number >= unit:
            count, rest = divmod(number, unit)
            gap = "零" if 0 < rest < unit // 10 else ""
            return _whole(count) + word + gap + (_whole(rest) if rest else "")
    return _FIGURES[number]
