"""Whatever bytes come in any format, they become articles and findings, and nothing else happens."""

import json
from contextlib import suppress
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.errors import InvalidData
from helpdesk.knowledge.brand import Brand
from helpdesk.knowledge.checking import check_sources
from helpdesk.knowledge.compiling import FIELDS
from helpdesk.knowledge.reading import PAGES, TABLES, read_upload
from helpdesk.knowledge.standards import Standards

STANDARDS = Standards(
    today=date(2026, 11, 1),
    brand=Brand(facts={"name": "Shop"}, hosts=frozenset({"a.example"}), article_url_prefix="https://a.example/"),
    intents={"use": "GEAR"},
)
PIECES = [
    *(
        "---\n",
        "\n",
        "id: a\n",
        "title: b\n",
        "tags: [x]\n",
        "updated: 2026-01-01\n",
        "- ",
        "*a ",
        "&a ",
        "!!python/object ",
    ),
    *(
        "body,",
        "id,",
        "title\n",
        '"',
        ",",
        ";",
        "[",
        "]",
        "{",
        "}",
        ":",
        "\\ud800",
        "\ufffd",
        "\x00",
        "\u202e",
        "é",
        "帐",
    ),
    *(
        "<p>",
        "</p>",
        "<!--",
        "-->",
        "<script>",
        "<h1>",
        "<a href='",
        "<meta name=id content=",
        "<?xml encoding='x'?>",
        "&#",
    ),
    *("<![CDATA[", "{{name}}", "{{", "}}", "](", ")", "http://[", "https://a.example/", "text "),
]
values: Any = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(PIECES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
rows = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), values, max_size=9)
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)


def check(ending: str, content: bytes) -> None:
    with suppress(InvalidData):
        checked = check_sources(read_upload(ending, content), STANDARDS)
        assert checked.articles or not checked.usable
        for article in checked.articles:
            assert article.digest
        for finding in checked.findings:
            assert finding.problem
            assert finding.remedy
            json.dumps(finding.problem + finding.where, ensure_ascii=False).encode()


@relaxed
@given(st.sampled_from([*PAGES, *TABLES]), st.lists(st.sampled_from(PIECES), max_size=40))
def test_pieces_of_every_format_in_any_order(ending: str, pieces: list[str]) -> None:
    check(ending, "".join(pieces).encode("utf-8", "surrogatepass"))


@relaxed
@given(st.sampled_from([*PAGES, *TABLES]), st.binary(max_size=200))
def test_any_bytes(ending: str, content: bytes) -> None:
    check(ending, content)


@relaxed
@given(st.lists(rows, max_size=4))
def test_any_values_in_any_fields(documents: list[dict[str, Any]]) -> None:
    check(".json", json.dumps(documents).encode())
