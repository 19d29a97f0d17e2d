#!/usr/bin/env python3
"""Run every command that has --json on a tiny model, and hold what it prints against docs/schema/*.json.

Usage: check_json.py TILLER

The schemas allow no other fields than they name, so that a new field without a line there fails here; that they do is
checked, too. A command with --json of which this script knows nothing fails as well. Needs Debian's python3-jsonschema.
"""
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

try:
    import jsonschema
except ImportError:  # Debian's package is for Debian's Python
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    sys.exit("check_json.py needs the Python package jsonschema: apt-get install python3-jsonschema")

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "docs/schema"
sys.path.insert(0, str(ROOT / "tests/serve/clients"))

NO_OUTPUT = {"serve"}  # prints JSON only when it fails
MODEL = ["-m", "tiny.gguf", "--threads", "1"]
FEW = ["--n-test", "6", "--n-valid", "4", "--n-mean", "5", "--n-patch", "3", "--n-pairs", "5", "--shots", "2"]
PROMPTS = ["-p", "the cat", "-p", "a dog", "-n", "2"]
PROTOCOLS = ("tuned", "paper", "dose", "crossed", "transfer")
TABLE = "input,output\n" + "".join(f"{line}\n" for line in (
    "go,went", "run,ran", "run,ran", "run,walked", "see,saw", "be,was", "put,put", "eat,ate", "fly,flew", "win,won", "do,did"))

# Schema, then the words of the command; in this order, because files of the first are used by others.
RUNS = [
    ("extract", ["extract", "icv", *MODEL, "-t", "sentiment_transfer", "--n-pairs", "4", "-o", "i.gguf"]),
    ("extract", ["extract", "fv", *MODEL, "-t", "present-past", "--shots", "2", "--n-mean", "4", "--n-patch", "2",
                 "-o", "v.gguf"]),
    ("show", ["show", "v.gguf"]),
    ("show", ["show", "i.gguf"]),
    ("combine", ["combine", "v.gguf", "v.gguf:2", "-o", "c.gguf"]),
    ("generate", ["generate", *MODEL, "-p", "the cat", "--vector", "i.gguf", "--compare", "-n", "4", "--samples", "2"]),
    ("generate", ["generate", *MODEL, "-p", "the cat", "--chat", "-n", "4"]),
    ("generate", ["generate", *MODEL, "-p", "the cat", "--vector", "i.gguf:1e30", "-n", "4"]),
    ("next", ["next", *MODEL, "-p", "the cat", "--vector", "i.gguf", "--top", "3"]),
    ("eval", ["eval", *MODEL, "-t", "present-past", "--vector", "v.gguf", "--n-test", "6"]),
    ("eval", ["eval", *MODEL, "-t", "sentiment_transfer", "--vector", "i.gguf", "--n-test", "6"]),
    ("eval", ["eval", *MODEL, "-t", "present-past", "--vector", "i.gguf:1e30", "--n-test", "6"]),
    ("read", ["read", "v.gguf", *MODEL, "--top", "3"]),
    ("read", ["read", "v.gguf", *MODEL, "--top", "3", "--reconstruct", "5", "-o", "r.gguf", "--steps", "3"]),
    ("inspect", ["inspect", "i.gguf", *MODEL, "-p", "the cat", "--strengths", "1,1e30", "-n", "4"]),
    ("export", ["export", "v.gguf", "--to", "llama.cpp", "-o", "e.gguf", *MODEL, *PROMPTS]),
    ("export", ["export", "v.gguf", "--to", "npz", "-o", "e.npz", *MODEL, *PROMPTS]),
    ("export", ["export", "e.gguf", "--to", "safetensors", "-o", "e.safetensors"]),
    ("tasks", ["tasks"]),
    ("tasks", ["tasks", "antonym"]),
    ("task-new", ["task", "new", "w.csv", "-o", "w.json"]),
    ("task-check", ["task", "check", "w.json"]),
    ("task-check", ["task", "check", "w.json", *MODEL]),
    ("models", ["models"]),
    ("models-get", ["models", "get", "hf:user/repo"]),
    ("models-path", ["models", "path", "hf:user/repo"]),
    ("doctor", ["doctor", *MODEL]),
    ("doctor", ["doctor", *MODEL, "--fast"]),
    ("bench", ["bench", *MODEL, "--part", "memory", "--part", "sweep", "--part", "generation", "--part", "settings",
               "--part", "growth", "--part", "cuts", "--repeats", "1", "--n-prompts", "2", "--shots", "2", "--items", "3", "--alone", "2",
               "--new-tokens", "3", "--generate-rows", "2"]),
    ("sweep", ["sweep", *MODEL, "-t", "present-past", "-o", "sweep", "--n-test", "4", "--n-mean", "4", "--n-patch", "2",
               "--shots", "2"]),
    ("heads", ["heads", *MODEL, "-t", "present-past", "-t", "antonym", "-o", "heads", "--n-test", "4", "--n-valid", "3",
               "--n-mean", "4", "--n-patch", "2"]),
    ("compare", ["compare", *MODEL, "-t", "present-past", "-t", "sentiment_transfer", "-o", "run", *FEW]),
    ("compare", ["compare", *MODEL, "-t", "present-past", "--chat", "--method", "task-vector", "-o", "chat-run", *FEW]),
    ("eval", ["eval", *MODEL, "-t", "present-past", "--from", "chat-run", "--n-test", "6"]),
    ("plan", ["plan", "run/plan.toml"]),
    ("plan", ["plan", "run/plan.toml", "--time", "--threads", "1"]),
    ("shard", ["compare", "--plan", "chat-run/plan.toml", "--threads", "1", "-o", "shared", "--shard", "0/2"]),
    ("shard", ["compare", "--plan", "chat-run/plan.toml", "--threads", "1", "-o", "shared", "--shard", "1/2"]),
    ("status", ["status", "shared"]),
    ("merge", ["merge", "shared"]),
    ("compare", ["report", "run"]),
    *(("compare", ["report", f"old-{protocol}"]) for protocol in PROTOCOLS),
    ("cache", ["cache"]),
    ("cache", ["cache", "list"]),
    ("cache-clean", ["cache", "clean"]),
    ("cache-clean", ["cache", "clean"]),  # with nothing to remove
]
FAILS = [["next", "-m", "none.gguf", "-p", "x"], ["show", "w.csv"], ["tasks", "no such task"]]


