"""The module's results are the program's, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import real_model

import tiller

PROMPTS = ["the cat is", "hot", "in the red sun a dog"]


def f32(values: object) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_generate(lm, a, b, program):
    flags = ["generate", "-m", "tiny.gguf", *[x for p in PROMPTS for x in ("-p", p)], "-n", 20]
    for vectors, steer in [([], None), (["a.gguf"], a), (["a.gguf:-2.5"], a.at(-2.5)),
                           (["a.gguf:0.5", "b.gguf"], [[a.at(0.5), b]] * len(PROMPTS))]:
        rows = program(*flags, *[x for v in vectors for x in ("--vector", v)])
        texts = lm.generate(PROMPTS, steer=steer, max_tokens=20)
        assert [r["text"] for r in rows] == texts
        assert [r["tokens"] for r in rows] == [t.tokens.tolist() for t in texts]
        assert [r["finish"] for r in rows] == [t.finish for t in texts]


def test_sampled(lm, a, program):
    rows = program("generate", "-m", "tiny.gguf", "-p", PROMPTS[0], "-n", 20, "--vector", "a.gguf",
                   "--temperature", 1.3, "--top-p", 0.9, "--top-k", 40, "--seed", 7, "--samples", 3)
    texts = lm.generate([PROMPTS[0]] * 3, steer=a, max_tokens=20, temperature=1.3, top_p=0.9, top_k=40,
                        seed=[7, 8, 9])
    assert [r["tokens"] for r in rows] == [t.tokens.tolist() for t in texts]
    assert len({t for t in texts}) == 3


def test_stop(lm, program):
    whole = lm.generate(PROMPTS[0], max_tokens=30)
    stop = whole[5:7]
    rows = program("generate", "-m", "tiny.gguf", "-p", PROMPTS[0], "-n", 30, "--stop", stop)
    text = lm.generate(PROMPTS[0], max_tokens=30, stop=stop)
    assert text == rows[0]["text"] and text.finish == "stop_text" and stop not in text


def test_next(lm, a, program):
    for vectors, steer in [([], None), (["--vector", "a.gguf:1.5"], a.at(1.5))]:
        found = program("next", "-m", "tiny.gguf", "-p", PROMPTS[0], "--top", 12, *vectors)["tokens"]
        dist = lm.next_token(PROMPTS[0], steer=steer, top=12, logits=True)
        assert [t["id"] for t in found] == dist.ids.tolist()
        assert [t["text"] for t in found] == dist.tokens
        assert np.array_equal(f32([t["logprob"] for t in found]), dist.logprobs)
        with pytest.raises(tiller.UsageError, match="logits=True"):
            lm.next_token(PROMPTS[0]).logits
        # The logits say the same as the log-probabilities.
        z = dist.logits.astype(np.float64)
        assert np.allclose((z - np.log(np.exp(z - z.max()).sum()) - z.max())[dist.ids], dist.logprobs, atol=1e-4)


def test_chat(lm, a, program):
    rows = program("generate", "-m", "tiny.gguf", "-p", "the cat", "--chat", "-n", 12, "--vector", "a.gguf")
    messages = [{"role": "user", "content": "the cat"}]
    text = lm.generate(messages, steer=a, max_tokens=12)
    assert text == rows[0]["text"]
    assert rows[0]["prompt"] == lm.chat_prompt(messages)


@pytest.mark.parametrize("method,settings", [("icv", {"alpha": 0.7}), ("mean-diff", {"layer": 1}), ("repe", {})])
def test_extract_from_pairs(lm, pairs, program, folder, method, settings):
    flags = [x for name, value in settings.items() for x in ("--set", f"{name}={value}")]
    program("extract", method, "-m", "tiny.gguf", "--pairs", "pairs.json", "-o", f"{method}.gguf", *flags)
    same_vector(lm.extract(method, pairs=pairs, **settings), tiller.load_vector(folder / f"{method}.gguf"))


@pytest.mark.parametrize("method,counts", [("fv", {"n_mean": 6, "n_patch": 3, "n_shot": 3}), ("icv", {"n_pairs": 8}),
                                           ("task-vector", {"n_mean": 6, "n_shot": 3})])
def test_extract_from_a_task(lm, program, folder, method, counts):
    flags = [x for name, value in counts.items()
             for x in ("--" + name.replace("_", "-").replace("n-shot", "shots"), value)]
    program("extract", method, "-m", "tiny.gguf", "-t", "second.json", "-o", f"{method}-task.gguf", "--seed", 3, *flags)
    made = lm.extract(method, task=folder / "second.json", seed=3, **counts)
    same_vector(made, tiller.load_vector(folder / f"{method}-task.gguf"))
    assert made.provenance["task"] == "second"


def test_several_turns(lm, pairs, program, folder):
    """Vectors that turn the same layer share the turn; where only one turns it, it has all of its strength."""
    v, w = lm.extract("icv", pairs=pairs[:6]), lm.extract("icv", pairs=pairs[6:]).only_layers(0, 0)
    v.save(folder / "turn-v.gguf")
    w.save(folder / "turn-w.gguf")
    found = program("next", "-m", "tiny.gguf", "-p", PROMPTS[0], "--top", 12, "--vector", "turn-v.gguf:3", "--vector",
                    "turn-w.gguf:2")["tokens"]
    dist = lm.next_token(PROMPTS[0], steer=[[v.at(3), w.at(2)]], top=12)[0]
    assert [t["id"] for t in found] == dist.ids.tolist()
    assert np.array_equal(f32([t["logprob"] for t in found]), dist.logprobs)


def same_vector(made: tiller.SteeringVector, read: tiller.SteeringVector) -> None:
    assert made.layers == read.layers and made.strength == read.strength
    assert (made.site, made.operation, made.positions, made.method) == (read.site, read.operation, read.positions,
                                                                        read.method)
    for layer in made.layers:
        assert np.array_equal(made.directions[layer], read.directions[layer])
    assert made.heads == read.heads
    assert made.provenance["prompts_digest"] == read.provenance["prompts_digest"]


def test_eval(lm, a, program, folder):
    """`tiller eval` from its parts: the means of first_token and logprob over the test items."""
    found = program("eval", "-m", "tiny.gguf", "-t", "second.json", "--vector", "a.gguf", "--seed", 0)
    task = tiller.task(folder / "second.json")
    _, test, _ = tiller.split(folder / "second.json", seed=0)
    prompts = [f"Q: {task.items[i][0]}\nA:" for i in test]
    answers = [" " + task.items[i][1][0] for i in test]
    for key, steer in [("unsteered", None), ("steered", a)]:
        scores = [p[0] for p in lm.logprobs(prompts, answers, steer=steer)]
        mean = sum(float(s) for s in scores) / len(scores)
        assert found["n"] == len(test)
        assert mean == pytest.approx(found["metrics"]["logprob"][key]["mean"], abs=1e-9)
        best = lm.next_token(prompts, steer=steer, top=1)
        first = [lm.tokenize(p + t)[len(lm.tokenize(p))] for p, t in zip(prompts, answers)]
        hits = sum(int(n.ids[0] == t) for n, t in zip(best, first))
        assert hits / len(test) == pytest.approx(found["metrics"]["first_token"][key]["mean"])


def test_logprobs(lm, a):
    """Of the continuation's tokens, one by one, as next_token() has them."""
    prompt, text = PROMPTS[0], " hot in the sun"
    for steer in (None, a):
        found = lm.logprobs(prompt, text, steer=steer)
        ids = lm.tokenize(prompt + text)
        n = len(lm.tokenize(prompt))
        assert found.shape == (len(ids) - n,)
        first = lm.next_token(prompt, steer=steer, top=lm.n_vocab)
        assert found[0] == first.logprobs[first.ids.tolist().index(int(ids[n]))]
        greedy = lm.generate(prompt, steer=steer, max_tokens=6, logprobs=True)
        if lm.tokenize(prompt + greedy).tolist() == [*lm.tokenize(prompt).tolist(), *greedy.tokens.tolist()]:
            assert np.array_equal(lm.logprobs(prompt, greedy, steer=steer), greedy.logprobs)
    both = lm.logprobs(prompt, [text, " cold"], steer=a)
    assert np.array_equal(both[0], lm.logprobs(prompt, text, steer=a)) and both[1].shape != both[0].shape
    many = lm.logprobs(PROMPTS, text)
    assert [m.shape for m in many] == [both[0].shape] * 3
    assert np.array_equal(np.array(lm.logprobs(np.array(PROMPTS), text)), np.array(many))


