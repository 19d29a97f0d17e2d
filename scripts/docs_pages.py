"""What README.md and the pages in docs/ hold: blocks of commands with their marks, links, headings.

A block of commands (```sh) has a mark in a comment on the line before it:

    <!-- run -->                   scripts/run_docs.py runs it, with the page's other blocks, in the order of the page
    <!-- not run: the reason -->   its lines are only checked against the options of the program

Commands that a reader need not see stand in a comment of their own, which begins with the line "<!-- run quietly".
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {"sh", "bash", "console"}
FENCE = re.compile(r"^(`{3,})(\w*)\s*$")
MARK = re.compile(r"^<!-- (run|not run: .+) -->$")
STARTS_LIKE_A_COMMAND = re.compile(r"^(\./run|(build\S*/)?tiller [a-z-]+|curl|cmake|pip|apt-get) ", re.MULTILINE)


@dataclass
class Block:
    page: Path
    line: int  # of the opening fence, from 1
    language: str
    text: str
    mark: str = ""  # "run", "quiet", the reason for which it is not run, or "" where nothing is said

    @property
    def where(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def user_pages():
    """The pages that say what is true now: all but the dated ones in docs/log."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def all_pages():
    return user_pages() + sorted((ROOT / "docs/log").glob("*.md"))


def blocks_of(page):
    """All fenced blocks of a page, and the quiet ones, in their order."""
    lines = page.read_text(encoding="utf-8").split("\n")
    found, i = [], 0
    while i < len(lines):
        if lines[i] == "<!-- run quietly":
            end = lines.index("-->", i)
            found.append(Block(page, i + 1, "sh", "\n".join(lines[i + 1:end]) + "\n", "quiet"))
            i = end + 1
            continue
        fence = FENCE.match(lines[i])
        if not fence:
            i += 1
            continue
        end = next(k for k in range(i + 1, len(lines)) if lines[k].rstrip() == fence.group(1))
        mark = MARK.match(lines[i - 1]) if i > 0 else None
        said = (mark.group(1).removeprefix("not run: ") if mark else "")
        found.append(Block(page, i + 1, fence.group(2), "\n".join(lines[i + 1:end]) + "\n", said))
        i = end + 1
    return found


def without_blocks(text):
    """The page's text with its blocks and code spans emptied, line by line."""
    out, fence = [], ""
    for line in text.split("\n"):
        match = FENCE.match(line)
        if fence:
            fence = "" if line.rstrip() == fence else fence
            out.append("")
        elif match:
            fence = match.group(1)
            out.append("")
        else:
            out.append(re.sub(r"`[^`]*`", "", line))
    return out


def anchors_of(page):
    """The fragments that GitHub gives to the headings of a page."""
    anchors, inside = set(), ""
    for line in page.read_text(encoding="utf-8").split("\n"):
        fence = FENCE.match(line)
        if inside or fence:
            inside = "" if inside and line.rstrip() == inside else inside or fence.group(1)
            continue
        heading = re.match(r"^#+ (.*)$", line)
        if heading:
            words = re.sub(r"[^\w\- ]", "", heading.group(1).lower().replace("`", ""))
            anchors.add(words.strip().replace(" ", "-"))
    return anchors
