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
from gguf_writer import BOOL, F64, I32, LETTERS, U16, U32, U64, Typed, gguf_bytes  # noqa: E402

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
    yield "two_lengths", gguf_bytes(own("add", {**heads, "tiller.heads.head": Typed(U32, [1])}), one)
    yield "no_rows", gguf_bytes(own("add", {"tiller.aie.n_head": Typed(U32, [0] * 5000), "tiller.aie.values": [0.5]}), one)
    yield "alignment", gguf_bytes({**of_another_tool, "general.alignment": 48}, one)
    for name, settings in (("null", "null"), ("list", '["a"]'), ("truth", '{"a":true}'), ("number", '{"a":1.5}'),
                           ("inner", '{"a":{"b":"c"}}'), ("no_json", '{"a"')):
        yield f"settings_{name}", gguf_bytes(own("add", {"tiller.settings": settings}), one)
    each_type = {f"x.{kind}": Typed(kind, 1) for kind in LETTERS}
    yield "all_types", gguf_bytes(own("add", {**each_type, "x.s": ["a", "b"], "x.b": Typed(BOOL, [True])}), one)

    def raw(n_tensor, keys, version=3, n_key=None):
        return b"GGUF" + struct.pack("<IQQ", version, n_tensor, len(keys) if n_key is None else n_key) + b"".join(keys)

    def key(name, kind, data):
        return struct.pack("<Q", len(name)) + name + struct.pack("<I", kind) + data

    text = struct.pack("<Q", 1) + b"a"
    yield "raw_version", raw(0, [], 9)
    yield "raw_tensors", raw(1 << 40, [])
    yield "raw_keys", raw(0, [], n_key=1 << 40)
    yield "raw_type", raw(0, [key(b"a", 13, text)])
    yield "raw_nested", raw(0, [key(b"a", 9, struct.pack("<IQ", 9, 1) + text)])
    yield "raw_items", raw(0, [key(b"a", 9, struct.pack("<IQ", 4, 1 << 40))])
    yield "raw_item", raw(0, [key(b"a", 9, struct.pack("<IQQ", 8, 1, 99))])
    yield "raw_length", raw(0, [struct.pack("<Q", 1 << 40)])
    yield "raw_twice", raw(0, [key(b"a", 8, text)] * 2)
    yield "raw_text", raw(0, [key(b"general.architecture", 8, struct.pack("<Q", 1) + b"\xff")])
    for name, dimensions, offset in (("dimensions", [1] * 5, 0), ("size", [0], 0), ("offset", [4], 64)):
        yield f"raw_{name}", raw(1, [struct.pack("<Q", 1) + b"a" + struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
                                     + struct.pack("<IQ", 0, offset)], n_key=0) + bytes(96)
    yield "raw_rest", gguf_bytes(of_another_tool, one) + bytes(5)
    for name, wrong in (("type", {"controlvector.model_hint": 3}), ("list", {"controlvector.model_hint": [1]}), ("version", {"tiller.format_version": 9}),
                        ("kind", {"tiller.kind": "x"}), ("layers", {"tiller.n_layer": Typed(U32, 1 << 31)}), ("pair", {"tiller.heads.layer": Typed(U32, [0])}),
                        ("heads", {"tiller.heads.layer": Typed(U32, [0]), "tiller.heads.aie": [0.5]}),
                        ("head", {**heads, "tiller.heads.layer": Typed(U32, [0, 1 << 20])}),
                        ("sum", {**heads, "tiller.aie.n_head": Typed(U32, [9, 2])}), ("settings", {"tiller.settings": '{"a":"1","a":"2"}'}),
                        ("setting", {"tiller.settings": '{"a":1}'}), ("setting_below", {"tiller.settings": '{"a":-1}'})):
        yield f"wrong_{name}", gguf_bytes(own("add", wrong), one)
    yield "wrong_tensor", gguf_bytes(own("add"), {"other": ([4], values(4))})
    yield "wrong_rows", gguf_bytes(own("add"), {"direction.1": ([4, 2], values(8))})
    yield "wrong_width", gguf_bytes(own("add"), {"direction.0": ([5], values(5)), **one})

    def safetensors(arrays, metadata={"model": "llama", "method": "caa", "site": "residual"}):
        at, head = 0, {}
        for name, kind, shape, data in arrays:
            head[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(data)]}
            at += len(data)
        text = json.dumps({**head, "__metadata__": metadata}).encode()
        return struct.pack("<Q", len(text)) + text + b"".join(data for *_, data in arrays)

    row = ("direction.1", "F32", [4], floats(4))
    yield "safetensors", safetensors([row, ("direction.2", "F16", [4], half_floats(4)), ("direction.3", "BF16", [1, 4], bytes(range(8)))])
    yield "safetensors_wide", safetensors([("1", "F64", [4], struct.pack("<4d", *values(4)))])
    yield "safetensors_short", b"1234"
    def of_header(text, data=b""):
        return struct.pack("<Q", len(text)) + text.encode() + data

    for name, header in (("no_json", "{"), ("key_twice", '{"1": 1, "1": 2}'), ("list", "[]"), ("length", '{"1": 3}'), ("type", '{"1": {"dtype": "I8", "shape": [4], "data_offsets": [0, 4]}}'),
                         ("beyond", '{"1": {"dtype": "F32", "shape": [4], "data_offsets": [0, 999]}}'),
                         ("gap", '{"1": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}'),
                         ("rest", '{"1": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}')):
        yield f"safetensors_{name}", of_header(header, bytes(8))
    yield "safetensors_long", struct.pack("<Q", 1 << 40) + bytes(8)
    for name in "hidden_states.1", "a-1", "-1", "1234567", "9999", "a.1.2", "a":
        yield f"safetensors_name_{name}", safetensors([(name, *row[1:])])
    yield "safetensors_twice", safetensors([("1", *row[1:]), ("01", *row[1:])])
    yield "safetensors_names", safetensors([("a1", *row[1:]), ("b2", *row[1:])])
    yield "safetensors_shape", safetensors([("1", "F32", [2, 2], floats(4))])
    for name, metadata in (("ablated", {"mode": "ablate"}), ("by_key", {"a.ablate": "1"}), ("number", {"a": 1}), ("version", {"tiller.format_version": "0"}),
                           ("ours", {"tiller.format_version": "1", "tiller.method": "fv", "tiller.seed": "1", "tiller.n_layer": "2",
                                     "tiller.settings": '{"layer":"1"}'}),
                           ("seed", {"tiller.format_version": "1", "tiller.method": "fv", "tiller.seed": "-1"})):
        yield f"safetensors_{name}", safetensors([row], metadata)

    def npy(text="{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", data=floats(4), version=b"\x01\x00", length=None):
        text = text.ljust(117).encode() + b"\n"
        size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text) if length is None else length)
        return b"\x93NUMPY" + version + size + text + data

    def npz(arrays, method=zipfile.ZIP_STORED, comment=b""):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for entry, data in arrays.items():  # a ZipInfo, so that the bytes do not hold the time
                archive.writestr(zipfile.ZipInfo(entry), data, method)
            archive.comment = comment
        return file.getvalue()

    both = {"direction.1.npy": npy(), "2.npy": npy()}
    yield "npz_stored", npz(both)
    yield "npz_deflated", npz(both, zipfile.ZIP_DEFLATED)
    yield "npz_comment", npz(both, comment=b'{"tiller.format_version":"1","tiller.method":"fv"}')
    yield "npz_other", npz({"1.txt": npy()})
    yield "npz_cut", npz(both)[:-30]
    yield "npz_damaged", npz(both, zipfile.ZIP_DEFLATED).replace(b"\x00\x00", b"\x00\x01")
    larger = bytearray(npz({"1.npy": npy()}))
    at = larger.rindex(b"PK\x01\x02") + 24  # the entry's size, as the archive's list has it
    larger[at:at + 4] = struct.pack("<I", 1 << 30)
    yield "npz_larger", bytes(larger)
    for name, array in (("version2", npy(version=b"\x02\x00")), ("nothing", b""), ("length", npy(length=60000)), ("cut", npy(data=b"1")),
                        ("half", npy("{'descr': '<f2', 'fortran_order': False, 'shape': (4,), }", half_floats(4))),
                        ("double", npy("{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2), }", bytes(16))),
                        ("whole", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (4,), }")),
                        ("header", npy("{'shape': (4,), }"))):
        yield f"npz_{name}", npz({"1.npy": array})


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
    key = "llama.attention.head_count"
    for kind in LETTERS:
        if kind != BOOL:
            yield f"type_{kind}", gguf_bytes({**llama, key: Typed(kind, 2)}, {})
    yield "type_of_list", gguf_bytes({**llama, key: Typed(U16, [2])}, {})
    yield "whole_numbers", gguf_bytes(llama, {"output_norm.weight": ([32], bytes(128), 26), "token_embd.weight": ([32, 4], bytes(512), 26)})
    yield "nothing", gguf_bytes(llama, {"token_embd.weight": ([0, 4], [])})
    wrong = {"embedding_length_out": 16, "rope.scaling.type": "other", "attention.key_length": 8, "attention.value_length": 8,
             "rope.dimension_count": 0, "attention.causal": False, "nextn_predict_layers": 1, "rope.freq_base": -1.0,
             "attention.head_count": 0, "attention.head_count_kv": 3, "block_count": 1.5, "vocab_size": "x",
             "attention.sliding_window_pattern": 1, "attention.layer_norm_rms_epsilon": float("nan")}
    for key, value in wrong.items():
        yield f"wrong_{key}", gguf_bytes({**llama, f"llama.{key}": value}, {})
        yield f"wrong_gemma3_{key}", gguf_bytes({**gemma, **window, f"gemma3.{key}": value}, {})
    yield "window", gguf_bytes({**gemma, **window, "gemma3.attention.key_length_swa": 8, "gemma3.rope.dimension_count_swa": 16}, {})
    narrow = {**gemma, "gemma3.attention.key_length_swa": 8, "gemma3.attention.sliding_window": 8}
    yield "narrow_window", gguf_bytes(narrow, {})
    for groups in (2, 1), (3, 1), (4, 4):
        experts = {"llama.expert_count": 8, "llama.expert_used_count": 2, "llama.expert_group_count": groups[0], "llama.expert_group_used_count": groups[1]}
        yield f"experts_{groups[0]}", gguf_bytes({**llama, **experts}, {})
    by_type = {"general.name": 3, "llama.attention.causal": 3, "tokenizer.ggml.tokens": 3, "llama.rope.freq_base": 3, "llama.attention.head_count": [2, 2]}
    for name, value in by_type.items():
        yield f"type_of_{name}", gguf_bytes({**llama, name: value}, {})
    yield "double", gguf_bytes({**llama, "llama.attention.layer_norm_rms_epsilon": Typed(F64, 1e-5)}, {})
    yield "infinite", gguf_bytes({**llama, "llama.rope.scale": float("inf")}, {})
    yield "columns", gguf_bytes(llama, {"blk.0.attn_output.weight": ([33, 32], values(33 * 32))})
    yield "truncated", gguf_bytes(llama, tensors(values(32)))[:-64]
    yield "no_rows", gguf_bytes(llama, {"token_embd.weight": ([32, 4], bytes(512), 24)})  # 8-bit whole numbers
    yield "no_tokenizer", gguf_bytes({**llama, "tokenizer.ggml.model": "none"}, {})
    yield "token_twice", gguf_bytes({**llama, "tokenizer.ggml.tokens": ["a", "b", "", ""] + ["a"]}, {})
    for architecture in "controlvector", "bert", "eagle3", "mamba":
        yield architecture, gguf_bytes({"general.architecture": architecture}, {})
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
    yield "damaged", a.replace("0.5", "0.6") + b
    yield "no_record", "[]\n" + a
    yield "mixed", a.split("\n")[0] + "\n" + b
    yield "short", a.replace('"end": 2', '"end": 1')
    yield "words", a.replace('"end": 2', '"end": 2, "more": 1')


