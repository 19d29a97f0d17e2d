#!/usr/bin/env python3
"""Compares the raw records of two run folders of the same plan, for instance from two machines.

    scripts/compare_runs.py RUN_A RUN_B

Prints, for each number that records hold, how many records have it in both runs, how many are equal to the digit
and how far the others differ; the same for texts; how far the AIEs of the head searches differ, how many of the
ten first heads are the same and whether both runs chose the same settings; and the largest difference of a
setting's mean on the test items. Exit code 0 when the runs hold the same records (their numbers may differ), 2 when
called wrongly, 3 when they are not runs of the same plan and data.
"""
import json
import math
import sys
from collections import defaultdict
from pathlib import Path

KEYS = ("model", "task", "seed", "phase", "setting", "item", "draw")


def stop(code, text):
    print(text, file=sys.stderr)
    sys.exit(code)


def read(folder):
    """({key: record}, {key: closing record of a task}); later records win, as in tiller."""
    path = Path(folder) / "records.jsonl"
    if not path.is_file():
        stop(3, f"{path}: no such file; give a folder that `tiller compare --out` wrote")
    items, tasks = {}, {}
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record.get("type") == "task":
            tasks[(record["model"], record["task"], record["seed"])] = record
        elif "item" in record and "setting" in record:
            items[tuple(record.get(k) for k in KEYS)] = record
    return items, tasks


def other_settings(a, b):
    """(model, task, seed, id) of settings that the two runs chose differently: the same name, not the same thing."""
    found = set()
    for key in a.keys() & b.keys():
        settings = {s["id"]: s.get("setting") for s in b[key].get("settings", [])}
        for s in a[key].get("settings", []):
            if s["id"] in settings and settings[s["id"]] != s.get("setting"):
                found.add(key + (s["id"],))
    return found


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def compare_items(a, b):
    differences, equal_texts, n_text = defaultdict(list), 0, 0
    for key in a.keys() & b.keys():
        for name, x in a[key].items():
            y = b[key].get(name)
            if name in KEYS or name == "unit" or x is None or y is None:
                continue
            if isinstance(x, str):
                n_text += 1
                equal_texts += x == y
            elif isinstance(x, (int, float)):
                differences[name].append(abs(x - y))
    print(f"{'score of an item':<18}{'records':>9}{'equal':>8}{'median':>11}{'99 %':>11}{'largest':>11}")
    for name, d in sorted(differences.items()):
        print(f"{name:<18}{len(d):>9}{sum(x == 0 for x in d) / len(d):>8.1%}"
              f"{quantile(d, 0.5):>11.2g}{quantile(d, 0.99):>11.2g}{max(d):>11.2g}")
    if n_text:
        print(f"texts: {equal_texts} of {n_text} are the same ({equal_texts / n_text:.1%})")


def top(aie, n):
    heads = [(-v, layer, head) for layer, row in enumerate(aie) for head, v in enumerate(row)]
    return [(layer, head) for _, layer, head in sorted(heads)[:n]]


def same_choices(x, y):
    """How many settings were chosen alike, of all that were chosen: one a method, or one a method and draw."""
    choices = list(zip(x.get("chosen_by_draw") or [x.get("chosen", {})],
                       y.get("chosen_by_draw") or [y.get("chosen", {})]))
    return (sum(p[m] == q.get(m) for p, q in choices for m in p), sum(len(p) for p, _ in choices))


def compare_tasks(a, b):
    print(f"\n{'task':<36}{'largest AIE':>12}{'AIE differs':>12}{'top 10 same':>12}{'settings':>22}")
    for key in sorted(a.keys() & b.keys(), key=str):
        x, y = a[key], b[key]
        cells = ["-", "-", "-"]
        if x.get("aie") and y.get("aie"):
            pairs = [(p, q) for r, s in zip(x["aie"], y["aie"]) for p, q in zip(r, s)]
            same = len(set(top(x["aie"], 10)) & set(top(y["aie"], 10)))
            cells = [f"{max(p for p, _ in pairs):.2g}", f"{max(abs(p - q) for p, q in pairs):.2g}", f"{same} of 10"]
        same, n = same_choices(x, y)
        settings = f"{same} of {n} the same"
        print(f"{'/'.join(map(str, key)):<36}{cells[0]:>12}{cells[1]:>12}{cells[2]:>12}{settings:>22}")


def compare_means(a, b):
    """Means on the test items of settings that both runs have: the numbers of a report."""
    sums = defaultdict(lambda: [0.0, 0.0, 0])
    for key in a.keys() & b.keys():
        if key[3] != "test":
            continue
        for name in ("first_token", "exact", "style", "collapsed"):
            if name in a[key] and name in b[key]:
                s = sums[(name,) + key[:3] + (key[4],)]
                s[0] += a[key][name]
                s[1] += b[key][name]
                s[2] += 1
    print("\nmeans of settings on the test items")
    for name in sorted({k[0] for k in sums}):
        d = [(abs(s[0] - s[1]) / s[2], k) for k, s in sums.items() if k[0] == name]
        worst, where = max(d, key=lambda p: p[0])
        print(f"  {name:<12}{len(d):>5} settings, {sum(v == 0 for v, _ in d):>5} equal, largest difference {worst:.3g}"
              + (f" ({where[2]}, {where[4]})" if worst else ""))


def main():
    if len(sys.argv) != 3:
        stop(2, __doc__)
    (a, tasks_a), (b, tasks_b) = read(sys.argv[1]), read(sys.argv[2])
    for key in tasks_a.keys() & tasks_b.keys():
        if tasks_a[key]["items"] != tasks_b[key]["items"]:
            stop(3, f"{key}: the runs have other test items; give two runs of one plan, data and version")
    n_a, n_b, others = len(a), len(b), other_settings(tasks_a, tasks_b)
    a = {k: r for k, r in a.items() if k in b and (k[0], k[1], k[2], k[4]) not in others}
    b = {k: b[k] for k in a}
    if not a:
        stop(3, f"{sys.argv[1]} and {sys.argv[2]} have no record in common; give two runs of one plan")
    print(f"{len(a)} records of the same settings in both runs; {n_a - len(a)} and {n_b - len(b)} others"
          " (settings that were chosen differently)\n")
    compare_items(a, b)
    compare_tasks(tasks_a, tasks_b)
    compare_means(a, b)


if __name__ == "__main__":
    main()
