"""Clients for measuring: asyncio and the standard library, with as little work for each token as can be.

Clients and servers share the machine's cores, so what a client does counts. An event is only looked into until the first text
of its answer has come.
"""

import asyncio
import dataclasses
import json
import os
import time

PROMPT_WORDS = ("river stone paper cloud window garden winter bottle market letter engine forest candle mirror harbour ladder "
                "saddle violin copper meadow anchor basket blanket chimney compass curtain dragon feather fiddle hammer").split()


def prompt(i, n_word=40):
    """About n_word tokens; no two prompts begin alike, so that no cache of prompts helps."""
    words = [PROMPT_WORDS[(i * 7 + k * (3 + i // 30)) % len(PROMPT_WORDS)] for k in range(n_word)]
    return f"{i} " + " ".join(words)


@dataclasses.dataclass
class Outcome:
    seconds: float = 0        # From sending to the end.
    first: float = 0          # From sending to the first text; streams only.
    tokens: int = 0           # As the server counts.
    status: int = 0
    body: bytes = b""


def head(port, path, body):
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode()


async def read_head(reader):
    text = await reader.readuntil(b"\r\n\r\n")
    status = int(text.split(b" ", 2)[1])
    return status, b"chunked" in text.lower()


async def read_chunks(reader, chunked):
    """Parts of the body as they come, without the framing."""
    if not chunked:
        while part := await reader.read(65536):
            yield part
        return
    while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        if size:
            yield await reader.readexactly(size)
        await reader.readexactly(2)
        if not size:
            return


async def ask(port, fields, path="/v1/completions"):
    """One request on a connection of its own; a stream when `fields` says so."""
    stream = fields.get("stream", False)
    body = json.dumps({**fields, "stream_options": {"include_usage": True}} if stream else fields).encode()
    out = Outcome()
    begin = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    try:
        writer.write(head(port, path, body) + body)
        out.status, chunked = await read_head(reader)
        parts = []
        async for part in read_chunks(reader, chunked):
            parts.append(part)
            if stream and not out.first and out.status == 200 and has_text(part):
                out.first = time.perf_counter() - begin
        out.seconds = time.perf_counter() - begin
        out.body = b"".join(parts)
    finally:
        writer.close()
    if out.status != 200:
        raise RuntimeError(f"{path}: {out.status} {out.body[:300]!r}")
    out.tokens = tokens_of_stream(out.body) if stream else json.loads(out.body)["usage"]["completion_tokens"]
    return out


def events(body):
    for line in body.split(b"\n"):
        if line.startswith(b"data:") and not line.startswith(b"data: [DONE]"):
            yield json.loads(line[5:])


def has_text(part):
    for event in events(part):
        for choice in event.get("choices", []):
            if choice.get("text") or (choice.get("delta") or {}).get("content"):
                return True
    return False


def tokens_of_stream(body):
    """From the usage, which stands in one of the last events."""
    if b"data: [DONE]" not in body[-40:]:
        raise RuntimeError(f"a stream that was not finished: {body[-200:]!r}")
    for block in reversed(body.split(b"\n\n")):
        if b'"usage"' in block and block.startswith(b"data: {"):
            usage = json.loads(block[6:]).get("usage")
            if usage:
                return usage["completion_tokens"]
    raise RuntimeError(f"no usage in a stream: {body[-300:]!r}")


async def together(port, requests):
    """All at once: the outcomes, and the seconds until the last has ended."""
    begin = time.perf_counter()
    outcomes = await asyncio.gather(*(ask(port, r) for r in requests))
    return outcomes, time.perf_counter() - begin


async def one_by_one(port, requests):
    begin = time.perf_counter()
    outcomes = [await ask(port, r) for r in requests]
    return outcomes, time.perf_counter() - begin


# --- what else the machine does ---

def is_busy(others, steal):
    """The same limits as `tiller bench` has."""
    return others > 0.05 or steal > 0.02


class Load:
    """Shares of the cores' time that other programs and the host took, while it is open."""

    def __init__(self, pids):
        self.pids = [*pids, os.getpid()]

    @staticmethod
    def _all():
        with open("/proc/stat", encoding="ascii") as f:
            return [int(v) for v in f.readline().split()[1:9]]

    def _own(self):
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                total += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
        return total

    def __enter__(self):
        self.before = self._all(), self._own()
        return self

    def __exit__(self, *_):
        ticks = [b - a for a, b in zip(self.before[0], self._all())]
        total = sum(ticks) or 1
        working = total - ticks[3] - ticks[4]  # Without idle and waiting for disks.
        self.steal = ticks[7] / total
        self.others = max(0.0, (working - ticks[7] - (self._own() - self.before[1])) / total)

    def json(self):
        return {"others": self.others, "steal": self.steal, "busy": is_busy(self.others, self.steal)}
