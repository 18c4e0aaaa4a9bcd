"""Facts as a table: CSV, a row an event, turned into the nodes that a facts file is read from.

The header names what an event has (`on, type, stage, amount, ref`, …) and, as `deal.id`,
`deal.category`, …, what is known of the deal; a row without a `type` says only the latter.
Several people in a cell are written `M1:60; M2:40`; `names` gives people's names the same way.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from ledger.core.document import Node, checked_text, shown
from ledger.core.errors import InvalidFile

PEOPLE = ("managers", "grades", "names")
CELL_MOST = 10_000  # characters


def deals(text: str | bytes, name: str) -> Iterator[Node]:
    """A node for every deal of the table, in order of appearance; InvalidFile where it is no table."""
    tables: dict[str, _Deal] = {}
    for line, row in _rows(checked_text(text, name), name):
        deal_id = row.get("deal.id")
        if deal_id is None:
            raise InvalidFile(name, line, "the row names no deal", "fill in the column deal.id")
        key = deal_id.value if isinstance(deal_id.value, str) else ""
        tables.setdefault(key, _Deal(name, line)).add(row, line)
    for deal in tables.values():
        yield deal.node()


def _rows(text: str, name: str) -> Iterator[tuple[int, dict[str, Node]]]:
    """(line, cells that are filled in by column) of every row below the header."""
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not header:
                header = _header(cells, name)
            elif any(cell.strip() for cell in cells):
                yield line, _filled(header, cells, line, name)
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidFile(
            name, line, "a quotation mark is missing or too many", "quote cells that have commas or quotes"
        ) from error
    if not header:
        raise InvalidFile(name, 1, "the file is empty", "begin with a header such as deal.id,on,type,amount")


def _header(cells: list[str], name: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    for column in header:
        if header.count(column) > 1:
            raise InvalidFile(name, 1, f"the column “{shown(column)}” stands twice", "keep one of them")
    if "deal.id" not in header:
        raise InvalidFile(name, 1, "there is no column deal.id", "add it: it says which deal a row is about")
    return header


def _filled(header: list[str], cells: list[str], line: int, name: str) -> dict[str, Node]:
    if len(cells) > len(header):
        raise InvalidFile(
            name,
            line,
            f"the row has {len(cells)} cells, the header {len(header)}",
            "quote cells that have commas",
        )
    filled = {}
    for column, cell in zip(header, cells, strict=False):
        if len(cell) > CELL_MOST:
            raise InvalidFile(name, line, f"the cell under {shown(column)} is too long", "shorten it")
        if cell.strip():
            filled[column] = Node(cell.strip(), line, name, column)
    return filled


class _Deal:
    """What the rows of one deal say, gathered."""

    def __init__(self, file: str, line: int) -> None:
        self._file, self._line = file, line
        self._deal: dict[str, Node] = {}
        self._events: list[Node] = []
        self._managers: dict[str, Node] = {}

    def add(self, row: dict[str, Node], line: int) -> None:
        event: dict[str, Node] = {}
        for column, cell in row.items():
            if column.startswith("deal."):
                self._say(column.removeprefix("deal."), cell)
            elif column in PEOPLE:
                self._people(event, column, cell)
            else:
                event[column] = cell
                if column == "manager":
                    self._know(cell)
        if event:
            self._events.append(Node(event, line, self._file))

    def _say(self, key: str, cell: Node) -> None:
        said = self._deal.setdefault(key, Node(cell.value, cell.line, cell.file, key))
        if said.value != cell.value:
            here, there = shown(str(cell.value)), shown(str(said.value))
            raise cell.fail(
                f"deal.{key} is “{here}” here and “{there}” in line {said.line}",
                "say the same in every row, or only once",
            )

    def _people(self, event: dict[str, Node], column: str, cell: Node) -> None:
        pairs: dict[str, Node] = {}
        for part in str(cell.value).split(";"):
            manager, colon, value = (piece.strip() for piece in part.partition(":"))
            if not manager or (not colon and column != "managers") or manager in pairs:
                raise cell.fail(f"“{shown(part)}” under {column} is no pair", "write M1:60; M2:40, each once")
            pairs[manager] = Node(value or "1", cell.line, cell.file, manager)
            self._know(Node(manager, cell.line, cell.file, "id"))
        if column == "names":
            for manager, named in pairs.items():
                self._managers[manager].fields("id", "name").entries["name"] = named
        else:
            event[column] = Node(dict(pairs), cell.line, cell.file, column)

    def _know(self, cell: Node) -> None:
        key = str(cell.value)
        if key not in self._managers:
            self._managers[key] = Node({"id": cell}, cell.line, cell.file)

    def node(self) -> Node:
        """The deal as a facts file would have it."""

        def under(label: str, value: dict[str, Node] | list[Node]) -> Node:
            return Node(value, self._line, self._file, label)

        return under(
            "deals",
            {
                "deal": under("deal", self._deal),
                "managers": under("managers", list(self._managers.values())),
                "events": under("events", self._events),
            },
        )
