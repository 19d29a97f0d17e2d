"""What the module brings into a process, and what it leaves to the others there."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import textwrap

import pytest

OPENMP = r"/\S*lib(?:gomp|iomp|omp)[-.5]\S*"

USE = f"""
    import pathlib, re
    def openmp():
        return set(re.findall(r"{OPENMP}", pathlib.Path("/proc/self/maps").read_text()))
    def use_tiller():
        import tiller
        lm = tiller.load("tiny.gguf", threads=2)
        v = tiller.load_vector("a.gguf")
        texts = lm.generate("the cat", steer=[None, v], max_tokens=6)
        assert [len(text.tokens) for text in texts] == [6, 6]
    def use_torch():
        import torch
        assert torch.equal(torch.ones(300, 300) @ torch.ones(300, 300), torch.full((300, 300), 300.0))
"""


def run(code: str, folder: pathlib.Path) -> None:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(USE) + textwrap.dedent(code)], cwd=folder,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_openmp_runtime(folder):
    """The engine has its own threads: nothing that could clash with another library's OpenMP is loaded."""
    run("""
        use_tiller()
        assert not openmp(), openmp()
    """, folder)


@pytest.mark.parametrize("order", ["use_tiller, use_torch", "use_torch, use_tiller"])
def test_beside_torch(folder, order):
    pytest.importorskip("torch")
    run(f"""
        import sys
        for use in ({order}):
            use()
        use_tiller(), use_torch()
        both = openmp()
        assert len(both) == 1 and "torch" in next(iter(both)), both  # torch's own
    """, folder)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_beside_another_libllama(folder, tmp_path):
    """Another package's engine in the process, under the names that the loader goes by, is not taken for ours."""
    for name in ("libllama.so.0", "libggml.so.0", "libggml-base.so.0"):
        subprocess.run(["cc", "-shared", "-x", "c", "/dev/null", f"-Wl,-soname,{name}", "-o", str(tmp_path / name)], check=True)
    run(f"""
        import ctypes
        others = [ctypes.CDLL(str(file)) for file in pathlib.Path("{tmp_path}").iterdir()]
        assert len(others) == 3
        use_tiller()
    """, folder)
