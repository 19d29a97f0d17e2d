"""lm-evaluation-harness on tasks made of tiller's own data: its numbers are the server's and the program's, steered or not.

local-completions scores with `echo` and token prompts, local-chat-completions generates. Both take everything from the server:
the harness's remote tokenizer asks for /tokenizer_info and /tokenize.
"""

import json
import math
import os

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false")

import pytest

import serving
from gguf_writer import gguf_bytes
from test_numbers import program_top

pytest.importorskip("lm_eval")
from lm_eval.evaluator import simple_evaluate  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

N_ITEM = 8
STEERING = "past:1.5"

CHOICE_TASK = """
task: past_tense_choice
dataset_path: json
dataset_kwargs: {{data_files: {{test: "{data}"}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{start}Q: {{{{input}}}}\\nA:"
doc_to_choice: choices
doc_to_target: answer
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""

TEXT_TASK = """
task: past_tense_text
dataset_path: json
dataset_kwargs: {{data_files: {{test: "{data}"}}}}
test_split: test
output_type: generate_until
doc_to_text: "{start}Q: go\\nA: went\\n\\nQ: {{{{input}}}}\\nA:"
doc_to_target: "{{{{output}}}}"
generation_kwargs: {{until: ["\\n"], max_gen_toks: 6, temperature: 0, do_sample: false}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
filter_list: [{{name: strip, filter: [{{function: remove_whitespace}}, {{function: take_first}}]}}]
"""


def everywhere(path):
    """The direction as a control vector. The harness's scores are those of tokens inside of a prompt, and a vector for the last
    prompt token and what follows it would not change them."""
    told = serving.run_tiller("show", path)
    return gguf_bytes({"general.architecture": "controlvector", "controlvector.model_hint": told["provenance"]["architecture"]},
                      {f"direction.{il}": ([len(values)], values) for il, values in told["direction"].items()})


@pytest.fixture(scope="module", params=["gemma3-270m", "smollm2-135m"])
def real(request, start, tmp_path_factory):
    """A server on a real model with a vector "past", and a folder with the two tasks."""
    folder = tmp_path_factory.mktemp("lm-eval")
    items = json.loads((serving.ROOT / "data/tasks/functional/present-past.json").read_text())[:N_ITEM]
    for i, item in enumerate(items):
        # The right form, the next verb's, and the plain one.
        others = [items[(i + 1) % N_ITEM]["output"], item["input"]]
        item["choices"] = others[:i % 3] + [item["output"]] + others[i % 3:]
        item["answer"] = i % 3
    data = folder / "items.jsonl"
    data.write_text("".join(json.dumps(item) + "\n" for item in items))
    # The harness never adds BOS when its tokenizer is a server's: who wants one writes it.
    start_text = "<bos>" if request.param.startswith("gemma") else ""
    for name, task in (("choice", CHOICE_TASK), ("text", TEXT_TASK)):
        (folder / f"{name}.yaml").write_text(task.format(data=data, start=start_text))
    (folder / "pairs.json").write_text(json.dumps(
        [{"negative": f"Today I {v}", "positive": f"Yesterday I {w}"} for v, w in
         (("walk", "walked"), ("sing", "sang"), ("eat", "ate"), ("write", "wrote"), ("play", "played"))]))
    (folder / "vectors").mkdir()
    made = folder / "steered-positions.gguf"
    serving.run_tiller("extract", "mean-diff", "-m", request.param, "--pairs", folder / "pairs.json", "--set", "layer=8",
                       "-o", made)
    (folder / "vectors" / "past.gguf").write_bytes(everywhere(made))
    # --exact: with quantised weights, tokens computed in other company differ by up to some hundredths of a nat.
    with start("--vectors", folder / "vectors", "--exact", model=request.param) as server:
        server.folder, server.name, server.items = folder, request.param, items
        yield server


def evaluate(server, kind, task, steering="", **more):
    path = "chat/completions" if kind == "local-chat-completions" else "completions"
    tokenizer = {} if kind == "local-chat-completions" else {"tokenizer_backend": "remote"}
    manager = TaskManager(include_path=str(server.folder), include_defaults=False)
    model = server.name + ("+" + steering if steering else "")
    result = simple_evaluate(
        model=kind, tasks=[task], task_manager=manager, log_samples=True, bootstrap_iters=0,
        model_args={"model": model, "base_url": f"{server.url}/v1/{path}", "num_concurrent": 4, "max_retries": 1, **tokenizer},
        **more)
    return result["results"][task], sorted(result["samples"][task], key=lambda s: s["doc_id"])


def tokens_of(server, text):
    return server.ok("/tokenize", {"content": text, "parse_special": True})["tokens"]


@pytest.mark.parametrize("steering", ["", STEERING])
def test_choices(real, steering):
    result, samples = evaluate(real, "local-completions", "past_tense_choice", steering)
    assert len(samples) == N_ITEM
    right = 0
    for sample, item in zip(samples, real.items):
        sums = []
        for (context, continuation), (response,) in zip(sample["arguments"], sample["resps"]):
            whole, prompt = tokens_of(real, context + continuation), tokens_of(real, context)
            logprob = real.ok("/v1/logprobs", {"prompt": whole[:len(prompt)], "continuation": whole[len(prompt):],
                                               "steering": steering})["choices"][0]["logprob"]
            assert float(response[0]) == pytest.approx(logprob, abs=1e-3)
            sums.append(logprob)
        ranked = sorted(sums)[::-1]
        if ranked[0] - ranked[1] > 1e-2:  # The harness's answer is ours unless two tie.
            assert sample["acc"] == (sums[item["answer"]] == ranked[0])
        right += sample["acc"]
    assert result["acc,none"] == pytest.approx(right / N_ITEM)


def test_steering_changes_the_result(real):
    plain = evaluate(real, "local-completions", "past_tense_choice")[1]
    steered = evaluate(real, "local-completions", "past_tense_choice", STEERING)[1]
    differences = [abs(float(a["resps"][0][0][0]) - float(b["resps"][0][0][0])) for a, b in zip(plain, steered)]
    assert min(differences) > 1e-3


def test_choices_by_hand(real):
    """The first token of each choice, from the program's own numbers and without the server."""
    _, samples = evaluate(real, "local-completions", "past_tense_choice")
    compared = 0
    for sample in samples[:2]:
        context = sample["arguments"][0][0]
        own = serving.run_tiller("next", "-m", real.name, "--exact", "--special", "-p", context, "--top", 5000)
        by_id = dict(program_top(own))
        for (_, continuation), (response,) in zip(sample["arguments"], sample["resps"]):
            tokens = tokens_of(real, context + continuation)[len(tokens_of(real, context)):]
            if len(tokens) == 1 and tokens[0] in by_id:
                assert float(response[0]) == pytest.approx(by_id[tokens[0]], abs=1e-3)
                compared += 1
    assert compared


@pytest.mark.parametrize("steering", ["", STEERING])
def test_texts(real, steering):
    result, samples = evaluate(real, "local-completions", "past_tense_text", steering)
    right = 0
    for sample, item in zip(samples, real.items):
        prompt = tokens_of(real, sample["arguments"][0][0])
        own = real.text(prompt, steering, max_tokens=6, stop=["\n"], seed=1234)
        assert sample["resps"][0][0] == own
        right += own.strip() == item["output"]
    assert result["exact_match,strip"] == pytest.approx(right / N_ITEM)


@pytest.mark.parametrize("steering", ["", STEERING])
def test_chats(real, steering):
    if real.name != "smollm2-135m":
        pytest.skip("gemma3-270m has no chat template")
    _, samples = evaluate(real, "local-chat-completions", "past_tense_text", steering, apply_chat_template=True)
    for sample in samples[:8]:
        messages = json.loads(sample["arguments"][0][0].prompt)
        own = real.ok("/v1/chat/completions", {"messages": messages, "max_tokens": 6, "temperature": 0, "stop": ["\n"],
                                               "steering": steering, "seed": 1234})
        assert sample["resps"][0][0].strip() == own["choices"][0]["message"]["content"].strip()


def test_perplexities_are_finite(real):
    text = tokens_of(real, "The weather was fine and we walked along the river.")
    numbers = real.complete(prompt=text, echo=True, logprobs=1, max_tokens=0)["choices"][0]["logprobs"]["token_logprobs"][1:]
    assert 1 < math.exp(-sum(numbers) / len(numbers)) < 1e5
