"""Which addresses a crawl may reach: those of allowed hosts, and behind their names none but public ones."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host and port; raises OSError where there are none."""

_NAT64 = IPv6Network("64:ff9b::/96")
_KINDS = ("loopback", "link_local", "multicast", "unspecified", "private", "reserved")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE)
_MAX_PORT = 65_535
_MAX_CHARACTERS = 2_000


async def resolve(host: str, port: int) -> list[str]:
    """Return a host's addresses, as the system resolves them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def kind_of(address: str) -> str:
    """Return what keeps an IP address from being public, such as ``private``; empty where it is public.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) counts as itself.
    """
    ip = _inner(ip_address(address))
    for kind in _KINDS:
        if getattr(ip, f"is_{kind}"):
            return kind.replace("_", "-")
    if isinstance(ip, IPv6Address) and ip.is_site_local:
        return "site-local"
    return "" if ip.is_global else "not public"


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def is_disguised(host: str) -> bool:
    """Say whether a host is an IP address in a form that resolvers take and people do not read, such as 2130706433."""
    return not is_ip(host) and _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None


def is_ip(host: str) -> bool:
    """Say whether a host is an IP address, written as people write them."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def page_url(address: str, base: httpx.URL | None = None) -> httpx.URL | None:
    """Return the address of a page without its fragment; None where it is none of the web, or carries a password."""
    if len(address) > _MAX_CHARACTERS:
        return None
    try:
        url = base.join(address.strip()) if base is not None else httpx.URL(address.strip())
        url = url.copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):  # ValueError: a host that no name can have
        return None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or (url.port or 0) > _MAX_PORT:
        return None
    return url


def site_of(url: httpx.URL) -> str:
    """Return the host as it stands in a list of allowed ones: with its port where that is not the scheme's own."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return host if url.port is None else f"{host}:{url.port}"


def is_below(url: httpx.URL, given: httpx.URL) -> bool:
    """Say whether a page lies below a given one: below its folder, where it is a file such as ``index.html``."""
    folder, _, name = given.path.rpartition("/")
    root = f"{folder}/" if not name or "." in name else f"{given.path}/"
    return site_of(url) == site_of(given) and url.path.startswith(root)