def tables():
    yield "plain", "input,output\na,b\nc,d\n"
    yield "quoted", 'input,output\r\n"a ""b"", c","d\ne"\r\n'
    yield "tabs", "input\toutput\tmore\na\tb\tc\n"
    yield "mark", "\ufeffinput,output\n\u00e9,\u4e2d\n\n"
    yield "open_quote", 'input,output\na,"b\n'
    yield "after_quote", 'input,output\na,"b"c\n'
    yield "two_columns", "input,input\na,b\n"
    yield "cells", "input,output\na,b,c\n"


def tasks():
    yield "plain", json.dumps([{"input": "a", "output": "b"}, {"input": "c", "output": ["d", "e"]}])
    yield "object", json.dumps({"special": True, "family": "behavioural", "items": [{"input": "a", "output": "b"}]})
    yield "extractive", json.dumps({"family": "extractive", "items": [{"input": "a, b", "output": "a"}]})
    yield "table", "input,output\na,b\nc,d\n"
    yield "lines", '{"input": "a", "output": "b"}\n\n{"input": "c", "output": ["d"]}\n'
    for name, text in (("no_answer", '[{"input": "a", "output": []}]'), ("no_item", "[]"), ("twice", '[{"input": "a", "input": "b", "output": "c"}]'),
                       ("family_twice", '{"family": "functional", "family": "functional", "items": []}'), ("null", '[{"input": null, "output": "a"}]'),
                       ("number", "3"), ("inner", '{"special": {"a": 1}, "items": []}'), ("deep", "[" * 2000), ("bad_family", '{"family": "x"}'),
                       ("family_number", '{"family": 3}'), ("items_number", '{"items": 3}'), ("cut", '[{"input": "a", "outp'),
                       ("real", '[{"input": 1.5, "output": "b"}]'), ("below", '[{"input": -1, "output": "b"}]'), ("one_side", '[{"input": "a"}]'),
                       ("blank", '[{"input": " ", "output": "b"}]'), ("nul", '[{"input": "a\\u0000", "output": "b"}]'), ("long", '{"' + "\u00e9" * 200 + '": 1}'),
                       ("quoted", 'input,output\n"a ""b"", c","d\ne"\n'), ("mark", '\ufeff[{"input": "a", "output": "b"}]'), ("special_twice", '{"special": true, "special": true, "items": []}')):
        yield name, text


