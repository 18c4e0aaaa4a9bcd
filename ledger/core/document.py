"""A written file as a tree of nodes, each of which knows its line.

`read` takes YAML 1.2 text, of which JSON is a part; `read_json_line` takes one line of a JSON
lines file. Every scalar stays the text it was written as: `on`, `01`, `NO`, `2026-05-06` and
`1e400` are no booleans, numbers or dates here. What is not written plainly is refused: repeated
keys, tags, anchors, deep nesting, control characters, another encoding than UTF-8. All failures
are one `InvalidFile` each, so a reader built on nodes needs no other check to be safe:

    fields = read(text, "plan.yaml").fields("plan", "currency")
    plan = fields.need("plan").text()
    currency = fields.need("currency").one_of("CNY", "EUR")
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

import yaml

from ledger.core.errors import InvalidFile

SIZE_MOST = 4_000_000  # characters of one document
DEPTH_MOST = 24
CHOICES_MOST = 20  # choices listed in an error
SHOWN_MOST = 60  # characters of the file's own text repeated in an error

Value = str | None | list["Node"] | dict[str, "Node"]

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BREAK = re.compile(r"\r\n|\r|\n")
# Unicode's control and noncharacters, its second set of line ends, and halves of surrogate pairs.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_JSON_ESCAPE = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)", re.S)


@dataclass(slots=True, eq=False)
class Node:
    """A scalar (`str`, or None where nothing is written), a list or a mapping, at `line` of `file`.

    `label` is the key it stands under. A mapping's value takes the line of its key, which is
    where a reader looks for it.
    """

    value: Value
    line: int
    file: str
    label: str = ""

    def fail(self, what: str, mend: str) -> InvalidFile:
        """The error to raise about this node."""
        return InvalidFile(self.file, self.line, what, mend)

    @property
    def name(self) -> str:
        """What to call this node in an error."""
        return f"“{shown(self.label)}”" if self.label else "this"

    @property
    def empty(self) -> bool:
        """Whether nothing is written here."""
        return self.value is None

    def fields(self, *allowed: str) -> Fields:
        """The mapping's values; a key beyond `allowed` is an error that suggests the closest."""
        entries = self.entries()
        for key, node in entries.items():
            if key not in allowed:
                raise node.fail(f"there is no key “{shown(key)}” here", suggest(key, allowed))
        return Fields(self, entries)

    def entries(self) -> dict[str, Node]:
        """The mapping's values under keys of the writer's choice."""
        if not isinstance(self.value, dict):
            raise self.fail(f"{self.name} is not a mapping", "write it as “key: value” pairs")
        return self.value

    def items(self) -> list[Node]:
        """The list's items; each is labelled as the list is."""
        if not isinstance(self.value, list):
            raise self.fail(f"{self.name} is not a list", "write it as [first, second]")
        return self.value

    def text(self) -> str:
        """The scalar on one line, without the white space around it, not empty."""
        text = self.prose()
        if _BREAK.search(text) or "\t" in text:
            raise self.fail(f"{self.name} has a line end or a tab in it", "write it on one line")
        return text

    def prose(self) -> str:
        """The scalar, perhaps over several lines, without the white space around it, not empty."""
        if self.value is None or self.value == "":
            raise self.fail(f"{self.name} is empty", "give it a value or leave it out")
        if not isinstance(self.value, str):
            raise self.fail(f"{self.name} is not a plain text", "write one value")
        text = self.value.strip()
        if not text:
            raise self.fail(f"{self.name} is blank", "give it a value or leave it out")
        return text

    def one_of(self, *choices: str) -> str:
        """The text, which must be one of `choices`."""
        text = self.text()
        if text not in choices:
            raise self.fail(f"{self.name} cannot be “{shown(text)}”", suggest(text, choices))
        return text


