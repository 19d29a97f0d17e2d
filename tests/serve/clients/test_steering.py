"""Steering in requests: every form of it, and that what is wrong is an error before anything is computed."""

import base64
import json

import openai
import pytest

import serving
import tiny

PROMPT = "the film was"
MESSAGES = [{"role": "user", "content": "is the cat hot"}]


def text_of_program(folder, *vectors):
    own = serving.run_tiller("generate", "-m", folder / "tiny.gguf", "-p", PROMPT, "-n", 16, "--temperature", 0,
                             *(f for v in vectors for f in ("--vector", folder / "vectors" / v)))
    return own[0]["text"]


def test_a_list_is_one_choice_each(server, client, model, folder):
    steerings = [None, "a:1", "a:2"]
    answer = client.completions.create(model=model, prompt=PROMPT, max_tokens=16, temperature=0,
                                       extra_body={"steering": steerings})
    texts = [c.text for c in answer.choices]
    assert len(set(texts)) == 3
    assert texts == [server.text(PROMPT, s) for s in steerings]
    assert texts == [text_of_program(folder), text_of_program(folder, "a.gguf:1"), text_of_program(folder, "a.gguf:2")]
    assert answer.steering[0] is None
    assert [s["applied"][0]["strength"] for s in answer.steering[1:]] == [1, 2]


def test_n_and_a_list(client, model):
    def ask(n, steering):
        return client.completions.create(model=model, prompt=PROMPT, max_tokens=4, n=n, extra_body={"steering": steering})
    assert len(ask(3, ["a", "b", None]).choices) == 3
    assert len(ask(3, "a").choices) == 3
    with pytest.raises(openai.BadRequestError) as error:
        ask(2, ["a", "b", None])
    assert error.value.param in ("n", "steering")


def test_forms_that_mean_the_same(server):
    same = {
        "a:0.7": ["0.7 a", {"vectors": [{"name": "a", "scale": 0.7}]}, {"vectors": [{"source": "a", "scale": 0.7}]}],
        "a:0.7@1-2": [{"vectors": [{"name": "a", "scale": 0.7, "layers": [1, 2]}]},
                      {"vectors": [{"name": "a", "scale": 0.7, "layers": "1-2"}]}],
        "a:0.7 - b:0.2": ["0.7 a + -0.2 b", "0.7 a - 0.2 b", "a:0.7 + b:-0.2",
                          {"vectors": [{"name": "a", "scale": 0.7}, {"name": "b", "scale": -0.2}]}],
        "a": ["a:1", {"vectors": [{"name": "a"}]}],
        "": [None, {"vectors": []}],
    }
    seen = set()
    for text, others in same.items():
        expected = server.text(PROMPT, text, max_tokens=24)
        assert expected not in seen
        seen.add(expected)
        for other in others:
            assert server.text(PROMPT, other, max_tokens=24) == expected, (text, other)


def test_sum_is_what_the_program_gives(server, folder):
    assert server.text(PROMPT, "a:0.7 - b:0.5") == text_of_program(folder, "a.gguf:0.7", "b.gguf:-0.5")
    assert server.text(PROMPT, "a:1@1-2") == text_of_program(folder, "a.gguf:1@1-2")


def test_positions(server):
    def text(**apply):
        return server.text(PROMPT, {"vectors": [{"name": "a", "scale": 1, "apply": apply}]}, max_tokens=24)
    everywhere, last, generated, prompt = (text(prompt="all", generation=True), text(prompt="last", generation=True),
                                           text(prompt="none", generation=True), text(prompt="all", generation=False))
    assert len({everywhere, last, generated, prompt}) == 4
    assert text() == everywhere, "a control vector is for all positions"
    assert text(prompt=True) == everywhere == text(generation="all")
    assert text(prompt=False) == generated
    assert text(generation="none") == prompt
    # Steered after the prompt only: the first token is the unsteered model's.
    assert generated[0] == server.text(PROMPT)[0]


def test_the_answer_says_what_was_applied(server):
    vectors = {v["name"]: v for v in server.ok("/v1/vectors")["data"]}
    answer = server.complete(prompt=PROMPT, steering="a:0.7@1-2 + b:0.5")
    assert answer["steering"]["edits"] == 4
    first, second = answer["steering"]["applied"]
    assert first == {"name": "a", "digest": vectors["a"]["digest"], "strength": 0.7, "operation": "add",
                     "site": "residual", "positions": "all", "layers": [1, 2]}
    assert (second["name"], second["strength"], second["layers"]) == ("b", 0.5, [1, 2])
    assert "steering" not in server.complete(prompt=PROMPT)