def text_files():
    yield "pairs", json.dumps({"pairs": [{"positive": "a", "negative": "b"}]})
    yield "pairs_special", json.dumps({"special": True, "pairs": [{"positive": "a", "negative": "b"}]})
    yield "pairs_lines", '{"positive": "a", "negative": "b"}\n{"positive": "c", "negative": "d"}\n'
    yield "pairs_table", "positive\tnegative\na\tb\n"
    for name, text in (("nul", '[{"positive": "a\\u0000", "negative": "b"}]'), ("keys", '[{"positive": "a", "negative": "b", "more": "c"}]'),
                       ("special_wrong", '{"special": 3, "pairs": []}'), ("unknown", '{"banana": 3, "pairs": []}'), ("none", "[]"),
                       ("key_twice", '[{"positive": "a", "positive": "b"}]'), ("deep", "[" * 20)):
        yield f"pairs_{name}", text
    yield "table_blank", "positive,negative\na,\n"
    yield "table_nul", "positive,negative\na,b\0\n"
    yield "message", '{"messages": [{"role": "user"}]}\n'
    yield "choices", json.dumps([{"question": "q", "answer_matching_behavior": " (A)", "answer_not_matching_behavior": " (B)"}])
    yield "trials", json.dumps({"mean": ["a"], "patch": [{"prompt": "a", "target": "b"}], "special": False})
    yield "prompts", "one\ntwo\r\n\nthree\n"
    yield "prompts_json", '{"prompt": "two"}\n{"messages": [{"role": "user", "content": "a"}]}\n'


