"""Who may do what over HTTP: every route of the JSON interface, for every role.

Each row is a route and what the roles get: `mine` is the manager of the thing, `other` a manager who has
nothing to do with it. A row tells the status of the first try, on things that are there; a new route
without a row fails.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlmodel import select
from starlette.testclient import TestClient

from api.app import create_app
from api.routes import ROUTERS
from ledger import clock, layouts, notices, papers, reminders, statements
from ledger.audit import Note
from ledger.db import Database, fingerprint
from ledger.files import Store
from tests.api.routes.office import PASSWORD, TIANJIN, Office
from tests.api.routes.test_story import PLAN, opened, reached, received

ROLES = ("", "zhang", "li", "operator", "finance", "admin")
NEW_NEED = {"title": "需求", "client": "优眼科技"}
NEW_DEAL = {"need_id": "{need}", "plan_id": PLAN, "expected_fee": "1.00", "category": "transfer"}
NEW_MILESTONE = {
    "deal_id": "D-1",
    "stage": "completion",
    "reached_on": "2026-03-01",
    "participants": {"M1": "1"},
}
NEW_USER = {"name": "n", "phone": "13900000000", "role": "finance", "password": "long enough to guess"}
NEW_WEBHOOK = {"name": "n", "url": "https://example.org/told", "kinds": ["policy.publish"]}
NEW_TOKEN = {"name": "n", "scopes": ["deals:read"], "days": 30}
OWN_PASSWORD = {"old": PASSWORD, "new": "longer than it was"}
AMOUNT = {"what": "net_income", "amount": "1.00", "on": "2026-03-01"}
ADJUSTMENT = {"manager_id": "M1", "stage": "completion", "amount": "1.00", "reason": "r", "on": "2026-03-01"}
DOCUMENT = {"kind": "fee_invoiced", "on": "2026-03-01", "ref": "F-1", "parts": {"D-1": "1.00"}}
NEW_HOLD = {"manager_id": "M2", "reason": "r", "until_on": "2026-03-31"}
NEW_STAND_IN = {
    "for_user": "us_finance",
    "by_user": "us_second",
    "from_on": "2026-03-01",
    "to_on": "2026-03-09",
    "reason": "r",
}
NEW_POLICY = {"bands": [{"from_amount": "0", "approvers": 1, "roles": ["operator", "finance"]}]}
PAYMENT = {"bank_name": None, "bank_account": None, "tax_method": "invoiced"}
CHANGE = {"reached_on": "2026-03-01", "participants": {"M1": "1"}}
SPLIT = {"weights": {"M1": "1"}}
CUTOVER = {"period": "2026-02", "text": "account,owner,debit,credit\n1002,b,1.00,\n6001,,,1.00\n"}
SHARED = {"participants": {"M1": "1", "M2": "1"}, "reason": "r"}
NEW_SPLIT = {**SPLIT, "deal_id": "D-1", "stage": "completion"}
NEW_DISPUTE = {"statement_id": "{statement}", "line": 2, "code": "amount"}
PART = {"amount": "1.00", "note": "n"}
NEW_PAPER = {"kind": "record_of_work", "subject": "M1"}
IDENTITY = {"kind": "resident_id", "number": "11010519491231002X"}
SETTING = {"value": "2", "from_on": "2026-03-01", "reason": "r"}
REMITTANCE = {"amount": "1.00", "on": "2026-03-01", "ref": "SP-1"}
INVOICE_FIELDS = {"manager_id": "M1", "number": "FP-2", "issued_on": "2026-03-01", "amount": "1.00"}
CONTEST = {"need_id": "{rival}", "rival_id": "{need}", "why": "r"}
HANDOVER = {
    "deal_id": "D-1",
    "from_manager": "M1",
    "to_manager": "M2",
    "from_on": "2026-03-01",
    "reason": "r",
}
FILE = {"file": ("a.txt", b"a", "text/plain")}
SIGNED_FIELDS = {"manager_id": "M1", "number": "XY-2", "signed_on": "2026-03-01", "from_on": "2026-03-01"}
SIGNED = {"data": SIGNED_FIELDS, "files": FILE}
ENTERED = {
    "code": "nobody's",
    "password": "long enough to guess",
    "name": "n",
    "identity_number": "11010519491231002X",
    "bank_name": "b",
    "bank_account": "6222020200112233445",
}
BACK = {"lines": ["{line}"], "reason": "r"}
ENDING = {"last_on": "2026-03-31", "reason": "r"}
INVOICE = {"data": INVOICE_FIELDS, "files": FILE}
TOLD = "用途,收款账号,金额,状态\n别人的,62229999,1.00,成功\n"
ANSWER = {"data": {"layout": "simple"}, "files": {"file": ("a.csv", TOLD.encode(), "text/csv")}}
LISTED = (
    "交易流水号,交易日期,贷方发生额,对方户名,摘要\n"
    "7,2026-03-01,100.00,优眼科技,YH-0\n8,2026-03-01,1.00,某人,利息\n"
)
CAME = {"data": {"layout": "simple"}, "files": {"file": ("c.csv", LISTED.encode(), "text/csv")}}
RECEIPT_SPLIT = {"parts": [{"deal": "D-1", "amount": "1.00"}]}
NEW_LAYOUT = {"text": layouts.shipped_text("simple").replace("layout: simple", "layout: own")}

# method and path, what is sent, and the status for: nobody, the manager, another, operations, finance
ROWS: list[tuple[str, Any, tuple[int, int, int, int, int]]] = [
    ("POST /tokens", {"phone": "13800000001", "password": "wrong password"}, (403, 403, 403, 403, 403)),
    ("DELETE /tokens", None, (401, 204, 204, 204, 204)),
    ("GET /access_tokens", None, (401, 200, 200, 200, 200)),
    ("POST /access_tokens", NEW_TOKEN, (401, 201, 201, 201, 201)),
    ("POST /access_tokens/{token}/revoke", None, (401, 204, 404, 404, 404)),
    ("GET /users", None, (401, 403, 403, 200, 200)),
    ("GET /users/me", None, (401, 200, 200, 200, 200)),
    ("POST /users/me/password", OWN_PASSWORD, (401, 200, 200, 200, 200)),
    ("GET /users/me/sessions", None, (401, 200, 200, 200, 200)),
    ("POST /users/me/sessions/{session}/end", None, (401, 204, 404, 404, 404)),
    ("GET /users/{user}", None, (401, 403, 403, 200, 200)),
    ("POST /users", NEW_USER, (401, 403, 403, 403, 403)),
    ("POST /users/{user}/disable", None, (401, 403, 403, 403, 403)),
    ("POST /users/{user}/reset", {"password": "long enough to guess"}, (401, 403, 403, 403, 403)),
    ("POST /users/{waiting}/agree", None, (401, 403, 403, 200, 200)),
    ("GET /managers", None, (401, 200, 200, 200, 200)),
    ("POST /managers", {"name": "n"}, (401, 403, 403, 201, 403)),
    ("GET /managers/M1", None, (401, 200, 404, 200, 200)),
    ("POST /managers/M1/payment", PAYMENT, (401, 403, 403, 200, 403)),
    ("POST /managers/M1/account/confirm", {"changed_at": "2026-03-01T00:00:00Z"}, (401, 403, 403, 409, 409)),
    ("POST /managers/M1/grades", {"grade": "senior", "from_on": "2026-03-01"}, (401, 403, 403, 200, 403)),
    ("POST /managers/M1/reveal", {"reason": "r"}, (401, 200, 404, 200, 200)),
    ("GET /persons/shared", None, (401, 403, 403, 200, 200)),
    ("GET /persons/M1/erasure", None, (401, 200, 404, 200, 403)),
    ("POST /persons/M1/erasure", {"reason": "r"}, (401, 202, 404, 202, 403)),
    ("POST /persons/M1/erasure/withdraw", {"reason": "r"}, (401, 409, 404, 409, 403)),
    ("POST /persons/M1/copy", {"reason": "r"}, (401, 200, 404, 200, 403)),
    ("GET /managers/M1/standing", None, (401, 200, 404, 200, 200)),
    ("GET /managers/M1/identity", None, (401, 200, 404, 200, 200)),
    ("POST /managers/M1/identity", IDENTITY, (401, 200, 403, 200, 403)),
    ("GET /invitations", None, (401, 403, 403, 200, 403)),
    ("POST /invitations", {"phone": "13900000019"}, (401, 403, 403, 201, 403)),
    ("POST /invitations/enter", ENTERED, (404, 404, 404, 404, 404)),
    ("GET /invitations/{invitation}", None, (401, 403, 403, 200, 403)),
    ("POST /invitations/{entered}/confirm", {"tax_method": "per_payment"}, (401, 403, 403, 201, 403)),
    ("POST /invitations/{invitation}/withdraw", {"reason": "r"}, (401, 403, 403, 200, 403)),
    ("GET /invoices?manager=M1", None, (401, 200, 403, 200, 200)),
    ("POST /invoices", INVOICE, (401, 201, 403, 201, 201)),
    ("GET /invoices/{invoice}/file", None, (401, 200, 404, 200, 200)),
    ("POST /invoices/{invoice}/take-back", {"reason": "r"}, (401, 403, 404, 200, 200)),
    ("GET /payee-agreements?manager=M1", None, (401, 200, 403, 200, 200)),
    ("POST /payee-agreements", SIGNED, (401, 403, 403, 201, 403)),
    ("GET /payee-agreements/{signed}/file", None, (401, 200, 404, 200, 200)),
    ("POST /payee-agreements/{signed}/end", ENDING, (401, 403, 404, 200, 403)),
    ("GET /owings/M1", None, (401, 200, 403, 200, 200)),
    ("GET /owings", None, (401, 403, 403, 200, 200)),
    ("GET /handovers?deal=D-1", None, (401, 200, 404, 200, 200)),
    ("POST /handovers", HANDOVER, (401, 403, 403, 201, 403)),
    ("POST /owings/M1/leave", {"reason": "r"}, (401, 403, 403, 403, 409)),
    ("POST /owings/M1/repay", REMITTANCE, (401, 403, 403, 403, 409)),
    ("POST /owings/M1/write-off", {"amount": "1.00", "reason": "r"}, (401, 403, 403, 403, 409)),
    ("GET /settings", None, (401, 403, 403, 200, 200)),
    ("POST /settings/tax.break_months", SETTING, (401, 403, 403, 403, 201)),
    ("GET /taxes", None, (401, 403, 403, 403, 200)),
    ("GET /taxes/2026-03/return", None, (401, 403, 403, 403, 200)),
    ("POST /taxes/2026-03/remit", REMITTANCE, (401, 403, 403, 403, 409)),
    ("POST /taxes/exports", {"kind": "platform", "span": "2026Q1"}, (401, 403, 403, 403, 200)),
    ("GET /organisations", None, (401, 200, 200, 200, 200)),
    ("POST /organisations", {"name": "n"}, (401, 403, 403, 201, 201)),
    ("GET /organisations/{organisation}", None, (401, 200, 404, 200, 200)),
    ("GET /plans", None, (401, 200, 200, 200, 200)),
    ("POST /plans", {"text": TIANJIN}, (401, 403, 403, 201, 403)),
    ("GET /plans/{plan}", None, (401, 200, 200, 200, 200)),
    ("POST /plans/{draft}/publish", {"effective_on": "2026-03-01"}, (401, 403, 403, 200, 403)),
    ("POST /plans/{other}/retire", None, (401, 403, 403, 200, 403)),
    ("POST /plans/{draft}/compare", {"old": "{plan}"}, (401, 403, 403, 202, 202)),
    ("GET /plans/comparisons/{run}", None, (401, 403, 403, 404, 404)),
    ("GET /needs", None, (401, 200, 200, 200, 200)),
    ("POST /needs", NEW_NEED, (401, 201, 201, 201, 403)),
    ("GET /needs/{need}", None, (401, 200, 404, 200, 200)),
    ("POST /needs/{need}/evidence", FILE, (401, 201, 404, 201, 403)),
    ("GET /needs/{need}/evidence", None, (401, 200, 404, 200, 200)),
    ("GET /needs/{need}/matches", None, (401, 200, 404, 200, 200)),
    ("GET /needs/{need}/similar", None, (401, 200, 404, 200, 200)),
    ("GET /needs/{need}/pairings", None, (401, 200, 404, 200, 200)),
    ("POST /needs/{need}/pairings", {"result_id": "{result}", "manager_id": "M1"}, (401, 201, 404, 201, 403)),
    ("GET /results", None, (401, 200, 200, 200, 200)),
    ("POST /results", {"title": "成果", "source": "天津大学"}, (401, 201, 201, 201, 403)),
    ("GET /results/{result}", None, (401, 200, 200, 200, 200)),
    ("GET /results/{result}/matches", None, (401, 200, 200, 200, 200)),
    ("GET /claims", None, (401, 200, 200, 200, 200)),
    ("POST /claims", CONTEST, (401, 409, 404, 403, 403)),
    ("GET /claims/{claim}", None, (401, 200, 200, 200, 200)),
    ("POST /claims/{claim}/decide", {"weights": {"M1": "1"}, "reason": "r"}, (401, 403, 403, 200, 403)),
    ("GET /deals", None, (401, 200, 200, 200, 200)),
    ("POST /deals", NEW_DEAL, (401, 403, 404, 201, 403)),
    ("GET /deals/D-1", None, (401, 200, 404, 200, 200)),
    ("POST /deals/D-1/amounts", AMOUNT, (401, 403, 404, 201, 403)),
    ("POST /deals/D-1/cancel", {"reason": "r", "on": "2026-03-01"}, (401, 403, 404, 200, 403)),
    ("POST /deals/D-1/expect", {"expected_fee": "60000.00"}, (401, 403, 404, 200, 403)),
    ("POST /deals/D-1/fail-gate", {"stage": "completion", "on": "2026-03-01"}, (401, 403, 404, 422, 403)),
    ("POST /deals/D-3/reinstate", {"on": "2026-03-01"}, (401, 403, 404, 200, 403)),
    ("POST /deals/D-1/adjust", ADJUSTMENT, (401, 403, 404, 201, 201)),
    ("GET /deals/D-1/moves", None, (401, 200, 404, 200, 200)),
    ("POST /deals/D-1/moves", {"plan_version_id": "{other}", "reason": "r"}, (401, 403, 404, 201, 403)),
    ("GET /deals/D-1/moves/preview?plan_version_id={other}", None, (401, 403, 404, 200, 403)),
    ("GET /deals/D-1/allocations", None, (401, 200, 404, 200, 200)),
    ("GET /deals/D-1/facts", None, (401, 200, 404, 200, 200)),
    ("GET /agreements", None, (401, 200, 200, 200, 200)),
    ("POST /agreements", NEW_SPLIT, (401, 201, 404, 201, 403)),
    ("GET /agreements/{agreement}", None, (401, 200, 404, 200, 200)),
    ("POST /agreements/{agreement}/accept", None, (401, 200, 404, 403, 403)),
    ("POST /agreements/{agreement}/refuse", {"reason": "r"}, (401, 200, 404, 403, 403)),
    ("POST /agreements/{agreement}/counter", SPLIT, (401, 201, 404, 201, 403)),
    ("POST /agreements/{agreement}/decide", {**SPLIT, "reason": "r"}, (401, 403, 404, 201, 403)),
    ("GET /milestones", None, (401, 200, 200, 200, 200)),
    ("POST /milestones", NEW_MILESTONE, (401, 201, 404, 201, 403)),
    ("GET /milestones/{submitted}", None, (401, 200, 404, 200, 200)),
    ("POST /milestones/{draft_milestone}/change", CHANGE, (401, 200, 404, 200, 403)),
    ("POST /milestones/{draft_milestone}/submit", None, (401, 200, 404, 200, 403)),
    ("GET /milestones/{submitted}/preview", None, (401, 403, 403, 200, 200)),
    ("POST /milestones/{submitted}/verify", None, (401, 403, 404, 200, 403)),
    ("POST /milestones/{submitted}/reject", {"reason": "r"}, (401, 403, 404, 200, 403)),
    ("POST /milestones/{verified}/withdraw", {"reason": "r", "on": "2026-03-01"}, (401, 403, 404, 200, 403)),
    ("POST /milestones/{verified}/participants", SHARED, (401, 403, 404, 200, 403)),
    ("POST /milestones/{submitted}/evidence", FILE, (401, 201, 404, 201, 403)),
    ("GET /milestones/{submitted}/evidence", None, (401, 200, 404, 200, 200)),
    ("GET /evidence/{evidence}/file", None, (401, 200, 404, 200, 200)),
    ("GET /fees", None, (401, 403, 403, 200, 200)),
    ("POST /fees", DOCUMENT, (401, 403, 403, 403, 201)),
    ("GET /fees/{fee}", None, (401, 403, 403, 200, 200)),
    ("POST /fees/{fee}/correct", {"reason": "r"}, (401, 403, 403, 403, 201)),
    ("GET /holds", None, (401, 403, 403, 200, 200)),
    ("POST /holds", NEW_HOLD, (401, 403, 403, 201, 201)),
    ("POST /holds/{hold}/lift", {"reason": "r"}, (401, 403, 403, 200, 200)),
    ("GET /disputes", None, (401, 200, 200, 200, 200)),
    (
        "POST /disputes",
        NEW_DISPUTE,
        (401, 201, 404, 201, 403),
    ),
    ("GET /disputes/{submitted_dispute}", None, (401, 200, 404, 200, 200)),
    ("POST /disputes/{submitted_dispute}/take", None, (401, 403, 404, 200, 403)),
    ("POST /disputes/{taken_dispute}/ask", {"note": "n"}, (401, 403, 404, 200, 403)),
    ("POST /disputes/{taken_dispute}/inform", {"note": "n"}, (401, 409, 404, 409, 403)),
    ("POST /disputes/{taken_dispute}/accept", {"amount": "1.00"}, (401, 403, 404, 200, 403)),
    (
        "POST /disputes/{taken_dispute}/accept-in-part",
        {"amount": "1.00", "note": "n"},
        (401, 403, 404, 200, 403),
    ),
    ("POST /disputes/{taken_dispute}/refuse", {"note": "n"}, (401, 403, 404, 200, 403)),
    ("POST /disputes/{submitted_dispute}/withdraw", {"note": "n"}, (401, 200, 404, 200, 403)),
    ("POST /disputes/{refused_dispute}/close", {"note": "n"}, (401, 200, 404, 200, 403)),
    ("POST /disputes/{submitted_dispute}/evidence", FILE, (401, 201, 404, 201, 403)),
    ("GET /disputes/{submitted_dispute}/evidence", None, (401, 200, 404, 200, 200)),
    ("GET /policies", None, (401, 403, 403, 200, 200)),
    ("POST /policies", NEW_POLICY, (401, 403, 403, 201, 201)),
    ("POST /policies/{policy}/publish", {"effective_on": "2026-03-02"}, (401, 403, 403, 200, 200)),
    ("GET /payouts", None, (401, 403, 403, 200, 200)),
    ("GET /payouts/preview", None, (401, 403, 403, 200, 200)),
    ("POST /payouts", {"value_on": "2026-03-02"}, (401, 403, 403, 201, 201)),
    ("GET /payouts/{made}", None, (401, 403, 403, 200, 200)),
    ("POST /payouts/{made}/approve", None, (401, 403, 403, 200, 200)),
    ("POST /payouts/{two}/take-out", {"lines": ["{two_line}"], "reason": "r"}, (401, 403, 403, 409, 409)),
    ("GET /stand-ins", None, (401, 403, 403, 200, 200)),
    ("POST /stand-ins", NEW_STAND_IN, (401, 403, 403, 201, 201)),
    ("POST /stand-ins/{stand_in}/end", None, (401, 403, 403, 200, 200)),
    ("GET /bank-layouts", None, (401, 403, 403, 200, 200)),
    ("GET /bank-layouts/simple", None, (401, 403, 403, 200, 200)),
    ("POST /bank-layouts", NEW_LAYOUT, (401, 403, 403, 403, 201)),
    ("GET /bank-receipts", None, (401, 403, 403, 200, 200)),
    ("POST /bank-receipts", CAME, (401, 403, 403, 403, 201)),
    ("GET /bank-receipts/{receipts}", None, (401, 403, 403, 200, 200)),
    ("POST /bank-receipts/{receipts}/book", {"digest": "{receipts_digest}"}, (401, 403, 403, 403, 200)),
    ("POST /bank-receipts/lines/{receipt_line}/split", RECEIPT_SPLIT, (401, 403, 403, 403, 200)),
    ("POST /bank-receipts/lines/{receipt_line}/set-aside", {"note": "r"}, (401, 403, 403, 403, 200)),
    ("GET /bank-returns", None, (401, 403, 403, 200, 200)),
    ("POST /bank-returns", ANSWER, (401, 403, 403, 403, 201)),
    ("GET /bank-returns/{bank_return}", None, (401, 403, 403, 200, 200)),
    ("POST /bank-returns/rows/{bank_row}/set-aside", {"note": "r"}, (401, 403, 403, 403, 200)),
    ("POST /payouts/{approved}/send", None, (401, 403, 403, 200, 200)),
    ("GET /payouts/{sent}/file", None, (401, 403, 403, 200, 200)),
    ("POST /payouts/{sent}/confirm", {"value_on": "2026-03-01"}, (401, 403, 403, 403, 200)),
    ("POST /payouts/{sent}/bounce", {**BACK, "on": "2026-03-01"}, (401, 403, 403, 403, 409)),
    ("POST /payouts/{sent}/return", BACK, (401, 403, 403, 403, 200)),
    ("POST /payouts/{made}/void", {"reason": "r"}, (401, 403, 403, 200, 200)),
    ("GET /statements", None, (401, 200, 200, 200, 200)),
    ("GET /statements/{statement}", None, (401, 200, 404, 200, 200)),
    ("GET /statements/{statement}/pdf", None, (401, 200, 404, 200, 200)),
    ("POST /statements/{statement}/acknowledge", None, (401, 200, 404, 403, 403)),
    ("POST /statements/{statement}/resend", None, (401, 403, 403, 200, 200)),
    ("GET /notices", None, (401, 200, 200, 200, 200)),
    ("POST /notices/{notice}/read", None, (401, 200, 404, 404, 404)),
    ("GET /papers", None, (401, 200, 200, 200, 200)),
    ("POST /papers", NEW_PAPER, (401, 201, 404, 201, 201)),
    ("GET /papers/{paper}", None, (401, 200, 404, 200, 200)),
    ("GET /papers/{paper}/pdf", None, (401, 200, 404, 200, 200)),
    ("GET /entries", None, (401, 403, 403, 200, 200)),
    ("GET /entries/1", None, (401, 403, 403, 200, 200)),
    ("POST /entries/{entry}/reverse", {"reason": "r"}, (401, 403, 403, 403, 201)),
    ("GET /accounts", None, (401, 403, 403, 200, 200)),
    ("GET /accounts/2202.01/balances", None, (401, 403, 403, 200, 200)),
    ("GET /accounts/2202.01/movements", None, (401, 403, 403, 200, 200)),
    ("GET /periods", None, (401, 403, 403, 200, 200)),
    ("GET /periods/2026-02/findings", None, (401, 403, 403, 200, 200)),
    ("POST /periods/2026-02/review", None, (401, 403, 403, 403, 200)),
    ("POST /periods/2026-02/resume", None, (401, 403, 403, 403, 409)),
    ("POST /periods/2026-02/close", None, (401, 403, 403, 403, 200)),
    ("GET /periods/2026-02/reopenings", None, (401, 403, 403, 200, 200)),
    ("POST /periods/2026-02/reopenings", {"reason": "r"}, (401, 403, 403, 403, 409)),
    ("POST /periods/2026-01/reopenings/{reopening}/agree", None, (401, 403, 403, 200, 403)),
    ("POST /periods/2026-01/reopenings/{reopening}/refuse", {"reason": "r"}, (401, 403, 403, 200, 200)),
    ("GET /cutovers", None, (401, 403, 403, 200, 200)),
    ("POST /cutovers", CUTOVER, (401, 403, 403, 403, 201)),
    ("GET /cutovers/{cutover}", None, (401, 403, 403, 200, 200)),
    ("POST /cutovers/{cutover}/sign", {"digest": "{cutover_digest}"}, (401, 403, 403, 200, 403)),
    ("GET /webhooks", None, (401, 403, 403, 200, 200)),
    ("POST /webhooks", NEW_WEBHOOK, (401, 403, 403, 201, 201)),
    ("GET /webhooks/{webhook}", None, (401, 403, 403, 200, 200)),
    ("POST /webhooks/{webhook}/test", None, (401, 403, 403, 202, 403)),
    ("POST /webhooks/{webhook}/turn", None, (401, 403, 403, 200, 403)),
    ("POST /webhooks/{webhook}/end", None, (401, 403, 403, 200, 200)),
    ("GET /webhooks/{webhook}/deliveries", None, (401, 403, 403, 200, 200)),
    ("POST /webhooks/{webhook}/deliveries/{told}/replay", None, (401, 403, 403, 409, 403)),
    ("GET /jobs", None, (401, 403, 403, 200, 200)),
    ("GET /jobs/{run}", None, (401, 403, 403, 200, 200)),
    ("POST /jobs/verify_books/run", None, (401, 403, 403, 202, 202)),
    ("POST /jobs/{run}/stop", None, (401, 403, 403, 200, 200)),
    ("POST /jobs/{run}/retry", None, (401, 403, 403, 409, 409)),
]

# What administrators get: nothing of the money, which is 404 where another manager is told so, else 403; but
ADMINISTRATION = {
    "GET /webhooks": 200,
    "GET /webhooks/{webhook}": 200,
    "GET /webhooks/{webhook}/deliveries": 200,
    "POST /webhooks/{webhook}/end": 200,
    "DELETE /tokens": 204,
    "GET /access_tokens": 200,
    "POST /access_tokens": 201,
    "GET /users": 200,
    "GET /users/me": 200,
    "POST /users/me/password": 200,
    "GET /users/me/sessions": 200,
    "GET /users/{user}": 200,
    "POST /users": 201,
    "POST /users/{user}/disable": 200,
    "POST /users/{user}/reset": 200,
    "GET /organisations/{organisation}": 403,
    "POST /papers": 403,
    "GET /notices": 200,
    "GET /claims/{claim}": 404,
    "GET /persons/M1/erasure": 200,
    "POST /persons/M1/erasure": 202,
    "POST /persons/M1/erasure/withdraw": 409,
    "POST /persons/M1/copy": 200,
}


def for_everybody(row: tuple[str, Any, tuple[int, ...]]) -> tuple[int, ...]:
    """The row with what administrators get."""
    route, _, expected = row
    return (*expected, ADMINISTRATION.get(route, 404 if expected[2] == 404 else 403))


@pytest.fixture(scope="module")
def office(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office with one of everything; `again` puts it back as it was."""
    folder = tmp_path_factory.mktemp("rights")
    path = shutil.copyfile(migrated_file, folder / "yongjin.db")
    database, store = Database(f"sqlite:///{path}"), Store(folder / "files")
    app = create_app(database, store)
    with pytest.MonkeyPatch.context() as patch, TestClient(app, raise_server_exceptions=False) as client:
        office = Office(database, client)
        patch.setattr(clock, "now", office.now)
        office.move_in()
        office.things = furnished(office, store)
        for who in ROLES[1:]:
            office.secret(who)
        keep(office)
        yield office
        database.close()


