"""The help pages of an invented shop, on a real server that can also misbehave in every way a crawler meets."""

import gzip
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

PAGES = Path(__file__).parent / "pages"
_TYPES = {".html": "text/html; charset=utf-8", ".xml": "application/xml", ".txt": "text/plain"}


@cache
def bomb() -> bytes:
    """Return 100 kB that unpack to 100 MB."""
    return gzip.compress(b"<p>" + b"A" * 100_000_000)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, with the seconds from its beginning to its end on a monotonic clock."""

    path: str
    host: str
    agent: str
    began: float
    ended: float


@dataclass(slots=True)
class HelpSite:
    """A running site.

    Attributes:
        changed: what a path gives instead of its file: a page, or a status.
        redirects: where a path leads.
    """

    port: int
    requests: list[Request] = field(default_factory=list)
    changed: dict[str, bytes | int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        """The paths that were asked for, in their order."""
        return [request.path for request in self.requests]


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[HelpSite]:
    """Run the site on a free port of this machine."""
    server = _Server(("127.0.0.1", 0), _Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.site = HelpSite(server.server_port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    site: HelpSite

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        site, began = self.server.site, time.monotonic()
        try:
            self._answer(site, urlsplit(self.path).path)
        finally:
            self.close_connection = True
            headers = self.headers
            entry = Request(self.path, headers["Host"], headers["User-Agent"], began, time.monotonic())
            site.requests.append(entry)

    def _answer(self, site: HelpSite, path: str) -> None:
        if target := site.redirects.get(path):
            self._send(302, b"", Location=target)
        elif isinstance(status := site.changed.get(path), int):
            self._send(status, b"<h1>Something is wrong</h1>")
        elif isinstance(page := site.changed.get(path), bytes):
            self._send(200, page)
        elif behaviour := getattr(self, f"_{path.rpartition('/')[2].replace('-', '_').replace('.', '_')}", None):
            behaviour()
        else:
            self._send_file(PAGES / path.lstrip("/"))

    def _send_file(self, file: Path) -> None:
        file = file / "index.html" if file.is_dir() else file
        if not file.is_file():
            self._send(404, b"<h1>Not found</h1>")
        elif file.name == "gifts.html":
            content = file.read_text(encoding="utf-8").encode("windows-1252")
            self._send(200, content, **{"Content-Type": "text/html; charset=windows-1252"})
        else:
            content = file.read_bytes().replace(b"<loc>/", f"<loc>{self.server.site.url}/".encode())
            self._send(200, content, **{"Content-Type": _TYPES[file.suffix]})

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _bomb(self) -> None:
        self._send(200, bomb(), **{"Content-Encoding": "gzip"})

    def _packed(self) -> None:
        page = (PAGES / "help" / "delivery.html").read_bytes()
        self._send(200, gzip.compress(page), **{"Content-Encoding": "gzip"})

    def _packed_short(self) -> None:
        self._send(
            200, gzip.compress(b"<h1>Half of a page, and no more</h1>" * 9)[:-12], **{"Content-Encoding": "gzip"}
        )

    def _brotli(self) -> None:
        self._send(200, b"\x8b\x02\x80Hello\x03", **{"Content-Encoding": "br"})

    def _huge(self) -> None:
        self._send(200, b"<main><h1>Terms</h1>" + b"<p>And so on, and so forth.</p>" * 100_000 + b"</main>")

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        while True:
            self.wfile.write(b"<p>And so on, and so forth.</p>" * 1_000)

    def _slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b"<p>")
            time.sleep(0.05)

    def _cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "5000")
        self.end_headers()
        self.wfile.write(b"<h1>This page ends too")

    def _garbage(self) -> None:
        self.wfile.write(b"220 mail.larch.example ESMTP\r\n")

    def _price_list(self) -> None:
        self._send(200, b"%PDF-1.7 ...", **{"Content-Type": "application/pdf"})

    def _hidden(self) -> None:
        page = b"<main><h1>Hidden?</h1><p>The header asks not to keep this.</p></main>"
        self._send(200, page, **{"X-Robots-Tag": "noindex"})

    def _care_html(self) -> None:
        sections = "".join(
            f"<h2>Care for {thing}</h2><p>{f'Wash your {thing} by hand and let it dry. ' * 40}</p>"
            for thing in ("tents", "lamps", "stoves", "ropes", "boots")
        )
        self._send(200, f'<html lang="en"><main><h1>Care</h1>{sections}</main></html>'.encode())
