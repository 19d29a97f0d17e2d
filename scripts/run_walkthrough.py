#!/usr/bin/env python3
"""Run the blocks of docs/walkthrough.md in a folder of their own, so that the document stays true.

Usage: run_walkthrough.py TILLER [MODEL]

TILLER is the program. MODEL takes the place of gemma3-270m; without one, a tiny model of random weights does, and the
comparisons are cut short. Stops at the first command that fails; prints each block before it runs.
"""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A tiny model says nothing, so few items are enough for it.
SHORT = " --n-test 6 --n-valid 4 --n-mean 5 --n-patch 3 --n-pairs 5 --shots 2"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    program = Path(sys.argv[1]).resolve()
    blocks = BLOCK.findall((ROOT / "docs/walkthrough.md").read_text(encoding="utf-8"))
    if len(blocks) < 5:
        sys.exit("docs/walkthrough.md has fewer blocks than expected")
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) == 3:
            model = str(Path(sys.argv[2]).resolve())
        else:
            sys.path.insert(0, str(ROOT / "tests/serve/clients"))
            from tiny import tiny_model

            model = f"{folder}/tiny.gguf"
            Path(model).write_bytes(tiny_model())
        Path(folder, "bin").mkdir()
        Path(folder, "bin/tiller").symlink_to(program)
        environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "TILLER_CACHE_DIR": f"{folder}/cache"}
        for block in blocks:
            block = block.replace("gemma3-270m", model).replace("8123", str(free_port()))
            if len(sys.argv) == 2:
                block = re.sub(r"(tiller compare [^\n]*)", r"\1" + SHORT, block)
            print(block, flush=True)
            begin = time.monotonic()
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=folder, env=environment, check=False)
            print(f"({time.monotonic() - begin:.1f} s)\n", flush=True)
            if done.returncode:
                sys.exit(f"a block of docs/walkthrough.md ended with {done.returncode}")
    print(f"docs/walkthrough.md: {len(blocks)} blocks ran")


if __name__ == "__main__":
    main()