def local_hub(model):
    """A hub with one repository on a free port."""
    listing = json.dumps([{"type": "file", "path": "tiny.gguf", "size": len(model),
                           "lfs": {"oid": hashlib.sha256(model).hexdigest(), "size": len(model)}}]).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = listing if self.path.startswith("/api/") else model
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def closed(schema, path):
    """Every object of a schema says what else may stand in it: nothing, or a map's values."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "additionalProperties" not in schema:
            sys.exit(f"{path}: an object without additionalProperties")
        for key, value in schema.items():
            closed(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for value in schema:
            closed(value, path)


def load_schemas():
    schemas = {}
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        closed(schema, path.name)
        schemas[path.stem] = jsonschema.Draft202012Validator(schema)
    return schemas


def objects_in(value):
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects_in(inner)


def check(validator, text, words):
    value = json.loads(text)
    faults = [f"  {'/'.join(map(str, e.absolute_path)) or 'top'}: {e.message[:300]}" for e in validator.iter_errors(value)]
    if faults:
        sys.exit(f"{' '.join(words)}: what it prints is not what the schema says:\n" + "\n".join(faults[:20]))
    # A field that is not in the schema must be noticed; the first object of every output stands for all.
    first = next(objects_in(value), None)
    if first is not None:
        first["no such field"] = {}
        if validator.is_valid(value):
            sys.exit(f"{' '.join(words)}: the schema lets a field through that it does not name")


class Program:
    def __init__(self, program, folder, environment):
        self.program, self.folder, self.environment = program, folder, environment

    def __call__(self, words):
        return subprocess.run([self.program, *words], cwd=self.folder, env=self.environment, capture_output=True,
                              encoding="utf-8", check=False)

    def commands_with_json(self, words=()):
        """Commands whose help lists --json, with the words of their names."""
        text = self([*words, "--help"]).stdout
        if re.search(r"^  --json ", text, re.MULTILINE):
            yield tuple(words)
        listed = re.search(r"^Subcommands:\n(.*?)(?:^\S|\Z)", text, re.MULTILINE | re.DOTALL)
        names = re.findall(r"^  ([a-z][a-z-]*)(?: |$)", listed.group(1) if listed and words else text, re.MULTILINE)
        for name in dict.fromkeys(names if len(words) < 2 and (not words or listed) else ()):
            if self([*words, name, "--help"]).returncode == 0:
                yield from self.commands_with_json([*words, name])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    from tiny import tiny_model

    schemas = load_schemas()
    with tempfile.TemporaryDirectory() as folder:
        model = tiny_model()
        Path(folder, "tiny.gguf").write_bytes(model)
        Path(folder, "w.csv").write_text(TABLE, encoding="utf-8")
        for protocol in PROTOCOLS:
            shutil.copytree(ROOT / "tests/unit/old_runs" / protocol, Path(folder, f"old-{protocol}"))
        environment = {**os.environ, "TILLER_CACHE_DIR": f"{folder}/cache", "TILLER_DATA_DIR": str(ROOT / "data"),
                       "HF_HOME": f"{folder}/hf", "LLAMA_CACHE": f"{folder}/llama", "HF_ENDPOINT": local_hub(model),
                       "NO_PROXY": "127.0.0.1"}
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
            environment.pop(name, None)
        run = Program(str(Path(sys.argv[1]).resolve()), folder, environment)
        for name, words in RUNS:
            done = run([*words, "--json"])
            if name == "models-get" and "built without libcurl" in done.stderr:
                continue
            if name == "models-path" and done.returncode == 4:
                continue
            if done.returncode:
                sys.exit(f"tiller {' '.join(words)} --json ended with {done.returncode}:\n{done.stderr}")
            check(schemas[name], done.stdout, words)
        for words in FAILS:
            done = run([*words, "--json"])
            if done.returncode == 0 or done.stdout:
                sys.exit(f"tiller {' '.join(words)} --json was to fail with nothing on standard output")
            check(schemas["error"], done.stderr, words)
        tried = {tuple(words[:n]) for _, words in RUNS for n in (1, 2)}
        commands = list(run.commands_with_json())
        unknown = [c for c in commands if c not in tried and c[0] not in NO_OUTPUT and c[:1] != ("extract",)]
        if unknown or len(commands) < 20:
            sys.exit(f"commands with --json that no schema is tried on: {unknown} (of {len(commands)})")
    unused = set(schemas) - {name for name, _ in RUNS} - {"error"}
    if unused:
        sys.exit(f"schemas that nothing is held against: {sorted(unused)}")
    print(f"json: {len(RUNS)} outputs and {len(FAILS)} errors are what {len(schemas)} schemas say; "
          f"{len(commands)} commands have --json")


if __name__ == "__main__":
    main()
