"""The openai package for JavaScript."""

import json
import os
import subprocess

import pytest

import serving

NODE_FOLDER = os.environ.get("TILLER_CLIENTS_NODE")
pytestmark = pytest.mark.skipif(not NODE_FOLDER, reason="run.sh --all installs it")
MESSAGES = [{"role": "user", "content": "is the cat hot"}]


def test_javascript(server, model):
    done = subprocess.run(["node", "client.mjs", server.url, model], cwd=NODE_FOLDER, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    got = json.loads(done.stdout)

    def say(steering):
        answer = server.ok("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 16, "temperature": 0,
                                                    "steering": steering})
        return answer["choices"][0]["message"]["content"]
    assert got["models"][0] == model
    assert got["chat"] == [say(None)]
    assert got["steered"] == [say(None), say("a:1"), say("a:2")]
    assert got["applied"][0] is None and got["applied"][2]["applied"][0]["strength"] == 2
    assert got["streamed"] == say("a:1") and got["reasons"] == ["length"]
    assert 2 <= got["parts"] < 900
    server.wait_idle(2)
    assert [(e["kind"], e["code"]) for e in got["errors"]] == [
        ("NotFoundError", "model_not_found"), ("BadRequestError", "invalid_value"), ("NotFoundError", "vector_not_found")]
