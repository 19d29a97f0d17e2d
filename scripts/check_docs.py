#!/usr/bin/env python3
"""Check README.md, CONTRIBUTING.md and docs/: links, marks of command blocks, the program's own names.

Usage: check_docs.py [TILLER]

- Every link to a file or heading leads somewhere; every page of docs/ stands in docs/README.md.
- Every file of the checkout that a page names is there.
- Every block of commands is run by a test or says why not (scripts/docs_pages.py has the marks).
- With TILLER, the program: every `tiller ...` of a block or of a sentence has commands and options that the program
  knows (it says which in `tiller completion bash`), and a value behind each option that takes one.

Prints every fault as path:line; exits 1 if there is any.
"""
import re
import shlex
import subprocess
import sys

from docs_pages import (COMMANDS, ROOT, STARTS_LIKE_A_COMMAND, all_pages, anchors_of, blocks_of, user_pages,
                        without_blocks)

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"(?<!`)`(tiller [^`]+)`(?!`)")
DOCUMENTED = {"layer-average"}  # the method that docs/extending.md adds
FILE = re.compile(r"(?<![\w/.~*-])((?:bench|cmake|data|docs|examples|fuzz|include|python|scripts|src|studies|tests)/[\w./-]+\.\w+)(?![\w/*<-])")
OPERATORS = {"|", "||", "&", "&&", ";", "(", ")", "<(", ">", ">>", "<", "2>"}


class Grammar:
    """The program's commands and options, read from the completion that it prints."""

    def __init__(self, program):
        text = subprocess.run([program, "completion", "bash"], capture_output=True, text=True, check=True).stdout
        self.names, self.options = {}, {}
        for path, names, options in re.findall(r"^ *'(tiller[^']*)'\) names='([^']*)' options='([^']*)'", text, re.MULTILINE):
            self.names[path], self.options[path] = set(names.split()), set(options.split())
        self.names["tiller"] = {path.split()[1] for path in self.names if path.count(" ") == 1}
        self.options.setdefault("tiller", {"--help", "-h", "--version"})
        for path in [path for path in self.names if path.startswith("tiller extract ")]:  # METHOD: any of them
            self.options.setdefault("tiller extract METHOD", set()).update(self.options[path])
        self.with_value = set()
        for alternatives in re.findall(r"^ *('tiller[^)]*)\) is_value=1", text, re.MULTILINE):
            self.with_value.update(re.findall(r"'([^']*)'", alternatives))
        if len(self.names) < 20 or len(self.with_value) < 50:
            sys.exit("check_docs.py cannot read what `tiller completion bash` prints")

    def fault(self, words, whole=True):
        """What is wrong with a command's words, or "". `whole`: values must be there as well."""
        path, i = "tiller", 1
        while i < len(words):
            word = words[i]
            i += 1
            if not word.startswith("-") or re.match(r"^-\.?\d", word) or word == "-":
                if word in self.names.get(path, ()):
                    path += " " + word
                elif path == "tiller extract" and (word == "METHOD" or word in DOCUMENTED):
                    path += " METHOD"
                elif path == "tiller" and word.isidentifier() and word.islower():
                    return f"there is no command '{word}'"
                elif path == "tiller extract" and word.islower():
                    return f"there is no method '{word}'"
                continue
            if word == "--":  # what follows is another program's
                return ""
            if word == "-hf":  # stands for -m hf:, wherever that is
                word = "-m"
            option, _, value = word.partition("=")
            option = option.split("[")[0]
            if option not in self.options.get(path, ()):
                return f"'{path}' has no option '{option}'"
            if f"{path} {option}" in self.with_value and not value and whole:
                if i >= len(words) or (words[i].startswith("-") and len(words[i]) > 1 and not re.match(r"^-\.?\d", words[i])):
                    return f"'{path} {option}' needs a value"
                i += 1
        return ""


