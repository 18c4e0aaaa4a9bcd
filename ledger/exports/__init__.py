"""Exports: the books as other programs read them.

`hledger` and `beancount` are whole journals, judges from outside: they check every entry and every
balance for themselves. `vouchers` are 记账凭证 for the operator's general ledger. Everything is read
in one moment of the database and streamed, so a large ledger takes no more memory than a small one.
"""

from ledger.exports.journals import Format, journal
from ledger.exports.vouchers import Written, vouchers

__all__ = ["Format", "Written", "journal", "vouchers"]
