"""Malformed requests from a seeded generator: bytes to send, and what makes them malformed."""

import json
import random

ENDPOINTS = [
    ("/v1/completions", {"prompt": "the film", "max_tokens": 2, "temperature": 0.5, "top_p": 0.9, "top_k": 3, "min_p": 0.1,
                         "seed": 1, "stop": ["x"], "n": 1, "logprobs": 1, "stream": False, "echo": False,
                         "presence_penalty": 0.1, "frequency_penalty": 0.1, "repetition_penalty": 1.1,
                         "logit_bias": {"5": 1}, "special": False, "steering": "a:0.5"}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hot"}], "max_tokens": 2, "temperature": 0,
                              "logprobs": True, "top_logprobs": 2, "stream": True,
                              "stream_options": {"include_usage": True}, "continue_final_message": False,
                              "steering": {"vectors": [{"name": "a", "scale": 0.5, "layers": [1],
                                                        "apply": {"prompt": "last", "generation": True}}]}}),
    ("/v1/next", {"prompt": "the", "top": 3, "watch": ["q"], "steering": [None, "b"]}),
    ("/v1/logprobs", {"prompt": "the", "continuation": " cat", "steering": "b"}),
    ("/v1/activations", {"prompt": "the", "site": "residual", "layers": [0], "positions": "last"}),
    ("/v1/vectors", {"name": "fuzzed", "data": "R0dVRg=="}),
    ("/v1/vectors/extract", {"name": "fuzzed", "method": "mean-diff", "pairs": [{"negative": "a", "positive": "b"}],
                             "settings": {"layer": 1}}),
    ("/tokenize", {"content": "the", "add_special": True, "parse_special": True, "with_pieces": True}),
    ("/detokenize", {"tokens": [5, 6]}),
    ("/apply-template", {"messages": [{"role": "user", "content": "hot"}], "add_generation_prompt": True}),
]
OTHER_PATHS = ["/", "/health", "/metrics", "/v1/models", "/v1/models/tiny", "/v1/vectors/nobody", "/v1/jobs", "/v1/jobs/x",
               "/v2/models", "/v1/completions/", "//", "/%00", "/..%2f..%2fetc/passwd", "/../../etc/passwd", "/v1/vectors/..",
               "/v1/vectors/%2e%2e%2fa", "*", "/" + "a" * 9000, "/?" + "x" * 500, "/v1/models/" + "%ff" * 20, "/\x01"]


class Raw(str):
    """Text that stands in JSON as it is."""


STRANGE = [None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**400, -10**30, 1e308, "", "x", "\u0000", "\ud800", "a" * 5000,
           [], {}, [[]], [None], [1, "x", {}], {"": ""}, {"name": "a"}, [[[[[[[[]]]]]]]], Raw("NaN"), Raw("Infinity"),
           Raw("-Infinity"), Raw("1e999"), Raw("01"), Raw("1."), Raw("+1"), Raw("0x10"), Raw("'x'"), Raw("undefined"),
           Raw("[1,]"), Raw('{"a":1,}'), Raw('{"a":1,"a":2}'), Raw("/* */ 1"), Raw('"\\x"'), Raw('"\\ud800"'), Raw('"\n"'),
           Raw("[" * 50 + "]" * 50), Raw("[" * 20000), Raw('{"a":' * 3000), Raw("9" * 5000), Raw("-"), Raw('"')]


