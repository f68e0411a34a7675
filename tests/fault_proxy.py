"""A TCP proxy between a client and a server that can lose, delay, cut and refuse."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from enum import Enum
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Fault(Enum):
    """What happens to the bytes of every connection, present and new ones."""

    PASS = "pass"
    MUTE = "mute"  # what the client says is lost
    DEAF = "deaf"  # what the server says is lost
    BLACKHOLE = "blackhole"  # both


class FaultProxy:
    """Listens on a free loopback port and forwards to ``host:port``; use it in a ``with`` block.

    Every method is for any thread and has taken effect when it returns.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._fault, self._delay_s, self._refusing = Fault.PASS, 0.0, False
        self._pairs: set[_Pair] = set()
        self.accepted = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    @classmethod
    def before(cls, url: str) -> Self:
        """Return a proxy to the server that ``url`` names."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        return cls(parts.hostname, parts.port)

    def through(self, url: str) -> str:
        """Return ``url`` with this proxy's address."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}"))

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._server.close)
        self.reset()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), self._loop).result()  # transports close a turn later
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, fault: Fault) -> None:
        self._run(lambda: setattr(self, "_fault", fault))

    def delay(self, seconds: float) -> None:
        """Hold every chunk back for so long, in both directions, without losing the order."""
        self._run(lambda: setattr(self, "_delay_s", seconds))

    def refuse(self, refusing: bool) -> None:
        """Cut new connections at once (or no longer)."""
        self._run(lambda: setattr(self, "_refusing", refusing))

    def reset(self) -> None:
        """Cut all present connections with RST, as a crashed host does."""

        def cut_all() -> None:
            for pair in tuple(self._pairs):
                pair.cut()

        self._run(cut_all)

    def heal(self) -> None:
        """Forward again; connections that lost bytes are of no use any more and are cut."""
        self.set(Fault.PASS)
        self.delay(0.0)
        self.refuse(False)
        self.reset()

    def _run(self, work: Callable[[], object]) -> None:
        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: _Side(self, None, Fault.MUTE), "127.0.0.1", 0)

    def connected(self, client: "_Side") -> None:
        self.accepted += 1
        if self._refusing:
            client.cut()
            return
        pair = _Pair(client, _Side(self, client, Fault.DEAF))
        client.peer, client.pair, pair.server.pair = pair.server, pair, pair
        self._pairs.add(pair)
        host, port = self._target
        task = self._loop.create_task(self._loop.create_connection(lambda: pair.server, host, port))
        task.add_done_callback(lambda done: pair.cut() if done.exception() else None)

    def gone(self, pair: "_Pair") -> None:
        self._pairs.discard(pair)

    def passes(self, lost_by: Fault) -> bool:
        return self._fault not in (lost_by, Fault.BLACKHOLE)

    def later(self, side: "_Side", data: bytes) -> None:
        if self._delay_s:
            self._loop.call_later(self._delay_s, side.write, data)
        else:
            side.write(data)


class _Side(asyncio.Protocol):
    """One end of a forwarded connection."""

    def __init__(self, proxy: FaultProxy, peer: "_Side | None", lost_by: Fault) -> None:
        self._proxy, self.peer, self._lost_by = proxy, peer, lost_by
        self.pair: _Pair | None = None
        self._transport: asyncio.Transport | None = None
        self._is_over = False
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self.peer is None:
            self._proxy.connected(self)
        for data in self._early:
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None and self._proxy.passes(self._lost_by):
            self._proxy.later(self.peer, data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport, self._is_over = None, True
        if self.pair is not None and self._proxy.passes(self._lost_by):  # else the other end does not hear of it
            self.pair.close()
            self._proxy.gone(self.pair)

    def write(self, data: bytes) -> None:
        if self._transport is None:
            self._early += [] if self._is_over else [data]
        elif not self._transport.is_closing():
            self._transport.write(data)

    def cut(self) -> None:
        if self._transport is not None:
            endpoint: socket.socket = self._transport.get_extra_info("socket")
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Pair:
    """The two ends of a forwarded connection."""

    def __init__(self, client: _Side, server: _Side) -> None:
        self.client, self.server = client, server

    def cut(self) -> None:
        self.client.cut()
        self.server.cut()

    def close(self) -> None:
        self.client.close()
        self.server.close()
