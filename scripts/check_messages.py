#!/usr/bin/env python3
"""Check that no text of the library names a command-line flag: it serves programs that have none.

Looks at every string literal below src/ (but for src/cli, the program) and include/ for a word like
--cache-type. Errors carry a Topic instead (tiller/error.h), and src/cli/hints.cpp adds the flag. Not
flags: CSS custom properties, "var(--ink)" and "--ink:#000", and what stands in a comment. The page's
script and style, which are programs in other languages, are left out.

Prints every fault as path:line; exits 1 if there is any.
Usage: check_messages.py [FOLDER]   (default: this checkout)
"""
import re
import sys
from pathlib import Path

# Comments, character and string literals in the order in which they begin; only strings are kept.
TOKEN = re.compile(r"""
      //[^\n]*
    | /\*.*?\*/
    | '(?:\\.|[^'\\\n])*'
    | R"(?P<mark>[^()\\\s]{0,16})\((?P<raw>.*?)\)(?P=mark)"
    | "(?P<text>(?:\\.|[^"\\\n])*)"
""", re.VERBOSE | re.DOTALL)
DIGIT_SEPARATOR = re.compile(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])")
FLAG = re.compile(r"(?<!var\()(?<![\w;{+-])--[a-z][a-z-]*[a-z](?![\w-]*[:{])")
OTHER_LANGUAGES = {"page_script.cpp", "page_style.cpp"}


def faults_in(path):
    source = DIGIT_SEPARATOR.sub("_", path.read_text(encoding="utf-8"))
    for match in TOKEN.finditer(source):
        literal = match.group("raw") if match.group("raw") is not None else match.group("text")
        for flag in FLAG.finditer(literal or ""):
            line = source.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {flag.group(0)}: a flag in a text of the library; give the Error a Topic"


def self_check():
    """The pattern must find what it is for: a check that finds nothing in anything would pass, too."""
    for text in ("use --rows", "(--cache-type f32)", "--out is taken"):
        if not FLAG.search(text):
            raise AssertionError(f"{text!r} holds a flag and was not found")
    for text in ("var(--ink)", "--ink:#000;--page:#fff", "a--b", "-- a dash"):
        if FLAG.search(text):
            raise AssertionError(f"{text!r} holds no flag")


def main():
    self_check()
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    files = [path for folder in ("src", "include") for path in sorted((root / folder).rglob("*"))
             if path.suffix in (".h", ".cpp") and path.name not in OTHER_LANGUAGES
             and root / "src" / "cli" not in path.parents]
    faults = [fault for path in files for fault in faults_in(path)]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"messages: {len(files)} files, {len(faults)} faults")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
