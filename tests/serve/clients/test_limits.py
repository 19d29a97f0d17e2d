"""Who may ask, how much, and what happens when clients or the server go away."""

import json
import signal
import socket
import subprocess
import threading
import time

import openai
import pytest

import fuzz
import serving

BODY = {"prompt": "the film was", "max_tokens": 4, "temperature": 0}
LONG = {"prompt": "the film was", "max_tokens": 900, "temperature": 0}


def raw_status(server, **more):
    answer = server.raw(fuzz.request("/v1/completions", json.dumps(BODY).encode(), **more))
    return int(answer.split()[1]), answer


def test_hosts(server):
    for host in ("127.0.0.1", f"127.0.0.1:{server.port}", "localhost", f"localhost:{server.port}", f"[::1]:{server.port}"):
        assert raw_status(server, host=host)[0] == 200, host
    for host in ("example.com", f"example.com:{server.port}", "127.0.0.1.example.com", "localhost.example.com"):
        status, answer = raw_status(server, host=host)
        assert status == 403 and b"forbidden_host" in answer, host
    for path in ("/", "/health", "/v1/models", "/metrics"):
        assert server.get(path, headers={"Host": "example.com"}).status in (200 if path == "/health" else 403, 403), path


def test_without_a_host(server):
    for host in (b"", b"Host:\r\n"):
        answer = server.raw(b"GET /v1/models HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n")
        assert answer.split()[1] in (b"400", b"403"), host


def test_origins(server):
    own = f"http://127.0.0.1:{server.port}"
    assert server.post("/v1/completions", BODY, headers={"Origin": own}).status == 200
    for origin in ("http://example.com", "null", "https://127.0.0.1:1", f"http://127.0.0.1:{server.port + 1}", "file://"):
        answer = server.post("/v1/completions", BODY, headers={"Origin": origin})
        assert (answer.status, answer.error["code"]) == (403, "forbidden_origin"), origin
        assert not answer.headers.get("Access-Control-Allow-Origin")
    preflight = server.request("OPTIONS", "/v1/completions", headers={"Origin": "http://example.com",
                                                                      "Access-Control-Request-Method": "POST"})
    assert preflight.status >= 400 and not preflight.headers.get("Access-Control-Allow-Origin")


def test_curl(server):
    """The first example of docs/server.md: curl says application/x-www-form-urlencoded."""
    done = subprocess.run(["curl", "-sS", "--fail-with-body", server.url + "/v1/completions", "-d",
                           json.dumps({"prompt": "the film was", "max_tokens": 16, "temperature": 0, "steering": "a:0.7"})],
                          capture_output=True, check=False)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["choices"][0]["text"] == server.text("the film was", "a:0.7")


def test_api_keys(start, tmp_path, folder):
    keys = tmp_path / "keys"
    keys.write_text("first-key\nsecond-key\n")
    with start("--api-key-file", keys) as server:
        def client(key):
            return openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0)
        for key in ("first-key", "second-key"):
            assert client(key).completions.create(model=server.ok("/v1/models", headers={"Authorization": "Bearer first-key"})
                                                  ["data"][0]["id"], **BODY).choices
        for key in ("wrong", "first-ke", "first-keyy", "first-key second-key"):
            with pytest.raises(openai.AuthenticationError) as error:
                client(key).completions.create(model="tiny", **BODY)
            assert error.value.code == "invalid_api_key"
        for header in ({}, {"Authorization": ""}, {"Authorization": "Basic first-key"}, {"Authorization": "Bearer "}):
            for method, path in (("POST", "/v1/completions"), ("GET", "/v1/models"), ("GET", "/v1/vectors"), ("POST", "/tokenize"),
                                 ("GET", "/metrics")):
                answer = server.request(method, path, BODY if method == "POST" else None, headers=header)
                assert answer.status == 401 and answer.error["code"] == "invalid_api_key", (path, header)
        assert server.get("/health").status == 200
        assert b"first-key" not in server.log.read_bytes()


def test_another_host_needs_keys(folder, tmp_path):
    done = subprocess.run([serving.TILLER, "serve", "-m", folder / "tiny.gguf", "--host", "0.0.0.0", "--port",
                           str(serving.free_port())], capture_output=True, check=False, timeout=60)
    assert done.returncode == 2 and b"--api-key-file" in done.stderr
    (tmp_path / "empty").write_text("\n")
    done = subprocess.run([serving.TILLER, "serve", "-m", folder / "tiny.gguf", "--host", "0.0.0.0", "--port",
                           str(serving.free_port()), "--api-key-file", tmp_path / "empty"],
                          capture_output=True, check=False, timeout=60)
    assert done.returncode in (2, 3)


def test_vector_of_another_model_stops_the_start(folder, tmp_path):
    import tiny
    (tmp_path / "wide.gguf").write_bytes(tiny.control_vector(1, n_embd=64))
    done = subprocess.run([serving.TILLER, "serve", "-m", folder / "tiny.gguf", "--vectors", tmp_path, "--port",
                           str(serving.free_port())], capture_output=True, check=False, timeout=60)
    assert done.returncode == 3 and b"wide" in done.stderr


