"""What the openai package asks for: chats, completions, streams, choices, log-probabilities, errors."""

import asyncio
import json
import math

import openai
import pytest

import serving
import tiny

PROMPT = "the film was"
MESSAGES = [{"role": "system", "content": "be red"}, {"role": "user", "content": "is the cat hot"}]


def chat(client, model, **more):
    return client.chat.completions.create(**{"model": model, "messages": MESSAGES, "max_tokens": 16, "temperature": 0,
                                             **more})


def complete(client, model, **more):
    return client.completions.create(**{"model": model, "prompt": PROMPT, "max_tokens": 16, "temperature": 0, **more})


def test_models(client, model):
    names = [m.id for m in client.models.list()]
    assert names[0] == model and model + "+a" in names and model + "+v63" in names
    assert client.models.retrieve(model).id == model
    assert client.models.retrieve(model + "+a").id == model + "+a"
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("nobody")
    assert error.value.code == "model_not_found"


def test_chat(client, model):
    answer = chat(client, model)
    choice = answer.choices[0]
    assert answer.object == "chat.completion" and answer.id and answer.created > 1_700_000_000
    assert choice.index == 0 and choice.message.role == "assistant" and choice.message.content
    assert choice.finish_reason == "length"
    assert answer.usage.completion_tokens == 16
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 16
    assert "steering" not in answer.model_dump()
    assert chat(client, model).choices[0].message.content == choice.message.content


def test_text_parts_are_the_text(client, model):
    parts = [{"role": "user", "content": [{"type": "text", "text": "is the "}, {"type": "text", "text": "cat hot"}]}]
    whole = [{"role": "user", "content": "is the cat hot"}]
    assert chat(client, model, messages=parts).choices[0].message.content == \
        chat(client, model, messages=whole).choices[0].message.content


def test_chat_is_its_template_completed(server, client, model):
    prompt = server.ok("/apply-template", {"messages": MESSAGES})
    assert prompt["prompt"] == "<s><|turn|>system\nbe red<|end|>\n<|turn|>user\nis the cat hot<|end|>\n<|turn|>assistant\n"
    by_tokens = complete(client, model, prompt=prompt["tokens"])
    answer = chat(client, model)
    assert by_tokens.choices[0].text == answer.choices[0].message.content
    assert by_tokens.usage.prompt_tokens == answer.usage.prompt_tokens == len(prompt["tokens"])


@pytest.mark.parametrize("temperature", [0, 0.8])
def test_chat_stream_is_the_answer_in_parts(client, model, temperature):
    how = {"temperature": temperature, "seed": 7, "n": 2, "max_tokens": 24}
    whole = chat(client, model, **how)
    chunks = list(chat(client, model, stream=True, **how))
    assert all(c.object == "chat.completion.chunk" and c.usage is None for c in chunks)
    assert len({c.id for c in chunks}) == 1
    for index in range(2):
        own = [c.choices[0] for c in chunks if c.choices and c.choices[0].index == index]
        assert own[0].delta.role == "assistant" and not own[0].delta.content
        assert "".join(c.delta.content or "" for c in own) == whole.choices[index].message.content
        assert [c.finish_reason for c in own if c.finish_reason] == [whole.choices[index].finish_reason]
        assert own[-1].finish_reason
        assert len(own) > 4, "a stream that comes in one piece is none"


def test_completion_stream_is_the_answer_in_parts(client, model):
    how = {"temperature": 0.8, "seed": 3, "prompt": [PROMPT, "a dog"], "n": 2}
    whole = complete(client, model, **how)
    assert [c.index for c in whole.choices] == [0, 1, 2, 3]
    texts = [""] * 4
    for chunk in complete(client, model, stream=True, **how):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [c.text for c in whole.choices]


