"""A tiny language model with a chat template, and vectors for it: random weights of a fixed seed, made in a second.

Its answers mean nothing, which is all right: the tests compare answers with each other. Half of its vocabulary are single
bytes, so that answers are full of bytes that are no UTF-8.
"""

import math
import random

from gguf_writer import gguf_bytes

N_LAYER, N_EMBD, N_HEAD, N_KV, D_HEAD, N_FF, N_CTX = 3, 48, 4, 2, 16, 96, 1024

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ '<|turn|>' + m.role + '\n' + m.content }}"
    "{% if not loop.last or m.role != 'assistant' or add_generation_prompt %}{{ '<|end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|turn|>assistant\n' }}{% endif %}")


def _vocabulary():
    """Texts and types: control tokens, bytes, beginnings of words (SentencePiece reaches a piece only through pieces)."""
    texts, types = ["<unk>", "<s>", "</s>", "<|end|>", "<|turn|>"], [2, 3, 3, 3, 3]
    texts += [f"<0x{b:02X}>" for b in range(256)]
    types += [6] * 256
    blank = "\u2581"
    pieces = [blank]
    for word in ("the", "cat", "dog", "red", "sun", "hot", "cold", "is", "in", "a", "film", "was"):
        pieces += [blank + word[:n] for n in range(1, len(word) + 1)]
    pieces += list("abcdefghijklmnopqrstuvwxyz") + [".", ",", ":", "\n", "Q", "A"]
    pieces = list(dict.fromkeys(pieces))
    texts += pieces
    types += [1] * len(pieces)
    while len(texts) % 8:
        texts.append(f"x{len(texts)}")
        types.append(1)
    return texts, types


def tiny_model(chat_template=TEMPLATE, n_embd=N_EMBD, seed=1):
    """The bytes of a GGUF model of the architecture "llama"."""
    rng = random.Random(seed)
    tensors = {}

    def matrix(name, n_in, n_out, scale=1.0):
        deviation = scale / math.sqrt(n_in)
        tensors[name + ".weight"] = ([n_in, n_out], [rng.gauss(0, deviation) for _ in range(n_in * n_out)])

    def norm(name, n):
        tensors[name + ".weight"] = ([n], [rng.gauss(1, 0.2) for _ in range(n)])

    texts, types = _vocabulary()
    matrix("token_embd", n_embd, len(texts), math.sqrt(n_embd))
    norm("output_norm", n_embd)
    matrix("output", n_embd, len(texts), 3)
    for il in range(N_LAYER):
        b = f"blk.{il}."
        norm(b + "attn_norm", n_embd)
        matrix(b + "attn_q", n_embd, N_HEAD * D_HEAD, 1.5)
        matrix(b + "attn_k", n_embd, N_KV * D_HEAD, 1.5)
        matrix(b + "attn_v", n_embd, N_KV * D_HEAD)
        matrix(b + "attn_output", N_HEAD * D_HEAD, n_embd)
        norm(b + "ffn_norm", n_embd)
        matrix(b + "ffn_gate", n_embd, N_FF)
        matrix(b + "ffn_up", n_embd, N_FF)
        matrix(b + "ffn_down", N_FF, n_embd, 2)
    # End tokens are as likely as others, and an answer of a fixed length is easier to compare: rows of zeros.
    shape, values = tensors["output.weight"]
    for token in range(5):
        values[token * n_embd:(token + 1) * n_embd] = [0.0] * n_embd
    metadata = {
        "general.architecture": "llama", "general.name": "tiny", "general.file_type": 0,
        "llama.block_count": N_LAYER, "llama.context_length": N_CTX, "llama.embedding_length": n_embd,
        "llama.feed_forward_length": N_FF, "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.attention.key_length": D_HEAD, "llama.attention.value_length": D_HEAD,
        "llama.rope.dimension_count": D_HEAD, "llama.attention.head_count": N_HEAD,
        "llama.attention.head_count_kv": N_KV,
        "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": texts,
        "tokenizer.ggml.scores": [-float(i) if kind == 1 else 0.0 for i, kind in enumerate(types)],
        "tokenizer.ggml.token_type": types, "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0, "tokenizer.ggml.add_bos_token": True}
    if chat_template:
        metadata["tokenizer.chat_template"] = chat_template
    return gguf_bytes(metadata, tensors)


def control_vector(seed, layers=(0, 1, 2), n_embd=N_EMBD, size=1.0, architecture="llama"):
    """The bytes of a control vector as llama.cpp and repeng write them: added to the residual stream, everywhere."""
    rng = random.Random(seed)
    tensors = {f"direction.{il}": ([n_embd], [rng.gauss(0, size) for _ in range(n_embd)]) for il in layers}
    return gguf_bytes({"general.architecture": "controlvector", "controlvector.model_hint": architecture,
                       "controlvector.layer_count": len(layers)}, tensors)
