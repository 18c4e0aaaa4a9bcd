"""Every sentence about a wrong file has its Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from ledger.core.errors import InvalidFile
from ledger.core.file_words import WORDS, said
from ledger.core.plan_file import read_plan

READERS = ("document", "scalars", "plan_file", "facts_file", "facts_csv", "condition", "bank_layout")
CHINESE = re.compile(r"[一-鿿]")


def templates(node: ast.expr) -> Iterator[str]:
    """The texts of an expression, with {} for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*templates(node.body), *templates(node.orelse))
    elif isinstance(node, ast.BoolOp | ast.Tuple):
        for value in node.values if isinstance(node, ast.BoolOp) else node.elts:
            yield from templates(value)


def sentences() -> Iterator[str]:
    """What the readers of files may say: what they refuse with, and what is put together before."""
    for name in READERS:
        tree = ast.parse((files("ledger.core") / f"{name}.py").read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and re.search(r"\bfail$|InvalidFile$", ast.unparse(node.func)):
                for argument in node.args:
                    yield from templates(argument)
            elif isinstance(node, ast.Assign) and re.search("what|mend|kind", ast.unparse(node.targets[0])):
                yield from templates(node.value)


SAID = sorted({text for text in sentences() if " " in text.strip()} - {"{}: {}"})  # places alone


def test_the_readers_sentences_are_found() -> None:
    assert len(SAID) > 100 and "{} is not a list" in SAID


@pytest.mark.parametrize("text", SAID)
def test_every_sentence_about_a_file_has_its_chinese(text: str) -> None:
    filled = text.replace("{}", "7")
    if filled.startswith("the file is not UTF-8 text"):
        filled = "the file is not UTF-8 text"
    assert CHINESE.search(said(filled, "zh")), text
    assert said(filled, "en") == filled


def test_every_place_of_a_sentence_is_in_its_chinese() -> None:
    for english, chinese in WORDS.items():
        places = re.findall(r"\{(\d?)\}", chinese)
        assert len(places) == english.count("{}"), english


@pytest.mark.parametrize(
    ("wrong", "line", "words"),
    [
        ("pool: {basis: fee_received, rate: 140%}", 4, "“rate”超过100%：140%；请写0%到100%的比例"),
        (
            "pool: {basis: fee_recieved, rate: 40%}",
            4,
            "“basis”不能是“fee_recieved”；是不是想写“fee_received”？",
        ),
        ("pool: {basis: fee_received}", 4, "佣金池没有比例，也没有分档；请添加“rate: 40%”"),
        ("pool: {basis: fee_received, rate: 40%, cap: 1e9}", 4, "“cap”：“1e9”不是金额；"),
        ("pool: [", 4, "不是有效的YAML：缺少逗号或右方括号"),
        ("pool: a: b", 4, "不是有效的YAML：此处不能再写“键: 值”"),
        ("pool: 'a", 4, "不是有效的YAML：文件提前结束"),
        ("pool: {a: 1", 5, "不是有效的YAML：缺少逗号或右花括号"),
        ("pool: @a", 4, "不是有效的YAML：出现不能作开头的字符"),
        ("pool: {basis: fee_received, rate: 40%}\nwhen: deal.x +", 5, "条件无法使用："),
    ],
)
def test_a_wrong_plan_says_in_chinese_what_is_wrong_and_how_to_mend_it(
    wrong: str, line: int, words: str
) -> None:
    text = f"format: 1\nplan: p\ncurrency: CNY\n{wrong}\nstages: [{{id: a, share: 100%}}]\n"
    with pytest.raises(InvalidFile) as caught:
        read_plan(text, "p")
    facts = caught.value.facts
    told = "；".join(said(str(facts[part]), "zh") for part in ("what", "mend"))
    assert told.startswith(words), told
    assert facts["line"] in (line, line + 1)
