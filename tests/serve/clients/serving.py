"""Starts `tiller serve` and speaks to it without a client library."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
TILLER = os.path.abspath(os.environ.get("TILLER", str(ROOT / "build" / "tiller")))
ROWS = "--parallel"  # Rows computed at once.


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, seconds, what):
    """Polls until `condition()` is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json()["error"]


class Server:
    """A running server; stopped by stop() or at the end of `with`."""

    def __init__(self, model, *flags, log, tiller=TILLER, headers=None):
        self.port = free_port()
        self.headers = headers or {}
        self.log = pathlib.Path(log)
        self.command = [tiller, "serve", "-m", str(model), "--port", str(self.port), *map(str, flags)]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            wait_until(self._ready, 120, "the server answers /health; its messages: " + str(self.log))
        except BaseException:
            self.stop()
            raise

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.command} ended with {self.process.returncode}: {self.log.read_text()}")
        try:
            return self.get("/health").status == 200
        except OSError:
            return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self):
        return self.process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Asks it to end, then makes it; returns the exit code."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    # --- requests ---

    def request(self, method, path, body=None, headers=None, timeout=120):
        """One request on a connection of its own. A body that is not bytes is sent as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            kind = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, {**kind, **self.headers, **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body, **more):
        return self.request("POST", path, body, **more)

    def ok(self, path, body=None, **more):
        """The JSON of an answer that must be 2xx."""
        answer = self.get(path, **more) if body is None else self.post(path, body, **more)
        assert 200 <= answer.status < 300, (answer.status, answer.body)
        return answer.json()

    def complete(self, **fields):
        """A completion whose texts depend on nothing but the request: temperature 0 unless said otherwise."""
        return self.ok("/v1/completions", {"max_tokens": 16, "temperature": 0, **fields})

    def text(self, prompt, steering=None, **fields):
        return self.complete(prompt=prompt, steering=steering, **fields)["choices"][0]["text"]

    def events(self, path, body):
        """The data of a stream's events, as JSON; "[DONE]" stays text."""
        answer = self.post(path, {**body, "stream": True})
        assert answer.status == 200, (answer.status, answer.body)
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        return list(parse_events(answer.body))

    def metrics(self):
        """The plain counters and gauges of /metrics; those with labels under their whole name."""
        values = {}
        for line in self.get("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def wait_idle(self, seconds=2):
        wait_until(lambda: self.metrics()["tiller_rows_active"] == 0, seconds, "no row is active")

    # --- bytes ---

    def connect(self, timeout=10):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def raw(self, data, timeout=10, half_close=False):
        """Sends bytes and reads until the server closes or says nothing for `timeout` seconds."""
        with self.connect(timeout) as s:
            with contextlib.suppress(OSError):  # It may close while we still send.
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
            return read_all(s)


def read_all(s):
    parts = []
    with contextlib.suppress(OSError):
        while part := s.recv(65536):
            parts.append(part)
    return b"".join(parts)


def parse_events(body):
    """Server-sent events: everything between blank lines; comments are left out."""
    for block in body.decode().split("\n\n"):
        data = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
        if data:
            text = "\n".join(data)
            yield text if text == "[DONE]" else json.loads(text)


def run_tiller_text(*arguments):
    """What the program prints."""
    done = subprocess.run([TILLER, *map(str, arguments)], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (arguments, done.stderr.decode())
    return done.stdout.decode()


def run_tiller(*arguments):
    """The JSON that the program prints."""
    text = run_tiller_text(*arguments, "--json")
    return json.loads(text) if text.strip() else None
