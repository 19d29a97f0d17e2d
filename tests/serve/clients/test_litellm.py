"""litellm: a chat, a stream, steering."""

import os

import pytest

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # It would fetch a price list otherwise.
litellm = pytest.importorskip("litellm")
MESSAGES = [{"role": "user", "content": "is the cat hot"}]


def ask(server, model, **more):
    return litellm.completion(model="openai/" + model, api_base=server.url + "/v1", api_key="none", messages=MESSAGES,
                              max_tokens=16, temperature=0, num_retries=0, **more)


def say(server, steering):
    body = {"messages": MESSAGES, "max_tokens": 16, "temperature": 0, "steering": steering}
    return server.ok("/v1/chat/completions", body)["choices"][0]["message"]["content"]


def test_chat(server, model):
    answer = ask(server, model)
    assert answer.choices[0].message.content == say(server, None)
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 16


def test_stream(server, model):
    parts = [chunk.choices[0].delta.content or "" for chunk in ask(server, model, stream=True)]
    assert "".join(parts) == say(server, None)


def test_steering(server, model):
    assert ask(server, model, extra_body={"steering": "a:1"}).choices[0].message.content == say(server, "a:1")
    answer = ask(server, model, n=2, extra_body={"steering": [None, "a:2"]})
    assert [c.message.content for c in answer.choices] == [say(server, None), say(server, "a:2")]
    assert ask(server, model + "+a:1").choices[0].message.content == say(server, "a:1")


def test_errors(server, model):
    with pytest.raises(litellm.BadRequestError):
        ask(server, model, extra_body={"steering": 7})
    with pytest.raises(litellm.NotFoundError):
        ask(server, "nobody")
