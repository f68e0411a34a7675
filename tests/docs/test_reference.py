"""The reference is complete and up to date: nothing that the code has is missing from its page."""

import ast
import re
from pathlib import Path

import pytest

from docs import generate
from helpdesk import failpoints
from helpdesk.adapters.broker_rabbitmq.topology import Topology
from helpdesk.policy.rules import Autonomy, Policy
from helpdesk.settings import PROJECT_DIR, setting_names
from helpdesk.tickets import HUMAN_QUEUES
from helpdesk.web.problems import TYPE_PREFIX, slug_of

REFERENCE = PROJECT_DIR / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def missing(name: str, items: list[str]) -> list[str]:
    text = page(name)
    return [item for item in items if f"`{item}`" not in text]


@pytest.mark.parametrize("path", generate.pages(), ids=lambda path: path.stem)
def test_the_generated_parts_are_what_the_code_says_now(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generate.fresh(path), "stale; run `make reference`"


def test_every_generator_has_a_page() -> None:
    used = {name for path in generate.pages() for name in re.findall(r"<!-- generated: (\w+) -->", path.read_text())}
    assert used == set(generate.GENERATORS)


def test_every_setting_is_described() -> None:
    assert missing("settings", list(setting_names())) == []
    assert [name for name, description in setting_names().items() if not description] == []


def test_every_message_is_described() -> None:
    assert missing("messages", [kind.model_fields["kind"].default for kind in generate.message_types()]) == []


def test_every_metric_is_described() -> None:
    names = generate.metric_names()
    assert "helpdesk_http_requests_total" in names
    assert missing("metrics", names) == []


def test_every_error_has_a_problem_with_something_to_do() -> None:
    raised = generate.raised_errors()
    leaves = [item for item in raised if not any(other is not item and issubclass(other, item) for other in raised)]
    assert leaves
    text = page("problems")
    for error in leaves:
        row = next((line for line in text.splitlines() if f"`{TYPE_PREFIX}{slug_of(error)}`" in line), "")
        status, meaning, to_do = (cell.strip() for cell in row.strip("|").split(" | ")[1:]) if row else ("", "", "")
        assert status.isdigit(), f"{error.__name__} has no row"
        assert meaning, error.__name__
        assert to_do.rstrip("|").strip(), error.__name__


def test_every_problem_of_the_http_frame_is_described() -> None:
    source = (PROJECT_DIR / "helpdesk" / "web" / "problems.py").read_text(encoding="utf-8")
    slugs = set(re.findall(r'problem_response\(\s*"([a-z-]+)"', source)) | set(
        re.findall(r'slug, detail = "(\S+)"', source)
    )
    assert {"malformed-body", "no-such-path"} <= slugs
    assert missing("problems", [TYPE_PREFIX + slug for slug in sorted(slugs)]) == []


def test_every_fail_point_is_described() -> None:
    assert missing("failpoints", [failpoints.VARIABLE, *failpoints.NAMES]) == []


def test_every_queue_is_described() -> None:
    topology = Topology(1, max_lane_length=1)
    plain = sorted(name for name in topology.destinations if not name.startswith("human."))
    assert missing("topology", [*plain, topology.exchange]) == []
    assert [name for name in HUMAN_QUEUES if name not in page("topology")] == []


def test_every_argument_of_a_queue_is_described() -> None:
    topology = Topology(1, max_lane_length=1)
    arguments = {
        name for version in ("3.10.8", "4.1.0") for queue in topology.queues(version) for name in queue.arguments
    }
    text = page("topology")
    named = {name for name in arguments if name in text}
    assert arguments - named - {"x-dead-letter-exchange", "x-dead-letter-routing-key"} == set()


def test_every_rule_of_the_policy_is_described() -> None:
    assert missing("policy", [name for name in Policy.model_fields if name != "digest"]) == []
    assert missing("policy", list(Autonomy)) == []


def test_every_reason_of_a_decision_is_described() -> None:
    codes: set[str] = set()
    for file in ("helpdesk/policy/decide.py", "processor/checks.py", "relay/watchdog.py"):
        for node in ast.walk(ast.parse((PROJECT_DIR / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id == "route" and isinstance(node.args[1], ast.Constant):
                    codes.add(str(node.args[1].value))
                codes |= {
                    str(keyword.value.value)
                    for keyword in node.keywords
                    if node.func.id == "Reason" and keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
                }
    checks = (PROJECT_DIR / "processor" / "checks.py").read_text(encoding="utf-8")
    codes |= set(re.findall(r'\("(\w+)", "[^"]+", promises\.', checks))
    assert {"upset", "evidence_too_thin", "deadline_passed", "claim_uncited", "promise"} <= codes
    assert missing("policy", sorted(codes)) == []


def test_only_health_and_readiness_need_no_key() -> None:
    free = {line.split("`")[1] for line in page("http-api").splitlines() if "| no key needed |" in line}
    assert free == {"GET /health", "GET /ready"}


def test_a_reference_page_is_linked_from_the_index() -> None:
    index = (PROJECT_DIR / "docs" / "index.md").read_text(encoding="utf-8")
    assert [path.name for path in REFERENCE.glob("*.md") if f"reference/{path.name}" not in index] == []
