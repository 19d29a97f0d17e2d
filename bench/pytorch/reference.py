#!/usr/bin/env python3
"""The head search as the papers' code does it, timed on the same weights and prompts as tiller.

One forward pass over the whole prompt for each patched head (and one clean pass), by a hook before W_O that replaces
the head's slice at the last token. Only some forwards are run; the rest is extrapolated:

  seconds = sum over prompts of (1 + heads) / batch forwards, each as long as the median of those sampled at that
            prompt's length (between sampled lengths: interpolated).

Prints one JSON object. `tiller bench --prompts FILE` writes the prompts.
"""

import argparse
import json
import math
import pathlib
import platform
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "oracle"))

import gguf
import numpy
import torch
import transformers

import architectures
import model_file


class QuantisedFile(model_file.File):
    """A GGUF file whose tensors are dequantised to float32 when they are asked for."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.metadata = {name: field.contents() for name, field in reader.fields.items()}
        self.architecture = self.metadata["general.architecture"]
        self.raw = {t.name: t for t in reader.tensors}

    def __getitem__(self, name):
        t = self.raw[name]
        return torch.from_numpy(numpy.array(gguf.dequantize(t.data, t.tensor_type), dtype=numpy.float32))

    def has(self, name):
        return name in self.raw


def load(path, dtype):
    file = QuantisedFile(path)
    if file.architecture not in architectures.FAMILIES:
        raise SystemExit(f"{path}: architecture {file.architecture} is not one of {sorted(architectures.FAMILIES)}")
    config, state = architectures.FAMILIES[file.architecture](file)
    # torch's own attention kernel: the fastest way that transformers offers on a CPU.
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").to(dtype)
    model.load_state_dict({name: w.to(dtype) for name, w in state.items()}, strict=True)
    return model.eval(), architectures.find_layers(model, file.architecture, file.n_head), file.n_head, file.d_head


def patched_forward(model, layers, d_head, tokens, heads, careful):
    """Logits after the last token, [len(heads)][n_vocab]; row r has head `heads[r]` (layer, head) patched."""
    hooks = []
    by_layer = {}
    for row, (layer, head) in enumerate(heads):
        by_layer.setdefault(layer, []).append((row, head))
    for layer, patches in by_layer.items():

        def replace(module, inputs, patches=patches):
            z = inputs[0].clone()
            for row, head in patches:
                z[row, -1, head * d_head : (head + 1) * d_head] = 0.01
            return (z,)

        hooks.append(layers[layer].output_projection.register_forward_pre_hook(replace))
    try:
        with torch.inference_mode():
            ids = torch.tensor([tokens]).expand(len(heads), -1)
            # The papers' code asks for the logits of every token; a careful user only for the last.
            only_last = {"logits_to_keep": 1} if careful else {}
            logits = model(input_ids=ids, use_cache=False, **only_last).logits[:, -1, :]
            return torch.softmax(logits.float(), dim=-1)
    finally:
        for hook in hooks:
            hook.remove()


def measure(args):
    torch.set_num_threads(args.threads)
    given = json.loads(pathlib.Path(args.prompts).read_text())
    prompts = given["prompts"]
    begin = time.perf_counter()
    model, layers, n_head, d_head = load(args.model, getattr(torch, args.dtype))
    load_seconds = time.perf_counter() - begin
    heads = [(layer, head) for layer in range(len(layers)) for head in range(n_head)]
    if len(heads) != given["n_head"]:
        raise SystemExit(f"{args.prompts} is of a model with {given['n_head']} heads, {args.model} has {len(heads)}")

    def once(tokens, i):
        chosen = [heads[(i * args.batch + k) % len(heads)] for k in range(args.batch)]
        start = time.perf_counter()
        out = patched_forward(model, layers, d_head, tokens, chosen, careful=args.batch > 1)
        seconds = time.perf_counter() - start
        if not torch.isfinite(out).all():
            raise SystemExit("the reference's probabilities are not finite")
        return seconds

    by_length = {len(tokens): tokens for tokens in prompts}
    lengths = sorted(by_length)
    if len(lengths) > args.forwards:  # spread over the range
        lengths = [lengths[round(i * (len(lengths) - 1) / max(1, args.forwards - 1))] for i in range(args.forwards)]
    times = {length: [] for length in lengths}
    once(by_length[lengths[-1]], 0)  # warm-up, not counted
    done = 0
    while done < args.forwards or any(not t for t in times.values()):
        for length in lengths:
            if done >= args.forwards and times[length]:
                continue
            times[length].append(once(by_length[length], done))
            done += 1
    sampled = sorted(times)
    medians = [statistics.median(times[length]) for length in sampled]
    n_batch = math.ceil((1 + len(heads)) / args.batch)
    seconds = sum(n_batch * float(numpy.interp(len(tokens), sampled, medians)) for tokens in prompts)
    tokens = sum((1 + len(heads)) * len(tokens) for tokens in prompts)
    return {
        "dtype": args.dtype,
        "batch": args.batch,
        "logits": "last token" if args.batch > 1 else "every token",
        "threads": args.threads,
        "forwards_sampled": done,
        "forwards": n_batch * len(prompts),
        "prompt_lengths": [min(map(len, prompts)), max(map(len, prompts))],
        "seconds_sampled": {str(length): times[length] for length in sampled},
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "load_seconds": load_seconds,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="GGUF file")
    parser.add_argument("--prompts", required=True, help="JSON that tiller bench --prompts wrote")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--batch", type=int, default=1, help="patched copies per forward")
    parser.add_argument("--forwards", type=int, default=24, help="forwards to sample")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if min(args.batch, args.forwards, args.threads) < 1:
        parser.error("--batch, --forwards and --threads must be at least 1")
    print(json.dumps(measure(args)))


if __name__ == "__main__":
    main()
