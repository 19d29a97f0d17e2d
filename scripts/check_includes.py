#!/usr/bin/env python3
"""Check that includes below src/ point one way, and that the engine's headers stay in their room.

The rooms, from the outside in: cli; report; protocols and many side by side, then study; serve, which knows none of
these; methods and scoring side by side; vectors and tasks side by side; engine; statistics and hub (which only the
program uses); core. A file may include its own room and rooms further in; neighbours do not know each other. Public headers (tiller/*.h) are free
for all, because they hold types; only those of tiller::study are not for the rooms (and the public
headers) of tiller::core. A folder inside a room (a protocol) is known to itself alone: what it shares
lies in the room. Only engine/ includes llama.h and ggml*.h; vectors/ may read and write files with
gguf.h and ggml.h.

Prints every fault as path:line; exits 1 if there is any.
Usage: check_includes.py [FOLDER]   (default: this checkout)
"""
import re
import sys
from pathlib import Path

DEPTH = {"cli": 0, "report": 1, "protocols": 2, "many": 2, "study": 3, "serve": 3, "methods": 4, "scoring": 4,
         "vectors": 5, "tasks": 5, "engine": 6, "statistics": 7, "hub": 7, "core": 8}
# What tiller::core is made of, and the public headers that belong to tiller::study (CMakeLists.txt).
CORE_ROOMS = {"serve", "methods", "vectors", "tasks", "engine", "statistics", "core"}
STUDY_HEADERS = {"many.h", "report.h", "scoring.h", "study.h", "summary.h", "sweep.h", "universal_heads.h"}
ENGINE_HEADER = re.compile(r"(llama|ggml|gguf)[\w.-]*\.h$")
VECTORS_MAY = {"gguf.h", "ggml.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def fault_of(room, name, quoted):
    """What is wrong with room/ including name, or None."""
    first = name.split("/", 1)[0]
    if first not in DEPTH and ENGINE_HEADER.match(name.rsplit("/", 1)[-1]):
        if room == "engine" or (room == "vectors" and name in VECTORS_MAY):
            return None
        return f"<{name}>: the engine's own headers belong to src/engine"
    if first == ".." or "/../" in name:
        return f'"{name}": write the path from src/'
    if first == "tiller" and room in CORE_ROOMS and name.split("/", 1)[1] in STUDY_HEADERS:
        return f'"{name}": a header of tiller::study in tiller::core'
    if not quoted or first == "tiller" or first == room:
        return None
    if first not in DEPTH:
        # A bare name would be a header beside the file: same room, but not as the rule has it.
        return f'"{name}": write the path from src/, with its room' if "/" not in name else None
    if room not in DEPTH:
        return None
    if DEPTH[first] < DEPTH[room]:
        return f'"{name}": {room} must not know {first}, which is further out'
    if DEPTH[first] == DEPTH[room]:
        return f'"{name}": {room} and {first} are neighbours and must not know each other'
    return None


def folder_fault(path, room, name):
    """What is wrong with a file of a room including name out of a folder inside the room, or None."""
    parts = name.split("/")
    if len(parts) < 3 or parts[0] != room or path.parent.name == parts[1]:
        return None
    return f'"{name}": {room}/{parts[1]} is known to itself alone; what others need belongs into {room}'


def faults_in(path, room):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match = INCLUDE.match(line)
        if match:
            fault = (fault_of(room, match.group(2), match.group(1) == '"')
                     or folder_fault(path, room, match.group(2)))
            if fault:
                yield f"{path}:{number}: {fault}"


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    files, faults = 0, []
    for room in sorted(path for path in (root / "src").iterdir() if path.is_dir()):
        if room.name not in DEPTH:
            faults.append(f"{room}: a room without a place in the order of {Path(__file__).name}")
        for path in sorted(room.rglob("*")):
            if path.suffix in (".h", ".cpp"):
                files += 1
                faults.extend(faults_in(path, room.name))
    # Whoever uses tiller sees its public headers alone: nothing private and nothing of the engine's.
    for path in sorted((root / "include").rglob("*.h")):
        files += 1
        faults.extend(faults_in(path, "public"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            match = INCLUDE.match(line)
            if match and match.group(2).split("/", 1)[0] in DEPTH:
                faults.append(f'{path}:{number}: "{match.group(2)}": a private header in a public one')
            if path.name not in STUDY_HEADERS and match and match.group(2).startswith("tiller/") \
                    and match.group(2).split("/", 1)[1] in STUDY_HEADERS:
                faults.append(f'{path}:{number}: "{match.group(2)}": a header of tiller::study in one of tiller::core')
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"includes: {files} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
