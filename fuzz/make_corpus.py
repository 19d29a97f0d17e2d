#!/usr/bin/env python3
"""Write the inputs that fuzzing starts from: one or more files of every form that a reader knows, whole and small.

usage: make_corpus.py FOLDER     writes FOLDER/NAME/* for each fuzz/NAME.cpp that is given inputs here

From these a fuzzer finds its way into every branch; from nothing it would have to guess a whole file. Inputs that are
text and are read by people too lie in fuzz/corpus.
"""
import hashlib
import io
import json
import pathlib
import struct
import sys
import zipfile

# Types of GGUF metadata values.
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACKED = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}


def text(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(kind, v):
    return text(v) if kind == STRING else struct.pack("<" + PACKED[kind], v)


def gguf(metadata, tensors, version=3):
    """metadata: (key, type, value), a list as value for an array; tensors: (name, shape, type, bytes)."""
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    for key, kind, v in metadata:
        out += text(key)
        if isinstance(v, list):
            out += struct.pack("<IIQ", ARRAY, kind, len(v)) + b"".join(value(kind, x) for x in v)
        else:
            out += struct.pack("<I", kind) + value(kind, v)
    offset, data = 0, b""
    for name, shape, kind, raw in tensors:
        out += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        out += struct.pack("<IQ", kind, offset)
        data += raw + bytes(-len(raw) % 32)
        offset = len(data)
    return out + bytes(-len(out) % 32) + data


def floats(n):
    return struct.pack(f"<{n}f", *(0.25 * (i % 7) - 0.5 for i in range(n)))


def half_floats(n):
    return struct.pack(f"<{n}e", *(0.25 * (i % 7) - 0.5 for i in range(n)))


def vectors():
    of_another_tool = [("general.architecture", STRING, "controlvector"), ("controlvector.model_hint", STRING, "llama"),
                       ("controlvector.layer_count", U32, 2)]
    yield "control", gguf(of_another_tool, [("direction.1", [4], 0, floats(4)), ("direction.2", [4], 0, floats(4))])
    yield "half", gguf(of_another_tool, [("direction.1", [4], 1, half_floats(4))])
    yield "version2", gguf(of_another_tool, [("direction.1", [4], 0, floats(4))], 2)
    yield "projected", gguf(of_another_tool + [("controlvector.mode", STRING, "ablate")], [("direction.1", [4], 0, floats(4))])
    yield "model", gguf([("general.architecture", STRING, "llama")], [])

    def own(operation, *more):
        return [("general.architecture", STRING, "controlvector"), ("controlvector.model_hint", STRING, "llama"),
                ("controlvector.layer_count", U32, 1), ("tiller.format_version", U32, 1), ("tiller.method", STRING, "fv"),
                ("tiller.site", STRING, "residual"), ("tiller.positions", STRING, "steered"),
                ("tiller.operation", STRING, operation), ("tiller.scale", F32, 2.0), ("tiller.task", STRING, "a"),
                ("tiller.seed", U64, 1), ("tiller.n_layer", U32, 2), ("tiller.n_embd", U32, 4),
                ("tiller.architecture", STRING, "llama"), ("tiller.settings", STRING, '{"heads":"2","layer":"1"}'), *more]

    heads = [("tiller.heads.layer", U32, [0, 1]), ("tiller.heads.head", U32, [1, 0]), ("tiller.heads.aie", F32, [0.5, 0.25]),
             ("tiller.aie.n_head", U32, [2, 2]), ("tiller.aie.values", F32, [0.5, 0.0, 0.25, 0.0]),
             ("tiller.mean_head_output.width", U32, [4, 4]), ("tiller.mean_head_output.values", F32, [0.5] * 8)]
    yield "fv", gguf(own("add", *heads), [("direction.1", [4], 0, floats(4))])
    yield "turn", gguf(own("turn"), [("direction.0", [4], 0, floats(4)), ("direction.1", [4], 0, floats(4))])
    yield "project", gguf(own("project"), [("direction.1", [4, 3], 0, floats(12))])
    yield "extraction", gguf(own("add", ("tiller.kind", STRING, "extraction"), *heads), [])
    yield "all_types", gguf(own("add", *((f"x.{k}", k, 1) for k in PACKED), ("x.s", STRING, ["a", "b"]), ("x.b", BOOL, [True])),
                            [("direction.1", [4], 0, floats(4))])

    head = json.dumps({"direction.1": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
                       "direction.2": {"dtype": "F16", "shape": [4], "data_offsets": [16, 24]},
                       "direction.3": {"dtype": "BF16", "shape": [1, 4], "data_offsets": [24, 32]},
                       "__metadata__": {"model": "llama", "method": "caa", "site": "residual"}}).encode()
    yield "safetensors", struct.pack("<Q", len(head)) + head + floats(4) + half_floats(4) + bytes(range(8))
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + b"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }".ljust(117)
    for name, method in ("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("direction.1.npy", array + b"\n" + floats(4))
            archive.writestr("2.npy", array + b"\n" + floats(4))
        yield f"npz_{name}", file.getvalue()


def models():
    def llama(**changes):
        keys = {"general.architecture": (STRING, "llama"), "general.name": (STRING, "tiny"), "general.file_type": (U32, 0),
                "llama.block_count": (U32, 1), "llama.context_length": (U32, 64), "llama.embedding_length": (U32, 32),
                "llama.feed_forward_length": (U32, 32), "llama.attention.head_count": (U32, 2),
                "llama.attention.head_count_kv": (U32, 2), "llama.attention.layer_norm_rms_epsilon": (F32, 1e-5),
                "llama.rope.dimension_count": (U32, 16), "llama.vocab_size": (U32, 4),
                "tokenizer.ggml.model": (STRING, "llama"), "tokenizer.ggml.tokens": (STRING, ["a", "b", "c", "d"]),
                "tokenizer.ggml.scores": (F32, [0.0] * 4), "tokenizer.ggml.token_type": (I32, [1] * 4),
                "tokenizer.ggml.bos_token_id": (U32, 1), "tokenizer.ggml.add_bos_token": (BOOL, True),
                "tokenizer.chat_template": (STRING, "{% for m in messages %}{{ m.content }}{% endfor %}")}
        keys.update(changes)
        return [(k, *v) for k, v in keys.items()]

    def tensors(kind, row):
        return [("token_embd.weight", [32, 4], kind, row * 4), ("output_norm.weight", [32], 0, floats(32)),
                ("blk.0.attn_norm.weight", [32], 0, floats(32)), ("blk.0.attn_output.weight", [32, 32], kind, row * 32)]

    yield "f32", gguf(llama(), tensors(0, floats(32)))
    yield "f16", gguf(llama(), tensors(1, half_floats(32)))
    yield "bf16", gguf(llama(), tensors(30, bytes(64)))
    yield "q4_0", gguf(llama(), tensors(2, bytes(18)))
    yield "q5_0", gguf(llama(), tensors(6, bytes(22)))
    yield "q8_0", gguf(llama(), tensors(8, bytes(34)))
    yield "heads_by_layer", gguf(llama(**{"llama.attention.head_count": (I32, [2]), "llama.attention.head_count_kv": (I32, [1])}),
                                 tensors(0, floats(32)))
    gemma = [(k.replace("llama.", "gemma3."), t, "gemma3" if v == "llama" else v) for k, t, v in llama()]
    yield "gemma3", gguf(gemma + [("gemma3.attention.sliding_window", U32, 8), ("gemma3.attention.sliding_window_pattern", U32, 2),
                                  ("gemma3.rope.dimension_count_swa", U32, 16), ("gemma3.attention.key_length", U32, 16),
                                  ("gemma3.attention.value_length", U32, 16)], tensors(0, floats(32)))
    yield "neox", gguf([("general.architecture", STRING, "gptneox"), ("gptneox.block_count", U32, 1),
                        ("gptneox.embedding_length", U32, 32), ("gptneox.attention.head_count", U32, 2),
                        ("gptneox.rope.dimension_count", U32, 4), ("gptneox.use_parallel_residual", BOOL, True)],
                       [("blk.0.attn_output.bias", [32], 0, floats(32))])
    yield "part", gguf(llama(**{"split.no": (U16, 0), "split.count": (U16, 2), "split.tensors.count": (I32, 4)}), [])


def journals():
    def unit(name, records, digest=True):
        lines = "".join(json.dumps({"unit": name, **r}) + "\n" for r in records)
        end = {"unit": name, "end": len(records)}
        if digest:
            end["digest"] = hashlib.sha256(f"{name}\n{lines}".encode()).hexdigest()[:16]
        return lines + json.dumps(end) + "\n"

    a, b = unit("a", [{"item": 1, "style": 0.5}, {"item": 2, "style": None}]), unit("b", [])
    yield "two", a + b
    yield "old", unit("a", [{"item": 1}], False)
    yield "again", a + b + a
    yield "torn", a + b[:9]


def tables():
    yield "plain", "input,output\na,b\nc,d\n"
    yield "quoted", 'input,output\r\n"a ""b"", c","d\ne"\r\n'
    yield "tabs", "input\toutput\tmore\na\tb\tc\n"
    yield "mark", "\ufeffinput,output\n\u00e9,\u4e2d\n\n"


def tasks():
    yield "plain", json.dumps([{"input": "a", "output": "b"}, {"input": "c", "output": ["d", "e"]}])
    yield "object", json.dumps({"special": True, "family": "behavioural", "items": [{"input": "a", "output": "b"}]})
    yield "extractive", json.dumps({"family": "extractive", "items": [{"input": "a, b", "output": "a"}]})
    yield "table", "input,output\na,b\nc,d\n"


def text_files():
    yield "pairs", json.dumps({"pairs": [{"positive": "a", "negative": "b"}]})
    yield "pairs_special", json.dumps({"special": True, "pairs": [{"positive": "a", "negative": "b"}]})
    yield "pairs_lines", '{"positive": "a", "negative": "b"}\n{"positive": "c", "negative": "d"}\n'
    yield "pairs_table", "positive\tnegative\na\tb\n"
    yield "choices", json.dumps([{"question": "q", "answer_matching_behavior": " (A)", "answer_not_matching_behavior": " (B)"}])
    yield "trials", json.dumps({"mean": ["a"], "patch": [{"prompt": "a", "target": "b"}], "special": False})
    yield "prompts", "one\ntwo\r\n\nthree\n"
    yield "prompts_json", '{"prompt": "two"}\n{"messages": [{"role": "user", "content": "a"}]}\n'


SEEDS = {"vector": vectors, "model_metadata": models, "journal": journals, "table": tables, "task": tasks, "text_files": text_files}


def main():
    folder = pathlib.Path(sys.argv[1])
    for name, seeds in SEEDS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for seed, content in seeds():
            (folder / name / seed).write_bytes(content.encode() if isinstance(content, str) else content)


if __name__ == "__main__":
    main()
