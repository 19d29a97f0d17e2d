"""Log-probabilities, next-token distributions and activations: one model, one set of numbers, whoever asks."""

import base64
import io
import math

import pytest

import serving
import tiny

PROMPT = "the film was in"
STEERINGS = [None, "a:0.7", "b:-1"]


def tokens_of(server, text, special=True):
    return server.ok("/tokenize", {"content": text, "add_special": special})["tokens"]


def continuation_logprobs(server, prompt, continuation, steering):
    """Of /v1/logprobs: [steering][token]."""
    answer = server.ok("/v1/logprobs", {"prompt": prompt, "continuation": continuation, "steering": steering})
    for choice in answer["choices"]:
        assert choice["logprob"] == pytest.approx(sum(choice["token_logprobs"]), abs=1e-4)
    return [c["token_logprobs"] for c in answer["choices"]]


@pytest.mark.parametrize("steering", STEERINGS)
def test_echo_is_what_logprobs_says(server, steering):
    tokens = tokens_of(server, PROMPT)
    answer = server.complete(prompt=tokens, echo=True, logprobs=1, max_tokens=0, steering=steering)
    echoed = answer["choices"][0]["logprobs"]
    assert len(echoed["token_logprobs"]) == len(tokens) and echoed["token_logprobs"][0] is None
    told = continuation_logprobs(server, tokens[:1], tokens[1:], [steering])[0]
    assert echoed["token_logprobs"][1:] == pytest.approx(told, abs=2e-4)
    # Token by token with the next-token distribution of each beginning, for vectors that work everywhere.
    for i in range(1, len(tokens)):
        top = server.ok("/v1/next", {"prompt": tokens[:i], "steering": steering, "top": 400})
        by_id = {t["id"]: t["logprob"] for t in top["choices"][0]["top"]}
        assert by_id[tokens[i]] == pytest.approx(echoed["token_logprobs"][i], abs=2e-4)


def test_echo_with_text(server):
    answer = server.complete(prompt=PROMPT, echo=True, logprobs=2, max_tokens=3)
    choice = answer["choices"][0]
    assert choice["text"].startswith(PROMPT)
    assert choice["text"][len(PROMPT):] == server.text(PROMPT, max_tokens=3)
    entry = choice["logprobs"]
    n_prompt = answer["usage"]["prompt_tokens"]
    assert len(entry["tokens"]) == n_prompt + 3 == len(entry["token_logprobs"]) == len(entry["text_offset"])
    alone = server.complete(prompt=PROMPT, logprobs=2, max_tokens=3)["choices"][0]["logprobs"]
    assert entry["token_logprobs"][n_prompt:] == pytest.approx(alone["token_logprobs"], abs=2e-4)


def test_generated_tokens_have_the_numbers_of_logprobs(server):
    for steering in STEERINGS:
        body = {"messages": [{"role": "user", "content": "hot"}], "steering": steering, "logprobs": True,
                "top_logprobs": 1, "temperature": 1, "seed": 5, "max_tokens": 8}
        entries = server.ok("/v1/chat/completions", body)["choices"][0]["logprobs"]["content"]
        prompt = server.ok("/apply-template", {"messages": body["messages"]})["tokens"]
        told = continuation_logprobs(server, prompt, [e["id"] for e in entries], [steering])[0]
        assert [e["logprob"] for e in entries] == pytest.approx(told, abs=2e-4)


def test_next_is_the_programs(server, folder):
    answer = server.ok("/v1/next", {"prompt": PROMPT, "steering": [None, "a:1"], "top": 10})
    for choice, vector in zip(answer["choices"], ([], ["--vector", str(folder / "vectors" / "a.gguf") + ":1"])):
        own = serving.run_tiller("next", "-m", folder / "tiny.gguf", "-p", PROMPT, "--top", 10, *vector)
        found = [(t["id"], t["logprob"]) for t in choice["top"]]
        assert len(found) == 10 and found == sorted(found, key=lambda t: -t[1])
        expected = program_top(own)
        assert [t for t, _ in found] == [t for t, _ in expected]
        assert [v for _, v in found] == pytest.approx([v for _, v in expected], abs=1e-3)


def program_top(own):
    """(token, log-probability) of `tiller next --json`."""
    return [(t["id"], t["logprob"]) for t in own["tokens"]]


