"""No name, number or redirect leads a crawl into this network, and no server can exhaust or stop it."""

import ssl
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from helpdesk.errors import InvalidInput
from helpdesk.knowledge.crawl.crawler import Crawled, Order, crawl
from helpdesk.knowledge.findings import Finding
from helpdesk.settings import CrawlSettings
from tests.help_site import HelpSite, bomb, serving

FAST = CrawlSettings(pause_s=0, page_limit_s=20, max_page_bytes=200_000)


@dataclass
class Names:
    """A name server for tests: each question takes the next of a name's answers, the last one for ever."""

    answers: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise OSError(-2, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def site() -> Iterator[HelpSite]:
    with serving() as site:
        yield site


def read(address: str, names: Names | None = None, **order: object) -> Crawled:
    return crawl(Order(addresses=[address], **order), FAST, resolve=names or Names())  # type: ignore[arg-type]


def only(crawled: Crawled) -> Finding:
    [finding] = crawled.sources.findings
    return finding


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.255.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]",  # noqa: S104
        "169.254.169.254", "[fe80::1]", "10.0.0.1", "192.168.0.1", "172.31.255.255", "100.64.0.1", "[fd00::1]",
        "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "224.0.0.1", "255.255.255.255",
        "2130706433", "0x7f.0.0.1", "0x7f000001", "127.1", "017700000001", "127.0.0.1.", "2852039166",
    ],
)  # fmt: skip
def test_no_number_leads_into_this_network(site: HelpSite, host: str) -> None:
    finding = only(read(f"http://{host}:{site.port}/help/"))
    assert finding.code == "address"
    assert "only public addresses" in finding.remedy
    assert site.requests == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["169.254.169.254"], ["10.0.0.7"], ["93.184.215.14", "127.0.0.1"], ["fe80::1%lo"]],
)
def test_no_name_leads_into_this_network(site: HelpSite, addresses: list[str]) -> None:
    finding = only(read(f"http://evil.example:{site.port}/help/", Names({"evil.example": [addresses]})))
    assert finding.code == "address"
    assert finding.problem.startswith("is not read: its host evil.example has the ")
    assert site.requests == []


def test_even_where_this_machine_is_allowed_other_private_addresses_are_not(site: HelpSite) -> None:
    names = Names({"evil.example": [["10.0.0.7"]]})
    assert only(read("http://evil.example/", names, allow_loopback=True)).code == "address"
    assert only(read("http://169.254.169.254/latest/meta-data/", allow_loopback=True)).code == "address"
    assert only(read("http://0.0.0.0/", allow_loopback=True)).code == "address"


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(site: HelpSite) -> None:
    names = Names({"help.example": [["127.0.0.1"]]})
    crawled = read(f"http://help.example:{site.port}/help/delivery.html", names, allow_loopback=True)
    assert len(crawled.sources.articles) == 2
    assert {request.host for request in site.requests} == {f"help.example:{site.port}"}
    assert names.asked == ["help.example"] * len(site.requests)


def test_a_name_that_changes_its_address_between_requests_is_refused_then(site: HelpSite) -> None:
    names = Names({"help.example": [["127.0.0.1"], ["10.0.0.7"]]})
    finding = only(read(f"http://help.example:{site.port}/help/delivery.html", names, allow_loopback=True))
    assert (finding.code, site.paths()) == ("address", ["/robots.txt"])
    assert "private address 10.0.0.7" in finding.problem


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[::1]/", "http://localhost/",
        "http://other.example/", "//other.example/x", "http://127.0.0.1:22/",
    ],
)  # fmt: skip
def test_a_redirect_to_a_host_that_is_not_allowed_ends_there(site: HelpSite, target: str) -> None:
    site.redirects["/help/moved.html"] = target
    names = Names({"localhost": [["127.0.0.1"]], "other.example": [["93.184.215.14"]]})
    finding = only(read(f"{site.url}/help/moved.html", names, allow_loopback=True))
    assert (finding.code, names.asked) == ("host", [])
    assert "which is not allowed" in finding.problem
    assert "--allow-host" in finding.remedy


@pytest.mark.parametrize("inner", ["169.254.169.254", "10.0.0.1", "fd00::1"])
def test_a_redirect_to_an_allowed_name_with_a_private_address_ends_there(site: HelpSite, inner: str) -> None:
    site.redirects["/help/moved.html"] = "http://inner.example/secret"
    names = Names({"inner.example": [[inner]]})
    finding = only(read(f"{site.url}/help/moved.html", names, allow_loopback=True, allow_hosts=["inner.example"]))
    assert finding.code == "address"
    assert inner in finding.problem


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://127.0.0.1:70/", "http://a:b@127.0.0.1/", "http://[", ""]
)
def test_a_redirect_to_what_is_no_page_is_refused(site: HelpSite, target: str) -> None:
    site.redirects["/help/moved.html"] = target or " "
    crawled = read(f"{site.url}/help/moved.html", allow_loopback=True)
    assert crawled.failed
    assert len(crawled.sources.findings) == 1


def test_a_redirect_may_not_lead_around_robots_txt(site: HelpSite) -> None:
    site.redirects["/help/moved.html"] = "/help/private/agents.html"
    assert only(read(f"{site.url}/help/moved.html", allow_loopback=True)).code == "robots"
    assert "/help/private/agents.html" not in site.paths()