def test_the_last_chunk_says_what_was_applied(server):
    events = server.events("/v1/completions", {"prompt": PROMPT, "max_tokens": 4, "steering": ["a:0.5", None]})
    told = [e["steering"] for e in events[:-1] if e.get("steering")]
    assert len(told) == 1 and told[0][0]["applied"][0]["name"] == "a" and told[0][1] is None
    assert events[-2].get("steering") == told[0]


def test_chat_is_steered(server):
    def say(steering, **more):
        body = {"messages": MESSAGES, "max_tokens": 16, "temperature": 0, "steering": steering, **more}
        return [c["message"]["content"] for c in server.ok("/v1/chat/completions", body)["choices"]]
    alone = [say(s)[0] for s in (None, "a:1", "b:2")]
    assert len(set(alone)) == 3
    assert say([None, "a:1", "b:2"]) == alone


def test_model_names_with_a_suffix(server, client, model):
    def ask(name, **more):
        return client.completions.create(model=name, prompt=PROMPT, max_tokens=16, temperature=0, **more).choices[0].text
    assert ask(model + "+a:0.7") == server.text(PROMPT, "a:0.7")
    assert ask(model + "+a:0.7 - b:0.2") == server.text(PROMPT, "a:0.7 - b:0.2")
    assert ask(model + "+a") == server.text(PROMPT, "a")
    with pytest.raises(openai.BadRequestError):
        ask(model + "+a", extra_body={"steering": "b"})
    with pytest.raises(openai.NotFoundError):
        ask(model + "+nobody")


def gguf64(data):
    return base64.b64encode(data).decode()


def test_inline_data(server, folder):
    data = (folder / "vectors" / "a.gguf").read_bytes()
    entry = {"data": gguf64(data), "scale": 0.7}
    assert server.text(PROMPT, {"vectors": [entry]}) == server.text(PROMPT, "a:0.7")
    # For this request only.
    names = [v["name"] for v in server.ok("/v1/vectors")["data"]]
    assert len(names) == 66 and server.text(PROMPT) == server.text(PROMPT, "")


def vector(**more):
    return {"vectors": [{"name": "a", **more}]}


WRONG = [
    ("nobody", {400, 404}, "vector_not_found", "steering"),
    ({"vectors": [{"name": "nobody"}]}, {400, 404}, "vector_not_found", "steering.vectors[0].name"),
    ({"vectors": [{"name": "a"}, {"name": "nobody"}]}, {400, 404}, "vector_not_found", "steering.vectors[1].name"),
    ([None, {"vectors": [{"name": "nobody"}]}], {400, 404}, "vector_not_found", "steering[1].vectors[0].name"),
    ({"vectors": [{}]}, {400}, "missing_field", "steering.vectors[0]"),
    ({"vectors": [{"name": 3}]}, {400}, "invalid_value", "steering.vectors[0].name"),
    ({"vectors": [{"name": "a", "data": "AAAA"}]}, {400}, "invalid_value", "steering.vectors[0]"),
    (vector(dose=1), {400}, "unknown_field", "steering.vectors[0].dose"),
    (vector(scale="x"), {400}, "invalid_value", "steering.vectors[0].scale"),
    (vector(scale=1e300), {400}, "invalid_value", "steering.vectors[0].scale"),
    (vector(layers=[99]), {400}, "invalid_value", "steering.vectors[0].layers"),
    (vector(layers=[-1]), {400}, "invalid_value", "steering.vectors[0].layers"),
    (vector(layers="2-1"), {400}, "invalid_value", "steering.vectors[0].layers"),
    (vector(layers=[]), {400}, "invalid_value", "steering.vectors[0].layers"),
    (vector(layers=True), {400}, "invalid_value", "steering.vectors[0].layers"),
    (vector(apply={"prompt": "first"}), {400}, "invalid_value", "steering.vectors[0].apply.prompt"),
    (vector(apply={"generation": 2}), {400}, "invalid_value", "steering.vectors[0].apply.generation"),
    (vector(apply={"decode": True}), {400}, "unknown_field", "steering.vectors[0].apply.decode"),
    ({"vectors": [{"data": "!!"}]}, {400}, "invalid_value", "steering.vectors[0].data"),
    ({"vectors": [{"data": gguf64(b"GGUF")}]}, {400}, "invalid_value", "steering.vectors[0].data"),
    ({"vectors": [{"data": gguf64(tiny.control_vector(1, n_embd=64))}]}, {400, 409}, None, "steering.vectors[0]"),
    ({"vectors": [{"data": gguf64(tiny.control_vector(1, layers=[7]))}]}, {400, 409}, None, "steering.vectors[0]"),
    ({"vectors": [{"data": gguf64(tiny.control_vector(1, architecture="gemma3"))}]}, {400, 409}, None,
     "steering.vectors[0]"),
    ({"vectors": "a"}, {400}, "invalid_value", "steering.vectors"),
    ({"vector": []}, {400}, None, "steering"),
    ("a:", {400}, "invalid_value", "steering"),
    ("a:x", {400}, "invalid_value", "steering"),
    ("a:nan", {400}, "invalid_value", "steering"),
    ("a:1@", {400}, "invalid_value", "steering"),
    ("a:1@9-12", {400}, "invalid_value", "steering"),
    ("a +", {400}, "invalid_value", "steering"),
    ("+ a", {400}, "invalid_value", "steering"),
    ("a b", {400}, "invalid_value", "steering"),
    ("../a", {400, 404}, None, "steering"),
    (7, {400}, "invalid_value", "steering"),
    (True, {400}, "invalid_value", "steering"),
    ([], {400}, "invalid_value", "steering"),
    ([["a"]], {400}, "invalid_value", "steering[0]"),
]


