"""Writes a ```cpp block of a Markdown file to a source file, so that the documented example is compiled."""

import pathlib
import re
import sys


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit("usage: extract_example.py FILE.md FUNCTION FILE.cpp  (the block that defines FUNCTION)")
    source, target, function = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[3]), sys.argv[2]
    blocks = re.findall(r"^```cpp\n(.*?)^```$", source.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    blocks = [block for block in blocks if f" {function}(" in block]
    if len(blocks) != 1:
        sys.exit(f"{source}: {len(blocks)} ```cpp blocks that define {function}, expected one")
    target.write_text(f"// Made from {source.name} by scripts/extract_example.py.\n" + blocks[0], encoding="utf-8")


main()
