"""A tiny model, vectors for it, and the program beside the module."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/serve/clients"))

import tiny  # noqa: E402

import tiller  # noqa: E402


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """tiny.gguf; a.gguf and b.gguf, control vectors for it; tasks and pairs."""
    path = tmp_path_factory.mktemp("tiller")
    (path / "tiny.gguf").write_bytes(tiny.tiny_model())
    (path / "a.gguf").write_bytes(tiny.control_vector(1))
    (path / "b.gguf").write_bytes(tiny.control_vector(2, layers=[1, 2]))
    words = ["the", "cat", "dog", "red", "sun", "hot", "cold", "is", "in", "film", "was", "a"]
    items = [{"input": f"{a} {b}", "output": b} for a in words for b in words if a != b]
    (path / "second.json").write_text(json.dumps(items[:60]))
    pairs = [{"negative": f"the {a} is cold", "positive": f"the {a} is hot {b}"} for a, b in zip(words, words[1:])]
    (path / "pairs.json").write_text(json.dumps(pairs))
    return path


@pytest.fixture(scope="session")
def lm(folder: pathlib.Path) -> tiller.Model:
    return tiller.load(folder / "tiny.gguf", threads=2)


@pytest.fixture(scope="session")
def a(folder: pathlib.Path) -> tiller.SteeringVector:
    return tiller.load_vector(folder / "a.gguf")


@pytest.fixture(scope="session")
def b(folder: pathlib.Path) -> tiller.SteeringVector:
    return tiller.load_vector(folder / "b.gguf")


@pytest.fixture(scope="session")
def pairs(folder: pathlib.Path) -> list[tuple[str, str]]:
    return [(p["negative"], p["positive"]) for p in json.loads((folder / "pairs.json").read_text())]


@pytest.fixture(scope="session")
def program(folder: pathlib.Path):
    """program(*arguments): what the command prints, as JSON. It works in the folder of the tiny model."""
    file = os.environ.get("TILLER") or str(pathlib.Path(sys.executable).with_name("tiller"))
    if not os.access(file, os.X_OK):
        pytest.fail(f"the program is not at {file}; name it in TILLER")

    def run(*arguments: object) -> object:
        done = subprocess.run([file, *map(str, arguments), "--threads", "2", "--json", "--quiet"], cwd=folder,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def real_model() -> str | None:
    """gemma3-270m's file where it was fetched."""
    home = os.environ.get("TILLER_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tiller")
    file = os.path.join(home, "models", "gemma3-270m.gguf")
    return file if os.path.exists(file) else None