def test_files_that_cannot_be_names_are_left_out(folder, tmp_path, start):
    import tiny
    for name in ("good.gguf", "a b.gguf", "-x.gguf", "notes.txt"):
        (tmp_path / name).write_bytes(tiny.control_vector(1))
    with start("--vectors", tmp_path) as server:
        assert [v["name"] for v in server.ok("/v1/vectors")["data"]] == ["good"]
        assert "a b" in server.log.read_text()


class Streams:
    """Long streams that stay open."""

    def __init__(self, server):
        self.server, self.sockets = server, []

    def open(self, body=LONG):
        s = self.server.connect(30)
        s.sendall(fuzz.request("/v1/completions", json.dumps({**body, "stream": True}).encode()))
        self.sockets.append(s)
        return s

    def close(self):
        for s in self.sockets:
            s.close()
        self.sockets = []


@pytest.fixture
def streams(server):
    opened = Streams(server)
    yield opened
    opened.close()
    server.wait_idle(5)


def active(server):
    return server.metrics()["tiller_rows_active"]


@pytest.mark.parametrize("how", ["close", "reset", "vanish"])
def test_a_client_that_goes_away_frees_its_row(server, streams, how):
    s = streams.open()
    assert s.recv(100)
    serving.wait_until(lambda: active(server) == 1, 2, "the row is active")
    if how == "reset":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    if how == "vanish":
        s.shutdown(socket.SHUT_RDWR)
    s.close()
    server.wait_idle(2)


def test_a_client_that_does_not_stream_and_goes_away(server):
    s = server.connect()
    s.sendall(fuzz.request("/v1/completions", json.dumps({**LONG, "n": 8, "temperature": 1}).encode()))
    serving.wait_until(lambda: active(server) == 8, 5, "eight rows are active")
    s.close()
    server.wait_idle(2)


def test_a_client_that_reads_nothing_holds_nobody_up(server, streams):
    streams.open({**LONG, "n": 16, "logprobs": 20})
    begin = time.monotonic()
    assert server.text("the film was")
    assert time.monotonic() - begin < 30


def test_queue_full(start):
    with start(serving.ROWS, 1, "--queue", 2) as server:
        streams = Streams(server)
        first = streams.open()
        assert first.recv(100)
        streams.open(), streams.open()
        serving.wait_until(lambda: server.metrics()["tiller_queue_length"] == 2, 2, "two wait")
        answer = server.post("/v1/completions", BODY)
        assert (answer.status, answer.error["code"]) == (429, "queue_full")
        assert int(answer.headers["Retry-After"]) >= 1
        with pytest.raises(openai.RateLimitError):
            openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0).completions.create(model="tiny", **BODY)
        # More choices than there is ever room for.
        assert server.post("/v1/completions", {**BODY, "n": 100}).status in (400, 429)
        assert server.get("/health").status == 200, "health never waits"
        streams.close()
        server.wait_idle(5)
        assert server.post("/v1/completions", BODY).status == 200


def test_many_choices_wait_for_rows(start):
    with start(serving.ROWS, 4) as server:
        several = server.complete(prompt="the film was", n=20, seed=0, temperature=1)
        for i in (0, 7, 19):
            assert several["choices"][i]["text"] == server.text("the film was", temperature=1, seed=i)


def test_sigterm_lets_requests_end(start):
    with start() as server:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(server.post("/v1/completions", {**LONG, "max_tokens": 400})))
        thread.start()
        serving.wait_until(lambda: active(server) == 1, 5, "the row is active")
        server.process.send_signal(signal.SIGTERM)
        try:
            serving.wait_until(lambda: server.get("/health").status == 503, 2, "it says that it stops")
            late = server.post("/v1/completions", BODY)
            assert (late.status, late.error["code"]) == (503, "stopping")
        except OSError:
            pass  # It has ended already, or takes no new connections.
        thread.join()
        assert answers[0].status == 200 and answers[0].json()["usage"]["completion_tokens"] == 400
        assert server.process.wait(10) == 0


def test_sigterm_cancels_after_the_drain(start):
    with start("--drain", 1) as server:
        streams = Streams(server)
        s = streams.open({**LONG, "n": 16, "temperature": 1})
        assert s.recv(100)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        rest = serving.read_all(s)
        streams.close()
        assert b"[DONE]" in rest or time.monotonic() - begin < 5


def test_second_signal_ends_at_once(start):
    with start() as server:
        streams = Streams(server)
        assert streams.open({**LONG, "n": 16}).recv(100)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        if server.alive:
            server.process.send_signal(signal.SIGINT)
        server.process.wait(5)
        streams.close()


def test_metrics_are_prometheus_text(server):
    answer = server.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = [line for line in answer.body.decode().splitlines() if line]
    for line in lines:
        assert line.startswith("#") or float(line.rsplit(" ", 1)[1]) >= 0
    assert any(line.startswith("# TYPE tiller_rows_active gauge") for line in lines)


def test_more_than_512_connections(server):
    opened = []
    try:
        for _ in range(600):
            opened.append(server.connect(2))
    except OSError:
        pass
    finally:
        for s in opened:
            s.close()
    serving.wait_until(lambda: healthy(server), 10, "the server answers again")


def healthy(server):
    try:
        return server.get("/health", timeout=2).status == 200
    except OSError:
        return False
