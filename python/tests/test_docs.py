"""docs/python.md block by block, the notebook, and the types."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import ROOT, real_model

import tiller


@pytest.fixture
def model(folder: pathlib.Path) -> str:
    """gemma3-270m where it was fetched, else the tiny model."""
    return real_model() or str(folder / "tiny.gguf")


def test_every_block_of_the_page(model, tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs/python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 7
    load = tiller.load
    monkeypatch.setattr(tiller, "load", lambda name: load(model if name == "gemma3-270m" else name))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/python.md, block {number}", "exec"), names)
    assert (tmp_path / "report.html").exists()
    assert capsys.readouterr().err == ""


def test_the_page_names_what_is_there():
    page = (ROOT / "docs/python.md").read_text()
    for name in set(re.findall(r"tiller\.([A-Za-z_]+)\(", page)):
        assert hasattr(tiller, name), name
    for name in set(re.findall(r"\blm\.([a-z_]+)", page)):
        assert hasattr(tiller.Model, name), name
    for name in set(re.findall(r"`([A-Z][A-Za-z]+Error)`", page)):
        assert issubclass(getattr(tiller, name), tiller.Error)


def test_the_notebook(model, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("matplotlib")
    pytest.importorskip("ipykernel")
    book = nbformat.read(ROOT / "examples/steering.ipynb", as_version=4)
    assert all(cell.cell_type != "code" or not cell.outputs for cell in book.cells), "store it without outputs"
    monkeypatch.setenv("TILLER_MODEL", model)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(tiller.__file__).parents[1]))
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    images = [out for cell in book.cells if cell.cell_type == "code" for out in cell.outputs
              if "image/png" in out.get("data", {})]
    assert images
    # Bars of tqdm may stand there, warnings may not.
    told = "".join(out["text"] for cell in book.cells if cell.cell_type == "code" for out in cell.outputs
                   if out.get("name") == "stderr")
    assert "arning" not in told, told
    if folder := os.environ.get("TILLER_KEEP_FIGURES"):
        pathlib.Path(folder, "steering.png").write_bytes(base64.b64decode(images[-1]["data"]["image/png"]))
        nbformat.write(book, pathlib.Path(folder, "steering.ipynb"))


def test_types(tmp_path):
    """The package and the page's blocks pass mypy --strict, the notebook mypy without it."""
    pytest.importorskip("mypy")
    page = (ROOT / "docs/python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "page.py").write_text("\n".join(blocks))
    book = json.loads((ROOT / "examples/steering.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 3
    (tmp_path / "notebook.py").write_text("\n".join(cells))
    (tmp_path / "calls.py").write_text(CALLS)
    environment = dict(os.environ)
    place = pathlib.Path(tiller.__file__).parents[1]
    if place.name != "site-packages":  # of this Python, which mypy looks at by itself
        environment["MYPYPATH"] = str(place)
    strict = str(ROOT / "pyproject.toml")
    for config, what in ((strict, ["-p", "tiller"]), (strict, [str(tmp_path / "page.py")]),
                         ("", [str(tmp_path / "notebook.py")]), (strict, [str(tmp_path / "calls.py")])):
        done = subprocess.run([sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir",
                               str(tmp_path / "cache"), *what], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr


# What calls give, by their arguments.
CALLS = """
from __future__ import annotations
from typing import assert_type
import numpy as np
from numpy.typing import NDArray
import tiller

lm = tiller.load("m")
v = tiller.load_vector("v")
assert_type(lm.generate("a"), tiller.Continuation)
assert_type(lm.generate("a", steer=v, temperature=1), tiller.Continuation)
assert_type(lm.generate("a", steer=[None, 0.4 * v]), list[tiller.Continuation])
assert_type(lm.generate(["a", "b"]), list[tiller.Continuation])
assert_type(lm.next_token("a"), tiller.NextToken)
assert_type(lm.next_token(["a"], steer=v), list[tiller.NextToken])
assert_type(lm.logprobs("a", "b"), NDArray[np.float32])
assert_type(lm.logprobs(["a"], "b"), list[NDArray[np.float32]])
assert_type(lm.capture(["a", "b"]), NDArray[np.float32])
assert_type(lm.capture("a", positions="all"), NDArray[np.float32])
assert_type(lm.capture(["a", "b"], positions="all"), list[NDArray[np.float32]])
assert_type(lm.capture(["a", "b"], positions="all", mean=True), NDArray[np.float32])
assert_type(0.5 * v + v, tiller.SteeringVector)
"""
