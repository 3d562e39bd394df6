"""A failing network: a relay that delays, cuts and resets connections, as its seed decides."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from urllib.parse import urlsplit

# Of the connections through one proxy, so many break. The others are only slow, so that all tests end.
FAULTS = 4


class Proxy:
    """The faults of one seed in the connections to a server."""

    def __init__(self, target: str, seed: int) -> None:
        self.target = urlsplit(target)
        self.seed = seed
        self.connections = 0
        self.broken = 0
        self.url = ""
        self.ends: list[asyncio.StreamWriter] = []

    async def listen(self) -> asyncio.Server:
        """Start on a free port."""
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.url = "http://{}:{}".format(*server.sockets[0].getsockname())
        return server

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        random = Random(f"{self.seed} {self.connections}")
        self.connections += 1
        breaks = self.connections <= FAULTS
        try:
            up, down = await asyncio.open_connection(self.target.hostname, self.target.port)
        except OSError:
            writer.close()
            return
        self.ends += [writer, down]
        pumps = [
            asyncio.create_task(self._pump(source, sink, Random(random.random()), breaks))
            for source, sink in ((reader, down), (up, writer))
        ]
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        self.broken += breaks
        resets = breaks and random.random() < 0.5
        for pump in pumps:
            pump.cancel()
        for end in (writer, down):
            if resets:
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, random: Random, breaks: bool
    ) -> None:
        # A handshake has some 300 bytes, a mutation with its answer some 500.
        left = int(random.expovariate(1 / 4000)) if breaks else None
        try:
            while chunk := await source.read(4096):
                if random.random() < 0.2:
                    await asyncio.sleep(random.uniform(0, 0.05))
                if left is not None and len(chunk) >= left:
                    # This may be in the middle of a frame.
                    sink.write(chunk[:left])
                    await sink.drain()
                    return
                left = None if left is None else left - len(chunk)
                sink.write(chunk)
                await sink.drain()
        except OSError:
            return


@contextmanager
def proxies(target: str, seeds: range) -> Iterator[list[Proxy]]:
    """A proxy for each seed, on a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def close(servers: list[asyncio.Server]) -> None:
        for server in servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for end in [end for proxy in made for end in proxy.ends]:
            end.transport.abort()
        # Aborted connections are closed in the next turn of the loop.
        await asyncio.sleep(0)

    made = [Proxy(target, seed) for seed in seeds]
    servers = [asyncio.run_coroutine_threadsafe(proxy.listen(), loop).result() for proxy in made]
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(close(servers), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
