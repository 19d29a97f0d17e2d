#!/usr/bin/env python3
"""Prints what bench/run_all.sh and bench/growth.sh measured: the targets with PASS or FAIL, and how cost grows.

Also writes targets.json beside the parts. A missed target is a finding, not an error: the exit code stays 0.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import sys

# What: at least (>=) or at most (<=) so much.
SWEEP_TARGETS = {"smollm2-135m": (100, 15), "gemma3-270m": (100, 15), "qwen2.5-coder-1.5b": (100, None)}
EFFICIENCY = 0.85
GENERATION = {64: 1.05, 256: 1.15}
SETTINGS = 10
DEMO_SECONDS = 600


def machine():
    name = platform.machine()
    cpu = pathlib.Path("/proc/cpuinfo")
    if cpu.exists():
        for line in cpu.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def read(folder):
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, figures, value=None, sign=None, target=None, unit="x", load=None):
        """`load`: of the parts that the value was taken from; beside other work a value meets or misses nothing."""
        passed = None
        if value is not None and target is not None:
            passed = value >= target if sign == ">=" else value <= target
        busy = bool(load and load["busy"])
        self.rows.append({"what": what, "figures": figures, "value": value, "sign": sign, "target": target,
                          "unit": unit, "passed": None if busy else passed, "load": load})

    def missing(self, what, why):
        self.rows.append({"what": what, "not_measured": why})

    def text(self):
        lines = []
        for r in self.rows:
            if "not_measured" in r:
                lines.append(f"{'-':5} {r['what']}\n      not measured: {r['not_measured']}")
                continue
            busy = r["load"] and r["load"]["busy"]
            word = "BUSY" if busy else {True: "PASS", False: "FAIL", None: "-"}[r["passed"]]
            value = "" if r["value"] is None else f"{r['value']:.2f} {r['unit']}"
            target = "" if r["target"] is None else f"  (target {r['sign']} {r['target']:g})"
            lines.append(f"{word:5} {r['what']}: {value}{target}\n      {r['figures']}")
            if busy:
                lines.append(f"      other programs took {100 * r['load']['others']:.0f} % of the cores' time, "
                             f"the host {100 * r['load']['steal']:.0f} %: measure again")
        return "\n".join(lines)


def part(table, parts, name, what):
    """The part's values, or None with a row that says why."""
    values = parts.get(name)
    if values is None:
        return None
    if "not_measured" in values:
        table.missing(what, values["not_measured"])
        return None
    return values


def sweep_rows(table, model, parts):
    what = f"head search, {model}"
    values = part(table, parts, f"{model}.sweep", f"{what}, every head")
    if values is None:
        return
    s = values["sweep"]
    own = f"{s['seconds']:.1f} s ({s['prompts']} prompts x {s['rows']:.0f} rows)"
    against = SWEEP_TARGETS.get(model, (None, None))
    kinds = ("torch-f32", "PyTorch float32, a forward per head"), ("torch-bf16", "PyTorch bfloat16, 16 copies a batch")
    for (name, how), target in zip(kinds, against):
        title = f"{what}, against {how}"
        t = part(table, parts, f"{model}.{name}", title)
        if t is None:
            continue
        table.add(title, f"{own} against {t['seconds']:.0f} s, from {t['forwards_sampled']} of {t['forwards']} forwards "
                         f"at {t['tokens_per_second']:.0f} tokens/s, logits of {t['logits']}",
                  t["seconds"] / s["seconds"], ">=", target, load=values.get("load"))
    shape = s["plain_shape"]
    table.add(f"efficiency of the head search, {model}",
              f"{s['tokens_per_second']:.0f} tokens/s against {s['plain_tokens_per_second']:.0f} in plain decoding "
              f"({shape['rows']} sequences x {shape['length']} tokens, {shape['outputs']} logits, no hooks)",
              s["efficiency"], ">=", EFFICIENCY, load=values.get("load"))