def dumps(value):
    """JSON in which Raw texts stand as they are; lone surrogates become bytes that are no UTF-8."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + dumps(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def encode(text):
    return text.encode("utf-8", "surrogatepass")


def paths_of(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths_of(child, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def request(path, body, method="POST", headers=(), length=None, host="127.0.0.1"):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body) if length is None else length}"]
    return encode("\r\n".join([*lines, *headers]) + "\r\n\r\n") + (body or b"")


class Fuzzer:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.kinds = [self.field, self.field, self.field, self.field, self.extra_field, self.broken_json, self.bytes, self.nested,
                      self.method, self.path, self.header, self.big_header, self.chunked, self.length, self.half,
                      self.pipelined, self.noise, self.truncated]

    def __iter__(self):
        while True:
            kind = self.random.choice(self.kinds)
            yield (kind.__name__, *kind())

    # Each returns (bytes, whether we close our half after sending).

    def some(self):
        return self.random.choice(ENDPOINTS)

    def field(self):
        path, body = self.some()
        places = [p for p in paths_of(body)]
        place = self.random.choice(places)
        return request(path, encode(dumps(replaced(body, place, self.random.choice(STRANGE))))), False

    def extra_field(self):
        path, body = self.some()
        name = self.random.choice(["banana", "Prompt", "prompt ", "\u0000", "__proto__", "a" * 3000, "tools", "functions"])
        return request(path, encode(dumps({**body, name: self.random.choice(STRANGE)}))), False

    def broken_json(self):
        path, body = self.some()
        text = bytearray(encode(dumps(body)))
        for _ in range(self.random.randint(1, 5)):
            at = self.random.randrange(len(text))
            action = self.random.randrange(3)
            if action == 0:
                text[at] = self.random.randrange(256)
            elif action == 1:
                del text[at]
            else:
                text.insert(at, self.random.randrange(256))
        return request(path, bytes(text)), False

    def bytes(self):
        path, _ = self.some()
        return request(path, self.random.randbytes(self.random.choice([0, 1, 7, 300, 70000]))), False

    def nested(self):
        path, body = self.some()
        depth = self.random.choice([31, 33, 1000, 100000])
        opening, closing = self.random.choice([("[", "]"), ('{"a":', "}")])
        inner = Raw(opening * depth + "1" + closing * depth)
        return request(path, encode(dumps(replaced(body, (self.random.choice(list(body)),), inner)))), False

    def method(self):
        path, body = self.some()
        method = self.random.choice(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "post", "", "X" * 5000])
        return request(path, encode(dumps(body)) if self.random.random() < 0.5 else None, method), False

    def path(self):
        path = self.random.choice(OTHER_PATHS)
        return request(path, self.random.choice([None, b"", b"{}"]), self.random.choice(["GET", "POST", "DELETE"])), False

    def header(self):
        path, body = self.some()
        header = self.random.choice(["Content-Type: text/plain", "Content-Type: multipart/form-data; boundary=x", "Expect: 100-continue",
                                     "Expect: banana", "Content-Encoding: gzip", "Transfer-Encoding: gzip", "Upgrade: websocket",
                                     "Range: bytes=0-5", "no colon", ": empty", "X: a\x00b", "X:\ttab", " folded: x", "Host: b",
                                     "Content-Length: 5", "Content-Length: -1", "Authorization: Bearer \xff", "Accept: \xff"])
        return request(path, encode(dumps(body)), headers=[header]), False

    def big_header(self):
        path, body = self.some()
        headers = self.random.choice([["X-Big: " + "x" * 70000], [f"X-{i}: 1" for i in range(3000)], ["X" * 20000 + ": 1"]])
        return request(path, encode(dumps(body)), headers=headers), False

    def chunked(self):
        path, body = self.some()
        text = encode(dumps(body))
        good = b"%x\r\n%s\r\n" % (len(text), text)
        data = self.random.choice([good, b"zz\r\n" + text, b"-5\r\n", b"ffffffffffffffffff\r\nx", b"5\r\nab", good + b"0\r\n",
                                   b"%x\r\n%sXX0\r\n\r\n" % (len(text), text), b"\r\n\r\n", b"5;" + b"e" * 9000 + b"\r\nabcde\r\n0\r\n\r\n"])
        head = request(path, None, headers=["Transfer-Encoding: chunked", *self.random.choice([[], [f"Content-Length: {len(text)}"]])])
        return head + data, True

    def length(self):
        path, body = self.some()
        length = self.random.choice(["-1", "abc", "", "99999999999999999999", "1e3", "+5", "0x5", "5, 5", str(2**40), str(2**63)])
        return request(path, encode(dumps(body)), length=length), True

    def half(self):
        path, body = self.some()
        return request(path, encode(dumps(body))), True

    def pipelined(self):
        return b"".join(self.random.choice([self.field, self.method, self.bytes, self.noise])()[0].replace(b"Connection: close\r\n", b"")
                        for _ in range(self.random.randint(2, 6))), True

    def noise(self):
        return self.random.choice([b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET /\r\n\r\n", b"\x00" * 100,
                                   b"GET / HTTP/1.1\n\n", b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                   self.random.randbytes(200)]), True

    def truncated(self):
        path, body = self.some()
        whole = request(path, encode(dumps(body)))
        return whole[:self.random.randrange(len(whole))], True