def requests():
    """Bodies: every field, and what is wrong with each."""
    every = {"model": "m", "n": 2, "max_tokens": 4, "temperature": 0.5, "top_p": 0.9, "top_k": -1, "min_p": 0.1, "presence_penalty": 1,
             "frequency_penalty": 1, "repetition_penalty": 1.1, "seed": -3, "stop": ["a", "b"], "stream": True, "user": "u",
             "stream_options": {"include_usage": True}, "logit_bias": {"1": -100}, "store": False}
    completion = {**every, "prompt": "a", "logprobs": 2, "echo": True, "special": True, "best_of": 2}
    chat = {**every, "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
            "logprobs": True, "top_logprobs": 2, "response_format": {"type": "text"}, "add_generation_prompt": False,
            "continue_final_message": True}
    yield "every_completion", completion
    yield "every_chat", chat
    yield "tokens", {"prompt": [1, 2], "logprobs": True, "max_tokens": 0, "echo": True}
    yield "texts", {"prompt": ["a", "b"], "n": 1}
    yield "lists", {"prompt": [[1], [2, 3]]}
    term = {"name": "v", "scale": 0.5, "layers": [1, 2], "apply": {"prompt": "last", "generation": True}, "normalize": False}
    yield "steering", {"prompt": "a", "steering": {"vectors": [term, {"data": "R0dVRg==", "strength": 1, "layers": "1-2,4"}], "conflict": "sequential"}}
    for i, apply in enumerate(({"prompt": "all", "generation": "none"}, {"prompt": "none", "generation": "all"}, {"prompt": False, "generation": False},
                               {"prompt": "x"}, {"generation": "x"}, {"prompt": True, "generation": False}, {"more": 1})):
        yield f"apply_{i}", {"prompt": "a", "steering": {"vectors": [{"name": "v", "apply": apply}]}}
    terms = ({}, {"name": "v", "data": "a"}, {"data": "?"}, {"data": "R0dV!Rg="}, {"name": "../v"}, {"source": "v", "scale": 1, "strength": 1}, {"name": "v", "layers": []},
             {"name": "v", "layers": -1}, {"name": "v", "layers": 3}, {"name": "v", "layers": [1.5]}, {"name": "v", "normalize": True}, 3)
    for i, wrong in enumerate(terms):
        yield f"term_{i}", {"prompt": "a", "steering": {"vectors": [wrong]}}
    fields = {"steering": [3, ["v"] * 200, {"vectors": 3}, {"vectors": [{"name": "v"}] * 100}, {"vectors": [], "conflict": "x"}],
              "stop": [[""], [1], ["a"] * 100, 3], "logit_bias": [3, {"x": 1}, {"1": 200}, {"1": "x"}], "top_p": [0, 2, "x"],
              "repetition_penalty": [0], "n": [0, 1.5, 10**6, 10**30, True], "temperature": [None, -1, 1e300], "prompt": [3, [], [None], [-1], [[]], [1, "a"], {}, "\u0000"],
              "max_tokens": [-1, 0], "max_completion_tokens": [5], "stream": ["x"], "stream_options": [{}, 3], "suffix": ["x"], "best_of": [7],
              "logprobs": [-1, 99, False, "x"], "special": [3], "more": [1], "store": [True], "model": [3, None], "seed": [1.5, 2**63]}
    for name, wrong in fields.items():
        for i, value in enumerate(wrong):
            yield f"{name}_{i}", {"prompt": "a", "max_tokens": 4, name: value}
    yield "many", {"prompt": ["a"] * 1025}
    yield "list_and_n", {"prompt": "a", "n": 3, "steering": ["v", None]}
    for i, messages in enumerate(([], 3, [3], [{"role": "x", "content": "a"}], [{"role": "user"}], [{"role": "user", "content": 3}],
                                  [{"role": "user", "content": [{"type": "image"}]}], [{"role": "user", "content": [{"type": "text", "text": "a"}, 3]}],
                                  [{"role": "user", "content": "a", "name": "n", "more": 1}])):
        yield f"messages_{i}", {"messages": messages}
    for name, value in ("response_format", {"type": "json_object"}), ("top_logprobs", 3), ("tools", []), ("max_tokens", 0):
        yield f"chat_{name}", {"messages": chat["messages"], name: value}
    yield "both", {"prompt": "a", "messages": chat["messages"]}
    yield "no_object", [1]


