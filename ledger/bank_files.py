"""The file a batch goes to the bank in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ledger.core import money
from ledger.payments import Payout, PayoutLine


def bank_file(payout: Payout, lines: Sequence[PayoutLine]) -> bytes:
    """序号,收款账号,收款户名,收款方开户行,金额,用途 as UTF-8 with a byte order mark; ours is in 用途."""
    out = io.StringIO(newline="")
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow(["序号", "收款账号", "收款户名", "收款方开户行", "金额", "用途"])
    for number, line in enumerate(lines, 1):
        amount = money.format_minor(line.net_minor, payout.currency)
        purpose = f"佣金 {payout.no} {line.id}"
        row = [line.bank_account, line.payee_name, line.bank_name]
        sheet.writerow([number, *(_as_text(cell) for cell in row), amount, purpose])
    return out.getvalue().encode("utf-8-sig")


def _as_text(cell: str) -> str:
    """A spreadsheet would run a cell that begins like a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
