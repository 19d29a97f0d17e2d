#!/usr/bin/env python3
"""Check the task files below data/tasks: form, doubles, sizes, and their rows in the documents' tables.

Prints one line per file and, on standard error, every fault by name; exits 1 if there is any.
Usage: check_tasks.py [FOLDER]   (default: data/tasks of this checkout)
"""
import json
import re
import sys
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Documents with a table row "| task | pairs | ..." for every file. Names without a file have no number there.
TABLES = ("docs/tasks.md", "data/README.md")
ROW = re.compile(r"^\| ([\w-]+) \| (\d+) \|", re.MULTILINE)

# Fewest pairs a file may hold, by folder: demonstrations, validation and test items are drawn
# from one file without overlap, and each kind of task draws a different number of them.
MIN_PAIRS = {"functional": 150, "extractive": 300, "behavioural": 200}

# Files that may hold fewer: "folder/name" -> (pairs, reason).
FEWER_ALLOWED = {}

# Tasks in which output may equal input: "folder/name" -> reason.
SAME_ALLOWED = {
    "functional/country-capital": "city states bear the name of their capital",
    "functional/present-past": "some verbs keep their form (cut, cut)",
    "functional/singular-plural": "some nouns keep their form (sheep, sheep)",
}


def unique_keys(members):
    """Object hook: the default one silently keeps the last of two equal keys."""
    keys = [key for key, _ in members]
    if len(set(keys)) != len(keys):
        raise ValueError(f"object with a repeated key: {keys}")
    return dict(members)


def text_faults(text):
    """Faults of one side of a pair, as short phrases."""
    if not isinstance(text, str):
        return ["is not a string"]
    if not text.strip():
        return ["is empty"]
    found = []
    if text != text.strip():
        found.append("has leading or trailing white space")
    # Cc holds tabs and line breaks too, which would break the one-line "Q:/A:" prompt form; Cf, Zl
    # and Zp are the invisible ones, Cs the lone surrogates that have no UTF-8 form.
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text):
        found.append("has a control character")
    # A decomposed accent looks the same but gives other tokens than the composed one.
    if text != unicodedata.normalize("NFC", text):
        found.append("is not in Unicode form NFC")
    return found


def check(path, folder, faults):
    """Append the faults of one file to faults and print its line; give its number of pairs or None."""
    task = f"{folder}/{path.stem}"
    try:
        items = json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        faults.append(f"{task}: not valid JSON in UTF-8: {error}")
        return
    if not isinstance(items, list):
        faults.append(f"{task}: not a list")
        return
    first_at, pair_at = {}, {}
    outputs, characters = set(), [0, 0]
    for at, item in enumerate(items):
        if not isinstance(item, dict) or set(item) != {"input", "output"}:
            faults.append(f"{task}[{at}]: not an object with exactly input and output")
            continue
        wrong = [f"{side} {fault}" for side in ("input", "output") for fault in text_faults(item[side])]
        faults.extend(f"{task}[{at}]: {fault}: {item!a}" for fault in wrong)
        source, target = item["input"], item["output"]
        if not (isinstance(source, str) and isinstance(target, str)):
            continue
        if (source, target) in pair_at:
            faults.append(f"{task}[{at}]: pair repeats [{pair_at[source, target]}]: {item!a}")
        elif source in first_at:
            faults.append(f"{task}[{at}]: input repeats [{first_at[source]}]: {source!a}")
        first_at.setdefault(source, at)
        pair_at.setdefault((source, target), at)
        if source == target and task not in SAME_ALLOWED:
            faults.append(f"{task}[{at}]: output equals input: {source!a}")
        outputs.add(target)
        characters[0] += len(source)
        characters[1] += len(target)
    fewest = FEWER_ALLOWED[task][0] if task in FEWER_ALLOWED else MIN_PAIRS[folder]
    if len(items) < fewest:
        faults.append(f"{task}: {len(items)} pairs, fewer than {fewest}")
    mean_in, mean_out = (total / max(len(items), 1) for total in characters)
    print(f"{task:<40} {len(items):>5} pairs {len(outputs):>5} distinct outputs"
          f"   mean length: input {mean_in:6.1f}, output {mean_out:6.1f} characters")
    return len(items)


def check_table(document, text, counts, faults):
    """Append the faults of one document's rows; counts is {task: pairs} of the files."""
    rows = {}
    for name, number in ROW.findall(text):
        if name in rows:
            faults.append(f"{document}: two rows for {name}")
        rows[name] = int(number)
    for name in sorted(rows.keys() | counts.keys()):
        if name not in rows:
            faults.append(f"{document}: no row \"| {name} | {counts[name]} | ...\"")
        elif name not in counts:
            faults.append(f"{document}: {name} has a row with {rows[name]} pairs, but no file")
        elif rows[name] != counts[name]:
            faults.append(f"{document}: {name} has {counts[name]} pairs, the row says {rows[name]}")


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "data/tasks"
    faults, counts = [], {}
    paths = sorted(root.rglob("*.json"))
    if not paths:
        faults.append(f"{root}: no task files")
    for path in paths:
        folder = path.relative_to(root).parent.as_posix()
        if folder in MIN_PAIRS:
            if path.stem in counts:
                faults.append(f"{path}: another folder has a task of this name")
            counts[path.stem] = check(path, folder, faults)
        else:
            faults.append(f"{path}: not directly in one of {', '.join(MIN_PAIRS)}")
    if len(sys.argv) == 1:  # another folder has no documents of ours
        for document in TABLES:
            check_table(document, (ROOT / document).read_text(encoding="utf-8"), counts, faults)
    for fault in faults:
        print(f"fault: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