def test_batches_change_nothing(lm, a, b):
    many = lm.generate(PROMPTS * 5, steer=[None, a, [a, b]] * 5, max_tokens=12)
    alone = [lm.generate([p], steer=[s], max_tokens=12)[0] for p, s in zip(PROMPTS, [None, a, [a, b]])]
    assert many == alone * 5


def test_stream_is_generate(lm, a):
    text = lm.generate(PROMPTS[0], steer=a, max_tokens=25, temperature=1.0, seed=5, logprobs=True)
    events = list(lm.stream(PROMPTS[0], steer=a, max_tokens=25, temperature=1.0, seed=5, logprobs=True))
    assert "".join(e.text for e in events) == text
    assert [e.token for e in events if e.token >= 0][:len(text.tokens)] == text.tokens.tolist()
    assert np.array_equal(f32([e.logprob for e in events])[:len(text.tokens)], text.logprobs)
    assert [e.finish for e in events][-1] == text.finish and all(e.finish is None for e in events[:-1])


@pytest.mark.skipif(real_model() is None, reason="gemma3-270m was not fetched: tiller models get gemma3-270m")
def test_real_model(program):
    model = real_model()
    prompt = "The capital of France is"
    with tiller.load("gemma3-270m", threads=2) as lm:
        rows = program("generate", "-m", model, "-p", prompt, "-n", 12)
        text = lm.generate(prompt, max_tokens=12)
        assert rows[0]["text"] == text and rows[0]["tokens"] == text.tokens.tolist()
        found = program("next", "-m", model, "-p", prompt, "--top", 5)["tokens"]
        assert np.array_equal(f32([t["logprob"] for t in found]), lm.next_token(prompt, top=5).logprobs)
