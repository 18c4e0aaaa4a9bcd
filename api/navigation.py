"""Which pages each role is offered, in which order, and the five of them that are a phone's tab bar."""

from __future__ import annotations

from dataclasses import dataclass

from api.language import N_, gettext


@dataclass(frozen=True, slots=True)
class Item:
    """One page of the rail."""

    href: str
    text: str
    icon: str
    key: str = ""  # after g, it leads there

    @property
    def title(self) -> str:
        """Its short name in the language at hand."""
        return gettext(self.text)

    def holds(self, path: str) -> bool:
        """Whether `path` is this page or one below it."""
        return path == self.href or (self.href != "/" and path.startswith(f"{self.href}/"))


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together; a group without a name comes first."""

    text: str
    items: tuple[Item, ...]

    @property
    def title(self) -> str:
        """Its name in the language at hand."""
        return gettext(self.text) if self.text else ""


HOME = Item("/", N_("Home"), "house", "h")
DASHBOARD = Item("/dashboard", N_("Dashboard"), "chart-column", "b")
ESTIMATE = Item("/estimate", N_("Estimator"), "calculator", "x")
NEEDS = Item("/needs", N_("Needs"), "lightbulb", "n")
DEALS = Item("/deals", N_("Deals"), "handshake", "d")
MILESTONES = Item("/milestones", N_("Milestones"), "flag", "m")
FEES = Item("/fees", N_("Fees"), "receipt", "f")
PAYOUTS = Item("/payouts", N_("Payouts"), "banknote", "p")
RECEIPTS = Item("/bank-receipts", N_("Bank receipts"), "receipt")
BANK = Item("/bank-returns", N_("Bank answers"), "landmark")
TIES = Item("/reconciliation", N_("Reconciliation"), "scale")
HOLDS = Item("/holds", N_("Holds"), "hourglass", "o")
DISPUTES = Item("/disputes", N_("Disputes"), "triangle-alert", "i")
POLICY = Item("/policies", N_("Payout policy"), "list-checks", "y")
OWINGS = Item("/owings", N_("Owings"), "scale")
STAND_INS = Item("/stand-ins", N_("Stand-ins"), "users")
STATEMENTS = Item("/statements", N_("Statements"), "file-text", "s")
PERIODS = Item("/periods", N_("Periods"), "calendar-days", "c")
ENTRIES = Item("/entries", N_("Entries"), "scroll-text", "e")
ACCOUNTS = Item("/accounts", N_("Accounts"), "landmark", "a")
AGEING = Item("/ageing", N_("Ageing"), "hourglass", "z")
BALANCE = Item("/trial-balance", N_("Trial balance"), "scale", "t")
PLANS = Item("/plans", N_("Plans"), "book-open", "l")
NOTICES = Item("/notices", N_("Notices"), "inbox", "g")
JOBS = Item("/jobs", N_("Jobs"), "clock", "j")
USERS = Item("/users", N_("Users"), "users", "u")
AUDIT = Item("/audit", N_("Audit trail"), "scroll-text", "v")
TAX = Item("/tax", N_("Taxes"), "receipt", "w")
WEBHOOKS = Item("/webhooks", N_("Webhooks"), "send")
SETTINGS = Item("/settings", N_("Settings"), "list-checks", ",")
PAYEE = Item("/payee", N_("My document and invoices"), "file-check", "q")
RESULTS = Item("/results", N_("Results of research"), "lightbulb", "z")
CLAIMS = Item("/claims", N_("Contested claims"), "flag", ".")

MANAGERS = Item("/managers", N_("Managers"), "user", "k")
ORGANISATIONS = Item("/organisations", N_("Organisations"), "landmark", "r")

MENUS: dict[str, tuple[Group, ...]] = {
    "manager": (
        Group("", (HOME, NEEDS, DEALS, MILESTONES, STATEMENTS, DASHBOARD, ESTIMATE)),
        Group(N_("Mine"), (RESULTS, CLAIMS, DISPUTES, PAYEE, NOTICES)),
    ),
    "operator": (
        Group("", (HOME, NOTICES, DASHBOARD)),
        Group(N_("Work"), (MILESTONES, NEEDS, RESULTS, CLAIMS, DEALS, MANAGERS, ORGANISATIONS, ESTIMATE)),
        Group(N_("Money"), (FEES, RECEIPTS, PAYOUTS, BANK, TIES, HOLDS, STATEMENTS, DISPUTES, PERIODS)),
        Group(N_("Settings"), (PLANS, POLICY, STAND_INS, SETTINGS, USERS, AUDIT, JOBS, WEBHOOKS)),
    ),
    "finance": (
        Group("", (HOME, NOTICES, DASHBOARD)),
        Group(N_("Money"), (FEES, RECEIPTS, PAYOUTS, BANK, TIES, HOLDS, STATEMENTS, DISPUTES, PERIODS)),
        Group(N_("Books"), (BALANCE, ACCOUNTS, ENTRIES, AGEING, OWINGS, TAX)),
        Group(
            N_("Look up"),
            (DEALS, MILESTONES, MANAGERS, PLANS, POLICY, STAND_INS, SETTINGS, USERS, AUDIT, JOBS, WEBHOOKS),
        ),
    ),
    "administrator": (Group("", (USERS, AUDIT, WEBHOOKS, NOTICES)),),
}


def menu(role: str) -> tuple[Group, ...]:
    """The pages offered to a role; nothing to one that is not known."""
    return MENUS.get(role, ())


def keyed(role: str) -> tuple[Item, ...]:
    """All of a role's pages, for the list of keys."""
    return tuple(item for group in menu(role) for item in group.items if item.key)


TABS: dict[str, tuple[Item, ...]] = {
    "manager": (HOME, NEEDS, DEALS, MILESTONES, STATEMENTS),
    "operator": (HOME, MILESTONES, NEEDS, DEALS, PAYOUTS),
    "finance": (HOME, FEES, PAYOUTS, STATEMENTS, PERIODS),
}


def tabs(role: str) -> tuple[Item, ...]:
    """The bottom tab bar on a phone; everything else is in the menu."""
    return TABS.get(role, ())