def furnished(office: Office, store: Store) -> dict[str, str]:
    """The ids the rows name."""
    things = {"user": office.users["second"].id, "session": fingerprint(office.secret("zhang").encode())}
    things["token"] = office.post("zhang", "/access_tokens", NEW_TOKEN)["id"]
    things["webhook"] = office.post("operator", "/webhooks", NEW_WEBHOOK)["id"]
    things["told"] = office.post("operator", f"/webhooks/{things['webhook']}/test")["id"]
    things["waiting"] = office.post("admin", "/users", {**NEW_USER, "phone": "13900000001"})["id"]
    for deal in ("D-1", "D-2", "D-3", "D-4"):
        opened(office, deal)
    things["verified"] = reached(office, "D-1", "need_discovery", {"M1": "1"})
    things["sent"], things["line"] = paid_out(office, ("approve", "send"))
    reached(office, "D-2", "need_discovery", {"M1": "1"})
    things["approved"], _ = paid_out(office, ("approve",))
    reached(office, "D-3", "need_discovery", {"M1": "1"})
    things["made"], things["two_line"] = paid_out(office, ())
    things["two"] = things["made"]
    reached(office, "D-4", "need_discovery", {"M1": "1"})
    office.post("operator", "/deals/D-3/cancel", {"reason": "no_fault", "on": "2026-03-01"})

    things["need"] = office.post("zhang", "/needs", NEW_NEED)["id"]
    things["organisation"] = office.get("operator", "/deals/D-1")["client_id"]
    split = {**NEW_SPLIT, "stage": "contract_signing"}
    things["agreement"] = office.post("second", "/agreements", split)["id"]
    things["fee"] = received(office, "YH-0", {"D-4": "100.00"}, "fee_invoiced")
    entries = office.get("finance", "/entries", deal="D-4")["items"]
    things["entry"] = next(one["id"] for one in entries if one["kind"] == "fee_invoiced")
    draft = {**NEW_MILESTONE, "stage": "tech_sourcing"}
    things["submitted"] = office.post("zhang", "/milestones", draft)["id"]
    things["draft_milestone"] = office.post("zhang", "/milestones", {**draft, "submit": False})["id"]
    answer = office.send("zhang", "POST", f"/milestones/{things['submitted']}/evidence", files=FILE)
    things["evidence"] = answer.json()["id"]
    things["plan"] = office.get("operator", "/plans")["items"][0]["id"]
    other = {"text": TIANJIN.replace("40%", "41%")}
    things["draft"] = office.post("second", "/plans", other)["id"]
    published = office.post("second", "/plans", {"text": TIANJIN.replace("40%", "42%")})["id"]
    things["other"] = published
    office.post("operator", f"/plans/{published}/publish", {"effective_on": "2030-01-01"})
    office.post("finance", "/periods/2026-01/close")
    things["reopening"] = office.post("finance", "/periods/2026-01/reopenings", {"reason": "r"})["id"]
    things["run"] = office.post("operator", "/jobs/settle_due/run")["id"]
    with office.database.writing() as session:
        snapshot = statements.fresh(session, "M1", "2026-03", kind="preliminary", now=office.now())
        assert snapshot is not None
        things["statement"] = statements.keep(session, store, snapshot, b"%PDF-1.7").id
        drawn = papers.draw(session, "record_of_work", "M1", by=office.users["finance"], now=office.now())
        kept = papers.keep(
            session,
            store,
            drawn.report,
            b"%PDF-1.7 as well",
            manager_id="M1",
            by=office.users["finance"],
            now=office.now(),
        )
        things["paper"] = kept.id
        reminders.statements_made(session, "2026-03", now=office.now())
        things["notice"] = notices.unread(session, by=office.users["zhang"])[0].id
    things["result"] = office.post("zhang", "/results", {"title": "成果", "source": "天津大学"})["id"]
    things["rival"] = office.post("li", "/needs", {**NEW_NEED, "client": "别家企业"})["id"]
    office.send("li", "POST", f"/needs/{things['rival']}/evidence", files=FILE)
    contest = {"need_id": things["need"], "rival_id": things["rival"], "why": "r"}
    things["claim"] = office.post("li", "/claims", contest)["id"]
    office.post("operator", "/managers/M1/identity", IDENTITY)
    sent = office.send("zhang", "POST", "/invoices", data={**INVOICE_FIELDS, "number": "FP-1"}, files=FILE)
    things["invoice"] = sent.json()["id"]
    agreed = {**SIGNED_FIELDS, "number": "XY-1"}
    things["signed"] = office.send("operator", "POST", "/payee-agreements", data=agreed, files=FILE).json()[
        "id"
    ]
    things |= contested(office, things["statement"])
    first = {"file": ("b.csv", f"{TOLD}\n".encode(), "text/csv")}
    told = office.send("finance", "POST", "/bank-returns", data={"layout": "simple"}, files=first).json()
    things["bank_return"], things["bank_row"] = told["id"], told["listed"][0]["id"]
    things["invitation"] = office.post("operator", "/invitations", {"phone": "13900000017"})["id"]
    joining = office.post("operator", "/invitations", {"phone": "13900000018"})
    things["entered"] = joining["id"]
    office.send("", "POST", "/invitations/enter", json={**ENTERED, "code": joining["code"]})
    came = {"file": ("c.csv", f"{LISTED}\n".encode(), "text/csv")}
    told = office.send("finance", "POST", "/bank-receipts", data={"layout": "simple"}, files=came).json()
    things["receipts"], things["receipts_digest"] = told["id"], told["digest"]
    things["receipt_line"] = told["listed"][1]["id"]
    things["stand_in"] = office.post("operator", "/stand-ins", NEW_STAND_IN)["id"]
    brought = office.post("finance", "/cutovers", CUTOVER)
    things["cutover"], things["cutover_digest"] = brought["id"], brought["digest"]
    things["hold"] = office.post("operator", "/holds", NEW_HOLD)["id"]
    things["policy"] = office.post("second", "/policies", NEW_POLICY)["id"]
    return things


