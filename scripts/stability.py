#!/usr/bin/env python3
"""Do runs that draw everything anew give the same answers? Reads the summary.json of several run folders of one
plan with different seeds, or of different builds, and prints a table in Markdown.

usage: scripts/stability.py RUN RUN...

The answer of a run to a task is the set of methods that are shown to work and not shown to be worse than another
one; "none" when no method is. Runs are compared in pairs. An interval holds when the mean over the other runs of
the same setting lies in it.
"""
import itertools
import json
import math
import pathlib
import sys

LEVEL = 0.05


def wilson(hits, n, z=1.96):
    if n == 0:
        return 0.0, 1.0
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def share(hits, n):
    low, high = wilson(hits, n)
    return f"{hits}/{n} = {hits / n:.0%} [{low:.0%}, {high:.0%}]" if n else "none"


def answer(task):
    chosen = [s for s in task["test"] if s["kind"] == "chosen"]
    works = {s["id"] for s in chosen if s.get("p_works", 1) is not None and s.get("p_works", 1) <= LEVEL}
    beaten = set()
    for pair in task["pairs"]:
        if pair["p_holm"] <= LEVEL:
            winner, loser = (pair["a"], pair["b"]) if pair["difference"]["mean"] > 0 else (pair["b"], pair["a"])
            if winner in works:
                beaten.add(loser)
    return " or ".join(sorted(id.removesuffix("-chosen") for id in works - beaten)) or "none"


def main():
    runs = [json.loads((pathlib.Path(folder) / "summary.json").read_text()) for folder in sys.argv[1:]]
    if len(runs) < 2:
        sys.exit(__doc__)
    names = [(t["model"], t["name"]) for t in runs[0]["tasks"]]
    print("| task | answers of the runs | same answer, pairs of runs | means of the chosen settings | intervals that hold the others' mean |")
    print("|---|---|---|---|---|")
    same_all = pairs_all = held_all = intervals_all = 0
    for name in names:
        tasks = [t for run in runs for t in run["tasks"] if (t["model"], t["name"]) == name]
        answers = [answer(t) for t in tasks]
        same = sum(a == b for a, b in itertools.combinations(answers, 2))
        pairs = len(answers) * (len(answers) - 1) // 2
        held = intervals = 0
        means = []
        for setting in [s["id"] for s in tasks[0]["test"] if s["kind"] == "chosen"]:
            found = [next(s for s in t["test"] if s["id"] == setting)["metrics"][t["primary"]] for t in tasks]
            for i, own in enumerate(found):
                others = [f["mean"] for j, f in enumerate(found) if j != i]
                held += own["low"] <= sum(others) / len(others) <= own["high"]
                intervals += 1
            means.append(f"{setting.removesuffix('-chosen')} " + ", ".join(f"{f['mean']:.2f}" for f in found))
        print(f"| {name[1]} | {'; '.join(answers)} | {same}/{pairs} | {'; '.join(means)} | {held}/{intervals} |")
        same_all, pairs_all = same_all + same, pairs_all + pairs
        held_all, intervals_all = held_all + held, intervals_all + intervals
    print(f"| all | | {share(same_all, pairs_all)} | | {share(held_all, intervals_all)} |")


if __name__ == "__main__":
    main()
