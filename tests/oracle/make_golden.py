"""Writes the golden files that tests/integration/test_oracle.cpp compares tiller with (README.md).

    make_golden.py DIR OUT [CASE ...]

DIR holds CASE.gguf and CASE.input.json as `tiller_oracle export` writes them; OUT gets CASE.json.
"""

import argparse
import json
import pathlib
import sys

import numpy
import torch
import transformers

import architectures
import methods
from model_file import File


def fingerprint(file):
    """What tells one model file from another, whatever the last digits of its weights."""
    metadata = {
        name: value
        for name, value in sorted(file.metadata.items())
        if name.startswith(file.architecture + ".") and not isinstance(value, list)
    }
    tensors = {}
    for name, tensor in sorted(file.tensors.items()):
        values = tensor.double().flatten().numpy()
        ordered = values * (1 + numpy.arange(values.size) % 251)
        tensors[name] = [values.size, float(numpy.square(values).sum()), float(ordered.sum())]
    return {"metadata": metadata, "tensors": tensors}


def compute(loaded, given):
    """Everything that tiller is compared with."""
    stride = given["stride"]

    def every(values):
        return values.flatten()[::stride].tolist()

    first = given["prompts"][0]["tokens"]
    sites = {name: [every(x[-1]) for x in layers] for name, layers in methods.capture(loaded, first).items()}

    means = methods.mean_head_outputs(loaded, [p["tokens"] for p in given["mean"]])
    trials = [methods.indirect_effects(loaded, p["tokens"], p["target_token"], means) for p in given["patch"]]
    clean = sum(c for c, _ in trials) / len(trials)
    aie = torch.stack([effects for _, effects in trials]).mean(dim=0)
    settings = given["fv"]
    fv = methods.function_vector(loaded, means, methods.ranking(aie)[: settings["n_heads"]])

    pairs = [(p["negative"]["tokens"], p["positive"]["tokens"]) for p in given["pairs"]]
    reference = methods.icv_direction(loaded, pairs, given["icv"]["n_last"])

    def score(hooks):
        return methods.score(loaded, given["prompts"], given["watch"], hooks)

    steered = settings["strength"] * fv
    return {
        "sites": sites,
        "mean_head_output": every(torch.cat(means)),
        "clean_probability": clean,
        "aie": aie.tolist(),
        "fv": every(fv),
        "icv": every(-reference),  # tiller's form: positive minus negative
        "logprobs": {
            "clean": score(lambda n: []),
            "fv": score(lambda n: methods.add_after(loaded, settings["layer"], steered, n - 1)),
            "icv": [
                {"alpha": a} | score(lambda n: methods.turn_mlp(loaded, reference, a)) for a in given["icv"]["alphas"]
            ],
        },
    }


def results(file, given, dtype):
    """By the papers' and transformers' definitions; and, on GELU models, what shows where the rest comes from:
    heads and log-probabilities with the engine's GELU.

    near_tie: heads whose AIE differs by no more may change places. It is what a difference in log-probability
    is worth in probability: 5e-3 (the bound of the tests) where the engine's GELU table is in between, else 1e-4.
    """
    loaded = architectures.load(file, given["family"], dtype)
    gelu = given["family"] in architectures.GELU
    exact = compute(loaded, given)
    out = {"exact": exact | {"near_tie": (5e-3 if gelu else 1e-4) * exact["clean_probability"]}}
    if gelu:
        architectures.use_engine_gelu(loaded)
        with_table = compute(loaded, given)
        out["engine_gelu"] = {name: with_table[name] for name in ("clean_probability", "aie", "logprobs")}
        out["engine_gelu"]["near_tie"] = 1e-4 * with_table["clean_probability"]
    return out


def rounded(value):
    """Floats with seven significant digits."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return value


def layout(value, depth=0):
    """JSON with a line for each entry of an object, and lists of plain values on one line."""
    pad = " " * depth
    if isinstance(value, dict):
        lines = [f"{pad} {json.dumps(k)}: {layout(v, depth + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{pad}}}"
    if isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value):
        return "[\n" + ",\n".join(f"{pad} {layout(v, depth + 1)}" for v in value) + f"\n{pad}]"
    return json.dumps(value, separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser(description="Makes golden files of the oracle.")
    parser.add_argument("folder", type=pathlib.Path, help="models and inputs of `tiller_oracle export`")
    parser.add_argument("out", type=pathlib.Path, help="folder for the golden files")
    parser.add_argument("case", nargs="*", help="only these (default: all in the folder)")
    parser.add_argument("--float32", action="store_true", help="compute in float32 (for real models) instead of float64")
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    cases = args.case or sorted(p.name.removesuffix(".input.json") for p in args.folder.glob("*.input.json"))
    if not cases:
        sys.exit(f"{args.folder} holds no *.input.json; run `tiller_oracle export {args.folder}` first")
    for case in cases:
        given = json.loads((args.folder / f"{case}.input.json").read_text())
        file = File(args.folder / f"{case}.gguf")
        golden = {
            "command": f"make_golden.py DIR OUT {case}" + (" --float32" if args.float32 else ""),
            "versions": {
                "python": sys.version.split()[0],
                "torch": torch.__version__.split("+")[0],
                "transformers": transformers.__version__,
                "numpy": numpy.__version__,
            },
            "model": fingerprint(file),
            "input": given,
        } | results(file, given, torch.float32 if args.float32 else torch.float64)
        (args.out / f"{case}.json").write_text(layout(rounded(golden)) + "\n")
        print(case, flush=True)


if __name__ == "__main__":
    main()
