"""Articles are read from Markdown, CSV and JSONL; what is wrong with a file is said with its name and the remedy."""

import json
from pathlib import Path

import pytest

from helpdesk.adapters.articles_markdown import read_articles
from helpdesk.errors import InvalidData

FIELDS = {"id": "tent", "title": "Tent", "question": "How do I pitch it?", "intent": "use_tent", "category": "GEAR"}
MARKDOWN = (
    '---\nid: tent\ntitle: "Tent"\nquestion: "How do I pitch it?"\nintent: use_tent\ncategory: GEAR\n'
    "updated: 2026-02-01\ntags: [camping, poles]\n---\n\nPush the poles in.\n\n---\n\nThen peg it down.\n"
)


def test_a_markdown_file_becomes_an_article_with_its_address(tmp_path: Path) -> None:
    directory = tmp_path / "knowledge_base"
    (directory / "gear").mkdir(parents=True)
    (directory / "gear" / "tent.md").write_text(MARKDOWN.replace("\n", "\r\n"), encoding="utf-8")
    (tmp_path / "brand.json").write_text(json.dumps({"article_url_prefix": "https://help.example/a/"}))
    [article] = read_articles(directory)
    assert (article.article_id, article.intent, article.updated) == ("tent", "use_tent", "2026-02-01")
    assert article.body == "Push the poles in.\n\n---\n\nThen peg it down."
    assert article.tags == ("camping", "poles")
    assert article.url == "https://help.example/a/tent"


def test_a_csv_and_a_jsonl_file_give_the_same_articles(tmp_path: Path) -> None:
    row = {**FIELDS, "body": "Push the poles in, then\npeg it down."}
    (tmp_path / "articles.jsonl").write_text(json.dumps({**row, "tags": ["camping", "poles"]}) + "\n\n")
    header, values = ",".join([*row, "tags"]), ",".join(f'"{value}"' for value in (*row.values(), "camping; poles"))
    (tmp_path / "articles.csv").write_text(f"{header}\n{values}\n", encoding="utf-8-sig")
    from_csv, from_jsonl = (read_articles(tmp_path / name) for name in ("articles.csv", "articles.jsonl"))
    assert from_csv == from_jsonl
    assert from_csv[0].tags == ("camping", "poles")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.md", "Just text.", "front matter"),
        ("a.md", "---\nid: [\n---\nText.", "no YAML"),
        ("a.md", "---\n- id\n---\nText.", "names and values"),
        ("a.md", MARKDOWN.replace("intent: use_tent\n", ""), "lacks intent"),
        ("a.md", MARKDOWN.replace("tags: [camping, poles]", "tags: camping"), "tags are no list"),
        ("a.md", MARKDOWN.replace("updated:", "upated:"), "'upated'"),
        ("a.jsonl", "{", r"a\.jsonl:1.*no JSON"),
        ("a.jsonl", "[1]", "no JSON object"),
        ("a.csv", "id,title\ntent,Tent\n", r"a\.csv:2.*lacks question"),
        ("a.csv", "", "holds no articles"),
        ("a.xlsx", "", "unknown ending"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(
    tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InvalidData, match=complaint) as error:
        read_articles(tmp_path / name)
    assert name in error.value.field
    assert error.value.remedy


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"---\nid: \xff\xfe\n---\n")
    with pytest.raises(InvalidData, match="UTF-8"):
        read_articles(tmp_path)


def test_a_path_that_does_not_exist_or_is_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="does not exist"):
        read_articles(tmp_path / "nowhere")
    with pytest.raises(InvalidData, match="holds no articles"):
        read_articles(tmp_path)