@pytest.mark.parametrize("steering, statuses, code, param", WRONG, ids=lambda v: json.dumps(v)[:50]
                         if isinstance(v, (str, dict, list)) else "")
def test_wrong_steering(server, steering, statuses, code, param):
    before = server.metrics()
    for path, body in (("/v1/completions", {"prompt": PROMPT}), ("/v1/chat/completions", {"messages": MESSAGES}),
                       ("/v1/next", {"prompt": PROMPT})):
        for more in ({}, {"stream": True}) if path != "/v1/next" else ({},):
            answer = server.post(path, {**body, "steering": steering, **more})
            assert answer.status in statuses, (path, answer.status, answer.body)
            assert answer.headers["Content-Type"].startswith("application/json"), "an error, not a stream that has one"
            assert code is None or answer.error["code"] == code, answer.error
            assert (answer.error["param"] or "").startswith(param), answer.error
            assert answer.error["message"]
    for name in ('tiller_tokens_total{kind="generated"}', 'tiller_tokens_total{kind="prompt"}'):
        assert server.metrics()[name] == before[name]


def test_a_vector_that_breaks_the_numbers(server):
    huge = {"vectors": [{"data": gguf64(tiny.control_vector(1, size=1e30)), "scale": 1e8}]}
    answer = server.post("/v1/completions", {"prompt": PROMPT, "steering": huge})
    assert (answer.status, answer.error["code"]) == (400, "steering_broke")
    both = server.complete(prompt=PROMPT, steering=[None, huge])
    assert both["choices"][0]["text"] == server.text(PROMPT)
    assert both["choices"][1]["finish_reason"] == "error" and both["choices"][1]["error"]
    assert not both["choices"][1]["text"]


# --- vectors on the server ---

def test_upload_use_download_delete(server):
    data = tiny.control_vector(77)
    made = server.post("/v1/vectors?name=mine", data)
    assert made.status in (200, 201)
    listed = {v["name"]: v for v in server.ok("/v1/vectors")["data"]}
    assert listed["mine"]["digest"].startswith("sha256:")
    assert server.text(PROMPT, "mine:0.9") == server.text(PROMPT, {"vectors": [{"data": gguf64(data), "scale": 0.9}]})

    assert server.post("/v1/vectors?name=mine", data).status in (200, 201)
    other = tiny.control_vector(78)
    refused = server.post("/v1/vectors?name=mine", other)
    assert (refused.status, refused.error["code"]) == (409, "vector_exists")
    assert server.post("/v1/vectors", {"name": "mine", "data": gguf64(other)}).status == 409
    assert server.post("/v1/vectors?name=mine&replace=true", other).status in (200, 201)
    assert server.text(PROMPT, "mine") == server.text(PROMPT, {"vectors": [{"data": gguf64(other)}]})

    back = server.get("/v1/vectors/mine")
    again = {"vectors": [{"data": gguf64(back.body)}]}
    assert back.status == 200 and server.text(PROMPT, again) == server.text(PROMPT, "mine")
    told = server.get("/v1/vectors/mine", headers={"Accept": "application/json"}).json()
    assert told["name"] == "mine" and told["digest"] == {v["name"]: v for v in server.ok("/v1/vectors")["data"]}["mine"]["digest"]

    assert server.request("DELETE", "/v1/vectors/mine").status in (200, 204)
    assert server.get("/v1/vectors/mine").error["code"] == "vector_not_found"
    assert server.request("DELETE", "/v1/vectors/mine").status == 404
    assert server.post("/v1/completions", {"prompt": PROMPT, "steering": "mine"}).error["code"] == "vector_not_found"


