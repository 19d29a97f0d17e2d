#!/usr/bin/env python3
"""Make docs/data/default-plan.json from run folders of `tiller compare` (`./run stability`).

Usage: collect_docs.py RUN... [-- RUN OF ANOTHER BUILD...]

The first run's scores make the table `methods`; the answers of all runs, as scripts/stability.py compares them, the table
`stability`. Then `./run docs` writes the pages anew.
"""
import datetime
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs/data/default-plan.json"
# Columns of the table `methods` and the settings that they show; the few-shot prompt has its number of examples in its name.
COLUMNS = {"zero-shot": "zero-shot", "prompt with examples": "-shot", "FV": "fv-chosen", "ICV": "icv-chosen",
           "random directions, equally far (for FV)": "fv-random", "random directions, equally far (for ICV)": "icv-random",
           "FV of shuffled labels": "fv-shuffled"}


def seed_of(run):
    return json.loads((run / "summary.json").read_text())["tasks"][0]["seed"]


def setting(task, name):
    found = [s for s in task["test"] if s["id"] == name] or \
            [s for s in task["test"] if name == "-shot" and s["id"].endswith("-shot") and s["id"] != "zero-shot"]
    if len(found) != 1:
        sys.exit(f"{task['name']}: {len(found)} settings '{name}' among {[s['id'] for s in task['test']]}")
    return found[0]


def cell(task, name, shown):
    metrics = setting(task, name)["metrics"]
    text = f"{metrics[task['primary']]['mean']:.2f}"
    if task["family"] == "behavioural":
        text += f" ({metrics['broken']['mean']:.2f})"
    return f"**{text}**" if shown else text


def main():
    words = [word if word == "--" else Path(word) for word in sys.argv[1:]]
    if not words:
        sys.exit(__doc__)
    runs = [word for word in words if word != "--"]
    seeds = sorted({seed_of(run) for run in runs})
    summary = json.loads((runs[0] / "summary.json").read_text())
    environment = json.loads((runs[0] / "environment.json").read_text())
    answers = {row["id"]: row for row in next(a for a in summary["analyses"] if a["id"] == "answers")["rows"]}
    rows = []
    for task in summary["tasks"]:
        about = answers[task["name"]].get("about", {})
        shown = about.get("method") if about.get("shown") == "yes" else ""
        rows.append([task["name"], *(cell(task, name, shown and name == f"{shown}-chosen") for name in COLUMNS.values()),
                     f"{shown.upper()} works" if shown else "nothing"])
    # The table that scripts/stability.py prints, as it stands.
    printed = subprocess.run([sys.executable, ROOT / "scripts/stability.py", *words], capture_output=True, text=True, check=True).stdout
    lines = [[c.strip() for c in line.strip().strip("|").split("|")] for line in printed.splitlines() if line.startswith("|")]
    data = {
        "command": "./run stability " + " ".join(map(str, seeds)),
        "run": ", ".join(run.name for run in runs),
        "machine": environment["machine"],
        "date": datetime.date.fromtimestamp((runs[0] / "summary.json").stat().st_mtime).isoformat(),
        "values": OUT.exists() and json.loads(OUT.read_text()).get("values", {}) or {},
        "tables": {"methods": {"columns": ["task", *COLUMNS, "shown to work"], "rows": rows},
                   "stability": {"columns": lines[0], "rows": lines[2:]}},
    }
    OUT.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(OUT)


if __name__ == "__main__":
    main()
