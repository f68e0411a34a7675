"""`helpdesk evaluate answers` and `judge`: the real model, index and writers on a few articles of ours."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpdesk.settings import PROJECT_DIR, ModelSettings
from tests.command_line import CommandLine
from tests.judge_server import JudgeServer, verdict
from tests.messages_api_server import MessagesApiServer, error

ARTICLES = {
    "account": ("reset-your-password", "delete-your-account"),
    "invoice": ("download-an-invoice",),
    "contact": ("phone-hours",),
}
QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "pdf",
        "text": "Where can I download the invoice for my order as a PDF?",
        "intent": "get_invoice",
        "articles": ["download-an-invoice"],
        "key_points": ["Download PDF"],
    },
    {
        "id": "password",
        "text": "I forgot my password, how do I reset it?",
        "intent": "recover_password",
        "articles": ["reset-your-password"],
        "key_points": ["Send link"],
    },
    {"id": "joke", "text": "Tell me a joke about camels.", "intent": "out_of_scope", "articles": "none"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("articles")
    for category, names in ARTICLES.items():
        for name in names:
            text = (PROJECT_DIR / "data" / "knowledge_base" / category / f"{name}.md").read_text(encoding="utf-8")
            (directory / f"{name}.md").write_text(_without_links(text), encoding="utf-8")
    shutil.copy(PROJECT_DIR / "data" / "brand.json", directory / "brand.json")
    return directory


def _without_links(text: str) -> str:
    """Leave out the lines that lead to articles which are not among these few."""
    return "\n".join(line for line in text.splitlines() if "help.tarnbrook.example/articles" not in line)


@pytest.fixture(scope="module")
def helpdesk(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    encoder = {"HELPDESK_MODEL__ENCODER_DIR": str(ModelSettings().encoder_dir)}
    return CommandLine(tmp_path_factory.mktemp("state"), encoder)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS), encoding="utf-8")
    return path


def arguments(folder: Path, questions: Path, *more: str) -> tuple[str, ...]:
    return ("evaluate", "answers", "--articles", str(folder), "--questions", str(questions), *more)


@pytest.fixture
def servers() -> Iterator[tuple[MessagesApiServer, JudgeServer]]:
    with MessagesApiServer() as writer, JudgeServer() as judge:
        yield writer, judge


def with_key(servers: tuple[MessagesApiServer, JudgeServer]) -> dict[str, str]:
    writer, judge = servers
    return {
        "ANTHROPIC_API_KEY": "sk-1",
        "HELPDESK_WRITER__BASE_URL": writer.url,
        "HELPDESK_JUDGE__BASE_URL": judge.url,
        "HELPDESK_JUDGE__RETRIES": "0",
    }


def test_without_a_key_the_answers_are_extracted_and_judged_by_similarity(
    helpdesk: CommandLine, folder: Path, questions: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    found = helpdesk.json(*arguments(folder, questions, "--html", str(page), "--at-least", "0.9", "--show", "2"))
    assert found["writer"] == "extractive-2"
    assert found["judge"].startswith("similarity-1")
    assert [row["outcome"] for row in found["questions"]] == ["answer", "answer", "route"]
    assert [row.get("label") for row in found["questions"]] == ["RELEVANT", "RELEVANT", None]
    assert found["measures"]["cited"]["value"] == 1.0
    assert found["measures"]["unsupported"]["value"] == 0.0
    assert (found["placeholder_leaks"], found["failed"]) == (0, [])
    html = page.read_text(encoding="utf-8")
    assert "similarity-1" in html
    assert html.count("<img") == 3
    assert "Download PDF" in html


def test_people_see_figures_intents_and_answers(helpdesk: CommandLine, folder: Path, questions: Path) -> None:
    printed = helpdesk.text(*arguments(folder, questions, "--show", "1"))
    for part in ("hit@1", "sent: RELEVANT", "Judge: similarity-1", "get_invoice", "out_of_scope 1", "My account"):
        assert part in printed


def test_too_few_relevant_answers_end_with_3(helpdesk: CommandLine, folder: Path, tmp_path: Path) -> None:
    strict = tmp_path / "strict.json"
    strict.write_text(json.dumps([{**QUESTIONS[0], "key_points": ["a ferry"]}]), encoding="utf-8")
    result = helpdesk.run(*arguments(folder, strict, "--at-least", "0.85"))
    assert result.exit_code == 3
    assert "not met: extractive: 0.0% of what is sent is RELEVANT; 85.0% were asked for" in result.stdout
    assert "a ferry" in result.stdout


def test_errors_in_questions_are_listed_and_nothing_is_asked(
    helpdesk: CommandLine, folder: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps([{"text": "How?", "articles": ["nowhere"]}, {"text": "", "articles": []}]))
    result = helpdesk.run(*arguments(folder, wrong))
    assert result.exit_code == 1
    assert "'nowhere'" in result.stdout
    assert "asks nothing" in result.stdout
    assert "2 errors to correct first" in result.stderr


def test_without_a_loaded_knowledge_base_it_says_what_to_do(helpdesk: CommandLine, questions: Path) -> None:
    assert "kb load" in helpdesk.error("evaluate", "answers", "--questions", str(questions))


def test_claude_writes_and_another_model_judges(
    helpdesk: CommandLine, folder: Path, questions: Path, servers: tuple[MessagesApiServer, JudgeServer]
) -> None:
    writer, judge = servers
    found = helpdesk.json(*arguments(folder, questions, "--writer", "claude"), **with_key(servers))
    assert found["judge"].startswith("claude-opus-5-5 (judge-")
    assert [row["outcome"] for row in found["questions"]] == ["answer", "answer", "route"]
    assert {request["model"] for request in writer.requests} == {"claude-haiku-5-5"}
    assert {request["model"] for request in judge.requests} == {"claude-opus-5-5"}
    assert (found["writing"]["calls"], found["judging"]["calls"]) == (2, 2)
    assert found["writing"]["usd"] > 0
    assert found["measures"]["sent_relevant"]["value"] == 1.0


def test_writers_stand_side_by_side(
    helpdesk: CommandLine, folder: Path, questions: Path, servers: tuple[MessagesApiServer, JudgeServer]
) -> None:
    both = ("--writer", "extractive", "--writer", "claude", "--judge", "similarity")
    found = helpdesk.json(*arguments(folder, questions, *both), **with_key(servers))
    assert [run["writer"].split("-")[0] for run in found["runs"]] == ["extractive", "claude"]
    assert {run["judge"] for run in found["runs"]} == {found["runs"][0]["judge"]}
    assert servers[1].requests == []


def test_a_judge_that_fails_leaves_answers_without_a_verdict_and_the_floor_fails(
    helpdesk: CommandLine, folder: Path, questions: Path, servers: tuple[MessagesApiServer, JudgeServer]
) -> None:
    servers[1].script.extend([error(429, "rate_limit_error"), verdict("complete")])
    more = ("--writer", "extractive", "--judge", "claude", "--at-least", "0.85")
    result = helpdesk.run(
        *arguments(folder, questions, *more), "--json", **with_key(servers), HELPDESK_JUDGE__PARALLEL="1"
    )
    assert result.exit_code == 3
    found = json.loads(result.stdout)
    assert [row.get("label") for row in found["questions"]] == [None, "PARTLY_RELEVANT", None]
    assert "429" in found["questions"][0]["why"]
    assert found["unjudged"] == 1


@pytest.mark.parametrize("model", ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-haiku-5-5-20260801"])
def test_no_model_judges_what_it_wrote(helpdesk: CommandLine, folder: Path, questions: Path, model: str) -> None:
    told = helpdesk.error(
        *arguments(folder, questions, "--writer", "claude"), ANTHROPIC_API_KEY="sk-1", HELPDESK_JUDGE__MODEL=model
    )
    assert "HELPDESK_JUDGE__MODEL" in told
    assert "writes the answers too" in told


def test_an_unknown_writer_or_judge_is_a_mistake_in_the_command(
    helpdesk: CommandLine, folder: Path, questions: Path
) -> None:
    for option in (("--writer", "parrot"), ("--judge", "jury")):
        assert helpdesk.run(*arguments(folder, questions, *option)).exit_code == 2


def test_the_judge_is_held_against_a_persons_labels(
    helpdesk: CommandLine, folder: Path, questions: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    rows = [
        {"question": "pdf", "answer": 'Select "Download PDF".', "cites": ["download-an-invoice"], "label": "RELEVANT"},
        {"question": "pdf", "answer": "Call us on Monday.", "cites": ["phone-hours"], "label": "NON_RELEVANT"},
        {"question": "password", "answer": "Call us.", "cites": ["phone-hours"], "label": "RELEVANT"},
    ]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    common = ("evaluate", "judge", "--articles", str(folder), "--questions", str(questions), "--labels", str(labels))
    found = helpdesk.json(*common)
    assert found["same"]["value"] == pytest.approx(2 / 3)
    assert [row["question"] for row in found["differing"]] == ["password"]
    assert "Cohen's kappa" in helpdesk.text(*common)
