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


HOME = Item("/", N_("Home"), "house")
DASHBOARD = Item("/dashboard", N_("Dashboard"), "chart-column")
NEEDS = Item("/needs", N_("Needs"), "lightbulb")
DEALS = Item("/deals", N_("Deals"), "handshake")
MILESTONES = Item("/milestones", N_("Milestones"), "flag")
FEES = Item("/fees", N_("Fees"), "receipt")
PAYOUTS = Item("/payouts", N_("Payouts"), "banknote")
HOLDS = Item("/holds", N_("Holds"), "hourglass")
DISPUTES = Item("/disputes", N_("Disputes"), "triangle-alert")
POLICY = Item("/policies", N_("Payout policy"), "list-checks")
STATEMENTS = Item("/statements", N_("Statements"), "file-text")
PERIODS = Item("/periods", N_("Periods"), "calendar-days")
ENTRIES = Item("/entries", N_("Entries"), "scroll-text")
ACCOUNTS = Item("/accounts", N_("Accounts"), "landmark")
BALANCE = Item("/trial-balance", N_("Trial balance"), "scale")
PLANS = Item("/plans", N_("Plans"), "book-open")
TAX = Item("/tax", N_("Taxes"), "receipt")
SETTINGS = Item("/settings", N_("Settings"), "list-checks")
PAYEE = Item("/payee", N_("My document and invoices"), "file-check")
JOBS = Item("/jobs", N_("Jobs"), "clock")
USERS = Item("/users", N_("Users"), "users")
AUDIT = Item("/audit", N_("Audit trail"), "scroll-text")

MANAGERS = Item("/managers", N_("Managers"), "user")
ORGANISATIONS = Item("/organisations", N_("Organisations"), "landmark")

MENUS: dict[str, tuple[Group, ...]] = {
    "manager": (
        Group("", (HOME, NEEDS, DEALS, MILESTONES, STATEMENTS, DASHBOARD)),
        Group(N_("Mine"), (DISPUTES, PAYEE)),
    ),
    "operator": (
        Group("", (HOME, DASHBOARD)),
        Group(N_("Work"), (MILESTONES, NEEDS, DEALS, MANAGERS, ORGANISATIONS)),
        Group(N_("Money"), (FEES, PAYOUTS, HOLDS, STATEMENTS, DISPUTES, PERIODS)),
        Group(N_("Settings"), (PLANS, POLICY, SETTINGS, USERS, AUDIT, JOBS)),
    ),
    "finance": (
        Group("", (HOME, DASHBOARD)),
        Group(N_("Money"), (FEES, PAYOUTS, HOLDS, STATEMENTS, DISPUTES, PERIODS)),
        Group(N_("Books"), (BALANCE, ACCOUNTS, ENTRIES, TAX)),
        Group(N_("Look up"), (DEALS, MILESTONES, MANAGERS, PLANS, POLICY, SETTINGS, USERS, AUDIT, JOBS)),
    ),
    "administrator": (Group("", (USERS, AUDIT)),),
}


TABS: dict[str, tuple[Item, ...]] = {
    "manager": (HOME, NEEDS, DEALS, MILESTONES, STATEMENTS),
    "operator": (HOME, MILESTONES, NEEDS, DEALS, PAYOUTS),
    "finance": (HOME, FEES, PAYOUTS, STATEMENTS, PERIODS),
}


def menu(role: str) -> tuple[Group, ...]:
    """The pages offered to a role; nothing to one that is not known."""
    return MENUS.get(role, ())


def tabs(role: str) -> tuple[Item, ...]:
    """The bottom tab bar on a phone; everything else is in the menu."""
    return TABS.get(role, ())
