#!/usr/bin/env python3
"""Fill the tables and figures of README.md and docs/ from docs/data, so that each figure lives in one place.

Usage: make_docs.py [--check]

A page names a table of docs/data/FILE.json and, where it shows a part of it, the columns:

    <!-- table FILE/TABLE: column; column -->
    | ... |
    <!-- end -->

and a single figure as <!--v FILE/NAME-->text<!--/v-->. With --check nothing is written; what differs from its data is
printed as path:line and makes the exit code 1. A data file says in `command`, `run`, `machine` and `date` where it is
from; scripts/collect_docs.py makes the one of the default plan from run folders.
"""
import json
import re
import sys

from docs_pages import ROOT, all_pages

TABLE = re.compile(r"(?P<head><!-- table (?P<file>[\w-]+)/(?P<name>[\w-]+)(?:: (?P<columns>[^\n]*?))? -->\n)"
                   r"(?P<body>.*?)(?P<tail><!-- end -->)", re.DOTALL)
VALUE = re.compile(r"(?P<head><!--v (?P<file>[\w-]+)/(?P<name>[\w-]+)-->)(?P<body>[^<]*)(?P<tail><!--/v-->)")
ORIGIN = ("command", "run", "machine", "date")


def load(cache, name):
    if name not in cache:
        path = ROOT / "docs/data" / f"{name}.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in ORIGIN if not data.get(key)]
        if missing:
            sys.exit(f"{path}: says nothing about {', '.join(missing)}")
        for table_name, table in data.get("tables", {}).items():
            for row in table["rows"]:
                if len(row) != len(table["columns"]):
                    sys.exit(f"{path}: table {table_name} has {len(table['columns'])} columns, its row {row[0]!r} {len(row)}")
        cache[name] = data
    return cache[name]


def table_text(table, columns):
    """A Markdown table of the columns named, or of all."""
    names = [name.strip() for name in columns.split(";")] if columns else table["columns"]
    unknown = [name for name in names if name not in table["columns"]]
    if unknown:
        raise KeyError(f"column {unknown[0]!r}; there are {table['columns']}")
    chosen = [table["columns"].index(name) for name in names]
    lines = [names, ["---"] * len(names)] + [[row[i] for i in chosen] for row in table["rows"]]
    return "".join(("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|").replace(" --- ", "---") + "\n"
                   for line in lines)


def value_text(data, name):
    """A figure of its own, or the cell of a table, up to a remark in brackets: {"table", "row" (its beginning), "column"}."""
    value = data["values"][name]
    if isinstance(value, str):
        return value
    table = data["tables"][value["table"]]
    rows = [row for row in table["rows"] if row[0].startswith(value["row"])]
    if len(rows) != 1:
        raise KeyError(f"row that begins with {value['row']!r} once")
    return rows[0][table["columns"].index(value["column"])].split(" (")[0]


def filled(text, cache, used):
    def table(match):
        used.add(f"{match['file']}/{match['name']}")
        return match["head"] + table_text(load(cache, match["file"])["tables"][match["name"]], match["columns"]) + match["tail"]

    def value(match):
        used.add(f"{match['file']}/{match['name']}")
        return match["head"] + value_text(load(cache, match["file"]), match["name"]) + match["tail"]

    return VALUE.sub(value, TABLE.sub(table, text))


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    cache, used, faults = {}, set(), []
    for page in all_pages():
        old = page.read_text(encoding="utf-8")
        try:
            new = filled(old, cache, used)
        except (KeyError, FileNotFoundError) as missing:
            faults.append(f"{page.relative_to(ROOT)}: its data have no {missing}")
            continue
        if new == old:
            continue
        if not check:
            page.write_text(new, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: written")
            continue
        line = next(i for i, (a, b) in enumerate(zip(old.split("\n"), new.split("\n")), 1) if a != b)
        faults.append(f"{page.relative_to(ROOT)}:{line}: not what its data say; ./run docs writes it anew")
    for path in sorted((ROOT / "docs/data").glob("*.json")):
        data = load(cache, path.stem)
        for name in [*data.get("tables", {}), *data.get("values", {})]:
            if f"{path.stem}/{name}" not in used:
                faults.append(f"{path.relative_to(ROOT)}: no page shows {name}")
    print("\n".join(faults) if faults else f"Pages: {len(used)} tables and figures are what docs/data says")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
