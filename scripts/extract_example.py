"""Writes the only ```cpp block of a Markdown file to a source file, so that the documented example is compiled."""

import pathlib
import re
import sys


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: extract_example.py FILE.md FILE.cpp")
    source, target = map(pathlib.Path, sys.argv[1:])
    blocks = re.findall(r"^```cpp\n(.*?)^```$", source.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    if len(blocks) != 1:
        sys.exit(f"{source}: {len(blocks)} ```cpp blocks, expected one")
    target.write_text(f"// Made from {source.name} by scripts/extract_example.py.\n" + blocks[0], encoding="utf-8")


main()
