"""Connects to the very address that was checked, so that no second answer of a name server leads elsewhere."""

from collections.abc import Sequence

import httpx

from helpdesk.knowledge.crawl.addresses import Resolve, is_disguised, is_ip, kind_of


class AddressRefused(Exception):
    """A host's address may not be reached; the message says which and why."""


class PinnedTransport(httpx.AsyncBaseTransport):
    """Resolves each request's host once, refuses what is not public, and connects to what it has checked.

    The host stays in the ``Host`` header and in TLS, where the certificate is held against it. No connection is kept,
    so that none is ever shared between two hosts on one address. A proxy would resolve the name anew: none is used.

    Args:
        allow_loopback: also reach this machine, for a site of one's own.

    Raises:
        AddressRefused: at a request, before anything is sent.
    """

    def __init__(self, resolve: Resolve, *, allow_loopback: bool) -> None:
        self._resolve, self._allow_loopback = resolve, allow_loopback
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to one of its host's checked addresses, the first that answers."""
        url = request.url
        failure: httpx.TransportError = httpx.ConnectError("its name has no address", request=request)
        for address in await self._checked(url.host, url.port or (443 if url.scheme == "https" else 80)):
            pinned = httpx.Request(
                request.method,
                url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": url.host},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        if is_disguised(host):
            raise AddressRefused(f"its host {host} is a number in disguise")
        addresses = [host] if is_ip(host) else await self._resolve(host, port)
        for address in addresses:
            kind = kind_of(address)
            if kind and not (kind == "loopback" and self._allow_loopback):
                raise AddressRefused(f"its host {host} has the {kind} address {address}")
        return addresses
