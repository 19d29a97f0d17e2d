"""What is wrong is named: the argument, what was found, what was expected."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tiller
from tiller import ArgumentTypeError, Edit, SteeringVector, UsageError

PROMPT = "the cat"


@pytest.mark.parametrize("vector,kind,words", [
    ("abc", TypeError, ["vector", "expected real numbers"]),
    (["1", "2"], TypeError, ["vector", "<U1"]),
    ([1j], TypeError, ["vector", "complex128"]),
    ([True], TypeError, ["vector", "bool"]),
    ([None], TypeError, ["vector", "object"]),
    ([1.0, np.nan], ValueError, ["vector", "nan", "(1,)", "finite"]),
    ([1e39], ValueError, ["vector", "1e+39", "finite"]),
    ([[1.0, 2.0]], ValueError, ["vector", "(1, 2)", "1 axis"]),
    ([], ValueError, ["vector", "(0,)"]),
    (3.0, ValueError, ["vector", "()"]),
])
def test_vector_of_an_edit(vector, kind, words):
    with pytest.raises(kind) as error:
        Edit("residual", 0, vector)
    assert isinstance(error.value, tiller.Error)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("change,words", [
    ({"site": "resid"}, ["site", "'resid'", "mlp_output"]),
    ({"site": 3}, ["site", "3 (int)", "text"]),
    ({"layer": "1"}, ["layer", "'1' (str)", "whole number"]),
    ({"layer": 1.0}, ["layer", "1.0 (float)"]),
    ({"layer": True}, ["layer", "True (bool)"]),
    ({"layer": -1}, ["layer", "-1"]),
    ({"operation": "multiply"}, ["operation", "'multiply'", "turn"]),
    ({"positions": "last"}, ["positions", "'last'", "last_prompt"]),
    ({"positions": range(0, 8, 2)}, ["positions", "range(0, 8, 2)", "step 1"]),
    ({"positions": ("last", 0)}, ["positions", "0"]),
    ({"positions": 3}, ["positions", "3 (int)"]),
    ({"strength": "0.5"}, ["strength", "'0.5' (str)", "a number"]),
    ({"strength": float("inf")}, ["strength", "inf"]),
    ({"head": 2}, ["head", "head_output"]),
    ({"operation": "project"}, ["vector", "(48,)", "2 axis"]),
])
def test_other_arguments_of_an_edit(change, words):
    given = {"site": "residual", "layer": 1, "vector": np.zeros(48), **change}
    with pytest.raises(UsageError) as error:
        Edit(**given)
    for word in words:
        assert word in str(error.value)


def test_what_only_the_model_knows(lm):
    for edit, words in [(Edit("residual", 7, np.zeros(48)), ["7"]), (Edit("residual", 1, np.zeros(47)), ["47", "48"]),
                        (Edit("head_output", 1, np.zeros(16), head=9), ["9"])]:
        with pytest.raises(tiller.Error) as error:
            lm.generate(PROMPT, steer=edit)
        for word in words:
            assert word in str(error.value)


@pytest.mark.parametrize("call,words", [
    (lambda lm: lm.generate(3), ["prompts", "3 (int)"]),
    (lambda lm: lm.generate([]), ["prompts", "empty"]),
    (lambda lm: lm.generate([PROMPT, 3]), ["prompts[1]", "3 (int)"]),
    (lambda lm: lm.generate(b"the"), ["prompts", "bytes"]),
    (lambda lm: lm.generate(PROMPT, steer="v.gguf"), ["steer", "'v.gguf' (str)", "SteeringVector"]),
    (lambda lm: lm.generate([PROMPT] * 2, steer=[None] * 3), ["steer", "3 entries", "2 prompts"]),
    (lambda lm: lm.generate(PROMPT, steer=[[None]]), ["steer", "None"]),
    (lambda lm: lm.generate(PROMPT, max_tokens=0), ["max_tokens", "0"]),
    (lambda lm: lm.generate(PROMPT, max_tokens="8"), ["max_tokens", "'8' (str)"]),
    (lambda lm: lm.generate(PROMPT, temperature=-1), ["temperature", "-1"]),
    (lambda lm: lm.generate(PROMPT, temperature=float("nan")), ["temperature", "nan"]),
    (lambda lm: lm.generate(PROMPT, seed=[1, 2]), ["seed", "2 seeds", "1 rows"]),
    (lambda lm: lm.generate(PROMPT, stop=[3]), ["stop[0]", "3 (int)"]),
    (lambda lm: lm.generate([{"role": "user"}]), ["content"]),
    (lambda lm: lm.stream([PROMPT, PROMPT]), ["prompt", "expected one"]),
    (lambda lm: lm.next_token(PROMPT, top=0), ["top", "0"]),
    (lambda lm: lm.logprobs([PROMPT] * 3, ["a", "b"]), ["continuations", "2 texts", "3 prompts"]),
    (lambda lm: lm.logprobs(PROMPT, 3), ["continuations", "3 (int)"]),
    (lambda lm: lm.logprobs(3, "a"), ["prompts", "3 (int)"]),
    (lambda lm: lm.generate(PROMPT, logprobs="yes"), ["logprobs", "'yes' (str)"]),
    (lambda lm: lm.generate({"a": 1}), ["prompts", "dict"]),
    (lambda lm: lm.generate(PROMPT, temprature=1), ["temprature", "temperature"]),
    (lambda lm: lm.logprobs(PROMPT, ""), ["continuations", "empty"]),
    (lambda lm: lm.capture(PROMPT, site="embed"), ["site", "'embed'"]),
    (lambda lm: lm.capture(PROMPT, layers=range(0, 9)), ["layers", "range(0, 9)", "3"]),
    (lambda lm: lm.capture(PROMPT, layers=1), ["layers", "1 (int)"]),
    (lambda lm: lm.capture(PROMPT, positions="generated"), ["positions", "generated"]),
    (lambda lm: lm.extract("icv"), ["task", "pairs"]),
    (lambda lm: lm.extract("icv", pairs=[]), ["pairs", "empty"]),
    (lambda lm: lm.extract("icv", pairs=["ab"]), ["pairs[0]", "'ab'"]),
    (lambda lm: lm.extract("icv", pairs=[("a", 1)]), ["pairs[0][1]", "1 (int)"]),
    (lambda lm: lm.extract("fvv", pairs=[("a", "b")]), ["fvv", "fv"]),
    (lambda lm: lm.extract("icv", pairs=[("a", "b")], layer=3), ["layer", "alpha"]),
    (lambda lm: lm.extract("icv", pairs=[("a", "b")], alpha="1"), ["alpha", "'1' (str)"]),
    (lambda lm: lm.extract("icv", pairs=[("a", "b")], n_patch=3), ["n_patch", "n_pairs"]),
    (lambda lm: lm.extract("fv", pairs=[("a", "b")]), ["fv", "task"]),
    (lambda lm: lm.extract("fv", task="antonymm"), ["antonym"]),
    (lambda lm: lm.detokenize([10**6]), ["tokens[0]", "1000000"]),
    (lambda lm: lm.detokenize("abc"), ["tokens", "tokenize"]),
])
def test_calls(lm, call, words):
    with pytest.raises(tiller.Error) as error:
        call(lm)
    for word in words:
        assert word in str(error.value)
    assert isinstance(error.value, (ValueError, TypeError))


def test_vectors():
    for given, words in [({}, ["directions"]), ([1.0], ["directions"]), ({"a": [1.0]}, ["'a' (str)"]),
                         ({0: [1.0], 1: [1.0, 2.0]}, ["widths [1, 2]"])]:
        with pytest.raises(UsageError) as error:
            SteeringVector(given)
        for word in words:
            assert word in str(error.value)
    with pytest.raises(UsageError, match="head_output"):
        SteeringVector({0: [1.0]}, site="head_output")
    with pytest.raises(UsageError, match="positions"):
        SteeringVector({0: [1.0]}, positions=range(3))
    assert issubclass(ArgumentTypeError, (TypeError, UsageError))


def test_load(folder, tmp_path):
    with pytest.raises(tiller.MissingError, match="none.gguf"):
        tiller.load(tmp_path / "none.gguf")
    with pytest.raises(UsageError, match="gemma3-270m"):
        tiller.load("gemma3-270")
    with pytest.raises(UsageError, match="cache"):
        tiller.load(folder / "tiny.gguf", cache="f8")
    with pytest.raises(UsageError, match="gpu_layers"):
        tiller.load(folder / "tiny.gguf", exact=True, gpu_layers=1)
    (tmp_path / "bad.gguf").write_bytes(b"nothing of the kind")
    with pytest.raises(tiller.BadInputError, match="bad.gguf"):
        tiller.load(tmp_path / "bad.gguf")


def test_control_names(lm, folder, tmp_path):
    for call in (lambda: lm.generate("the <s> cat"), lambda: lm.tokenize("the <s> cat"),
                 lambda: lm.tokenize("the <s> cat", bos=False)):
        with pytest.raises(tiller.Error, match="<s>"):
            call()
    task = tmp_path / "special.json"
    items = [{"input": f"{w} <s>", "output": w} for w in ("cat", "dog", "red", "sun", "hot", "cold", "film", "in")]
    task.write_text(json.dumps({"special": True, "items": items}))
    with pytest.raises(UsageError, match='control_names="parse"'):
        lm.extract("mean-diff", task=task, n_pairs=3)
    with tiller.load(folder / "tiny.gguf", control_names="parse") as parses:
        assert parses.tokenize("<s>", bos=False).tolist() == [1]
        assert parses.extract("mean-diff", task=task, n_pairs=3).provenance["task"] == "special"
    with tiller.load(folder / "tiny.gguf", control_names="text") as texts:
        assert 1 not in texts.tokenize("<s>", bos=False)


def test_hub_names(monkeypatch, folder):
    import sys
    import types

    hub = types.ModuleType("huggingface_hub")
    files = ["README.md", "q4.gguf"]
    fetched = []

    def download(repo, file):
        fetched.append((repo, file))
        return str(folder / "tiny.gguf")

    hub.list_repo_files = lambda repo: files
    hub.hf_hub_download = download
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)

    def file_of(name):
        fetched.clear()
        with tiller.load(name) as lm:
            assert lm.name == "tiny"
        assert {repo for repo, _ in fetched} == {"u/r"}
        return [file for _, file in fetched]

    for name in ("hf:u/r", "hf:u/r/q4.gguf", "hf:u/r:q4.gguf"):
        assert file_of(name) == ["q4.gguf"]
    # As the program chooses: a quantisation is a word of the name, parts come all.
    files[:] = ["a-Q2_K.gguf", "mmproj-Q4_K_M.gguf", "a-Q8_0.gguf", "b-Q4_K_S-00002-of-00002.gguf", "b-Q4_K_S-00001-of-00002.gguf"]
    assert file_of("hf:u/r") == ["a-Q8_0.gguf"]
    assert file_of("hf:u/r:q2_k") == ["a-Q2_K.gguf"]
    assert file_of("hf:u/r:Q4_K_S") == ["b-Q4_K_S-00001-of-00002.gguf", "b-Q4_K_S-00002-of-00002.gguf"]
    files.append("c-Q4_K_M.gguf")
    assert file_of("hf:u/r") == ["c-Q4_K_M.gguf"]
    with pytest.raises(UsageError, match="a-Q2_K.gguf"):
        tiller.load("hf:u/r:Q4_K")
    with pytest.raises(UsageError, match="hf:user/repo"):
        tiller.load("hf:u")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(tiller.MissingError, match="pip install huggingface_hub"):
        tiller.load("hf:u/r")
