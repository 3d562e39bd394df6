"""The network between a client and a deployment: a relay that counts, delays and paces the bytes."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from selectors import SelectSelector
from urllib.parse import urlsplit

from mastra_convex.errors import ConfigurationError

MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
MBIT = {"kbit": 0.001, "mbit": 1.0, "gbit": 1000.0}
# Bytes passed on at once, few enough for smooth pacing.
CHUNK_BYTES = 16 << 10
# How far a sender may be ahead of the line. If this process wakes up later than it asked for, the line stays busy.
BUFFER_SECONDS = 0.05


@dataclass(frozen=True)
class Network:
    """A round trip in milliseconds, and the speed in each direction; None for no limit."""

    rtt_ms: float
    mbit_per_second: float | None

    @classmethod
    def parse(cls, rtt: str, bandwidth: str) -> Network:
        """A network from ``"40ms"`` and ``"50mbit"``, or ``"off"``."""
        speed = None if bandwidth == "off" else _quantity("--bandwidth", bandwidth, MBIT, "50mbit")
        if speed == 0:
            raise ConfigurationError(
                f"bench: --bandwidth {bandwidth}: no data would pass; expected a speed such as 50mbit, or off"
            )
        return cls(0.0 if rtt == "off" else _quantity("--rtt", rtt, MS, "40ms"), speed)

    def __str__(self) -> str:
        if not self.rtt_ms and self.mbit_per_second is None:
            return "this machine's loopback"
        speed = "any bandwidth" if self.mbit_per_second is None else f"{self.mbit_per_second:g} Mbit/s"
        return f"a network of {self.rtt_ms:g} ms round trip and {speed}"


def _quantity(option: str, text: str, units: Mapping[str, float], example: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]+)", text.strip().lower())
    if not found or found[2] not in units:
        raise ConfigurationError(
            f"bench: {option} {text}; expected a number with {', '.join(units)}, such as {example}, or off"
        )
    return float(found[1]) * units[found[2]]


class _Line:
    """One direction, which all connections share."""

    def __init__(self, network: Network) -> None:
        self.bytes_carried = 0
        self._delay = network.rtt_ms / 2000
        self._seconds_per_byte = 8e-6 / network.mbit_per_second if network.mbit_per_second else 0.0
        self._free_at = 0.0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on until the end, each when the line would have delivered it."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.create_task(self._deliver(under_way, writer))
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                now = asyncio.get_running_loop().time()
                self._free_at = max(now, self._free_at) + len(chunk) * self._seconds_per_byte
                self.bytes_carried += len(chunk)
                under_way.put_nowait((self._free_at + self._delay, chunk))
                # Like a sender with a full buffer, it continues once the line has taken most of this.
                await asyncio.sleep(self._free_at - now - BUFFER_SECONDS)
        finally:
            under_way.put_nowait((self._free_at + self._delay, b""))
            await delivery

    async def _deliver(self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while True:
                due, chunk = await under_way.get()
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                if not chunk:
                    break
                writer.write(chunk)
                await writer.drain()
        writer.close()


class Relay:
    """A relay between a client and a server; `url` reaches the server through it."""

    def __init__(self, url: str, network: Network) -> None:
        target = urlsplit(url)
        assert target.hostname is not None, "of a deployment that was reached"
        self._target = (target.hostname, target.port or 80)
        self._handshake = network.rtt_ms / 1000
        self._up, self._down = _Line(network), _Line(network)
        self._connections: set[asyncio.Task[None]] = set()
        self._path = target.path
        self.url = ""

    @property
    def bytes_carried(self) -> int:
        """Bytes passed so far, in both directions, headers included."""
        return self._up.bytes_carried + self._down.bytes_carried

    async def run(self, listening: threading.Event, stop: asyncio.Event) -> None:
        """Relay until told to stop."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{self._path}"
        listening.set()
        await stop.wait()
        server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "the server makes one a connection"
        self._connections.add(task)
        try:
            # The client is connected at once; over this network, that would take a round trip.
            await asyncio.sleep(self._handshake)
            their_reader, their_writer = await asyncio.open_connection(*self._target)
            await asyncio.gather(self._up.carry(reader, their_writer), self._down.carry(their_reader, writer))
        except (OSError, asyncio.CancelledError):  # The server isn't there, or the relay is stopped.
            writer.close()
        finally:
            self._connections.discard(task)


@contextmanager
def relay(url: str, network: Network) -> Iterator[Relay]:
    """A relay to a deployment, on a thread of its own."""
    between = Relay(url, network)
    listening = threading.Event()
    # The usual loop waits in whole milliseconds, rounded up: two of them on a round trip.
    loop = asyncio.SelectorEventLoop(SelectSelector())
    stop = asyncio.Event()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(between.run(listening, stop))

    thread = threading.Thread(target=work, name="relay", daemon=True)
    thread.start()
    listening.wait()
    try:
        yield between
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