def test_watched_tokens(server):
    answer = server.ok("/v1/next", {"prompt": PROMPT, "watch": ["the", "is"], "top": 400, "steering": ["a:1"]})
    choice = answer["choices"][0]
    by_id = {t["id"]: t["logprob"] for t in choice["top"]}
    assert len(choice["watch"]) == 2
    for entry in choice["watch"]:
        assert entry["logprob"] == pytest.approx(by_id[entry["id"]], abs=1e-6)
    wrong = server.post("/v1/next", {"prompt": PROMPT, "watch": ["the", "q"]})
    assert wrong.status == 400 and wrong.error["param"].startswith("watch[1]")


def test_distributions_sum_to_one(server):
    top = server.ok("/v1/next", {"prompt": PROMPT, "top": 1000})["choices"][0]["top"]
    assert sum(math.exp(t["logprob"]) for t in top) == pytest.approx(1, abs=1e-4)


def test_tokenize_and_back(server):
    text = "the cat is in \u00fc\U0001f600"
    for special in (False, True):
        tokens = tokens_of(server, text, special)
        back = server.ok("/detokenize", {"tokens": tokens})
        assert back["content"].endswith(text)
        assert base64.b64decode(back["bytes"]).decode().endswith(text)
    assert tokens_of(server, text)[0] == 1 and tokens_of(server, text, False)[0] != 1
    pieces = server.ok("/tokenize", {"content": text, "with_pieces": True})["tokens"]
    assert all("id" in t and "piece" in t for t in pieces)
    assert 3 not in tokens_of(server, "<|end|>")
    assert 3 in server.ok("/tokenize", {"content": "<|end|>", "parse_special": True})["tokens"]
    for wrong in ({"tokens": [10**7]}, {"tokens": [-1]}, {"tokens": ["x"]}, {"tokens": 3}, {}):
        assert server.post("/detokenize", wrong).status == 400, wrong


def test_apply_template(server):
    messages = [{"role": "user", "content": "hot <|end|>"}]
    with_prompt = server.ok("/apply-template", {"messages": messages})
    without = server.ok("/apply-template", {"messages": messages, "add_generation_prompt": False})
    assert with_prompt["prompt"] == without["prompt"] + "<|turn|>assistant\n"
    # What a user types is text, whatever its name.
    assert with_prompt["tokens"].count(3) == 1


def test_control_tokens_in_prompts_need_a_word(server):
    refused = server.post("/v1/completions", {"prompt": "hot<|end|>"})
    assert refused.status == 400 and refused.error["param"] in ("special", "prompt")
    texts = [server.text("hot<|end|>", special=special) for special in (True, False)]
    assert texts[0] != texts[1]


# --- activations ---

def test_activations_of_the_steered_model(server, folder):
    np = pytest.importorskip("numpy")

    def read(steering, **more):
        body = {"prompt": PROMPT, "site": "residual", "layers": [0, 1], "positions": "all", "steering": steering, **more}
        answer = server.ok("/v1/activations", body)
        assert (answer["site"], answer["layers"], answer["dtype"]) == ("residual", body["layers"], "float32")
        values = np.frombuffer(base64.b64decode(answer["data"]), dtype="<f4").reshape(answer["shape"])
        file = server.post("/v1/activations", body, headers={"Accept": "application/x-npy"})
        assert np.array_equal(np.load(io.BytesIO(file.body)), values)
        return values

    plain, steered = read(None), read("v00:2")
    n = len(tokens_of(server, PROMPT))
    assert plain.shape == steered.shape == (2, n, tiny.N_EMBD)
    # v00 has layer 0 only, and a layer is read before its own edits.
    assert np.array_equal(steered[0], plain[0])
    assert abs(steered[1] - plain[1]).max(axis=1).min() > 1e-2
    # What is added at layer 0 arrives in layer 1 as it is, and the layer's own answer to it on top.
    direction = np.frombuffer((folder / "vectors" / "v00.gguf").read_bytes()[-4 * tiny.N_EMBD:], dtype="<f4")
    along = (steered[1] - plain[1]) @ direction / (direction @ direction)
    assert (abs(along - 2) < 1).all()
    assert read(None, positions="last") == pytest.approx(plain[:, -1:], abs=1e-5)
    assert read(None, positions=[1, 3]) == pytest.approx(plain[:, 1:3], abs=1e-5)


def test_wrong_activations(server):
    for change, param in (({"site": "brain"}, "site"), ({"layers": [9]}, "layers"), ({"positions": [3, 2]}, "positions"),
                          ({"positions": [0, 999]}, "positions"), ({"positions": "first"}, "positions"),
                          ({"layers": "x"}, "layers")):
        answer = server.post("/v1/activations", {"prompt": PROMPT, "site": "residual", "layers": [0], "positions": "last",
                                                 **change})
        assert answer.status == 400 and answer.error["param"].startswith(param), (change, answer.body)
