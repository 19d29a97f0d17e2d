#!/usr/bin/env python3
"""What serving costs: many steered clients against unsteered ones, against one at a time, and against llama.cpp's server.

The two sides of each ratio take turns in one run, so that both meet the same machine; the median of the rounds' ratios counts.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "tests/serve/clients")]

import load  # noqa: E402
import serving  # noqa: E402
import tables  # noqa: E402
import tiny  # noqa: E402

N_CLIENT, N_LLAMA = 64, 16
STEERED, ALONE, LLAMA, FIRST = 0.95, 6, 0.95, 1.0


class LlamaServer:
    """llama.cpp's server with as many slots as we have rows."""

    def __init__(self, program, model, threads, n_slot, row_tokens, log):
        self.port = serving.free_port()
        command = [program, "-m", model, "--host", "127.0.0.1", "--port", str(self.port), "-t", str(threads), "-tb", str(threads),
                   "-np", str(n_slot), "-c", str(n_slot * row_tokens), "--no-webui", "--no-slots", "-lv", "1"]
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        serving.wait_until(self._ready, 120, f"llama-server answers (its messages: {log})")

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"llama-server ended with {self.process.returncode}")
        connection = serving.http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


def end_tokens(server):
    """Tokens that end an answer are ruled out, so that all answers have one length."""
    bias = {}
    for name in ("<eos>", "<end_of_turn>", "</s>", "<|endoftext|>", "<|im_end|>", "<|end|>", "<|eot_id|>"):
        tokens = server.ok("/tokenize", {"content": name, "parse_special": True})["tokens"]
        if len(tokens) == 1:
            bias[str(tokens[0])] = -100
    return bias


def rate(result):
    outcomes, seconds = result
    return sum(o.tokens for o in outcomes) / seconds


class Bench:
    def __init__(self, args, folder, info):
        self.args, self.folder, self.info = args, folder, info
        self.parts = {}

    def start(self, n_row):
        return serving.Server(self.args.model, "--vectors", self.folder / "vectors", serving.ROWS, n_row, "--context",
                              self.args.row_tokens, "--threads", self.args.threads, "--queue", 1000,
                              log=self.folder / "tiller.log")

    def rounds(self, name, sides, pids):
        """Every side in turn, after one turn that does not count; what each round gave."""
        results = {side: [] for side in sides}
        for run in sides.values():
            asyncio.run(run())
        loads = []
        for i in range(self.args.rounds):
            order = list(sides) if i % 2 == 0 else list(sides)[::-1]
            with load.Load(pids) as now:
                for side in order:
                    results[side].append(asyncio.run(sides[side]()))
            loads.append(now.json())
            print(f"  {name}, round {i + 1}: " + ", ".join(f"{s} {rate(results[s][-1]):.0f} tokens/s" for s in sides),
                  file=sys.stderr)
        # As the ratios: the median of the rounds. One disturbed round moves neither.
        usual = {k: statistics.median(v[k] for v in loads) for k in ("others", "steal")}
        return results, {**usual, "busy": load.is_busy(**usual)}

    def requests(self, n, bias, steering=None, stream=False, first=0):
        """n requests; `steering` makes a client's vector of its number."""
        common = {"max_tokens": self.args.tokens, "temperature": 0, "logit_bias": bias, "stream": stream}
        return [{"prompt": load.prompt(first + i), **common, **({"steering": steering(i)} if steering else {})}
                for i in range(n)]

    def steered(self):
        with self.start(N_CLIENT) as server:
            bias = end_tokens(server)
            fresh = iter(range(0, 10**9, N_CLIENT))

            def side(steering=None):
                return lambda: load.together(server.port, self.requests(N_CLIENT, bias, steering, first=next(fresh)))

            def alone():
                wanted = self.requests(N_CLIENT, bias, lambda i: f"one{i:02}:0.1", first=next(fresh))[:self.args.alone]
                return load.one_by_one(server.port, wanted)
            sides = {"unsteered": side(), "steered at one layer": side(lambda i: f"one{i:02}:0.1"),
                     "steered at every layer": side(lambda i: f"all{i:02}:0.1"), "one client at a time": alone}
            results, busy = self.rounds("64 clients", sides, [server.process.pid])
        rates = {name: [rate(r) for r in runs] for name, runs in results.items()}
        self.parts["steered"] = {"rates": rates, "load": busy, "clients": N_CLIENT, "tokens": self.args.tokens,
                                 "ratios": {name: statistics.median(a / b for a, b in zip(rates[name], rates["unsteered"]))
                                            for name in list(sides)[1:3]},
                                 "against_alone": statistics.median(
                                     a / b for a, b in zip(rates["steered at one layer"], rates["one client at a time"]))}

    def llama(self):
        path = serving.run_tiller_text("models", "path", self.args.model).strip() if "/" not in self.args.model else self.args.model
        with contextlib.ExitStack() as stack:
            ours = stack.enter_context(self.start(N_LLAMA))
            theirs = stack.enter_context(LlamaServer(self.args.llama, path, self.args.threads, N_LLAMA, self.args.row_tokens,
                                                     self.folder / "llama.log"))
            bias = end_tokens(ours)
            fresh = iter(range(0, 10**9, N_LLAMA))

            def side(port):
                return lambda: load.together(port, self.requests(N_LLAMA, bias, stream=True, first=next(fresh)))
            results, busy = self.rounds("16 unsteered clients", {"tiller": side(ours.port), "llama-server": side(theirs.port)},
                                        [ours.process.pid, theirs.process.pid])
        rates = {name: [rate(r) for r in runs] for name, runs in results.items()}
        firsts = {name: [statistics.median(o.first for o in outcomes) for outcomes, _ in runs]
                  for name, runs in results.items()}
        self.parts["llama"] = {
            "rates": rates, "first_seconds": firsts, "load": busy, "clients": N_LLAMA, "tokens": self.args.tokens,
            "program": self.args.llama,
            "throughput": statistics.median(a / b for a, b in zip(rates["tiller"], rates["llama-server"])),
            "first": statistics.median(a / b for a, b in zip(firsts["tiller"], firsts["llama-server"]))}