def test_a_redirect_of_robots_txt_is_checked_too(site: HelpSite) -> None:
    site.redirects["/robots.txt"] = "http://169.254.169.254/robots.txt"
    finding = only(read(f"{site.url}/help/", allow_loopback=True))
    assert (finding.code, site.paths()) == ("host", ["/robots.txt"])


def test_links_to_other_hosts_are_not_followed(site: HelpSite) -> None:
    site.changed["/help/"] = (
        b'<a href="http://10.0.0.1/">a</a><a href="http://localhost:1/">b</a><a href="//x.example">c</a>'
    )
    names = Names()
    read(f"{site.url}/help/", names, allow_loopback=True)
    assert (names.asked, site.paths()) == ([], ["/robots.txt", "/help/"])


MISBEHAVIOUR = (
    ("missing", "answers 404 Not Found"),
    ("bomb", "is larger than 200,000 bytes"),
    ("huge", "is larger than 200,000 bytes"),
    ("endless", "is larger than 200,000 bytes"),
    ("cut", "was cut off"),
    ("packed-short", "was cut off"),
    ("garbage", "was cut off, or is no HTTP"),
    ("brotli", "is packed as 'br'"),
    ("price-list", "is application/pdf, no page in HTML"),
    ("loop-a", "redirects in a circle"),
    ("chain-0", "redirects more than 5 times"),
)


@pytest.mark.parametrize(("name", "problem"), MISBEHAVIOUR)
def test_each_way_to_fail_is_one_line_and_other_pages_go_on(site: HelpSite, name: str, problem: str) -> None:
    bomb()
    site.redirects |= {"/help/loop-a": "/help/loop-b", "/help/loop-b": "/help/loop-a"}
    site.redirects |= {f"/help/chain-{step}": f"/help/chain-{step + 1}" for step in range(9)}
    addresses = [f"{site.url}/help/{name}", f"{site.url}/help/delivery.html"]
    crawled = crawl(Order(addresses=addresses, allow_loopback=True), FAST)
    finding = only(crawled)
    assert finding.where == addresses[0]
    assert finding.problem.startswith(problem)
    assert finding.remedy
    assert "\n" not in finding.problem + finding.remedy
    assert crawled.failed == (addresses[0],)
    assert len(crawled.sources.articles) == 2


def test_a_page_that_comes_drop_by_drop_is_given_up(site: HelpSite) -> None:
    settings = CrawlSettings(pause_s=0, page_limit_s=2)
    crawled = crawl(Order(addresses=[f"{site.url}/help/slow"], allow_loopback=True), settings)
    assert only(crawled).problem == "took longer than 2 s"
    assert site.requests[0].path == "/robots.txt"


def test_a_number_that_no_address_can_be_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(InvalidInput, match="no address of a page"):
        read("http://0177.0.0.1/")


def test_a_page_that_is_packed_is_unpacked(site: HelpSite) -> None:
    assert len(read(f"{site.url}/help/packed", allow_loopback=True).sources.articles) == 2


def test_a_page_whose_header_asks_not_to_keep_it_is_not_kept(site: HelpSite) -> None:
    assert only(read(f"{site.url}/help/hidden", allow_loopback=True)).code == "noindex"


def test_a_server_that_is_not_there_and_a_name_that_is_not_there_are_one_line_each() -> None:
    with serving() as gone:
        pass
    assert "cannot be reached" in only(read(f"{gone.url}/help/", allow_loopback=True)).problem
    assert "Name or service not known" in only(read("http://nowhere.example/")).problem


def test_a_crawl_ends_when_its_time_is_over_and_keeps_what_it_has(site: HelpSite) -> None:
    settings = CrawlSettings(pause_s=0.3, time_limit_s=1.5)
    crawled = crawl(Order(addresses=[f"{site.url}/help/"], allow_loopback=True), settings)
    assert 1 <= crawled.read < 8
    assert "time-limit" in {finding.code for finding in crawled.sources.findings}


def test_two_hosts_are_read_side_by_side_and_each_in_turn(site: HelpSite) -> None:
    with serving() as other:
        addresses = [
            f"{each.url}/help/{name}.html" for each in (site, other) for name in ("delivery", "orders", "stores")
        ]
        crawled = crawl(Order(addresses=addresses, allow_loopback=True), CrawlSettings(pause_s=0.2, max_depth=0))
        assert crawled.read == 6
        for each in (site, other):
            assert all(b.began - a.ended >= 0.19 for a, b in zip(each.requests, each.requests[1:], strict=False))
        assert max(site.requests[0].began, other.requests[0].began) < min(
            site.requests[1].began, other.requests[1].began
        )


def test_a_sitemap_names_pages_of_allowed_hosts_only(site: HelpSite) -> None:
    names = Names()
    crawled = read(f"{site.url}/sitemap.xml", names, allow_loopback=True)
    assert (crawled.failed, names.asked) == ((), [])


def test_the_certificate_is_held_against_the_name_and_not_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subject = ("-subj", "/CN=help.example", "-addext", "subjectAltName=DNS:help.example", "-days", "2")
    files = ("-keyout", str(key), "-out", str(certificate))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, *files, *subject], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    names = Names({"help.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})
    with serving(tls) as site:
        address = f"https://{{}}:{site.port}/help/delivery.html"
        untrusted = only(read(address.format("help.example"), names, allow_loopback=True))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        crawled = read(address.format("help.example"), names, allow_loopback=True)
        another = only(read(address.format("other.example"), names, allow_loopback=True))
    assert "certificate verify failed" in untrusted.problem
    assert len(crawled.sources.articles) == 2
    assert "Hostname mismatch" in another.problem
