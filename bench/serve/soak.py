#!/usr/bin/env python3
"""Clients that come, cancel and vanish at random; the server's memory and its answers are watched.

Passes when every request that was not given up is answered in full, a probe's answer is the same bytes throughout, no row is
left in the end, the counters agree, and memory grows by at most 1 % after warm-up. Exit code 1 otherwise.
"""

import argparse
import asyncio
import base64
import collections
import json
import pathlib
import random
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "tests/serve/clients")]

import load  # noqa: E402
import serving  # noqa: E402
import tables  # noqa: E402
import tiny  # noqa: E402
from measure import end_tokens  # noqa: E402

GROWTH = 0.01
PROBE = {"prompt": "The film was", "max_tokens": 12, "temperature": 0.9, "seed": 4, "steering": [None, "v3:0.2"]}


def resident(pid):
    """Bytes in memory that are the process's own (mapped weights may come and go with the host's cache)."""
    values = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(values["RssAnon"].split()[0]) * 1024, int(values["VmRSS"].split()[0]) * 1024


class Soak:
    def __init__(self, server, info, seconds, seed):
        self.server, self.info, self.port = server, info, server.port
        self.bias = end_tokens(server)
        self.end = time.monotonic() + seconds
        self.random = random.Random(seed)
        self.counts = collections.Counter()
        self.problems, self.samples = [], []

    def fields(self):
        r = self.random
        steering = r.choice([None, f"v{r.randrange(8)}:0.2", [None, f"v{r.randrange(8)}:0.3"],
                             f"v{r.randrange(8)}:0.1 + v{r.randrange(8)}:0.1", "inline"])
        if steering == "inline":
            steering = {"vectors": [{"data": base64.b64encode(self.vector(r.randrange(100))).decode(), "scale": 0.2}]}
        prompt = load.prompt(r.randrange(40 if r.random() < 0.5 else 10**6), r.choice([3, 20, 100]))
        return {"prompt": prompt, "max_tokens": r.choice([1, 8, 40, 100]), "temperature": r.choice([0, 1]),
                "logit_bias": self.bias, "steering": steering, "stream": r.random() < 0.6,
                **({"logprobs": 3} if r.random() < 0.2 else {})}

    def vector(self, seed):
        return tiny.control_vector(seed, [self.info["n_layer"] // 2], self.info["n_embd"], 1.0, self.info["architecture"])

    async def whole(self):
        fields = self.fields()
        n_choice = len(fields["steering"]) if isinstance(fields["steering"], list) else 1
        self.counts["sent"] += 1
        try:
            outcome = await asyncio.wait_for(load.ask(self.port, fields), 120)
            if outcome.tokens != n_choice * fields["max_tokens"]:
                self.problems.append(f"{outcome.tokens} tokens for {n_choice} x {fields['max_tokens']}")
            self.counts["answered"] += 1
        except Exception as problem:  # noqa: BLE001: whatever it is, the answer is missing.
            self.problems.append(f"no answer: {type(problem).__name__}: {str(problem)[:200]}")

    async def given_up(self):
        """Closes or resets the connection at some point of the request or its answer."""
        body = json.dumps({**self.fields(), "stream": True}).encode()
        data = load.head(self.port, "/v1/completions", body) + body
        self.counts["given up"] += 1
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            where = self.random.random()
            if where < 0.25:
                data = data[:self.random.randrange(len(data))]
            writer.write(data)
            await writer.drain()
            if where < 0.5:
                await asyncio.sleep(self.random.random() * 0.3)
            else:
                for _ in range(self.random.randrange(1, 6)):
                    await asyncio.wait_for(reader.read(200), 60)
        except OSError:
            pass
        finally:
            if writer:
                writer.transport.abort() if self.random.random() < 0.5 else writer.close()

    async def refused(self):
        wrong = self.random.choice([{"temperature": "hot"}, {"steering": "nobody"}, {"banana": 1}, {"prompt": 3}])
        self.counts["refused"] += 1
        try:
            await asyncio.wait_for(load.ask(self.port, {"prompt": "x", **wrong}), 60)
            self.problems.append(f"{wrong} was answered")
        except RuntimeError as problem:
            if ": 40" not in str(problem):
                self.problems.append(str(problem))

    async def in_thread(self, what, *args):
        return await asyncio.get_running_loop().run_in_executor(None, what, *args)

    async def uploaded(self):
        name = f"up{self.random.randrange(4)}"
        self.counts["uploads"] += 1
        data = self.vector(self.random.randrange(100))
        answer = await self.in_thread(lambda: self.server.post(f"/v1/vectors?name={name}&replace=true", data))
        if answer.status not in (200, 201):
            self.problems.append(f"upload: {answer.status} {answer.body[:200]!r}")
        if self.random.random() < 0.5:
            await self.in_thread(lambda: self.server.request("DELETE", f"/v1/vectors/{name}"))

    async def client(self):
        while time.monotonic() < self.end:
            what = self.random.choices([self.whole, self.given_up, self.refused, self.uploaded], [55, 30, 10, 5])[0]
            await what()
            await asyncio.sleep(self.random.random() * 0.1)

    def probe(self):
        answer = self.server.ok("/v1/completions", PROBE)
        return json.dumps([c["text"] for c in answer["choices"]])

    async def watch(self):
        expected = await self.in_thread(self.probe)
        begin = time.monotonic()
        while time.monotonic() < self.end:
            anonymous, whole = resident(self.server.process.pid)
            self.samples.append({"seconds": time.monotonic() - begin, "anonymous": anonymous, "resident": whole})
            if len(self.samples) % 10 == 0 and await self.in_thread(self.probe) != expected:
                self.problems.append("the probe's answer has changed")
            if len(self.samples) % 60 == 0:
                print(f"  {self.samples[-1]['seconds']:.0f} s: {anonymous / 1e6:.1f} MB, {dict(self.counts)}", file=sys.stderr)
            await asyncio.sleep(1)

    async def run(self, n_client):
        await asyncio.gather(self.watch(), *(self.client() for _ in range(n_client)))


def memory(samples):
    """Median of the first and last tenth after warm-up (the first fifth), and the growth between them."""
    steady = [s["anonymous"] for s in samples[len(samples) // 5:]]
    tenth = max(len(steady) // 10, 1)
    first, last = statistics.median(steady[:tenth]), statistics.median(steady[-tenth:])
    return {"after_warm_up": first, "end": last, "most": max(steady), "growth": last / first - 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--model", default="gemma3-270m")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--rounds", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    log = args.out / "soak.log"
    with tempfile.TemporaryDirectory() as name:
        vectors = pathlib.Path(name) / "vectors"
        vectors.mkdir()
        with serving.Server(args.model, "--threads", args.threads, log=log) as server:
            info = server.ok("/v1/models")["data"][0]["meta"]
        for i in range(8):
            (vectors / f"v{i}.gguf").write_bytes(
                tiny.control_vector(i, [info["n_layer"] // 2], info["n_embd"], 1.0, info["architecture"]))
        with serving.Server(args.model, "--vectors", vectors, "--threads", args.threads, "--context", 512, log=log) as server:
            soak = Soak(server, info, 60 * args.minutes, args.seed)
            before = server.metrics()
            asyncio.run(soak.run(args.clients))
            try:
                server.wait_idle(5)
            except AssertionError as problem:
                soak.problems.append(f"rows are left: {problem}")
            after = server.metrics()
            if not server.alive:
                soak.problems.append("the server has ended")
            code = server.stop()
            if code != 0:
                soak.problems.append(f"the server ended with {code}")
    counted = sum(v - before.get(k, 0) for k, v in after.items()
                  if k.startswith("tiller_requests_total") and "completions" in k and 'code="200"' in k)
    answered = soak.counts["answered"]
    probes = len(soak.samples) // 10 + 1
    # A request that was given up may have been answered before its client noticed.
    if not answered <= counted <= answered + soak.counts["given up"] + probes:
        soak.problems.append(f"{answered} requests were answered, {counted:.0f} counted")
    if after["tiller_queue_length"]:
        soak.problems.append(f"{after['tiller_queue_length']} rows wait in the end")
    used = memory(soak.samples)
    if used["growth"] > GROWTH:
        soak.problems.append(f"memory grew by {100 * used['growth']:.1f} %")
    table = tables.Table()
    table.add(f"growth of memory in {args.minutes:g} minutes, {args.clients} clients, {args.model}",
              f"{used['after_warm_up'] / 1e6:.1f} MB after warm-up, {used['end'] / 1e6:.1f} MB in the end, {used['most'] / 1e6:.1f} MB at most",
              100 * used["growth"], "<=", 100 * GROWTH, unit="%")
    table.add("requests without their answer", ", ".join(f"{n} {what}" for what, n in soak.counts.items()),
              soak.counts["sent"] - answered, "<=", 0, unit="requests")
    (args.out / "soak.json").write_text(json.dumps(
        {"machine": tables.machine(), "threads": args.threads, "model": args.model, "minutes": args.minutes,
         "counts": soak.counts, "memory": used, "samples": soak.samples, "problems": soak.problems,
         "metrics": {k: v for k, v in after.items() if "bucket" not in k}, "rows": table.rows}, indent=1) + "\n")
    print(f"{tables.machine()}; {args.threads} threads\n\n{table.text()}")
    for problem in soak.problems[:20]:
        print(f"PROBLEM {problem}")
    sys.exit(1 if soak.problems else 0)


if __name__ == "__main__":
    main()