@dataclass(slots=True, eq=False)
class Fields(Mapping[str, Node]):
    """The values of a mapping whose keys are known. A key with nothing written counts as absent."""

    node: Node
    entries: dict[str, Node]

    def need(self, key: str) -> Node:
        """The node under `key`, or an error that it is missing."""
        found = self.entries.get(key)
        if found is None:
            raise self.node.fail(f"“{key}” is missing here", f"add “{key}: …”")
        return found

    def __getitem__(self, key: str) -> Node:
        found = self.entries[key]
        if found.empty:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        return (key for key, node in self.entries.items() if not node.empty)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def shown(text: str) -> str:
    """The text as an error may repeat it: one line, not long."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_MOST else line[:SHOWN_MOST] + "…"


def suggest(word: str, choices: Collection[str]) -> str:
    """How to mend a word that is not among `choices`: the closest one, or all of them."""
    close = get_close_matches(word, choices, 1, 0.7) if len(word) <= SHOWN_MOST else []
    if close:
        return f"did you mean “{close[0]}”?"
    more = ", …" if len(choices) > CHOICES_MOST else ""
    return f"use one of: {', '.join(islice(choices, CHOICES_MOST))}{more}"


def read(text: str | bytes, name: str, *, size_most: int = SIZE_MOST) -> Node:
    """The one document of a YAML or JSON file called `name`, or InvalidFile."""
    text = checked_text(text, name, size_most=size_most)
    if text.lstrip()[:1] in ("{", "[") and "\\u" in text:
        text = _JSON_ESCAPE.sub(_joined, text)
    try:
        return _document(yaml.parse(text, Loader=yaml.CBaseLoader), name)
    except yaml.YAMLError as error:
        raise _no_yaml(error, text, name) from None


def checked_text(text: str | bytes, name: str, *, first_line: int = 1, size_most: int = SIZE_MOST) -> str:
    """The text of a file: UTF-8 with or without its mark, printable, not too long; or InvalidFile."""
    if len(text) > size_most * (4 if isinstance(text, bytes) else 1):
        raise _too_large(name, first_line, size_most)
    decoded = _decoded(text, name, first_line) if isinstance(text, bytes) else text
    if len(decoded) > size_most:
        raise _too_large(name, first_line, size_most)
    found = UNPRINTABLE.search(decoded)
    if found:
        raise InvalidFile(
            name,
            first_line + _breaks(decoded[: found.start()]),
            f"there is a control character (U+{ord(found[0]):04X}) in the text",
            "remove it",
        )
    return decoded.removeprefix("\ufeff")


def read_json_line(text: str, name: str, line: int) -> Node:
    """The one JSON value on `line` of a JSON lines file; every node has that line. Or InvalidFile."""
    try:
        value = json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str)
        return _from_json(value, line, name, "", 1)
    except json.JSONDecodeError as error:
        what = f"this is no JSON: {error.msg} at column {error.colno}"
        raise InvalidFile(name, line, what, "write one whole {…} on the line") from None
    except RecursionError:
        raise _too_deep(name, line) from None


# --- from text to nodes


def _decoded(text: bytes, name: str, first_line: int) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + _breaks(text[: error.start].decode("latin-1"))
        looks = " (it looks like GBK)" if _is_gbk(text) else ""
        raise InvalidFile(name, line, f"the file is not UTF-8 text{looks}", "save it as UTF-8") from None


def _is_gbk(text: bytes) -> bool:
    try:
        text.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return b"\0" not in text


def _no_yaml(error: yaml.YAMLError, text: str, name: str) -> InvalidFile:
    """What the reader of YAML says; what is missing at the end is missing on the last line."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "context", None) or "it cannot be read"
    line = min(mark.line, _breaks(text.rstrip())) + 1 if mark else 1
    return InvalidFile(name, line, f"this is no YAML: {shown(what)}", "mend the line")


def _breaks(text: str) -> int:
    return len(_BREAK.findall(text))


