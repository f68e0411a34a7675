"""`helpdesk kb crawl` against a site on this machine: from pages to articles in the knowledge base, and again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpdesk.settings import PROJECT_DIR
from tests.command_line import CommandLine
from tests.help_site import HelpSite, serving

pytestmark = pytest.mark.long

FAST = ("--allow-loopback", "--pause", "0")
CHANGED = (
    b'<html lang="en"><main><h1>Delivery</h1><details><summary>How long does delivery take?</summary>'
    b"Now only one day.</details></main></html>"
)


@pytest.fixture
def site() -> Iterator[HelpSite]:
    with serving() as site:
        yield site


@pytest.fixture
def helpdesk(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "state", {"HELPDESK_CRAWL__CONTACT": "https://larch.example/bot"})


def crawl(helpdesk: CommandLine, site: HelpSite, *options: str, path: str = "/help/") -> Any:
    return helpdesk.json("kb", "crawl", site.url + path, *FAST, *options)


def findings(report: Any, code: str) -> list[str]:
    return [str(item["where"]).rpartition("/help/")[2] for item in report["findings"] if item["code"] == code]


def test_a_site_becomes_articles_and_a_second_crawl_changes_nothing(helpdesk: CommandLine, site: HelpSite) -> None:
    first = crawl(helpdesk, site)
    assert (first["pages"], first["left_out"], first["failed"]) == (15, 1, [])
    assert len(first["added"]) == first["articles"] == 27
    assert findings(first, "noindex") == ["internal.html"]
    assert findings(first, "robots") == ["private/agents.html", "orders.html?print=1"]
    assert findings(first, "placeholder") == ["stores.html"]
    assert findings(first, "no-article") == [""]
    assert not [path for path in site.paths() if path.startswith("/help/private") or "print" in path]
    assert "/shop/tents" not in site.paths()
    again = crawl(helpdesk, site)
    assert (again["added"], again["changed"], again["vanished"]) == ([], [], [])
    assert again["unchanged"] == 27
    assert again["version"] == first["version"]
    assert len(helpdesk.json("kb", "versions")["versions"]) == 1
    [found] = helpdesk.json("kb", "search", "Which credit cards can I use?", "--limit", "1")["passages"]
    assert found["question"] == "Which cards exactly?"
    assert found["url"] == f"{site.url}/help/payment.html"


def test_a_page_that_names_another_address_its_own_is_read_once(helpdesk: CommandLine, site: HelpSite) -> None:
    report = crawl(helpdesk, site)
    order_articles = [name for name in report["added"] if name.startswith("can-i-change-my-order")]
    assert len(order_articles) == 1
    assert helpdesk.json("kb", "show", order_articles[0])["url"] == f"{site.url}/help/orders.html"


def test_other_articles_stay_and_what_a_keeper_added_stays(
    helpdesk: CommandLine, site: HelpSite, tmp_path: Path
) -> None:
    (tmp_path / "own.md").write_text("---\ntitle: Our own\nintent: place_order\n---\nWritten by hand, and it stays.\n")
    helpdesk.json("kb", "load", str(tmp_path / "own.md"))
    [name, _] = crawl(helpdesk, site, path="/help/delivery.html")["added"][:2]
    helpdesk.json("kb", "edit", name, "--intent", "delivery_period")
    site.changed["/help/delivery.html"] = CHANGED
    report = crawl(helpdesk, site, "--remove-vanished", path="/help/delivery.html")
    assert (report["changed"], len(report["removed"]), report["unchanged"]) == ([name], 1, 0)
    shown = helpdesk.json("kb", "show", name)
    assert (shown["body"], shown["intent"]) == ("Now only one day.", "delivery_period")
    assert helpdesk.json("kb", "show", "own")["body"] == "Written by hand, and it stays."
    assert [item["action"] for item in helpdesk.json("kb", "versions")["versions"]] == [
        "crawl",
        "edit",
        "crawl",
        "load",
    ]


def test_articles_of_a_page_that_is_gone_are_reported_and_removed_only_when_asked(
    helpdesk: CommandLine, site: HelpSite, tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path / "crawled"))
    crawl(helpdesk, site, *out)
    site.changed["/help/warranty.html"] = 404
    report = crawl(helpdesk, site, *out)
    assert len(report["vanished"]) == 3
    assert (report["removed"], report["unchanged"]) == ([], 24)
    assert "3 articles no longer on the page" in helpdesk.text("kb", "crawl", f"{site.url}/help/", *FAST, *out)
    planned = crawl(helpdesk, site, "--remove-vanished", "--dry-run", *out)
    assert (planned["vanished"], planned["removed"]) == (report["vanished"], [])
    assert crawl(helpdesk, site, "--remove-vanished", *out)["removed"] == report["vanished"]
    assert crawl(helpdesk, site, *out)["vanished"] == []


def test_a_page_that_fails_for_a_while_loses_no_article(helpdesk: CommandLine, site: HelpSite, tmp_path: Path) -> None:
    out = tmp_path / "crawled.jsonl"
    crawl(helpdesk, site, "--out", str(out))
    before = out.read_bytes()
    for status in (500, 403, 429):
        site.changed["/help/warranty.html"] = status
        report = crawl(helpdesk, site, "--remove-vanished", "--out", str(out))
        assert (report["vanished"], report["removed"]) == ([], []), status
    assert out.read_bytes() == before


def test_a_page_that_moved_takes_its_articles_along(helpdesk: CommandLine, site: HelpSite, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "crawled.jsonl"))
    crawl(helpdesk, site, *out, path="/help/delivery.html")
    site.redirects["/help/delivery.html"] = "/help/shipping.html"
    site.changed["/help/shipping.html"] = CHANGED
    report = crawl(helpdesk, site, "--remove-vanished", *out, path="/help/delivery.html")
    assert (len(report["added"]), len(report["removed"])) == (1, 2)


def test_a_dry_run_writes_nothing(helpdesk: CommandLine, site: HelpSite) -> None:
    report = crawl(helpdesk, site, "--dry-run")
    assert (len(report["added"]), report["version"]) == (27, "")
    assert helpdesk.json("kb", "versions")["versions"] == []
    shown = helpdesk.text("kb", "crawl", f"{site.url}/help/delivery.html", *FAST, "--dry-run")
    assert "2 to add" in shown
    assert "Nothing was written." in shown


def test_people_read_what_was_wrong_what_was_made_and_by_which_version(helpdesk: CommandLine, site: HelpSite) -> None:
    shown = helpdesk.text(
        "kb", "crawl", f"{site.url}/help/delivery.html", f"{site.url}/help/stores.html", *FAST, COLUMNS="110"
    )
    assert "2 pages read: 3 articles, 1 left out." in shown
    assert "Version 1 is in force" in shown
    assert "{{customer}}" in shown
    assert max(len(line) for line in shown.splitlines() if "Version" not in line) <= 110


def test_a_folder_of_markdown_is_written_and_only_what_changed_again(
    helpdesk: CommandLine, site: HelpSite, tmp_path: Path
) -> None:
    out = tmp_path / "articles" / "crawled"
    assert len(crawl(helpdesk, site, "--out", str(out))["added"]) == 27
    files = {file: file.stat().st_mtime_ns for file in out.iterdir()}
    assert len(files) == 27
    (out / "own.md").write_text("---\ntitle: Our own\n---\nWritten by hand, and it stays.\n")
    moved = next(iter(files)).rename(out / "renamed.md")
    assert crawl(helpdesk, site, "--out", str(out))["unchanged"] == 27
    assert {file: file.stat().st_mtime_ns for file in files if file.exists()} == {
        file: at for file, at in files.items() if file.exists()
    }
    site.changed["/help/delivery.html"] = CHANGED
    report = crawl(helpdesk, site, "--out", str(out), "--remove-vanished")
    assert (len(report["changed"]), len(report["removed"])) == (1, 1)
    assert len(list(out.glob("*.md"))) == 27
    assert moved.exists()
    assert (out / "own.md").exists()
    assert helpdesk.json("kb", "check", str(out))["articles"] == 27
    assert not list(out.glob(".*"))


def test_a_file_of_lines_is_written_and_read_again(helpdesk: CommandLine, site: HelpSite, tmp_path: Path) -> None:
    out = tmp_path / "crawled.jsonl"
    crawl(helpdesk, site, "--out", str(out))
    before = out.read_bytes()
    assert len(before.splitlines()) == 27
    assert crawl(helpdesk, site, "--out", str(out))["unchanged"] == 27
    assert out.read_bytes() == before
    out.write_text('{"id": "own", "title": "Our own", "body": "Written by hand, and it stays."}\n')
    assert "which no crawl has written" in helpdesk.error("kb", "crawl", f"{site.url}/help/", *FAST, "--out", str(out))


def test_a_sitemap_names_the_pages(helpdesk: CommandLine, site: HelpSite) -> None:
    report = crawl(helpdesk, site, "--language", "en", "--dry-run", path="/sitemap.xml")
    assert report["articles"] == 5
    assert [path for path in site.paths() if path != "/robots.txt"] == [
        "/sitemap.xml", "/help/delivery.html", "/help/orders.html?a=1&b=2"
    ]  # fmt: skip


def test_depth_and_pages_are_limited(helpdesk: CommandLine, site: HelpSite) -> None:
    assert crawl(helpdesk, site, "--depth", "0", "--dry-run", path="/help/delivery.html")["pages"] == 1
    report = crawl(helpdesk, site, "--max-pages", "3", "--dry-run")
    assert len([path for path in site.paths()[2:] if path != "/robots.txt"]) == 3
    assert "page-limit" in {item["code"] for item in report["findings"]}


def test_every_request_names_the_crawler_and_its_contact_and_one_comes_after_the_other(
    helpdesk: CommandLine, site: HelpSite
) -> None:
    helpdesk.json(
        "kb", "crawl", f"{site.url}/help/", "--allow-loopback", "--pause", "0.05", "--max-pages", "6", "--dry-run"
    )
    assert {request.agent for request in site.requests} == {"HelpdeskCrawler/0.1.0 (+https://larch.example/bot)"}
    assert site.paths()[0] == "/robots.txt"
    assert site.paths().count("/robots.txt") == 1
    for one, following in zip(site.requests, site.requests[1:], strict=False):
        assert following.began - one.ended >= 0.045


def test_the_delay_that_robots_txt_asks_for_is_kept(helpdesk: CommandLine, site: HelpSite) -> None:
    site.changed["/robots.txt"] = b"User-agent: HelpdeskCrawler\nCrawl-delay: 0.3\nDisallow: /help/orders\n"
    report = crawl(helpdesk, site, "--max-pages", "3", "--dry-run")
    assert findings(report, "robots") == ["orders.html"]
    assert site.requests[-1].began - site.requests[-2].ended >= 0.29


@pytest.mark.parametrize(("status", "may_read"), [(404, True), (403, True), (500, False), (503, False)])
def test_without_robots_txt_all_is_allowed_and_with_a_broken_one_nothing(
    helpdesk: CommandLine, site: HelpSite, status: int, may_read: bool
) -> None:
    site.changed["/robots.txt"] = status
    result = helpdesk.run("kb", "crawl", f"{site.url}/help/delivery.html", *FAST, "--dry-run", "--json")
    report = json.loads(result.stdout)
    assert (report["pages"] == 1, result.exit_code == 0) == (may_read, may_read)
    assert ("/help/delivery.html" in site.paths()) is may_read


def test_a_host_that_asks_to_stop_is_not_asked_again(helpdesk: CommandLine, site: HelpSite) -> None:
    site.changed["/help/orders.html"] = 429
    result = helpdesk.run("kb", "crawl", f"{site.url}/help/", *FAST, "--dry-run", "--json")
    assert site.paths()[-1] == "/help/orders.html"
    assert (json.loads(result.stdout)["pages"], result.stderr) == (1, "error: no article was found\n")
    assert "429 Too Many Requests" in result.stdout


def test_a_given_page_that_cannot_be_read_ends_with_1_and_the_others_are_taken_over(
    helpdesk: CommandLine, site: HelpSite, tmp_path: Path
) -> None:
    addresses = [f"{site.url}/help/{name}" for name in ("nowhere.html", "delivery.html")]
    result = helpdesk.run("kb", "crawl", *addresses, *FAST, "--out", str(tmp_path / "out"), "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["failed"], len(report["added"])) == (1, addresses[:1], 2)
    assert result.stderr == "error: 1 of 2 given pages could not be read\n"


@pytest.mark.parametrize("address", ["shop.example/help", "ftp://shop.example", "https://me:secret@shop.example/"])
def test_what_is_no_address_is_one_line(helpdesk: CommandLine, address: str) -> None:
    assert "is no address of a page" in helpdesk.error("kb", "crawl", address)


def test_a_crawl_that_is_interrupted_leaves_the_knowledge_base_as_it_was(
    helpdesk: CommandLine, site: HelpSite, tmp_path: Path
) -> None:
    crawl(helpdesk, site, path="/help/delivery.html")
    before = helpdesk.json("kb", "versions")
    command = [sys.executable, "-m", "cli", "kb", "crawl", f"{site.url}/help/", "--allow-loopback", "--pause", "1"]
    environment = {**os.environ, **helpdesk.variables}
    seen = len(site.requests)
    for how in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(
            command, cwd=PROJECT_DIR, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 30
        while len(site.requests) < seen + 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(how)
        output = "".join(process.communicate(timeout=30))
        assert process.returncode != 0
        assert "Traceback" not in output
        seen = len(site.requests)
        assert helpdesk.json("kb", "versions") == before