def commands_in(text):
    """(line, words) of every `tiller` command of a block; quoted texts may go over several lines."""
    pending, start = "", 0
    for number, line in enumerate(text.split("\n")):
        start = start if pending else number
        pending += ("\n" if pending else "") + line
        if line.endswith("\\"):
            pending = pending[:-1]
            continue
        lexer = shlex.shlex(pending, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, "#"
        try:
            words = list(lexer)
        except ValueError:  # an open quotation mark
            continue
        pending = ""
        part = []
        for word in [*words, ";"]:
            if word not in OPERATORS and not set(word) <= set("|&;()<>"):
                part.append(word.strip("$()") if "$(" in word or word.startswith("$(") else word)
                continue
            while part and re.match(r"^\w+=", part[0]):
                part.pop(0)
            if part and part[0].lstrip("$").split("/")[-1] == "tiller":
                yield start, part
            part = []


def faults_of_links(page):
    for number, line in enumerate(without_blocks(page.read_text(encoding="utf-8")), 1):
        for target in LINK.findall(line):
            if re.match(r"^[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            if not file.exists():
                yield f"{page.relative_to(ROOT)}:{number}: {target} is not there"
            elif anchor and file.suffix == ".md" and anchor not in anchors_of(file):
                yield f"{page.relative_to(ROOT)}:{number}: {name or page.name} has no heading #{anchor}"


def faults_of_files(page):
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        for name in FILE.findall(line):
            if not (ROOT / name).exists() and not (page.parent / name).exists():
                yield f"{page.relative_to(ROOT)}:{number}: there is no {name}"


def faults_of_blocks(page, grammar):
    for block in blocks_of(page):
        if block.language in COMMANDS and not block.mark:
            yield f"{block.where}: a block of commands without a mark; <!-- run --> or <!-- not run: why --> before it"
        if block.language not in COMMANDS and block.mark:
            yield f"{block.where}: a mark on a block that is not ```sh"
        if block.language == "" and STARTS_LIKE_A_COMMAND.search(block.text):
            yield f"{block.where}: commands in a block without a language; ```sh"
        if grammar and block.language in COMMANDS:
            for line, words in commands_in(block.text):
                if fault := grammar.fault(words):
                    yield f"{page.relative_to(ROOT)}:{block.line + 1 + line}: {fault}"


def faults_of_sentences(page, grammar):
    text = page.read_text(encoding="utf-8")
    for match in SPAN.finditer(text):
        command = re.sub(r"\s+", " ", match.group(1)).replace("...", "")
        try:
            words = shlex.split(command)
        except ValueError:
            words = command.split()
        if fault := grammar.fault(words, whole=False):
            yield f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {fault}"


def self_check(grammar):
    """A check that finds nothing in anything would pass, too."""
    for wrong in ("tiller generat -m a", "tiller generate --modle a", "tiller generate -m", "tiller extract icvv -m a"):
        assert grammar.fault(shlex.split(wrong)), wrong
    for right in ("tiller generate -m a -p b --vector c:-1", "tiller extract icv -m a --set alpha=1", "tiller --version"):
        assert not grammar.fault(shlex.split(right)), right
    found = [words for _, words in commands_in("x=1 build/tiller show a | tiller read 'b\nc' # tiller d\n")]
    assert found == [["build/tiller", "show", "a"], ["tiller", "read", "b\nc"]], found


def main():
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    grammar = Grammar(sys.argv[1]) if len(sys.argv) == 2 else None
    faults = []
    if grammar:
        self_check(grammar)
    for page in all_pages():
        faults += faults_of_links(page)
    for page in user_pages():
        faults += faults_of_files(page)
        faults += faults_of_blocks(page, grammar)
        if grammar:
            faults += faults_of_sentences(page, grammar)
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    faults += [f"docs/README.md: {page.name} is missing from the index" for page in sorted((ROOT / "docs").glob("*.md"))
               if page.name != "README.md" and f"({page.name})" not in index]
    n_block = sum(len(blocks_of(page)) for page in user_pages())
    print("\n".join(faults) if faults else f"Pages: links, {n_block} blocks and all commands are right")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