def serve_requests():
    for name, body in requests():
        yield name, json.dumps(body)
    yield "cut", '{"prompt": '
    yield "twice", '{"prompt": "a", "prompt": "b"}'
    yield "deep", "[" * 2000
    for i, text in enumerate(("a", "a:0.5", "a:0.5@1-2", "0.5 a + -0.2 b@3", "a@1,2-3", "a:all", "a:generated:0.5@2", "0.5 a:last", "0.5 + a", "0.5", "a:x", "a@", "a@x", "+", "a + ", "a@5-2", "a:1e99", "\u00e9", "a b c")):
        yield f"text_{i}", text


def plans():
    """Beside those of studies/: what only some plans say."""
    yield "family.toml", 'tasks = ["a.json"]\nfamily = "functional"\n'
    yield "family_wrong.toml", 'tasks = ["a.json"]\nfamily = "x"\n'
    yield "family_alone.toml", 'tasks = ["capitalize"]\nfamily = "functional"\n'
    yield "vectors.toml", 'vectors = ["mine.gguf"]\nmethods = ["fv", "mine"]\n'
    yield "vectors_alone.toml", 'vectors = ["mine.gguf"]\nmethods = ["fv"]\n'
    yield "vectors_named.toml", 'vectors = ["fv.gguf"]\nmethods = ["fv"]\n'
    yield "vectors_paper.toml", 'protocol = "paper"\nvectors = ["mine.gguf"]\nmethods = ["fv", "mine"]\n'
    yield "vectors_forgotten.toml", 'vectors = ["mine.gguf"]\nmethods = ["icv"]\n'
    yield "method.toml", 'methods = ["x"]\n'
    yield "protocol.toml", 'protocol = "x"\n'
    yield "no_toml.toml", "a = \n"
    yield "table.toml", "[transfer]\nfolds = 2\n"
    yield "deep.toml", "a" + ".a" * 200 + " = 1\n"
    yield "lines.toml", 'title = """a\\\n  b"""\n'
    yield "unknown.toml", "banana = 1\n"
    yield "type.toml", "seeds = 3\n"
    yield "chat.toml", 'chat = true\nchat_template = "t.jinja"\nmethods = ["fv", "concept-heads"]\n'


def summaries():
    run = (pathlib.Path(__file__).resolve().parent / "corpus/summary/run").read_text()
    cost = {"model": "m", "task": "t", "method": "fv", "phase": "test", "n_decode": 1, "n_token": 2, "seconds": 0.5}
    yield "cost", json.dumps({**json.loads(run), "cost": [cost]})
    yield "wrong_cost", json.dumps({**json.loads(run), "cost": [{"model": 3}]})
    yield "other_format", '{"format": "x"}'
    yield "no_format", "{}"
    yield "deep", "[" * 200
    yield "twice", '{"format": "a", "format": "b"}'
    yield "list", "[]"


SEEDS = {"serve_request": serve_requests, "plan": plans, "summary": summaries,
         "vector": vectors, "model_metadata": models, "journal": journals, "table": tables, "task": tasks, "text_files": text_files}


def main():
    folder = pathlib.Path(sys.argv[1])
    for name, seeds in SEEDS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for seed, content in seeds():
            (folder / name / seed).write_bytes(content.encode() if isinstance(content, str) else content)


if __name__ == "__main__":
    main()
