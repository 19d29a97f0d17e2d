"""What lives how long, threads, signals, and what the module does to its process."""

from __future__ import annotations

import gc
import os
import pathlib
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import tiller

PROMPT = "the cat is"


def python(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)], capture_output=True,
                          text=True, timeout=120, env={**os.environ, **environment})


def test_import_prints_and_writes_nothing(tmp_path):
    done = python("import tiller, sys; assert 'pandas' not in sys.modules and 'tqdm' not in sys.modules",
                  HOME=str(tmp_path), XDG_CACHE_HOME="", TILLER_CACHE_DIR="", PYTHONDONTWRITEBYTECODE="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_work_prints_nothing(folder):
    done = python("""
        import sys, tiller
        lm = tiller.load(sys.argv[1])
        a = tiller.load_vector(sys.argv[2])
        lm.generate("the cat", steer=[None, a])
        lm.extract("icv", pairs=[("the cat", "the dog"), ("hot", "cold")])
        try: lm.generate("the cat", steer=tiller.Edit("residual", 9, [1.0]))
        except tiller.Error: pass
        s = lm.stream("the cat"); next(s)
        """, folder / "tiny.gguf", folder / "a.gguf")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_results_outlive_their_model(folder):
    lm = tiller.load(folder / "tiny.gguf")
    acts = lm.capture([PROMPT] * 3, positions="all")
    dist = lm.next_token(PROMPT, logits=True)
    text = lm.generate(PROMPT, logprobs=True)
    v = lm.extract("icv", pairs=[("the cat", "the dog"), ("hot", "cold"), ("red", "in")])
    kept = [acts[0].copy(), dist.logits.copy(), text.tokens.copy(), text.logprobs.copy(), v.directions[0].copy()]
    now = [acts[0], dist.logits, text.tokens, text.logprobs, v.directions[0]]
    lm.close()
    del lm, acts, dist, text, v
    gc.collect()
    with tiller.load(folder / "tiny.gguf") as other:
        other.generate([PROMPT] * 8)
    for then, value in zip(kept, now):
        assert np.array_equal(then, value)


def test_stream_keeps_its_model(folder):
    lm = tiller.load(folder / "tiny.gguf")
    whole = lm.generate(PROMPT, max_tokens=30)
    stream = lm.stream(PROMPT, max_tokens=30)
    text = next(stream).text
    lm.close()
    del lm
    gc.collect()
    assert text + "".join(event.text for event in stream) == whole
    assert next(stream, None) is None


def test_half_read_streams(folder):
    """Dropped, closed, and read beside others and beside generate()."""
    lm = tiller.load(folder / "tiny.gguf")
    whole = lm.generate(PROMPT, max_tokens=30)
    for _ in range(3):
        dropped = lm.stream(PROMPT, max_tokens=30)
        next(dropped)
        del dropped
    with lm.stream(PROMPT, max_tokens=30) as closed:
        next(closed)
    assert list(closed) == []
    streams = [lm.stream(PROMPT, max_tokens=30) for _ in range(3)]
    texts = [""] * 3
    for _ in range(5):
        for i, stream in enumerate(streams):
            texts[i] += next(stream).text
        assert lm.generate(PROMPT, max_tokens=30) == whole
    assert [t + "".join(e.text for e in s) for t, s in zip(texts, streams)] == [whole] * 3


def test_one_stream_in_two_threads(lm):
    """Each event once, or a refusal; never both threads in one step."""
    whole = lm.generate(PROMPT, max_tokens=200)
    stream = lm.stream(PROMPT, max_tokens=200)
    refused: list[str] = []
    events: list[str] = []

    def read() -> None:
        while True:
            try:
                events.append(next(stream).text)
            except StopIteration:
                return
            except tiller.UsageError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("".join(events)) == sorted(whole)
    assert all("another thread" in text for text in refused)


def test_closed_model(folder):
    with tiller.load(folder / "tiny.gguf") as lm:
        digest = lm.digest
    for call in (lambda: lm.generate(PROMPT), lambda: lm.tokenize(PROMPT), lambda: lm.chat_template):
        with pytest.raises(tiller.UsageError, match="closed"):
            call()
    assert lm.digest == digest and "closed" in repr(lm)


def test_threads_take_turns(lm, a):
    expected = [lm.generate(PROMPT, steer=0.1 * i * a, max_tokens=10) for i in range(8)]
    found: list[object] = [None] * 8

    def work(i: int) -> None:
        found[i] = lm.generate(PROMPT, steer=0.1 * i * a, max_tokens=10)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_forked_process(folder):
    done = python("""
        import os, sys, tiller
        lm = tiller.load(sys.argv[1])
        lm.generate("the cat")
        if os.fork() == 0:
            try: lm.generate("the cat")
            except tiller.UsageError as error: print("spawn" in str(error), flush=True)
            os._exit(0)
        os.wait()
        """, folder / "tiny.gguf")
    assert done.stdout.split() == ["True"], done.stderr


LONG = """
    import os, signal, sys, threading, time, tiller
    lm = tiller.load(sys.argv[1], threads=1)
    ready = threading.Event()
    def interrupt():
        ready.wait(); time.sleep(0.3); os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
"""


def test_ctrl_c_stops_generation(folder):
    done = python(LONG + """
    ready.set()
    begin = time.monotonic()
    try:
        while True: lm.generate(["the cat"] * 64, max_tokens=900)
    except KeyboardInterrupt:
        print("stopped")
    print(lm.generate("the cat", max_tokens=5) != "")
    """, folder / "tiny.gguf")
    assert done.stdout.split() == ["stopped", "True"], done.stderr


def test_the_interpreter_runs_meanwhile(folder):
    done = python(LONG + """
    count = 0
    def tick():
        global count
        while True: count += 1; time.sleep(0.001)
    threading.Thread(target=tick, daemon=True).start()
    before = count
    lm.generate(["the cat"] * 64, max_tokens=400)
    print(count - before > 20)
    """, folder / "tiny.gguf")
    assert done.stdout.split() == ["True"], done.stderr


def test_ctrl_c_leaves_a_comparison_that_goes_on(folder, tmp_path):
    code = LONG + """
    import json, logging
    kwargs = dict(tasks=[sys.argv[2]], methods=["mean-diff"], n_test=40, n_valid=20, n_mean=6, n_patch=3, n_pairs=6,
                  n_shot=2, out=sys.argv[3], progress=lambda what, done, all: None)
    if sys.argv[4] == "stop":
        def stop(what, done, all):  # whatever is seen first: short steps of a tiny model are not all told of
            raise KeyboardInterrupt
        kwargs["progress"] = stop
        logging.basicConfig()
    try:
        run = tiller.compare(lm, **kwargs)
        print(json.dumps(run.summary["tasks"], sort_keys=True))
    except KeyboardInterrupt:
        print("stopped")
    """
    task = folder / "second.json"
    stopped = python(code, folder / "tiny.gguf", task, tmp_path / "run", "stop")
    assert stopped.stdout.split() == ["stopped"] and "goes on from there" in stopped.stderr, stopped.stderr
    # The first step that is seen may come before the plan is written, or after.
    assert not (tmp_path / "run/report.html").exists()
    resumed = python(code, folder / "tiny.gguf", task, tmp_path / "run", "go on")
    whole = python(code, folder / "tiny.gguf", task, tmp_path / "whole", "whole")
    assert resumed.stdout == whole.stdout != "", resumed.stderr + whole.stderr


def test_progress(folder, lm):
    seen = []
    lm.extract("fv", task=folder / "second.json", n_mean=20, n_patch=10, n_shot=3,
               progress=lambda what, done, all: seen.append((what, done, all)))
    assert seen and all(done <= all for _, done, all in seen)

    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    with pytest.raises(Stop):
        lm.extract("fv", task=folder / "second.json", n_mean=40, n_patch=20, n_shot=3, progress=stop)
    assert lm.generate(PROMPT, max_tokens=3)


def test_no_other_engine_in_the_process():
    """ggml and llama are linked into the module, or lie in the wheel; no installed one is taken."""
    done = python("""
        import tiller
        maps = open("/proc/self/maps").read()
        print(*sorted({line.split()[-1] for line in maps.splitlines() if "ggml" in line or "libllama" in line}))
        """)
    place = pathlib.Path(tiller.__file__).parents[1] / "tiller_steering.libs"
    assert done.returncode == 0 and done.stderr == ""
    assert all(pathlib.Path(file).parent == place for file in done.stdout.split()), done.stdout


def test_data_of_the_package():
    from tiller import _tiller

    assert pathlib.Path(_tiller.data_dir(), "truncated_sentences.json").exists()
    assert pathlib.Path(tiller.tasks()["antonym"]).exists()
    assert "fv" in tiller.methods() and "gemma3-270m" in tiller.known_models()
