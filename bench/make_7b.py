#!/usr/bin/env python3
"""Writes a model of Llama-2-7B's shape with random weights as GGUF, for measuring time and memory.

32 layers x 32 heads, 4096 wide, MLP 11008, 32000 tokens; Q4_0 (3.8 GB) or Q8_0 (7.2 GB). What it says is noise. Then:
    build/tiller bench -m llama-7b-shape-Q4_0.gguf --part sweep --n-prompts 1 --repeats 1
Nothing but Python's own library is needed.
"""

import argparse
import pathlib
import random
import struct
import sys

LAYERS, HEADS, WIDTH, FF, VOCAB = 32, 32, 4096, 11008, 32000
F32, Q4_0, Q8_0 = 0, 2, 8
KINDS = {"Q4_0": (Q4_0, 16, 4.61, 2), "Q8_0": (Q8_0, 32, 73.9, 7)}  # type, bytes of 32 values, their deviation, file type
ALIGNMENT = 32


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key, kind, value):
    """A metadata entry; kind is a struct letter, "s", or "[" + letter for arrays."""
    types = {"I": 4, "i": 5, "f": 6, "?": 7, "s": 8}
    if kind[0] != "[":
        data = text(value) if kind == "s" else struct.pack("<" + kind, value)
        return text(key) + struct.pack("<I", types[kind]) + data
    data = b"".join(map(text, value)) if kind == "[s" else struct.pack(f"<{len(value)}{kind[1]}", *value)
    return text(key) + struct.pack("<IIQ", 9, types[kind[1]], len(value)) + data


def tensors(kind):
    """Name, shape with the contiguous dimension first, type."""
    yield "token_embd.weight", (WIDTH, VOCAB), kind
    for layer in range(LAYERS):
        stem = f"blk.{layer}."
        yield stem + "attn_norm.weight", (WIDTH,), F32
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield stem + name + ".weight", (WIDTH, WIDTH), kind
        yield stem + "ffn_norm.weight", (WIDTH,), F32
        yield stem + "ffn_gate.weight", (WIDTH, FF), kind
        yield stem + "ffn_up.weight", (WIDTH, FF), kind
        yield stem + "ffn_down.weight", (FF, WIDTH), kind
    yield "output_norm.weight", (WIDTH,), F32
    yield "output.weight", (WIDTH, VOCAB), kind


def n_values(shape):
    n = 1
    for size in shape:
        n *= size
    return n


def matrix(out, rng, shape, n_bytes, deviation):
    """Blocks of 32 random values with one scale, some thousand at a time; their deviation is 1 / sqrt(columns)."""
    scale = struct.pack("<e", 1 / (deviation * shape[0] ** 0.5))
    block, left = 2 + n_bytes, n_values(shape) // 32
    while left > 0:
        n = min(left, 1 << 16)
        data, noise = bytearray(n * block), rng.randbytes(n * n_bytes)
        data[0::block], data[1::block] = scale[:1] * n, scale[1:] * n
        for i in range(n_bytes):
            data[2 + i :: block] = noise[i::n_bytes]
        out.write(data)
        left -= n


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--type", choices=KINDS, default="Q4_0")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    kind, n_bytes, deviation, file_type = KINDS[args.type]

    letters = [chr(ord("a") + i) for i in range(26)]
    words = ["▁" + a + b + c for a in letters for b in letters for c in letters] + ["▁" + a for a in letters]
    words += [a + b + c for a in letters for b in letters for c in letters]
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + letters + ["▁"]
    tokens += words[: VOCAB - len(tokens)]
    types = [2, 3, 3] + [6] * 256 + [1] * (VOCAB - 259)
    pairs = [
        pair("general.architecture", "s", "llama"), pair("general.name", "s", f"Llama 2 7B's shape, random, {args.type}"),
        pair("general.file_type", "I", file_type), pair("llama.block_count", "I", LAYERS),
        pair("llama.context_length", "I", 4096), pair("llama.embedding_length", "I", WIDTH),
        pair("llama.feed_forward_length", "I", FF), pair("llama.attention.head_count", "I", HEADS),
        pair("llama.attention.head_count_kv", "I", HEADS), pair("llama.rope.dimension_count", "I", WIDTH // HEADS),
        pair("llama.attention.layer_norm_rms_epsilon", "f", 1e-5), pair("tokenizer.ggml.model", "s", "llama"),
        pair("tokenizer.ggml.tokens", "[s", tokens), pair("tokenizer.ggml.scores", "[f", [-float(i) for i in range(VOCAB)]),
        pair("tokenizer.ggml.token_type", "[i", types), pair("tokenizer.ggml.bos_token_id", "I", 1),
        pair("tokenizer.ggml.eos_token_id", "I", 2), pair("tokenizer.ggml.add_bos_token", "?", True)]
    infos, offset = [], 0
    for name, shape, of in tensors(kind):
        infos.append(text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", of, offset))
        size = n_values(shape) * 4 if of == F32 else n_values(shape) // 32 * (2 + n_bytes)
        offset += (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT

    rng = random.Random(args.seed)
    with args.file.open("wb") as out:
        out.write(b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(pairs)) + b"".join(pairs) + b"".join(infos))
        for name, shape, of in tensors(kind):
            out.write(b"\0" * (-out.tell() % ALIGNMENT))
            if of == F32:
                out.write(struct.pack("<f", 1.0) * n_values(shape))
            else:
                matrix(out, rng, shape, n_bytes, deviation)
        out.write(b"\0" * (-out.tell() % ALIGNMENT))
    print(f"{args.file}: {args.file.stat().st_size / 1e9:.2f} GB")


if __name__ == "__main__":
    sys.exit(main())
