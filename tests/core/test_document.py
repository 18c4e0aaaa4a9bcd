"""Reading a written file: text stays text, every node knows its line, every failure is one error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.document import DEPTH_MOST, Node, read, read_json_line
from ledger.core.errors import InvalidFile

Plain = str | None | list["Plain"] | dict[str, "Plain"]


def plain(node: Node) -> Plain:
    if isinstance(node.value, dict):
        return {key: plain(value) for key, value in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def error(text: str | bytes) -> str:
    with pytest.raises(InvalidFile) as caught:
        read(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    "word",
    ["on", "NO", "yes", "01", "0x1F", "1e400", "2026-05-06", "12:30:00", "1_000", ".inf", "true", "<<"],
)
def test_every_scalar_stays_the_text_it_was_written_as(word: str) -> None:
    assert plain(read(f"{word}: {word}", "f")) == {word: word}


def test_nothing_written_is_none_and_quoted_nothing_is_text() -> None:
    assert plain(read('{a: , b: ~, c: null, d: "null", e: ""}', "f")) == {
        "a": None,
        "b": None,
        "c": None,
        "d": "null",
        "e": "",
    }


def test_a_value_takes_the_line_of_its_key_and_an_item_its_own() -> None:
    root = read("# note\na:\n  b: 1\nc:\n  - x\n  - {d: 2,\n     e: 3}\n", "f").entries()
    items = root["c"].items()
    assert (root["a"].line, root["a"].entries()["b"].line) == (2, 3)
    assert [item.line for item in items] == [5, 6]
    assert items[1].entries()["e"].line == 7


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfa: 1\r\nb: \xe4\xb8\xad\xe6\x96\x87\r\n",
        "\ufeffa: 1\r\nb: 中文\r\n",
        "a: 1\nb: 中文",
        '{"a": 1,\n\t"b": "\\u4e2d\\u6587"}',
    ],
)
def test_marks_line_ends_tabs_and_json_make_no_difference(text: str | bytes) -> None:
    root = read(text, "f")
    assert plain(root) == {"a": "1", "b": "中文"}
    assert root.entries()["b"].line == 2


def test_json_keeps_numbers_as_written_and_joins_surrogate_pairs() -> None:
    text = '{"a": 1.50, "b": [1e400, -0], "c": "\\ud842\\udfb7 \\\\ud842\\\\udfb7", "d": true, "e": null}'
    read_as = {"a": "1.50", "b": ["1e400", "-0"], "c": "𠮷 \\ud842\\udfb7", "d": "true", "e": None}
    assert plain(read(text, "f")) == read_as
    assert plain(read_json_line(text, "f", 3)) == read_as


WRONG: list[tuple[str | bytes, str]] = [
    ("", "1: the file is empty; write “format: 1” and the rest"),
    ("# only a note\n", "1: the file is empty; write “format: 1” and the rest"),
    ("a: 1\na: 2", "2: the key “a” is repeated from line 1; keep one of the two"),
    ("a: {b: 1, b: 1}", "1: the key “b” is repeated from line 1; keep one of the two"),
    ("a: &x 1", "1: an anchor (&) stands here; write the value out"),
    ("a: 1\nb: *x", "2: an alias (*) stands here; write the value out"),
    ("a: !!str 1", "1: a tag (!) stands here; write the value without it"),
    ("a: !!python/object:os.system {}", "1: a tag (!) stands here; write the value without it"),
    ("a: 1\n---\nb: 2", "2: a second document starts here; keep one to a file"),
    ("? [a]\n: b", "1: a key is empty or not a plain text; write “key: value”"),
    ("a: b: c", "1: this is no YAML: mapping values are not allowed in this context; mend the line"),
    ("a: 1\n\tb: 2", "2: this is no YAML: found a tab character that violates indentation; mend the line"),
    ("a: 1\nb: x\0y", "2: there is a control character (U+0000) in the text; remove it"),
    ("a: \u2028", "1: there is a control character (U+2028) in the text; remove it"),
    ("a: \ud800", "1: there is a control character (U+D800) in the text; remove it"),
    ('a: "\\x00"', "1: there is an escaped control character (U+0000); remove it"),
    ("a: 1\n名: 张三\n".encode("gbk"), "2: the file is not UTF-8 text (it looks like GBK); save it as UTF-8"),
    ("a: 张三\n".encode("utf-16"), "1: the file is not UTF-8 text; save it as UTF-8"),
    ("[" * 100_000, f"1: it is nested more than {DEPTH_MOST} deep; write it flatter"),
    ("{a: " * 100_000, f"1: it is nested more than {DEPTH_MOST} deep; write it flatter"),
    ("a: 1\nb: [", "2: this is no YAML: did not find expected node content; mend the line"),
    ("- " * 100_000, f"1: it is nested more than {DEPTH_MOST} deep; write it flatter"),
    ("x" * 4_000_001, "1: the file is larger than 4,000,000 characters; divide it"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[says[:60] for _, says in WRONG])
def test_what_is_not_plainly_written_is_one_error_with_its_line(text: str | bytes, says: str) -> None:
    assert error(text) == "f.yaml:" + says


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "this is no JSON: Expecting value at column 1"),
        ("{}{}", "this is no JSON: Extra data at column 3"),
        ('{"a":1,"a":2}', "the key “a” is repeated"),
        ('"\\ud800"', "there is an escaped control character (U+D800)"),
        ("[" * 100_000, "nested more than"),
        ("[" * 100 + "]" * 100, "nested more than"),
    ],
)
def test_a_wrong_json_line_is_named_by_its_number(text: str, what: str) -> None:
    with pytest.raises(InvalidFile, match=r"^f:41: ") as caught:
        read_json_line(text, "f", 41)
    assert what in str(caught.value)


def test_an_unknown_key_is_an_error_that_suggests_the_closest() -> None:
    node = read("plan: x\n\ncurency: CNY", "f")
    with pytest.raises(InvalidFile, match=r"^f:3: there is no key “curency” here; did you mean “currency”\?"):
        node.fields("plan", "currency")
    with pytest.raises(InvalidFile, match=r"^f:3: .*; use one of: plan, pool"):
        node.fields("plan", "pool")


def test_a_key_with_nothing_written_counts_as_absent() -> None:
    fields = read("a: 1\nb:\n", "f").fields("a", "b", "c")
    assert ("a" in fields, "b" in fields, fields.get("b"), fields.get("c")) == (True, False, None, None)
    with pytest.raises(InvalidFile, match=r"^f:2: “b” is empty; give it a value or leave it out"):
        fields.need("b").text()
    with pytest.raises(InvalidFile, match=r"^f:1: “c” is missing here; add “c: …”"):
        fields.need("c")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: [1]", "“a” is not a plain text"),
        ("a: {b: 1}", "“a” is not a plain text"),
        ("a: ' '", "“a” is blank"),
        ('a: "x\\ny"', "“a” has a line end or a tab in it"),
        ('a: "x\\ty"', "“a” has a line end or a tab in it"),
    ],
)
def test_a_text_is_one_filled_line(text: str, what: str) -> None:
    with pytest.raises(InvalidFile, match=rf"^f:1: {what};"):
        read(text, "f").entries()["a"].text()


def test_lists_and_mappings_are_told_apart() -> None:
    with pytest.raises(InvalidFile, match=r"^f:1: “a” is not a list; "):
        read("a: 1", "f").entries()["a"].items()
    with pytest.raises(InvalidFile, match=r"^f:1: this is not a mapping; "):
        read("[a]", "f").fields("a")


def test_an_error_repeats_little_of_a_hostile_file_and_stays_one_line() -> None:
    with pytest.raises(InvalidFile) as caught:
        read(f'"{"x" * 900}": 1\n"y\\nz": 2', "f").fields("plan")
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)


SIGNS = st.text(st.sampled_from("abon01:-?,[]{}&*!|>'\"%@#\\ \n\r\t\0\u2028é中𠮷"), max_size=60)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(), st.binary(), SIGNS))
def test_any_text_is_a_tree_or_one_error_with_a_line(text: str | bytes) -> None:
    try:
        read(text, "f")
    except InvalidFile as refused:
        assert isinstance(refused.facts["line"], int) and refused.facts["line"] >= 1
        assert "\n" not in str(refused)


TREES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(TREES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_json_reads_the_same_as_a_document_and_as_a_line(
    tree: object, escaped: bool, indent: int | str | None
) -> None:
    text = json.dumps({"tree": tree}, ensure_ascii=escaped, indent=indent)
    try:
        line = plain(read_json_line(text, "f", 1))
    except InvalidFile:
        with pytest.raises(InvalidFile):
            read(text, "f")
    else:
        assert line == {"tree": tree}
        assert plain(read(text, "f")) == {"tree": tree}
