"""Malformed requests: never a crash, always a JSON error or a closed connection, and a good request is answered as before."""

import concurrent.futures
import itertools
import json
import os
import re
import time

import pytest

import fuzz
import serving

N_REQUEST = int(os.environ.get("TILLER_FUZZ_REQUESTS", "1000"))
SEED = int(os.environ.get("TILLER_FUZZ_SEED", "20261129"))
GOOD = {"prompt": "the film was", "max_tokens": 12, "temperature": 0.9, "seed": 4, "steering": [None, "a:0.7"], "logprobs": 2}


def good(server):
    answer = server.ok("/v1/completions", GOOD)
    answer.pop("id"), answer.pop("created")
    answer["usage"].pop("prompt_tokens_details", None)
    return json.dumps(answer, sort_keys=True)


def check(answer):
    """Every answer of the connection is complete HTTP, and what is no success is a JSON error."""
    rest = answer
    while rest:
        head, found, rest = rest.partition(b"\r\n\r\n")
        match = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        assert match and found, answer[:300]
        status, headers = int(match[1]), head.lower()
        assert status < 500 or status == 503, answer[:600]
        if status == 100:
            continue
        length = re.search(rb"\r\ncontent-length: *(\d+)", headers)
        if not length:
            return  # A stream, or an answer without a body, that ends with the connection.
        body, rest = rest[:int(length[1])], rest[int(length[1]):]
        if status >= 400 and body:
            assert json.loads(body)["error"]["message"], answer[:300]
        if status >= 400:
            assert body or b"\r\nallow" in headers or status in (400, 408, 413, 431, 505), answer[:300]


def test_malformed_requests(server):
    before = good(server)
    cases = list(itertools.islice(fuzz.Fuzzer(SEED), N_REQUEST))

    def send(case):
        kind, data, half_close = case
        try:
            check(server.raw(data, timeout=3, half_close=half_close))
        except (AssertionError, ValueError, KeyError, TypeError) as problem:
            return f"{kind}: {data[:300]!r} (seed {SEED}): {problem}"
        return None

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        problems = [p for p in pool.map(send, cases) if p]
    assert not problems, f"{len(problems)} of {len(cases)}, for example:\n" + "\n".join(problems[:5])
    assert server.alive, server.log.read_text()[-2000:]
    server.wait_idle(5)
    assert good(server) == before


def test_every_field_with_every_strange_value(server):
    """No 500 at any field, and an error names a place."""
    problems = []

    def ask(case):
        path, body, place, value = case
        data = fuzz.encode(fuzz.dumps(fuzz.replaced(body, place, value)))
        answer = server.request("POST", path, data)
        if answer.status >= 400:
            error = answer.error
            if answer.status >= 500 or not error["message"] or not error["code"] or not error["type"]:
                problems.append((path, place, value, answer.status, answer.body))

    values = [v for v in fuzz.STRANGE if not (isinstance(v, fuzz.Raw) and len(v) > 100)][::2]
    cases = [(path, body, place, value) for path, body in fuzz.ENDPOINTS for place in fuzz.paths_of(body) if place
             for value in values]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, cases))
    assert not problems, f"{len(problems)} of {len(cases)}: {problems[:5]}"


def post(body, path="/v1/completions", **more):
    return fuzz.request(path, body, **more)


def status_of(answer):
    match = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return int(match[1]) if match else None


def error_of(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'"x"', b"null", b'{"prompt": "\xff\xfe"}', b'{"prompt": "a", "prompt": "b"}',
                                  b'{"prompt": "a"} x', b'{"prompt": NaN}', b"[" * 100000], ids=lambda b: repr(b[:20]))
def test_bodies_that_are_no_request(server, body):
    answer = server.raw(post(body))
    assert status_of(answer) == 400
    assert error_of(answer)["code"] in ("invalid_json", "invalid_value", "missing_field")


def test_wrong_methods_and_paths(server):
    for method, path in (("GET", "/v1/completions"), ("PUT", "/v1/chat/completions"), ("DELETE", "/v1/models"),
                         ("POST", "/health"), ("PATCH", "/v1/vectors")):
        answer = server.request(method, path, b"{}")
        assert (answer.status, answer.error["code"]) == (405, "method_not_allowed"), (method, path)
    for path in ("/v1/nothing", "/v1/completions/x", "/index.php", "/v1"):
        answer = server.get(path)
        assert (answer.status, answer.error["code"]) == (404, "not_found"), path


def test_no_path_reaches_files(server):
    for path in ("/../../../../etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "/v1/vectors/..%2f..%2ftiny", "/v1/vectors/..%2ftiny",
                 "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"):
        answer = server.raw(fuzz.request(path, None, "GET"))
        assert status_of(answer) in (400, 404) and b"root:" not in answer, path


def test_bodies_and_headers_too_large(server):
    declared = server.raw(fuzz.request("/v1/completions", b"", length=33 * 2**20), timeout=5)
    assert status_of(declared) == 413 and error_of(declared)["code"] == "too_large"
    big = server.raw(fuzz.request("/v1/completions", b"x", headers=["X-Big: " + "x" * 70000]), timeout=5)
    assert status_of(big) in (400, 413, 431, None)
    # Chunks that only add up to too much.
    chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    head = fuzz.request("/v1/completions", None, headers=["Transfer-Encoding: chunked"])
    assert status_of(server.raw(head + chunk * 34 + b"0\r\n\r\n", timeout=10)) in (413, None)


def test_a_good_chunked_request(server):
    text = json.dumps({"prompt": "the film was", "max_tokens": 16, "temperature": 0}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, text[i:i + 1]) for i in range(len(text))) + b"0\r\n\r\n"
    answer = server.raw(fuzz.request("/v1/completions", None, headers=["Transfer-Encoding: chunked"]) + chunks)
    assert status_of(answer) == 200
    body = answer.partition(b"\r\n\r\n")[2]
    assert json.loads(body)["choices"][0]["text"] == server.text("the film was")


def test_a_request_that_comes_byte_by_byte(server):
    text = post(json.dumps({"prompt": "the", "max_tokens": 2}).encode())
    with server.connect() as s:
        for i in range(len(text)):
            s.sendall(text[i:i + 1])
            time.sleep(0.001)
        assert status_of(serving.read_all(s)) == 200


def test_pipelined_requests_are_answered_in_order(server):
    def one(prompt, close):
        body = json.dumps({"prompt": prompt, "max_tokens": 4, "temperature": 0}).encode()
        data = post(body)
        return data if close else data.replace(b"Connection: close\r\n", b"")
    prompts = ["the film was", "a dog", "hot"]
    answer = server.raw(b"".join(one(p, p == prompts[-1]) for p in prompts))
    texts = []
    while answer:
        head, _, answer = answer.partition(b"\r\n\r\n")
        n = int(re.search(rb"content-length: *(\d+)", head.lower())[1])
        texts.append(json.loads(answer[:n])["choices"][0]["text"])
        answer = answer[n:]
    assert texts == [server.text(p, max_tokens=4) for p in prompts]


def test_slow_clients_do_not_stop_others(server):
    """Fifty connections that send half a request; another is answered meanwhile."""
    half = [server.connect() for _ in range(50)]
    try:
        for s in half:
            s.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
        begin = time.monotonic()
        assert server.text("the film was")
        assert server.get("/health").status == 200
        assert time.monotonic() - begin < 10
    finally:
        for s in half:
            s.close()
