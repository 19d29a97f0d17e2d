#!/usr/bin/env python3
"""Run the blocks of README.md or a page of docs/ that are marked <!-- run -->, so that the page stays true.

Usage: run_docs.py TILLER [--model gemma3-270m] PAGE...

TILLER is the program. Without --model a tiny model of random weights takes the place of every model that the page names, and
comparisons are cut short; with it, the model of that name in the cache does, in full (exit code 77 where it is not
there). Each page has a folder of its own. Stops at the first command that fails; prints each block before it runs.
"""
import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from docs_pages import ROOT, blocks_of

MODELS = ("gemma3-270m", "smollm2-135m", "qwen2.5-coder-1.5b")
FILES = ("my-7b.gguf", "my-7b-instruct.gguf")  # names that pages use for a model of the reader's
# A tiny model says nothing, so few items are enough for it.
SHORT = {"--n-test": "6", "--n-valid": "4", "--n-mean": "5", "--n-patch": "3", "--n-pairs": "5", "--shots": "2"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def shortened(line):
    """A line with `tiller compare`, asked for few items and settings where it names none."""
    if not re.search(r"tiller compare", line) or "--print-plan" in line:
        return line
    code, hash_, comment = re.match(r"^((?:[^#']|'[^']*')*)(#?)(.*)$", line).groups()
    words = code.split()
    more = " ".join(f"{option} {value}" for option, value in SHORT.items() if option not in words)
    if "--tune" not in code and "--folds" not in code and "--plan" not in code and "--protocol" not in code:
        more += " --folds 2"
    return f"{code.rstrip()} {more} {hash_}{comment}"


def prepare(folder, program, model):
    """The program and the models, under the names that pages use."""
    for place in ("bin", "build"):
        Path(folder, place).mkdir()
        Path(folder, place, "tiller").symlink_to(program)
    for name in ("studies", "data", "scripts", "examples"):
        Path(folder, name).symlink_to(ROOT / name)
    for name in FILES:
        shutil.copyfile(model, Path(folder, name))


def run_page(page, program, model, tiny):
    blocks = [block for block in blocks_of(page) if block.mark in ("run", "quiet")]
    if not blocks:
        sys.exit(f"{page}: no block is marked <!-- run -->")
    with tempfile.TemporaryDirectory() as folder:
        if tiny:
            sys.path.insert(0, str(ROOT / "tests/serve/clients"))
            from tiny import tiny_model

            model = f"{folder}/tiny.gguf"
            Path(model).write_bytes(tiny_model())
        prepare(folder, program, model)
        environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "TILLER_CACHE_DIR": f"{folder}/cache"}
        port = str(free_port())
        for block in blocks:
            text = block.text.replace("8123", port)
            for name in MODELS:
                text = re.sub(rf"(?<![\w/.-]){re.escape(name)}(?![\w.-])", model, text)
            if tiny:
                text = "\n".join(shortened(line) for line in text.split("\n"))
            print(f"--- {block.where}\n{text}", flush=True)
            begin = time.monotonic()
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment,
                                  stdin=subprocess.DEVNULL, check=False)
            print(f"({time.monotonic() - begin:.1f} s)\n", flush=True)
            if done.returncode:
                sys.exit(f"{block.where} ended with {done.returncode}")
    print(f"{page.relative_to(ROOT)}: {len(blocks)} blocks ran")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--model")
    parser.add_argument("pages", nargs="+")
    given = parser.parse_args()
    program = given.program.resolve()
    model = ""
    if given.model:
        model = subprocess.run([program, "models", "path", given.model], capture_output=True, text=True, check=False).stdout.strip()
        if not Path(model).is_file():
            print(f"{given.model} was not fetched: tiller models get {given.model}")
            sys.exit(77)
    for page in given.pages:
        run_page(ROOT / page, program, model, not given.model)


if __name__ == "__main__":
    main()