def contested(office: Office, statement: str) -> dict[str, str]:
    """A dispute that was submitted, one that was taken up and one that was refused; line 2 has none."""
    found = {}
    for name, line, steps in (
        ("submitted_dispute", 1, ()),
        ("taken_dispute", 3, ("take",)),
        ("refused_dispute", 4, ("take", "refuse")),
    ):
        new = {"statement_id": statement, "line": line, "code": "amount"}
        found[name] = office.post("zhang", "/disputes", new)["id"]
        for step in steps:
            office.post(
                "operator", f"/disputes/{found[name]}/{step}", {"note": "n"} if step == "refuse" else None
            )
    return found


def paid_out(office: Office, steps: tuple[str, ...]) -> tuple[str, str]:
    payout = office.post("second", "/payouts", {"value_on": "2026-03-01"})
    for step in steps:
        office.post("operator", f"/payouts/{payout['id']}/{step}")
    return payout["id"], payout["lines"][0]["id"]


def keep(office: Office) -> None:
    """The office as it is now, for `put_back`; on SQLite, where it is a file."""
    path = Path(office.database.engine.url.database or "")
    office.database.close()
    shutil.copyfile(path, path.with_name("kept.db"))


def put_back(office: Office) -> None:
    path = Path(office.database.engine.url.database or "")
    office.database.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(path.with_name("kept.db"), path)


