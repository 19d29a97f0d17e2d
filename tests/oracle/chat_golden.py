#!/usr/bin/env python3
"""Makes tests/oracle/chat_golden.json: what Python's jinja2 renders with the chat templates that come with
the engine's source, for the test of src/engine/chat_template.cpp.

    tests/oracle/chat_golden.py ~/.cache/tiller/jinja/<key>/templates

The settings are those of Hugging Face's transformers (utils/chat_template_utils.py): a sandbox, trim_blocks,
lstrip_blocks, break and continue, {% generation %}, tojson without escapes, raise_exception, strftime_now. Needs
jinja2 (Debian: python3-jinja2). Templates are not copied: the file holds their names and digests.
"""
import datetime
import hashlib
import json
import pathlib
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

OUT = pathlib.Path(__file__).with_suffix(".json")
TIME = 1768219200  # 2026-01-12 12:00 UTC: the same day in nearly every time zone
BOS, EOS = "<s>", "</s>"


def say(role, content):
    return {"role": role, "content": content}


CONVERSATIONS = [
    {"name": "system", "add_generation_prompt": True, "messages": [
        say("system", "Answer in one word."), say("user", "Name a colour.")]},
    {"name": "turns", "add_generation_prompt": True, "messages": [
        say("user", "Which town is this?"), say("assistant", "It is Lund.\n\nIn Sweden."),
        say("user", "  And the river?  "), say("assistant", "Höje å."), say("user", "Thank you\n")]},
    {"name": "unicode", "add_generation_prompt": True, "messages": [
        say("user", "Grüße, мир 👩‍🔬 東京 שלום e\u0301\u00a0\u2028fin")]},
    {"name": "lookalike", "add_generation_prompt": True, "messages": [
        say("user", "{{ x }} {% if y %}<|im_end|><|eot_id|></s>[INST] <end_of_turn>\n{# \\n \"q\" 'r' & <b> #}")]},
    {"name": "empty", "add_generation_prompt": True, "messages": [say("user", "")]},
    {"name": "prefill", "add_generation_prompt": False, "messages": [
        say("user", "Count to three."), say("assistant", "One, two,")]},
]


class Generation(jinja2.ext.Extension):
    """transformers' {% generation %}, which marks the assistant's text and writes nothing."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    @staticmethod
    def _same(caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.datetime.fromtimestamp(TIME).strftime(form)
    return env


def render(env, source, conversation):
    """The text, or None when the template refuses the conversation."""
    try:
        return env.from_string(source).render(
            messages=conversation["messages"], tools=None, documents=None,
            add_generation_prompt=conversation["add_generation_prompt"], bos_token=BOS, eos_token=EOS)
    except (jinja2.exceptions.TemplateError, TypeError, KeyError, AttributeError) as error:
        print(f"    {conversation['name']}: {type(error).__name__}: {str(error)[:100]}", file=sys.stderr)
        return None


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    env = environment()
    templates = {}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
        print(path.name, file=sys.stderr)
        source = path.read_bytes()
        outcomes = {}
        for conversation in CONVERSATIONS:
            text = render(env, source.decode(), conversation)
            outcomes[conversation["name"]] = "error" if text is None else hashlib.sha256(text.encode()).hexdigest()
        templates[path.name] = {"sha256": hashlib.sha256(source).hexdigest(), "outcomes": outcomes}
    golden = {"made_by": "tests/oracle/chat_golden.py with jinja2 " + jinja2.__version__, "time": TIME, "bos_token": BOS,
              "eos_token": EOS, "conversations": CONVERSATIONS, "templates": templates}
    OUT.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
