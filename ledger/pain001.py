"""ISO 20022 pain.001.001.09: a batch as a customer credit transfer, checked against its schema.

The payee's bank is named by its CNAPS number where it is known, else by its name. EndToEndId is the id
of our payment, which the bank's answer repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from lxml import etree

from ledger.core import money
from ledger.core.errors import Conflict, Invalid
from ledger.payments import Payout, PayoutLine

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
NAME_MOST, ACCOUNT_MOST, REMITTANCE_MOST = 140, 34, 140

Element = Any  # of lxml, which has no types


@dataclass(frozen=True, slots=True)
class Payer:
    """From whose account is paid."""

    name: str = ""
    bank: str = ""
    account: str = ""
    cnaps: str = ""


def document(payout: Payout, lines: Sequence[PayoutLine], payer: Payer) -> bytes:
    """The message as XML; Conflict names what the schema does not take."""
    total = money.format_minor(sum(line.net_minor for line in lines), payout.currency)
    root = etree.Element(f"{{{NAMESPACE}}}Document", nsmap={None: NAMESPACE})
    message = _in(root, "CstmrCdtTrfInitn")
    head = _in(message, "GrpHdr")
    _in(head, "MsgId", payout.no)
    _in(head, "CreDtTm", payout.made_at.strftime("%Y-%m-%dT%H:%M:%S"))
    _count(head, len(lines), total)
    _in(_in(head, "InitgPty"), "Nm", payer.name[:NAME_MOST])
    _payment(message, payout, lines, payer, total)
    _check(root)
    content: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return content


def _payment(message: Element, payout: Payout, lines: Sequence[PayoutLine], payer: Payer, total: str) -> None:
    one = _in(message, "PmtInf")
    _in(one, "PmtInfId", payout.no)
    _in(one, "PmtMtd", "TRF")
    _count(one, len(lines), total)
    _in(_in(one, "ReqdExctnDt"), "Dt", payout.value_on.isoformat())
    _in(_in(one, "Dbtr"), "Nm", payer.name[:NAME_MOST])
    _account(_in(one, "DbtrAcct"), payer.account)
    _bank(_in(one, "DbtrAgt"), payer.cnaps, payer.bank or payer.name)
    for line in lines:
        _transfer(_in(one, "CdtTrfTxInf"), payout, line)


def _transfer(one: Element, payout: Payout, line: PayoutLine) -> None:
    identified = _in(one, "PmtId")
    _in(identified, "InstrId", line.id)
    _in(identified, "EndToEndId", line.id)
    amount = _in(_in(one, "Amt"), "InstdAmt", money.format_minor(line.net_minor, payout.currency))
    amount.set("Ccy", payout.currency)
    _bank(_in(one, "CdtrAgt"), line.bank_cnaps, line.bank_name)
    _in(_in(one, "Cdtr"), "Nm", line.payee_name[:NAME_MOST])
    _account(_in(one, "CdtrAcct"), line.bank_account)
    _in(_in(one, "RmtInf"), "Ustrd", f"居间服务佣金 {payout.no}"[:REMITTANCE_MOST])


def _count(parent: Element, count: int, total: str) -> None:
    _in(parent, "NbOfTxs", str(count))
    _in(parent, "CtrlSum", total)


def _bank(agent: Element, cnaps: str, name: str) -> None:
    institution = _in(agent, "FinInstnId")
    if cnaps:
        member = _in(institution, "ClrSysMmbId")
        _in(_in(member, "ClrSysId"), "Cd", "CNAPS")
        _in(member, "MmbId", cnaps)
    _in(institution, "Nm", name[:NAME_MOST])


def _account(parent: Element, number: str) -> None:
    _in(_in(_in(parent, "Id"), "Othr"), "Id", number[: ACCOUNT_MOST + 1])


def _in(parent: Element, name: str, text: str | None = None) -> Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


@cache
def _schema() -> Any:
    text = (files("ledger") / "schemas" / "pain.001.001.09.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text))


def _check(root: Element) -> None:
    schema = _schema()
    if not schema.validate(root):
        first = schema.error_log[0] if len(schema.error_log) else None
        raise Conflict(
            "pain_invalid",
            "the schema of pain.001.001.09 does not take this batch: {what}",
            what=first.message.replace(f"{{{NAMESPACE}}}", "") if first is not None else "?",
        )


def payments(content: bytes, currency: str) -> list[tuple[str, int]]:
    """(account, amount) of every payment of a message whose count and sum are what it says."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    root = etree.fromstring(content, parser)
    _check(root)
    found = [
        (_text(one, "CdtrAcct/Id/Othr/Id"), money.parse_minor(_text(one, "Amt/InstdAmt"), currency))
        for one in root.iter(f"{{{NAMESPACE}}}CdtTrfTxInf")
    ]
    told = {
        (_text(one, "NbOfTxs"), money.parse_minor(_text(one, "CtrlSum"), currency))
        for one in root.iter(f"{{{NAMESPACE}}}GrpHdr", f"{{{NAMESPACE}}}PmtInf")
    }
    if told != {(str(len(found)), sum(amount for _, amount in found))}:
        raise Invalid("pain_sums", "NbOfTxs or CtrlSum is not what the message holds")
    return found


def _text(element: Element, path: str) -> str:
    found = element.find("/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/")))
    return "" if found is None else found.text or ""
