"""What is wrong with a file, in Chinese: the sentences of `InvalidFile`, whose places are filled already.

The readers of files write their errors in English, places and all. Here each of those sentences stands as a
pattern with its Chinese; `said` finds the one that fits. Every sentence of theirs has one, which a test sees to.
"""

from __future__ import annotations

import re
from functools import cache

from ledger.core.workings import Lang

# A place in Chinese is {} in the same order, or {1} where the order differs.
WORDS: dict[str, str] = {
    # of any file
    "the file is larger than {} characters": "文件超过{}个字符",
    "the file is empty": "文件是空的",
    "the file is not UTF-8 text": "文件不是UTF-8文本",
    "the file is not UTF-8 text (it looks like GBK)": "文件不是UTF-8文本（像是GBK）",
    "this is no YAML: {}": "不是有效的YAML：{}",
    "this is no JSON: {} at column {}": "不是有效的JSON：第{1}列，{0}",
    "it cannot be read": "无法读取",
    # what the libraries that read YAML and JSON say
    "mapping values are not allowed in this context": "此处不能再写“键: 值”（检查冒号与缩进）",
    "mapping keys are not allowed in this context": "此处不能写键",
    "block sequence entries are not allowed in this context": "此处不能写列表项（-）",
    "found character that cannot start any token": "出现不能作开头的字符（如制表符、%、@、`）",
    "found a tab character that violates indentation": "缩进中有制表符",
    "found a tab character where an indentation space is expected": "缩进中有制表符",
    "found unexpected end of stream": "文件提前结束（引号未闭合）",
    "found unexpected document indicator": "引号未闭合就出现了分隔线",
    "found unknown escape character": "引号内有不认识的转义（\\）",
    "could not find expected ':'": "缺少冒号",
    "did not find expected ',' or ']'": "缺少逗号或右方括号",
    "did not find expected ',' or '}'": "缺少逗号或右花括号",
    "did not find expected '-' indicator": "列表项应以“-”开头",
    "did not find expected key": "此处应为“键: 值”（检查缩进）",
    "did not find expected node content": "此处缺少内容",
    "did not find expected <document start>": "此处只能是文档开头",
    "did not find expected comment or line break": "此处只能是注释或换行",
    "Expecting value": "此处缺少值",
    "Expecting property name enclosed in double quotes": "键须写在双引号内",
    "Expecting ',' delimiter": "缺少逗号",
    "Expecting ':' delimiter": "缺少冒号",
    "Extra data": "此后还有多余内容",
    "Unterminated string starting at": "引号未闭合，始于此处",
    "Invalid control character at": "含有控制字符",
    "Invalid \\escape": "转义（\\）有误",
    "there is an escaped control character (U+{})": "含有转义的控制字符（U+{}）",
    "there is a control character (U+{}) in the text": "文本中有控制字符（U+{}）",
    "it is nested more than {} deep": "嵌套超过{}层",
    "a key is empty or not a plain text": "键为空，或不是普通文本",
    "the key “{}” is repeated from line {}": "键“{}”与第{}行重复",
    "the key “{}” is repeated": "键“{}”重复",
    "an alias (*) stands here": "此处有别名（*）",
    "an anchor (&) stands here": "此处有锚点（&）",
    "a tag (!) stands here": "此处有标签（!）",
    "a second document starts here": "此处开始了第二个文档",
    "there is no key “{}” here": "此处没有“{}”这个键",
    "“{}” is missing here": "此处缺少“{}”",
    "{} is not a mapping": "{}不是键值对",
    "{} is not a list": "{}不是列表",
    "{} has a line end or a tab in it": "{}中有换行或制表符",
    "{} is empty": "{}是空的",
    "{} is blank": "{}是空白",
    "{} is not a plain text": "{}不是普通文本",
    "{} cannot be “{}”": "{}不能是“{}”",
    "{} has {} items": "{}有{}项",
    "{} has {} entries": "{}有{}条",
    "{} is longer than {} characters": "{}超过{}个字符",
    "{}: {}": "{}：{}",
    "use one of: {}": "可用：{}",
    "did you mean “{}”?": "是不是想写“{}”？",
    "mend the line": "请改正这一行",
    "mend it": "请改正",
    "write it flatter": "请减少嵌套",
    "divide it": "请拆分",
    "remove it": "请删除",
    "remove one": "请删去一个",
    "write “format: 1” and the rest": "请写“format: 1”及其余内容",
    "write “format: 1”": "请写“format: 1”",
    "write “key: value”": "请写成“键: 值”",
    "write it as “key: value” pairs": "请写成“键: 值”",
    "write it as [first, second]": "请写成[第一, 第二]",
    "write it on one line": "请写在一行",
    "write one value": "请写一个值",
    "write one whole {…} on the line": "请在一行中写完整的{…}",
    "write the value out": "请直接写出值",
    "write the value without it": "请去掉标签",
    "give it a value or leave it out": "请填写，或整项删去",
    "keep one of the two": "请保留其一",
    "keep one of them": "请保留其一",
    "keep one to a file": "每个文件只放一个",
    "keep one": "请保留一个",
    "add “{}: …”": "请添加“{}: …”",
    "save it as UTF-8": "请另存为UTF-8",
    "shorten it": "请缩短",
    # of single values
    "there is no format “{}”": "没有格式“{}”",
    "{} is below zero: {}": "{}小于零：{}",
    "{} is not above zero: {}": "{}不大于零：{}",
    "{} is more than 100%: {}": "{}超过100%：{}",
    "{} is zero": "{}为零",
    "{} is no day: “{}”": "{}不是日期：“{}”",
    "“{}” cannot be an id": "“{}”不能作编号",
    "“{}” has more than {} significant digits or is over a million": "“{}”的有效数字超过{}位，或大于一百万",
    "the weight “{}” is no number": "权重“{}”不是数字",
    "“{}” is no currency kept here": "“{}”不是本系统支持的币种",
    "“{}” is not an amount": "“{}”不是金额",
    "{} has more than the {} decimals of {}": "{}的小数超过{2}的{1}位",
    "“{}” is not a rate": "“{}”不是比例",
    "a weight is not an exact number of zero or more": "权重须为零或以上的准确数字",
    "nobody has a weight above zero": "没有人的权重大于零",
    "the least weight is less than {} of the whole": "最小权重不到合计的{}",
    "leave it out or give it more": "请删去，或加大",
    "give at least one": "请至少给一人",
    "write an amount of zero or more": "请写零或以上的金额",
    "write an amount above zero": "请写大于零的金额",
    "write a rate from 0% to 100%": "请写0%到100%的比例",
    "write a percentage above 0%": "请写大于0%的百分比",
    "write a whole number from {} to {}": "请写{}到{}的整数",
    "write true or false": "请写true或false",
    "write one from {} to {} as 2026-05-06": "请写{}年至{}年的日期，如2026-05-06",
    "write one such as 1, 60 or 0.5": "请写如1、60或0.5",
    "write its ISO 4217 code, such as CNY": "请写ISO 4217代码，如CNY",
    "write plain digits in quotes, at most {} after the point, such as “{}”": "请写引号中的数字，小数最多{}位，如“{}”",
    'write plain digits in quotes, at most {} after the point, such as "{}"': '请写引号中的数字，小数最多{}位，如"{}"',
    'write a percentage such as "12.5%" or a fraction such as "1/3"': '请写百分比如"12.5%"，或分数如"1/3"',
    "round it first": "请先四舍五入",
    "round it": "请四舍五入",
    "use 1 to 64 characters without white space and without “/”": "请用1至64个字符，不含空白和“/”",
    "use 1 to 64 of Latin letters, digits, “_”, “-” and “.”": "请用1至64个英文字母、数字、“_”、“-”、“.”",
    "use {}": "请用{}",
    "write {}": "请写{}",
    "write 1 to {}": "请写1至{}个",
    # of a plan
    "the title is empty": "名称是空的",
    "the floor is above the cap": "下限高于上限",
    "the pool has both {} and {}": "佣金池同时写了{}和{}",
    "the pool has neither a rate nor tiers": "佣金池没有比例，也没有分档",
    "rates by year need fees, which have days, and the basis is {}": "逐年比例须以有日期的费用为基数，而基数是{}",
    "there is no stage “{}” to count years from": "没有可供起算年份的阶段“{}”",
    "the shares of the stages add up to {}, not 100%": "各阶段份额合计{}，不是100%",
    "the shares of the stages are too fine": "各阶段份额过细",
    "the plan is not for deal {}: “{}” does not hold": "方案不适用于项目{}：“{}”不成立",
    "a release needs either a stage or days": "释放条件须为一个阶段或天数之一",
    "there is no stage “{}” to release at": "没有可供释放的阶段“{}”",
    "there is no stage “{}” to require": "没有可作前置的阶段“{}”",
    "“{}” is repeated in min_of": "min_of中“{}”重复",
    "the first bracket is not from 0": "第一档不是从0开始",
    "a bracket does not begin above the one before": "某档的起点不高于前一档",
    "stages require each other in a circle: {}": "阶段互为前置，成了循环：{}",
    "“{}” is repeated from line {}": "“{}”与第{}行重复",
    "the condition cannot be used: {}": "条件无法使用：{}",
    "{} at character {}": "第{1}个字符处，{0}",
    "it is no CEL": "不是CEL表达式",
    "the condition “{}” cannot be decided for deal {}: {}": "条件“{}”无法对项目{}判断：{}",
    "ask first whether a field is null, as in deal.mode != null && …": "请先判断字段是否为null，如 deal.mode != null && …",
    "write {zh: …, en: …}": "请写{zh: …, en: …}",
    "lower the floor or raise the cap": "请降低下限或提高上限",
    "add “rate: 40%”": "请添加“rate: 40%”",
    "write “basis: fee_received”, or a rate": "请写“basis: fee_received”，或改用单一比例",
    "change them so that they do; thirds are written “1/3”": "请改到合计100%；三分之一写作“1/3”",
    "round them to 0.0001% at most": "请至多精确到0.0001%",
    "write {stage: …} or {days: 90}": "请写{stage: …}或{days: 90}",
    "use another plan, or correct the deal": "请换用其他方案，或更正项目",
    "name each figure once": "每个数只写一次",
    "write “from: 0”, with rate 0% if need be": "请写“from: 0”，必要时比例写0%",
    "order them by a rising “from”": "请按“from”由小到大排列",
    "write a CEL comparison such as deal.category == 'transfer'": "请写CEL比较式，如 deal.category == 'transfer'",
    # of facts
    "the facts are in {}, the plan in {}": "事实的币种是{}，方案是{}",
    "there is no grade “{}” in the plan {}": "方案{1}中没有级别“{0}”",
    "there is no stage “{}” in the plan {}": "方案{1}中没有阶段“{0}”",
    "the stage {} of the plan {} is no gate that could fail": "方案{1}的阶段{0}不是可判不通过的关口",
    "the ref “{}” stands for another fact on line {}": "编号“{}”在第{}行代表另一事实",
    "this {} contradicts line {} of the same day and seq": "此{}与第{}行同日同序号而内容不同",
    "“{}” has a grade but no part in the milestone": "“{}”有级别，却未参与该里程碑",
    "the contract states no amount": "合同没有写金额",
    "the fee has both a tax and a tax_rate": "费用同时写了tax和tax_rate",
    "the manager {} is repeated from line {}": "技术经理人{}与第{}行重复",
    "there is no manager “{}” among the managers": "managers中没有技术经理人“{}”",
    "the tax is more than the amount, which includes it": "税额大于含税金额",
    "read them in the plan's currency": "请用方案的币种读取",
    "give at least one manager a weight": "请至少给一人权重",
    "add “contract_amount: …”": "请添加“contract_amount: …”",
    "write an amount or leave the event out": "请写金额，或删去该事件",
    "write “type: cancelled” with a reason, or make it a gate": "请写“type: cancelled”及原因，或把它设为关口",
    "give each fact its own ref": "请给每个事实各自的编号",
    "give the later one a higher “seq”": "请给较晚的一个更大的“seq”",
    "add “managers: [{id: …}]”": "请添加“managers: [{id: …}]”",
    "correct one of the two": "请更正其中之一",
    # of a table
    "there is no column deal.id": "没有deal.id列",
    "the row has {} cells, the header {}": "此行{}格，表头{}格",
    "the row names no deal": "此行没有写项目",
    "a quotation mark is missing or too many": "引号缺失或多余",
    "the column “{}” stands twice": "“{}”列出现两次",
    "the cell under {} is too long": "{}列的单元格过长",
    "deal.{} is “{}” here and “{}” in line {}": "deal.{}此处为“{}”，第{3}行为“{2}”",
    "“{}” under {} is no pair": "{1}列的“{0}”不是一对",
    "begin with a header such as deal.id,on,type,amount": "请以表头开始，如deal.id,on,type,amount",
    "add it: it says which deal a row is about": "请添加：它说明该行属于哪个项目",
    "quote cells that have commas or quotes": "含逗号或引号的单元格请加引号",
    "quote cells that have commas": "含逗号的单元格请加引号",
    "fill in the column deal.id": "请填写deal.id列",
    "say the same in every row, or only once": "请各行写得一致，或只写一次",
    "write M1:60; M2:40, each once": "请写成M1:60; M2:40，每人一次",
    # of a bank layout
    "there are more than {} columns": "超过{}列",
    "a column has a value or a text, not both": "一列只能有value或text之一",
    "no column holds {}": "没有列写明{}",
    "a direction and the words for money that comes in go together": "收支方向列与表示收款的词须同时给出",
    "keep those the bank reads": "只保留银行需要的列",
    "leave one of them out": "请去掉其中一个",
    "every payment needs account, payee, amount and purpose": "每笔付款都需要account、payee、amount和purpose",
    "give both `direction` and `incoming`, or neither where the amount's column has receipts only": "请同时写`direction`和`incoming`；金额列只有收款时两者都不写",
}
_ITSELF = {"this": "此处"}


def said(english: str, lang: Lang) -> str:
    """A sentence of a file's error in a language; one that nobody translated stays as it is."""
    if lang == "en":
        return english
    for pattern, chinese in _patterns():
        if found := pattern.fullmatch(english):
            return _filled(chinese, [said(text, lang) for text in found.groups()])
    return _ITSELF.get(english, english)


def _filled(chinese: str, places: list[str]) -> str:
    """The places, in order or by number; other braces are the file's own."""
    following = iter(places)

    def place(found: re.Match[str]) -> str:
        return places[int(found[1])] if found[1] else next(following)

    return re.sub(r"\{(\d?)\}", place, chinese)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What says most comes first, so that “{}: {}” is last."""
    ordered = sorted(WORDS.items(), key=lambda pair: -len(pair[0].replace("{}", "")))
    return tuple((_pattern(english), chinese) for english, chinese in ordered)


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.+?)".join(re.escape(part) for part in english.split("{}")), re.DOTALL)