def test_usage_in_streams(client, model):
    whole = chat(client, model)
    chunks = list(chat(client, model, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert [c.usage for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens


def test_stream_ends_with_done(server, model):
    events = server.events("/v1/chat/completions", {"model": model, "messages": MESSAGES, "max_tokens": 4})
    assert events[-1] == "[DONE]" and events.count("[DONE]") == 1


def test_async(server, client, model):
    alone = [complete(client, model, seed=i, temperature=1).choices[0].text for i in range(8)]

    async def together():
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0) as c:
            answers = await asyncio.gather(*(
                c.completions.create(model=model, prompt=PROMPT, max_tokens=16, temperature=1, seed=i)
                for i in range(8)))
            text = ""
            async for chunk in await c.completions.create(model=model, prompt=PROMPT, max_tokens=16, temperature=1,
                                                          seed=3, stream=True):
                text += chunk.choices[0].text if chunk.choices else ""
            return [a.choices[0].text for a in answers], text

    texts, streamed = asyncio.run(together())
    assert texts == alone
    assert streamed == alone[3]


def test_choice_i_has_the_seed_plus_i(client, model):
    several = complete(client, model, n=3, seed=40, temperature=1)
    for i in range(3):
        assert complete(client, model, seed=40 + i, temperature=1).choices[0].text == several.choices[i].text
    assert len({c.text for c in several.choices}) == 3


def test_drawn_seeds_are_told(client, model):
    first, second = (complete(client, model, temperature=1) for _ in range(2))
    assert first.seed != second.seed and first.choices[0].text != second.choices[0].text
    assert complete(client, model, temperature=1, seed=first.seed).choices[0].text == first.choices[0].text


def test_several_prompts(client, model):
    answer = complete(client, model, prompt=[PROMPT, "a dog", "hot"])
    for i, prompt in enumerate([PROMPT, "a dog", "hot"]):
        assert answer.choices[i].index == i
        assert answer.choices[i].text == complete(client, model, prompt=prompt).choices[0].text


def test_prompts_of_tokens(server, client, model):
    tokens = server.ok("/tokenize", {"content": PROMPT, "add_special": True})["tokens"]
    text = complete(client, model).choices[0].text
    assert complete(client, model, prompt=tokens).choices[0].text == text
    assert [c.text for c in complete(client, model, prompt=[tokens, tokens]).choices] == [text, text]


def test_same_text_as_the_program(folder, client, model):
    own = serving.run_tiller("generate", "-m", folder / "tiny.gguf", "-p", PROMPT, "-n", 16, "--temperature", 0)
    assert complete(client, model).choices[0].text == own[0]["text"]


def test_completion_logprobs(client, model):
    answer = complete(client, model, logprobs=4)
    entry, text = answer.choices[0].logprobs, answer.choices[0].text
    assert len(entry.tokens) == len(entry.token_logprobs) == len(entry.top_logprobs) == len(entry.text_offset) == 16
    assert entry.text_offset == sorted(entry.text_offset) and entry.text_offset[0] == 0
    assert entry.text_offset[-1] <= len(text)
    for chosen, top in zip(entry.token_logprobs, entry.top_logprobs):
        # Texts of tokens are the keys: bytes that are no UTF-8 may share one.
        assert 1 <= len(top) <= 4
        assert chosen == max(top.values()), "greedy takes the likeliest"
        assert chosen < 0 and sum(map(math.exp, top.values())) < 1


def test_chat_logprobs(server, client, model):
    answer = chat(client, model, logprobs=True, top_logprobs=5, temperature=1, seed=2)
    entries = answer.choices[0].logprobs.content
    assert len(entries) == 16
    joined = b"".join(bytes(e.bytes) for e in entries)
    assert joined.decode(errors="replace") == answer.choices[0].message.content
    for e in entries:
        assert len(e.top_logprobs) == 5
        assert [t.logprob for t in e.top_logprobs] == sorted((t.logprob for t in e.top_logprobs), reverse=True)
        assert e.logprob <= e.top_logprobs[0].logprob
    tokens = [e.id for e in entries]
    assert server.ok("/detokenize", {"tokens": tokens})["content"].strip(" ") == \
        answer.choices[0].message.content.strip(" ")


def test_logprobs_stand_in_streams(client, model):
    whole = chat(client, model, logprobs=True, top_logprobs=2).choices[0].logprobs.content
    parts = []
    for chunk in chat(client, model, logprobs=True, top_logprobs=2, stream=True):
        if chunk.choices and chunk.choices[0].logprobs:
            parts += chunk.choices[0].logprobs.content or []
    assert [(p.id, p.logprob) for p in parts] == [(w.id, w.logprob) for w in whole]


@pytest.mark.parametrize("as_list", [False, True])
def test_stop(client, model, as_list):
    text = complete(client, model, max_tokens=32).choices[0].text
    stop = text[9:12]
    answer = complete(client, model, max_tokens=32, stop=["never there", stop] if as_list else stop)
    assert answer.choices[0].text == text[:text.index(stop)]
    assert answer.choices[0].finish_reason == "stop"
    chunks = list(complete(client, model, max_tokens=32, stop=stop, stream=True))
    assert "".join(c.choices[0].text for c in chunks if c.choices) == text[:text.index(stop)]


def test_continue_final_message(client, model):
    messages = MESSAGES + [{"role": "assistant", "content": "the dog"}]
    whole = chat(client, model, messages=messages, extra_body={"continue_final_message": True})
    assert whole.choices[0].message.content
    with pytest.raises(openai.BadRequestError):
        chat(client, model, messages=MESSAGES, extra_body={"continue_final_message": True})


def test_logit_bias_and_penalties(server, client, model):
    token = server.ok("/tokenize", {"content": "q"})["tokens"][-1]
    answer = complete(client, model, logit_bias={str(token): 100}, max_tokens=4)
    assert answer.choices[0].text == "qqqq"
    # Greedy and a penalty above any difference of logits: no token twice.
    answer = chat(client, model, presence_penalty=2, frequency_penalty=2, logprobs=True, max_tokens=4)
    assert len(answer.choices[0].logprobs.content) == 4


def test_sampling_limits(client, model):
    greedy = complete(client, model).choices[0].text
    for limit in ({"extra_body": {"top_k": 1}}, {"top_p": 1e-6}, {"extra_body": {"min_p": 1.0}}):
        assert complete(client, model, temperature=1.5, seed=9, **limit).choices[0].text == greedy, limit


def test_length_is_cut_at_the_end_of_a_row(server, client, model):
    answer = complete(client, model, max_tokens=100_000, seed=1, temperature=1)
    assert answer.choices[0].finish_reason in ("length", "stop")
    assert answer.usage.total_tokens <= tiny.N_CTX


def test_fields_that_change_nothing(client, model):
    assert complete(client, model, user="me").choices[0].text == complete(client, model).choices[0].text
    assert chat(client, model, store=False, metadata={"a": "b"}).choices[0].message.content == \
        chat(client, model).choices[0].message.content


WRONG = [
    ({"temperature": "hot"}, "invalid_value", "temperature"),
    ({"temperature": -1}, "invalid_value", "temperature"),
    ({"top_p": 0}, "invalid_value", "top_p"),
    ({"n": 0}, "invalid_value", "n"),
    ({"n": 129}, "invalid_value", "n"),
    ({"max_tokens": -1}, "invalid_value", "max_tokens"),
    ({"max_tokens": 1.5}, "invalid_value", "max_tokens"),
    ({"stop": ["x"] * 17}, "invalid_value", "stop"),
    ({"stop": 3}, "invalid_value", "stop"),
    ({"seed": "x"}, "invalid_value", "seed"),
    ({"logit_bias": {"x": 1}}, "invalid_value", "logit_bias"),
    ({"logit_bias": {"99999999": 1}}, "invalid_value", "logit_bias"),
    ({"messages": []}, "invalid_value", "messages"),
    ({"messages": [{"role": "user"}]}, "missing_field", "messages[0].content"),
    ({"messages": [{"content": "x"}]}, "missing_field", "messages[0].role"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "unsupported", "messages[0].role"),
    ({"messages": "x"}, "invalid_value", "messages"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "unsupported", "tools"),
    ({"response_format": {"type": "json_object"}}, "unsupported", "response_format"),
    ({"extra_body": {"banana": 1}}, "unknown_field", "banana"),
    ({"logprobs": True, "top_logprobs": 21}, "invalid_value", "top_logprobs"),
]


@pytest.mark.parametrize("fields, code, param", WRONG, ids=lambda v: json.dumps(v)[:40] if isinstance(v, dict) else "")
@pytest.mark.parametrize("stream", [False, True])
def test_wrong_fields(client, model, fields, code, param, stream):
    with pytest.raises(openai.BadRequestError) as error:
        chat(client, model, stream=stream, **fields)
    assert error.value.code == code
    assert (error.value.param or "").startswith(param)
    assert error.value.body["message"] and error.value.type


def test_wrong_fields_of_completions(client, model):
    for fields, code, param in [({"best_of": 2}, "unsupported", "best_of"), ({"suffix": "x"}, "unsupported", "suffix"),
                                ({"logprobs": 21}, "invalid_value", "logprobs"),
                                ({"max_tokens": 0}, "invalid_value", "max_tokens"),
                                ({"prompt": [10**6]}, "invalid_value", "prompt"),
                                ({"prompt": [[-1]]}, "invalid_value", "prompt"),
                                ({"prompt": {"x": 1}}, "invalid_value", "prompt"),
                                ({"prompt": []}, "invalid_value", "prompt")]:
        with pytest.raises(openai.BadRequestError) as error:
            complete(client, model, **fields)
        assert (error.value.code, (error.value.param or "").startswith(param)) == (code, True), fields


def test_prompt_too_long(client, model):
    with pytest.raises(openai.BadRequestError) as error:
        complete(client, model, prompt="a dog " * 4000)
    assert error.value.code == "context_length_exceeded"


def test_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as error:
        chat(client, "nobody")
    assert error.value.code == "model_not_found"


def test_no_chat_template(folder, start, tmp_path):
    path = tmp_path / "plain.gguf"
    path.write_bytes(tiny.tiny_model(chat_template=None))
    with start(model=path) as server:
        answer = server.post("/v1/chat/completions", {"messages": MESSAGES})
        assert (answer.status, answer.error["code"]) == (400, "no_chat_template")
        assert server.text(PROMPT)


def test_closing_a_stream_frees_its_row(server, client, model):
    stream = chat(client, model, max_tokens=900, stream=True)
    next(iter(stream))
    stream.close()
    server.wait_idle(2)


def test_page(server):
    answer = server.get("/")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html")