def test_wrong_uploads(server):
    good = tiny.control_vector(1)
    for name in ("..", "a/b", "", "x" * 65, "-x", "a b", "a%00"):
        quoted = name.replace(" ", "%20")
        assert server.post(f"/v1/vectors?name={quoted}", good).status == 400, name
    assert server.post("/v1/vectors", good).status == 400
    for data in (b"", b"GGUF", good[:-5], b"x" * 1000, good.replace(b"direction.0", b"something.0")):
        answer = server.post("/v1/vectors?name=broken", data)
        assert 400 <= answer.status < 500 and answer.error["message"], data[:10]
    for other in (tiny.control_vector(1, n_embd=64), tiny.control_vector(1, architecture="gemma3")):
        answer = server.post("/v1/vectors?name=broken", other)
        assert (answer.status, answer.error["code"]) in ((409, "vector_model_mismatch"), (400, "invalid_value"))
    assert server.get("/v1/vectors/broken").status == 404


def test_files_of_the_folder_stay(server, folder):
    assert server.get("/v1/vectors/v63").body == (folder / "vectors" / "v63.gguf").read_bytes()
    assert server.request("DELETE", "/v1/vectors/v63").status in (200, 204)
    assert (folder / "vectors" / "v63.gguf").exists()
    data = (folder / "vectors" / "v63.gguf").read_bytes()
    assert server.post("/v1/vectors?name=v63", data).status in (200, 201)


PAIRS = [{"negative": f"the {c} is cold", "positive": f"the {c} is hot"} for c in ("cat", "dog", "sun", "red film")]


def wait_job(server, job):
    state = {}

    def ended():
        state.update(server.ok(f"/v1/jobs/{job['id']}"))
        return state["status"] in ("done", "failed", "cancelled")
    serving.wait_until(ended, 60, "the job ends")
    return state


def test_extract(server, folder, tmp_path):
    answer = server.post("/v1/vectors/extract", {"name": "warm", "method": "mean-diff", "pairs": PAIRS,
                                                 "settings": {"layer": 1}})
    assert answer.status == 202 and answer.json()["object"] == "job"
    before = server.text(PROMPT)
    job = wait_job(server, answer.json())
    assert job["status"] == "done" and not job.get("error")
    assert job["id"] in [j["id"] for j in server.ok("/v1/jobs")["data"]]
    assert server.text(PROMPT) == before

    # The same vector as the program's, in bytes or at least in what it does.
    (tmp_path / "pairs.json").write_text(json.dumps(PAIRS))
    serving.run_tiller("extract", "mean-diff", "-m", folder / "tiny.gguf", "--pairs", tmp_path / "pairs.json",
                       "--set", "layer=1", "-o", tmp_path / "warm.gguf")
    assert server.text(PROMPT, "warm:2") == text_of_program_file(folder, tmp_path / "warm.gguf", 2)
    assert server.text(PROMPT, "warm:2") != before
    (tmp_path / "down.gguf").write_bytes(server.get("/v1/vectors/warm").body)
    assert text_of_program_file(folder, tmp_path / "down.gguf", 2) == server.text(PROMPT, "warm:2")
    assert server.request("DELETE", "/v1/vectors/warm").status in (200, 204)


def text_of_program_file(folder, path, scale):
    return serving.run_tiller("generate", "-m", folder / "tiny.gguf", "-p", PROMPT, "-n", 16, "--temperature", 0,
                              "--vector", f"{path}:{scale}")[0]["text"]


def test_wrong_extractions(server):
    good = {"name": "x1", "method": "mean-diff", "pairs": PAIRS, "settings": {"layer": 1}}
    for change, param in (({"method": "magic"}, "method"), ({"pairs": []}, "pairs"), ({"pairs": [{"negative": "x"}]}, "pairs[0]"),
                          ({"name": "../x"}, "name"), ({"settings": {"banana": 1}}, "settings"), ({"banana": 1}, "banana"),
                          ({"task": "present-past"}, ""), ({"settings": {"layer": 99}}, "settings")):
        answer = server.post("/v1/vectors/extract", {**good, **change})
        if answer.status == 202:  # What only the method can see fails the job.
            job = wait_job(server, answer.json())
            assert "settings" in change and job["status"] == "failed" and job["error"]["message"]
            continue
        assert answer.status == 400, (change, answer.body)
        assert (answer.error["param"] or "").startswith(param), (change, answer.error)
    assert server.get("/v1/jobs/nobody").error["code"] == "job_not_found"
    assert server.request("DELETE", "/v1/jobs/nobody").status == 404


def test_jobs_can_be_cancelled(server):
    long = [{"negative": f"the cat {'is in ' * (i % 7)} cold {i}", "positive": f"the dog {i}"} for i in range(4000)]
    job = server.post("/v1/vectors/extract", {"name": "long", "method": "mean-diff", "pairs": long,
                                              "settings": {"layer": 1}}).json()
    assert server.request("DELETE", f"/v1/jobs/{job['id']}").status in (200, 202, 204)
    assert wait_job(server, job)["status"] == "cancelled"
    assert server.get("/v1/vectors/long").status == 404
