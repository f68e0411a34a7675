"""Finds instructions to a machine in an article: an article speaks to customers, so whoever wrote them is no friend."""

import re

from processor import facts
from processor.disguise import hidden_character

_VERB = (
    r"ignor\w*|disregard\w*|forget|override|bypass|missachte\w*|vergiss|vergessen|oubli\w+|olvid\w+|esque[cç]\w+"
    r"|dimentic\w+|negeer|vergeet|zignoruj|pomiń|zapomnij|игнорир\w*|забуд\w*|ігнору\w*"
)
_RULES = (
    r"instruc\w+|istruzion\w+|prompt\w*|rules?|guidelines|guardrails|anweisung\w*|regel\w*|vorgaben?|consignes?|règles?"
    r"|reglas?|regras?|regole|indicaz\w+|polece\w+|zasad\w*|инструкц\w*|правил\w*|указани\w*|вказівк\w*"
)
_ALL = (
    r"all|any|every|above|previous|prior|earlier|preceding|system|your|alle?|vorherig\w*|bisherig\w*|toutes?|précédent\w*"
    r"|vos|tes|anterior\w*|todas?|tus|precedenti|tutte|eerdere|vorige|poprzedni\w*|wszystkie|предыдущ\w*|все|попередн\w*"
)
_MACHINE = r"(?:AI|LLM|GPT|(?:chat)?bot|language\s+model|(?:(?:virtual|digital|support|AI)\s+)?assistant)s?"
_INSTRUCTION = re.compile(
    rf"""
    \b(?:{_VERB})\b (?=[^.!?\n]{{0,80}}\b(?:{_ALL})\b) [^.!?\n]{{0,60}}? \b(?:{_RULES})\b
  | (?:αγνόησ\w*|התעלמ?ו?|تجاهل) [^.!?\n]{{0,60}}? (?:οδηγίες|ההוראות|التعليمات|تعليمات)
  | (?:忽略|无视|忘记) .{{0,15}} (?:指令|指示|规则|提示)
  | (?:指示|命令|ルール) .{{0,6}} 無視 | (?:지시|규칙) .{{0,6}} 무시
  | talimat\w* .{{0,20}} (?:yok\ say|görmezden) | निर्देश\w* .{{0,20}} अनदेखा
  | \b(?:note|message|instruction|attention|reminder)s? \s* (?:to|for|:) \s* (?:the\s+|any\s+|all\s+)? {_MACHINE}\b
  | \byou\s+are\s+(?:now\s+)?an?\s+{_MACHINE}\b | \bif\s+you\s+are\s+an?\s+{_MACHINE}\b | \bsystem\s+prompt\b
  | <\|[^|>]{{1,30}}\|> | \[/?INST\] | <</?SYS>> | <!-- | </?(?:system|assistant|user|ticket|passages?|message)\b
  | ^\s*(?:system|assistant|human|user)\s*:
  | (?<![\w/+]) (?=[a-z+/]*\d) (?=[\d+/]*[a-z]) [\w+/]{{28,}}={{0,2}}                          # base64
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


def instruction_in(text: str) -> str | None:
    """Return the first words of a text that are addressed to a machine, or a character that nobody is to see."""
    if hidden := hidden_character(text):
        return f"U+{ord(hidden):04X}"
    found = _INSTRUCTION.search(facts.without_links(text))
    return " ".join(found.group().split()) if found else None
