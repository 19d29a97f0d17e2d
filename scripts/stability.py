#!/usr/bin/env python3
"""Do runs that draw everything anew give the same answers? Reads several run folders of one plan with different
seeds, and of two builds where two groups are given, and prints a table in Markdown.

usage: scripts/stability.py RUN RUN... [-- RUN OF ANOTHER BUILD...]

The answer of a run to a task is the set of methods that are shown to work and not shown to be worse than another
one; "none" when no method is. Runs are compared in pairs. An interval holds when the mean over the other runs of
the same setting lies in it.
"""
import itertools
import json
import math
import pathlib
import sys

import compare_runs

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


def counted(answers):
    """"fv (9), none (1)": each answer once, the most frequent first."""
    return ", ".join(f"{a} ({answers.count(a)})" for a in sorted(set(answers), key=lambda a: (-answers.count(a), a)))


def tasks_of(run):
    summary = json.loads((run / "summary.json").read_text())
    return {(t["model"], t["name"]): t for t in summary["tasks"]}


def between_builds(builds):
    """Runs of the same seed in two builds: do they give the same answers, and choose the same settings?"""
    runs = [{t["seed"]: (run, tasks) for run, tasks in build for t in tasks.values()} for build in builds]
    same = n_answer = equal = n_choice = 0
    for seed in runs[0].keys() & runs[1].keys():
        (a, a_tasks), (b, b_tasks) = runs[0][seed], runs[1][seed]
        same += sum(answer(a_tasks[name]) == answer(b_tasks[name]) for name in a_tasks)
        n_answer += len(a_tasks)
        (_, a_closings), (_, b_closings) = compare_runs.read(a), compare_runs.read(b)
        for key in a_closings:
            alike, n = compare_runs.same_choices(a_closings[key], b_closings[key])
            equal, n_choice = equal + alike, n_choice + n
    return same, n_answer, equal, n_choice


def main():
    builds = [[]]
    for word in sys.argv[1:]:
        if word == "--":
            builds.append([])
        else:
            builds[-1].append((pathlib.Path(word), tasks_of(pathlib.Path(word))))
    runs = [tasks for build in builds for _, tasks in build]
    if len(runs) < 2 or len(builds) > 2 or not all(builds):
        sys.exit(__doc__)
    print("| task | answers (runs) | same answer, pairs of runs | chosen settings: mean of the runs (lowest to highest) | intervals that hold the others' mean |")
    print("|---|---|---|---|---|")
    same_all = pairs_all = held_all = intervals_all = 0
    for name in runs[0]:
        tasks = [run[name] for run in runs]
        answers = [answer(t) for t in tasks]
        same = sum(a == b for a, b in itertools.combinations(answers, 2))
        pairs = len(answers) * (len(answers) - 1) // 2
        held = intervals = 0
        means = []
        for setting in [s["id"] for s in tasks[0]["test"] if s["kind"] == "chosen"]:
            found = [next(s for s in t["test"] if s["id"] == setting)["metrics"][t["primary"]] for t in tasks]
            values = [f["mean"] for f in found]
            for i, own in enumerate(found):
                others = values[:i] + values[i + 1:]
                held += own["low"] <= sum(others) / len(others) <= own["high"]
                intervals += 1
            means.append(f"{setting.removesuffix('-chosen')} {sum(values) / len(values):.2f} ({min(values):.2f} to {max(values):.2f})")
        print(f"| {name[1]} | {counted(answers)} | {same}/{pairs} | {'; '.join(means)} | {held}/{intervals} |")
        same_all, pairs_all = same_all + same, pairs_all + pairs
        held_all, intervals_all = held_all + held, intervals_all + intervals
    print(f"| all | | {share(same_all, pairs_all)} | | {share(held_all, intervals_all)} |")
    if len(builds) == 2:
        same, n_answer, equal, n_choice = between_builds(builds)
        print(f"\nThe two builds, seed by seed: {same} of {n_answer} answers and {equal} of {n_choice} choices of a setting are the same.")


if __name__ == "__main__":
    main()