def other_rows(table, model, parts):
    values = part(table, parts, f"{model}.generation", f"steered generation, {model}")
    for g in values["generation"] if values else []:
        table.add(f"steered against unsteered generation, {g['rows']} rows, {model}",
                  f"{g['steered_seconds']:.2f} s against {g['unsteered_seconds']:.2f} s, {g['new_tokens']} tokens a row, "
                  f"{g['rows']} different edits, FV and ICV in turn",
                  g["ratio"], "<=", GENERATION.get(g["rows"]), load=values.get("load"))
    values = part(table, parts, f"{model}.settings", f"settings in one go, {model}")
    for kind, target in (("few_shot", SETTINGS), ("zero_shot", None)) if values else []:
        s = values["settings"][kind]
        table.add(f"{s['settings']} settings of an FV on {s['items']} items against each alone, "
                  f"{kind.replace('_', '-')} prompts, {model}",
                  f"{s['seconds']:.1f} s against {s['alone_seconds_extrapolated']:.0f} s (from "
                  f"{s['alone_settings_measured']} settings), prompts of {s['prompt_tokens_mean']:.0f} tokens",
                  s["ratio"], ">=", target, load=values.get("load"))
    values = part(table, parts, f"{model}.memory", f"peak memory, {model}")
    if values:
        m = values["memory"]
        table.add(f"peak memory, {model}",
                  f"model {m['model_bytes'] / 1e6:.0f} + caches {m['cache_bytes'] / 1e6:.0f} + 300 MB, {m['rows']} rows; "
                  f"buffers were reckoned at {m['buffer_bytes'] / 1e6:.0f} MB",
                  m["peak_bytes"] / 1e6, "<=", round(m["allowed_bytes"] / 1e6), unit="MB")


def targets(folder, threads):
    parts = read(folder / "parts")
    table = Table()
    models = []
    for name in parts:
        model, _, kind = name.rpartition(".")
        if kind == "sweep":
            models.append(model)
    models.sort(key=lambda m: (list(SWEEP_TARGETS).index(m) if m in SWEEP_TARGETS else 99, m))
    for model in models:
        sweep_rows(table, model, parts)
    for model in models:
        other_rows(table, model, parts)
    demo = part(table, parts, "demo", "default comparison (./run demo)")
    if demo:
        table.add("default comparison (./run demo)", "without building and fetching", demo["seconds"] / 60, "<=",
                  DEMO_SECONDS / 60, unit="min")
    own = next((p for p in parts.values() if "engine" in p), {})
    torch = next((p for p in parts.values() if "torch" in p), None)
    versions = f"tiller {own.get('version', '?')}, engine {own.get('engine', '?')}"
    if torch:
        versions += f", PyTorch {torch['torch']}, transformers {torch['transformers']}"
    load = os.getloadavg()[0]
    head = f"{machine()}; {threads} threads; load now {load:.1f}\n{versions}"
    (folder / "targets.json").write_text(
        json.dumps({"machine": machine(), "threads": threads, "versions": versions, "rows": table.rows}, indent=1) + "\n")
    print(head + "\n\n" + table.text())


def fit(x, y):
    """Exponent and factor of y = factor * x^exponent, by least squares of the logarithms."""
    a, b = [math.log(v) for v in x], [math.log(v) for v in y]
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    spread = sum((v - mean_a) ** 2 for v in a)
    exponent = sum((v - mean_a) * (w - mean_b) for v, w in zip(a, b)) / spread if spread else 0.0
    return exponent, math.exp(mean_b - exponent * mean_a)


def growth(folder):
    models = read(folder / "growth")
    print(machine())
    across = []
    for model, values in models.items():
        print(f"\n{model}: {values['n_layer']} layers, {values['n_head']} heads, {values['threads']} threads")
        for c in values["growth"]["curves"]:
            points = "  ".join(f"{x:g}: {s:.3f} s" for x, s in zip(c["x"], c["seconds"]))
            print(f"  {c['what']}\n    {points}\n"
                  f"    seconds = {c['fixed']:.3g} + {c['each']:.3g} * x (within {100 * c['largest_miss']:.0f} %)")
        end = values["growth"]["memory_end_tokens_64_rows"]
        free = values["growth"]["free_bytes"] / 1e6
        print(f"  64 rows in flight end at {end} tokens each ({free:.0f} MB free)" if end else
              f"  64 rows in flight fit up to the model's {values['growth']['n_ctx_train']} tokens ({free:.0f} MB free)")
        # The first prompt length with all heads: the one point that every model has.
        first = values["growth"]["curves"][0]
        across.append((values["n_head"] * (values["n_param"]), first["seconds"][0], model, values["n_head"]))
    if len(across) > 1:
        exponent, factor = fit([a[0] for a in across], [a[1] for a in across])
        print("\nlayers x heads x parameters over the models, one prompt of 64 tokens, all heads")
        for work, seconds, model, n_head in across:
            print(f"  {model}: {n_head} heads, {work:.3g} heads x parameters: {seconds:.3f} s")
        print(f"  seconds = {factor:.3g} * x^{exponent:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("targets", "growth"))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.kind == "targets":
        targets(args.folder, args.threads)
    else:
        growth(args.folder)


if __name__ == "__main__":
    sys.exit(main())
