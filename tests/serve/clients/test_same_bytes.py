"""A request's answer is the same bytes alone, among 64 others with other vectors, on a fresh server and on a used one."""

import concurrent.futures
import json

import pytest

import serving

PROMPTS = ["the film was", "a dog is hot in the red sun", "Q: cold", "the film was in the sun. the film was"]


def requests():
    """64 requests: vectors, prompts, lengths, seeds and temperatures mixed; some with log-probabilities."""
    for i in range(64):
        body = {"prompt": PROMPTS[i % 4], "max_tokens": 6 + i % 11, "temperature": [0, 0.7, 1.2][i % 3], "seed": i,
                "steering": None if i % 8 == 7 else f"v{i:02}:{1 + i % 3}"}
        if i % 5 == 0:
            body["logprobs"] = 3
        if i % 7 == 3:
            body["n"] = 3
        yield body


def answer_of(server, body, stream=False):
    """What must not change: texts, numbers, reasons, what was applied. Not ids and times."""
    if stream:
        choices = {}
        for event in server.events("/v1/completions", body)[:-1]:
            for c in event["choices"]:
                own = choices.setdefault(c["index"], {"index": c["index"], "text": "", "finish_reason": None})
                own["text"] += c["text"]
                own["finish_reason"] = c["finish_reason"] or own["finish_reason"]
        return [choices[i] for i in sorted(choices)]
    answer = server.ok("/v1/completions", body)
    answer.pop("id"), answer.pop("created")
    answer["usage"].pop("prompt_tokens_details", None)
    return json.dumps(answer, sort_keys=True)


@pytest.fixture(scope="module")
def alone(server):
    """One after the other; twice, so that the second pass finds every prompt computed before."""
    cold = [answer_of(server, body) for body in requests()]
    warm = [answer_of(server, body) for body in requests()]
    assert warm == cold
    return cold


def test_different_vectors_give_different_answers(alone):
    assert len(set(alone)) > 56


def test_among_64_others(server, alone):
    bodies = list(requests())
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        for _ in range(3):
            assert list(pool.map(lambda body: answer_of(server, body), bodies)) == alone


def test_streams_among_64_others(server, alone):
    bodies = list(requests())
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        streamed = list(pool.map(lambda body: answer_of(server, body, stream=True), bodies))
    for own, whole in zip(streamed, alone):
        assert own == [{k: c[k] for k in ("index", "text", "finish_reason")} for c in json.loads(whole)["choices"]]


def test_on_a_fresh_server_in_another_order(start, folder, alone):
    bodies = list(requests())
    with start("--vectors", folder / "vectors", serving.ROWS, 5) as other:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda body: answer_of(other, body), reversed(bodies)))
    assert answers[::-1] == alone


def test_prompts_are_reused(server):
    """The second of two equal prompts is not computed again, and says so."""
    body = {"prompt": "the cat is cold in the red sun and the dog is hot", "steering": ["v01", "v01"], "max_tokens": 2}
    server.ok("/v1/completions", body)
    usage = server.ok("/v1/completions", body)["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] > 0