def _joined(escape: re.Match[str]) -> str:
    """JSON writes a character beyond U+FFFF as two escapes, which YAML has as one."""
    if escape[1] is None:
        return escape[0]
    high, low = int(escape[1], 16), int(escape[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


def _document(events: Iterator[yaml.Event], name: str) -> Node:
    """The nodes of the only document. Without recursion, so that no depth can end the program."""
    root: Node | None = None
    within: list[_Open] = []
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            within.pop()
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            raise InvalidFile(name, _line(event), "a second document starts here", "keep one to a file")
        node = _node(event, name)
        if node is None:
            continue
        if within:
            within[-1].put(node)
        else:
            root = node
        if isinstance(event, yaml.CollectionStartEvent):
            within.append(_Open(node))
        if len(within) > DEPTH_MOST:
            raise _too_deep(name, node.line)
    if root is None:
        raise InvalidFile(name, 1, "the file is empty", "write “format: 1” and the rest")
    return root


@dataclass(slots=True, eq=False)
class _Open:
    """A list or mapping being read; `key` waits for its value."""

    node: Node
    key: Node | None = None

    def put(self, child: Node) -> None:
        """Hang `child` in: an item, a key, or the value of the key before it."""
        value = self.node.value
        if isinstance(value, list):
            child.label = self.node.label
            value.append(child)
        elif isinstance(value, dict) and self.key is not None:
            child.label, child.line = str(self.key.value), self.key.line
            value[child.label] = child
            self.key = None
        elif isinstance(value, dict):
            self.key = _checked_key(value, child)


def _checked_key(entries: dict[str, Node], key: Node) -> Node:
    if not isinstance(key.value, str):
        raise key.fail("a key is empty or not a plain text", "write “key: value”")
    if key.value in entries:
        first = entries[key.value].line
        raise key.fail(f"the key “{shown(key.value)}” is repeated from line {first}", "keep one of the two")
    return key


def _node(event: yaml.Event, name: str) -> Node | None:
    """The node an event begins, or None where the event is only punctuation."""
    if isinstance(event, yaml.AliasEvent):
        raise InvalidFile(name, _line(event), "an alias (*) stands here", "write the value out")
    if not isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
        return None
    if event.anchor is not None:
        raise InvalidFile(name, _line(event), "an anchor (&) stands here", "write the value out")
    if event.tag is not None:
        raise InvalidFile(name, _line(event), "a tag (!) stands here", "write the value without it")
    if isinstance(event, yaml.ScalarEvent):
        return Node(_scalar(event, name), _line(event), name)
    return Node([] if isinstance(event, yaml.SequenceStartEvent) else {}, _line(event), name)


def _scalar(event: yaml.ScalarEvent, name: str) -> str | None:
    text: str = event.value
    if event.implicit[0] and text in _NULLS:
        return None
    return _printable(text, name, _line(event))


def _printable(text: str, name: str, line: int) -> str:
    found = UNPRINTABLE.search(text)
    if found:
        what = f"there is an escaped control character (U+{ord(found[0]):04X})"
        raise InvalidFile(name, line, what, "remove it")
    return text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


# --- from JSON to nodes


class _Pairs(list[tuple[str, object]]):
    """A JSON object as written, its keys perhaps repeated."""


def _from_json(value: object, line: int, name: str, label: str, depth: int) -> Node:
    if depth > DEPTH_MOST:
        raise _too_deep(name, line)
    node = Node(None, line, name, label)
    if isinstance(value, _Pairs):
        node.value = entries = {}
        for key, item in value:
            if key in entries:
                raise node.fail(f"the key “{shown(key)}” is repeated", "keep one of the two")
            entries[_printable(key, name, line)] = _from_json(item, line, name, key, depth + 1)
    elif isinstance(value, list):
        node.value = [_from_json(item, line, name, label, depth + 1) for item in value]
    elif isinstance(value, bool):
        node.value = "true" if value else "false"
    elif isinstance(value, str):
        node.value = _printable(value, name, line)
    return node


def _too_deep(name: str, line: int) -> InvalidFile:
    return InvalidFile(name, line, f"it is nested more than {DEPTH_MOST} deep", "write it flatter")


def _too_large(name: str, line: int, size_most: int) -> InvalidFile:
    what = f"the file is larger than {size_most:,} characters"
    return InvalidFile(name, line, what, "divide it")
