"""Which addresses a crawl may reach."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.knowledge.crawl.addresses import is_below, is_disguised, kind_of, page_url, site_of

NOT_PUBLIC = (
    ("127.0.0.1", "loopback"),
    ("127.8.9.10", "loopback"),
    ("::1", "loopback"),
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:7f00:1", "loopback"),
    ("2002:7f00:1::", "loopback"),
    ("64:ff9b::7f00:1", "loopback"),
    ("0.0.0.0", "unspecified"),  # noqa: S104
    ("::", "unspecified"),
    ("10.1.2.3", "private"),
    ("172.16.0.1", "private"),
    ("192.168.178.1", "private"),
    ("::ffff:10.0.0.1", "private"),
    ("64:ff9b::a00:1", "private"),
    ("fd12:3456::1", "private"),
    ("169.254.169.254", "link-local"),
    ("::ffff:169.254.169.254", "link-local"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local"),
    ("fec0::1", "site-local"),
    ("100.64.0.1", "not public"),
    ("224.0.0.1", "multicast"),
    ("ff02::1", "multicast"),
    ("255.255.255.255", "private"),
    ("240.0.0.1", "private"),
    ("192.0.2.1", "private"),
    ("2001:db8::1", "private"),
    ("::127.0.0.1", "reserved"),
    ("64:ff9b:1::7f00:1", "reserved"),
)


@pytest.mark.parametrize(("address", "kind"), NOT_PUBLIC)
def test_what_is_not_public_is_named(address: str, kind: str) -> None:
    assert kind_of(address) == kind


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"])
def test_a_public_address_is_public(address: str) -> None:
    assert kind_of(address) == ""


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_a_private_address_is_found_in_every_dress(inner: IPv4Address) -> None:
    number = int(inner)
    dresses = (0xFFFF << 32 | number, 0x2002 << 112 | number << 80, 0x64FF9B << 96 | number)
    assert all(kind_of(str(IPv6Address(dress))) == kind_of(str(inner)) != "" for dress in dresses)


@given(st.ip_addresses())
def test_no_address_is_public_that_the_standard_library_knows_to_be_private(address: IPv4Address | IPv6Address) -> None:
    if kind_of(str(address)) == "":
        assert not ip_address(str(address)).is_loopback
        assert not ip_address(str(address)).is_link_local


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "127.0.0.1.", "0", "010.0.0.1", "1.2.3.0x4"],
)
def test_numbers_that_only_resolvers_read_are_refused(host: str) -> None:
    assert is_disguised(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "shop.example", "3com.example", "1.example", "0x7f.example"])
def test_names_and_plain_addresses_are_not_disguised(host: str) -> None:
    assert not is_disguised(host)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://shop.example/help", "file:///etc/passwd", "gopher://shop.example", "javascript:alert(1)",
        "data:text/html,x", "mailto:a@shop.example", "https://user:secret@shop.example/", "https://", "http://[::1", "https://a\x00b/",
        "//", "https://shop.example:99999/", "https://" + "a" * 3_000, "",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_page_is_none(address: str) -> None:
    assert page_url(address) is None


def test_an_address_is_made_whole_and_loses_its_fragment() -> None:
    base = httpx.URL("https://Shop.example:443/help/index.html")
    assert str(page_url("../a b.html?x=1#top", base)) == "https://shop.example/a%20b.html?x=1"
    assert str(page_url("//other.example/x", base)) == "https://other.example/x"
    assert page_url("https://SHOP.example:443/") == page_url("https://shop.example/")


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_addresses(text: str) -> None:
    for address in (page_url(text), page_url(text, httpx.URL("https://shop.example/help/"))):
        assert address is None or (address.scheme in ("http", "https") and address.host)


def test_a_site_is_its_host_and_a_port_that_is_not_the_usual_one() -> None:
    assert site_of(httpx.URL("https://shop.example/x")) == "shop.example"
    assert site_of(httpx.URL("http://shop.example:8080/x")) == "shop.example:8080"
    assert site_of(httpx.URL("http://[::1]:8080/x")) == "[::1]:8080"


@pytest.mark.parametrize(
    ("given", "below", "not_below"),
    [
        ("https://a.example/help", "https://a.example/help/x", "https://a.example/helpers"),
        ("https://a.example/help/", "https://a.example/help/x/y", "https://a.example/shop"),
        ("https://a.example/help/index.html", "https://a.example/help/x", "https://a.example/"),
        ("https://a.example", "https://a.example/shop", "https://b.example/shop"),
    ],
)
def test_pages_below_a_given_one_are_in_its_folder(given: str, below: str, not_below: str) -> None:
    assert is_below(httpx.URL(below), httpx.URL(given))
    assert not is_below(httpx.URL(not_below), httpx.URL(given))
