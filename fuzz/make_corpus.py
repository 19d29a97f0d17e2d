#!/usr/bin/env python3
"""Write the inputs that fuzzing starts from: one or more files of every form that a reader knows, whole and small.

usage: make_corpus.py FOLDER     writes FOLDER/NAME/* for each fuzz/NAME.cpp that is given inputs here

From these a fuzzer finds its way into every branch; from nothing it would have to guess a whole file. Longer texts lie in
fuzz/corpus.
"""
import hashlib
import io
import json
import pathlib
import struct
import sys
import zipfile

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests/serve/clients"))
from gguf_writer import BOOL, I32, LETTERS, U16, U32, U64, Typed, gguf_bytes  # noqa: E402

HALF, BFLOAT, Q4_0, Q5_0, Q8_0 = 1, 30, 2, 6, 8  # types of tensors


def values(n):
    return [0.25 * (i % 7) - 0.5 for i in range(n)]


def floats(n):
    return struct.pack(f"<{n}f", *values(n))


def half_floats(n):
    return struct.pack(f"<{n}e", *values(n))


def vectors():
    of_another_tool = {"general.architecture": "controlvector", "controlvector.model_hint": "llama", "controlvector.layer_count": 2}
    one = {"direction.1": ([4], values(4))}
    yield "control", gguf_bytes(of_another_tool, {**one, "direction.2": ([4], values(4))})
    yield "half", gguf_bytes(of_another_tool, {"direction.1": ([4], half_floats(4), HALF)})
    yield "version2", gguf_bytes(of_another_tool, one, 2)
    yield "projected", gguf_bytes({**of_another_tool, "controlvector.mode": "ablate"}, one)
    yield "model", gguf_bytes({"general.architecture": "llama"}, {})

    def own(operation, more={}):
        return {"general.architecture": "controlvector", "controlvector.model_hint": "llama", "controlvector.layer_count": 1,
                "tiller.format_version": 1, "tiller.method": "fv", "tiller.site": "residual", "tiller.positions": "steered",
                "tiller.operation": operation, "tiller.scale": 2.0, "tiller.task": "a", "tiller.seed": Typed(U64, 1),
                "tiller.n_layer": 2, "tiller.n_embd": 4, "tiller.architecture": "llama",
                "tiller.settings": '{"heads":"2","layer":"1"}', **more}

    heads = {"tiller.heads.layer": Typed(U32, [0, 1]), "tiller.heads.head": Typed(U32, [1, 0]), "tiller.heads.aie": [0.5, 0.25],
             "tiller.aie.n_head": Typed(U32, [2, 2]), "tiller.aie.values": [0.5, 0.0, 0.25, 0.0],
             "tiller.mean_head_output.width": Typed(U32, [4, 4]), "tiller.mean_head_output.values": [0.5] * 8}
    yield "fv", gguf_bytes(own("add", heads), one)
    yield "turn", gguf_bytes(own("turn"), {"direction.0": ([4], values(4)), **one})
    yield "project", gguf_bytes(own("project"), {"direction.1": ([4, 3], values(12))})
    yield "extraction", gguf_bytes(own("add", {"tiller.kind": "extraction", **heads}), {})
    each_type = {f"x.{kind}": Typed(kind, 1) for kind in LETTERS}
    yield "all_types", gguf_bytes(own("add", {**each_type, "x.s": ["a", "b"], "x.b": Typed(BOOL, [True])}), one)

    head = json.dumps({"direction.1": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
                       "direction.2": {"dtype": "F16", "shape": [4], "data_offsets": [16, 24]},
                       "direction.3": {"dtype": "BF16", "shape": [1, 4], "data_offsets": [24, 32]},
                       "__metadata__": {"model": "llama", "method": "caa", "site": "residual"}}).encode()
    yield "safetensors", struct.pack("<Q", len(head)) + head + floats(4) + half_floats(4) + bytes(range(8))
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + b"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }".ljust(117)
    for name, method in ("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for entry in "direction.1.npy", "2.npy":  # a ZipInfo, so that the bytes do not hold the time
                archive.writestr(zipfile.ZipInfo(entry), array + b"\n" + floats(4), method)
        yield f"npz_{name}", file.getvalue()


def models():
    llama = {"general.architecture": "llama", "general.name": "tiny", "general.file_type": 0, "llama.block_count": 1,
             "llama.context_length": 64, "llama.embedding_length": 32, "llama.feed_forward_length": 32,
             "llama.attention.head_count": 2, "llama.attention.head_count_kv": 2,
             "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.dimension_count": 16, "llama.vocab_size": 4,
             "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": ["a", "b", "c", "d"], "tokenizer.ggml.scores": [0.0] * 4,
             "tokenizer.ggml.token_type": [1] * 4, "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.add_bos_token": True,
             "tokenizer.chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}

    def tensors(row, *kind):
        return {"token_embd.weight": ([32, 4], row * 4, *kind), "output_norm.weight": ([32], values(32)),
                "blk.0.attn_norm.weight": ([32], values(32)), "blk.0.attn_output.weight": ([32, 32], row * 32, *kind)}

    yield "f32", gguf_bytes(llama, tensors(values(32)))
    for name, kind, row in (("f16", HALF, half_floats(32)), ("bf16", BFLOAT, bytes(64)), ("q4_0", Q4_0, bytes(18)),
                            ("q5_0", Q5_0, bytes(22)), ("q8_0", Q8_0, bytes(34))):
        yield name, gguf_bytes(llama, tensors(row, kind))
    by_layer = {"llama.attention.head_count": [2], "llama.attention.head_count_kv": [1]}
    yield "heads_by_layer", gguf_bytes({**llama, **by_layer}, tensors(values(32)))
    gemma = {key.replace("llama.", "gemma3."): "gemma3" if value == "llama" else value for key, value in llama.items()}
    window = {"gemma3.attention.sliding_window": 8, "gemma3.attention.sliding_window_pattern": 2,
              "gemma3.rope.dimension_count_swa": 16, "gemma3.attention.key_length": 16, "gemma3.attention.value_length": 16}
    yield "gemma3", gguf_bytes({**gemma, **window}, tensors(values(32)))
    neox = {"general.architecture": "gptneox", "gptneox.block_count": 1, "gptneox.embedding_length": 32,
            "gptneox.attention.head_count": 2, "gptneox.rope.dimension_count": 4, "gptneox.use_parallel_residual": True}
    yield "neox", gguf_bytes(neox, {"blk.0.attn_output.bias": ([32], values(32))})
    split = {"split.no": Typed(U16, 0), "split.count": Typed(U16, 2), "split.tensors.count": Typed(I32, 4)}
    yield "part", gguf_bytes({**llama, **split}, {})


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