def filled(body: Any, things: dict[str, str]) -> Any:
    """A body with the ids it names."""
    return json.loads(re.sub(r"\{(\w+)\}", lambda found: things[found[1]], json.dumps(body)))


def sent(body: Any, things: dict[str, str]) -> dict[str, Any]:
    """How a body goes with its request."""
    if body is FILE:
        return {"files": body}
    given_whole = any(body is one for one in (INVOICE, SIGNED, ANSWER, CAME))
    return dict(body) if given_whole else {"json": filled(body, things)}


@pytest.mark.parametrize(("route", "body", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_every_role_gets_what_the_table_says(
    office: Office, route: str, body: Any, expected: tuple[int, ...]
) -> None:
    method, path = route.format(**office.things).split()
    given = sent(body, office.things)
    got = []
    for who in ROLES:
        put_back(office)
        answer = office.send(who, method, path, **(given if body else {}))
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
        got.append(answer.status_code)
    assert tuple(got) == for_everybody((route, body, expected))


# What carries itself who made it and when, and is no decision yet; the ends of sessions are rows too.
UNNOTED = {
    "DELETE /tokens",
    "POST /users/me/sessions/{session}/end",
    "POST /organisations",
    "POST /papers",
    "POST /plans",
    "POST /policies",
    "POST /needs",
    "POST /milestones",
    "POST /milestones/{draft_milestone}/change",
    "POST /milestones/{draft_milestone}/submit",
    "POST /notices/{notice}/read",
}


@pytest.mark.parametrize("row", [row for row in ROWS if not row[0].startswith("GET")], ids=lambda row: row[0])
def test_what_is_done_is_noted_with_who_did_it_and_from_where(office: Office, row: Any) -> None:
    route, body, _ = row
    method, path = route.format(**office.things).split()
    given = sent(body, office.things)
    for who, status in zip(ROLES, for_everybody(row), strict=True):
        if status < 300 and route not in UNNOTED and not route.endswith("/evidence"):
            put_back(office)
            with office.database.reading() as session:
                before = {note.id for note in session.exec(select(Note))}
            office.send(who, method, path, **(given if body else {}))
            with office.database.reading() as session:
                new = [note for note in session.exec(select(Note)) if note.id not in before]
                noted = {(note.actor, note.address) for note in new}
            assert noted == {(f"us_{who}", "testclient")}, (route, who)


def test_every_route_has_a_row() -> None:
    said = [row[0].split() for row in ROWS]
    missing = [
        f"{method} {route.path}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
        if not any(method == one and route.path_regex.fullmatch(path.split("?")[0]) for one, path in said)
    ]
    assert missing == []


def test_what_is_not_there_and_what_is_not_ones_own_look_alike(office: Office) -> None:
    """A manager learns nothing of others' things, not even that they are there."""
    put_back(office)
    for path in (
        "/needs/{}",
        "/deals/{}",
        "/milestones/{}",
        "/statements/{}",
        "/managers/{}",
        "/agreements/{}",
    ):
        there = {
            "needs": "need",
            "milestones": "submitted",
            "statements": "statement",
            "agreements": "agreement",
        }
        noun = path.split("/")[1]
        name = {"deals": "D-1", "managers": "M1"}.get(noun) or office.things[there[noun]]
        others = office.send("li", "GET", path.format(name)).json()
        nobodys = office.send("li", "GET", path.format("x" * len(name))).json()
        assert str(others).replace(name, "?") == str(nobodys).replace("x" * len(name), "?")
