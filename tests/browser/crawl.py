"""Every page that can be reached by links, one address of each kind, and what is wrong with it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
SERIOUS = ("serious", "critical")
FILES = re.compile(
    r"^/(static|api|evidence)/|/(pdf|file|archive|workbook)$|\.(csv|xlsx|pdf|zip|json|txt|yaml)$"
)
ASKED = re.compile(r"(^|&)(format|lang)=")  # the same page as a file, or in the other language
IDS = re.compile(r"^([a-z]{2}_\w+|[A-Z]+-?\d[\w-]*|\d[\d.-]*)$")
MOST = 120  # kinds of pages; more would be a crawl that does not end

_LINKS = "[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))"
_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What the program itself says, in the language the page is not in.
_STRAYS = """language => {
  const said = [...document.querySelectorAll('button, label, th, legend, h2, dt, .hint, .menu a, .tabs a')]
  const strange = language === 'zh' ? /[a-z]{2,} [a-z]{2,} [a-z]{2,}/i : /[\\u3400-\\u9fff]/
  return said.filter(one => !one.closest('[lang]:not(html)') && !one.querySelector('[lang], a, bdi, .figure'))
    .map(one => one.innerText.trim()).filter(text => strange.test(text))
}"""
_AXE = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .map(one => [one.impact, one.id, one.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' | ')])"""


def kind(address: str) -> str:
    """The address with what names one thing taken out: pages of one kind look alike."""
    path, _, query = address.partition("?")
    parts = ["*" if IDS.match(part) else part for part in path.split("/")]
    asked = sorted(re.sub(r"=.*", "", part) for part in query.split("&") if part)
    return "/".join(parts) + ("?" + "&".join(asked) if asked else "")


def is_page(link: str) -> bool:
    """Whether a link leads to a page of ours, and not to a file."""
    path, _, query = link.partition("?")
    return link.startswith("/") and not FILES.search(path) and not ASKED.search(query)


def pages(page: Page, start: str = "/") -> Iterator[str]:
    """Open one page of each kind after another; each is open while its address is in hand."""
    waiting, known = deque([start]), {kind(start)}
    while waiting and len(known) < MOST:
        address = waiting.popleft()
        page.goto(address)
        found = page.evaluate(_LINKS)
        yield address
        for link in found:
            link = link.partition("#")[0]
            if is_page(link) and kind(link) not in known:
                known.add(kind(link))
                waiting.append(link)


def too_wide(page: Page) -> list[str]:
    """Whether the page scrolls sideways at the width it has."""
    wide = page.evaluate(_WIDE)
    return [f"{wide} px too wide"] if wide > 0 else []


def strays(page: Page, language: str) -> list[str]:
    """What the page says in the other language."""
    return [f"not in {language}: {text[:80]}" for text in page.evaluate(_STRAYS, language)]


def barriers(page: Page) -> list[str]:
    """What axe finds serious: things some people cannot see, reach or understand."""
    page.evaluate(AXE)
    return [f"{one[1]}: {one[2]}" for one in page.evaluate(_AXE) if one[0] in SERIOUS]