def middle(values):
    return f"{statistics.median(values):.0f}"


def show(parts, args):
    table = tables.Table()
    s = parts.get("steered")
    if s:
        for name, ratio in s["ratios"].items():
            table.add(f"64 clients with 64 vectors, {name}, against the same unsteered",
                      f"{middle(s['rates'][name])} against {middle(s['rates']['unsteered'])} tokens/s, {s['tokens']} tokens each, "
                      f"median of {args.rounds} rounds", ratio, ">=", STEERED, load=s["load"])
        table.add("64 steered clients against one at a time",
                  f"{middle(s['rates']['steered at one layer'])} against {middle(s['rates']['one client at a time'])} tokens/s",
                  s["against_alone"], ">=", ALONE, load=s["load"])
    v = parts.get("llama")
    if v and "not_measured" in v:
        table.missing("against llama.cpp's server", v["not_measured"])
    elif v:
        ours, theirs = v["rates"]["tiller"], v["rates"]["llama-server"]
        table.add("throughput against llama.cpp's server, 16 unsteered clients", f"{middle(ours)} against {middle(theirs)} tokens/s",
                  v["throughput"], ">=", LLAMA, load=v["load"])
        ours, theirs = (1000 * statistics.median(v["first_seconds"][k]) for k in ("tiller", "llama-server"))
        table.add("time to the first token against llama.cpp's server, 16 clients at once", f"{ours:.0f} ms against {theirs:.0f} ms",
                  v["first"], "<=", FIRST, load=v["load"])
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gemma3-270m")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=6)  # even: the order of the sides turns round
    parser.add_argument("--tokens", type=int, default=64, help="new tokens of each answer")
    parser.add_argument("--row-tokens", type=int, default=512)
    parser.add_argument("--alone", type=int, default=4, help="requests of a round of one client at a time")
    parser.add_argument("--llama", help="path of llama-server")
    parser.add_argument("--part", choices=("steered", "llama"), action="append")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    wanted = args.part or ["steered", "llama"]
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with serving.Server(args.model, "--threads", args.threads, log=folder / "first.log") as server:
            info = server.ok("/v1/models")["data"][0]["meta"]
        (folder / "vectors").mkdir()
        layers = range(info["n_layer"])
        for i in range(N_CLIENT):
            make = lambda which: tiny.control_vector(i, which, info["n_embd"], 1.0, info["architecture"])  # noqa: E731
            (folder / "vectors" / f"one{i:02}.gguf").write_bytes(make([len(layers) // 2]))
            (folder / "vectors" / f"all{i:02}.gguf").write_bytes(make(list(layers)))
        bench = Bench(args, folder, info)
        if "steered" in wanted:
            bench.steered()
        if "llama" in wanted:
            if args.llama:
                bench.llama()
            else:
                bench.parts["llama"] = {"not_measured": "no llama-server (bench/serve/llama_server.sh builds it)"}
    table = show(bench.parts, args)
    version = subprocess.run([serving.TILLER, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    text = f"{tables.machine()}; {args.threads} threads\n{version}, {args.model}\n"
    (args.out / "serve.json").write_text(json.dumps(
        {"machine": tables.machine(), "threads": args.threads, "version": version, "model": args.model, "parts": bench.parts,
         "rows": table.rows}, indent=1) + "\n")
    print(text + "\n" + table.text())


if __name__ == "__main__":
    main()
