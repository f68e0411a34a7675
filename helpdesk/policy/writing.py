"""Policies as people write them: what may stand in the YAML, what is said of a rule that does not fit, and edits."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from reprlib import Repr
from typing import Any

import yaml

_REMEDIES: Mapping[str, str] = {
    "missing": "add it; docs/reference/policy.md says what it means",
    "enum": "write one of {expected}",
    "greater_than_equal": "write {ge} or more",
    "less_than_equal": "write {le} or less",
    "float_type": "write a number, such as 0.8",
    "float_parsing": "write a number, such as 0.8",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "string_type": "write text; YAML reads a bare no, yes, on or off as true or false, so put it into quotes",
    "string_pattern_mismatch": "write at least one letter",
    "too_short": "name at least one, or leave the whole entry out",
    "tuple_type": "write a list, as in [one, two]",
    "frozen_set_type": "write a list, as in [one, two]",
    "dict_type": "write one entry per line",
    "model_type": "write one entry per line",
}
_shown = Repr()
_shown.maxstring = 60


class EachKeyOnce(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, where YAML would let the last one win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"“{key.value}” stands twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def described(problem: Mapping[str, Any], rules: Collection[str]) -> tuple[str, str, str]:
    """Return a validation error of pydantic's as the rule's path, what is wrong with its value, and what to do.

    Args:
        rules: the names of all rules, for a slip of the finger.
    """
    path = ".".join(str(part) for part in problem["loc"])
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(problem["loc"][-1]), rules, n=1)
        return path, "is no rule", f"write {near[0]}" if near else "remove it"
    remedy = _REMEDIES.get(kind, "docs/reference/policy.md says what fits").format_map({**context, "": ""})
    if kind == "missing":
        return path, "is missing", remedy
    return path, f"is {_shown.repr(problem['input'])}: {problem['msg']}", remedy


def edited(body: str, path: Sequence[str], value: object) -> str:
    """Return a policy's text with one value set; all else stays as it was written, comments included.

    A text that cannot be edited so, such as JSON on one line, is written anew.
    """
    rules = yaml.load(body, EachKeyOnce)  # noqa: S506 - a safe loader
    wanted = _with(rules, path, value)
    text = _replaced(body, path, value)
    if text is not None and yaml.safe_load(text) == wanted:
        return text
    return yaml.safe_dump(wanted, allow_unicode=True, sort_keys=False, width=110)


def _with(rules: Any, path: Sequence[str], value: object) -> dict[str, Any]:
    first, *rest = path
    inner = dict(rules or {})
    inner[first] = _with(inner.get(first), rest, value) if rest else value
    return inner


def _replaced(body: str, path: Sequence[str], value: object) -> str | None:
    node = yaml.compose(body, yaml.SafeLoader)
    for depth, name in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            return None
        found = next((inner for key, inner in node.value if key.value == name), None)
        if found is None:
            return _added(body, node, name, value) if depth == len(path) - 1 else None
        node = found
    if node is None:
        return None
    return body[: node.start_mark.index] + _scalar(value) + body[node.end_mark.index :]


def _added(body: str, mapping: yaml.MappingNode, name: str, value: object) -> str | None:
    """Return the text with one more entry at the end of a mapping."""
    start, end = mapping.start_mark.index, mapping.end_mark.index
    if mapping.flow_style:
        opening = body[start + 1 : end - 1].rstrip().rstrip(",")
        return f"{body[:start]}{{{opening}{', ' if opening.strip() else ''}{name}: {_scalar(value)}}}{body[end:]}"
    last = mapping.value[-1][1]
    if not isinstance(last, yaml.ScalarNode):
        return None
    line_end = body.find("\n", last.end_mark.index)
    line_end = len(body) if line_end < 0 else line_end
    indent = " " * mapping.value[-1][0].start_mark.column
    return f"{body[:line_end]}\n{indent}{name}: {_scalar(value)}{body[line_end:]}"


def _scalar(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
