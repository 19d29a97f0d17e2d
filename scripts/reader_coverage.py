#!/usr/bin/env python3
"""How many lines of the readers of files and requests the fuzz targets' inputs reach.

usage: scripts/reader_coverage.py BUILD [--lines] [--more FOLDER]

BUILD was configured with the preset fuzz-coverage, its fuzz targets are built ('./run reliability coverage' does both).
Inputs are those of fuzz/corpus and of make_corpus.py, and with --more those of FOLDER/NAME (what a fuzzer found). Lines
count that belong to reading: not functions that write, or that need a loaded model. --lines prints those not reached.
Ends with 1 when a reader is below 95 %.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Target -> files below src/, and functions that do not read (searched for in names without arguments).
READERS = {
    "vector": ("vectors/gguf_reader.cpp vectors/safetensors.cpp vectors/npz.cpp vectors/layer_arrays.cpp "
               "vectors/vector_format.cpp vectors/settings_json.cpp",
               r"npz_bytes|npy_bytes|add_entry|cannot_write|safetensors_bytes|arrays_of|vector_to_bytes|Writer|settings_to_json|write_"),
    "model_metadata": ("engine/gguf_file.cpp engine/check_metadata.cpp", "model_parts"),  # by the names of files
    "table": ("tasks/table_file.cpp", "table_separator"),
    "task": ("tasks/load_task.cpp tasks/json_events.cpp", "control_names_of"),
    "text_files": ("cli/json_input.cpp cli/strict_json.cpp core/strict_json.cpp", ""),
    "plan": ("study/plan.cpp study/toml_depth.cpp study/toml_fields.h", "add_vector|check_plan|load_run_plan|plan_toml|default_plan"),
    "journal": ("study/journal.cpp", "Journal::|unit_text|is_file"),
    "summary": ("study/summary_json.cpp", "to_json|_tree"),
    "serve_request": ("serve/completion_request.cpp serve/steering.cpp serve/steering_text.cpp serve/fields.cpp serve/layer_list.cpp "
                      "serve/prompt_input.cpp serve/base64.cpp",
                      "apply_steering|positions_of|wants_layer|check_layers|tokenize|token_bytes|serve::base64|serve::dump"),
}


def tool(name):
    for candidate in (f"{name}-14", name):
        if shutil.which(candidate):
            return candidate
    sys.exit(f"reader_coverage: {name} is missing (Debian's llvm)")


def demangled(names):
    done = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    return [name.replace("(anonymous namespace)::", "").split("(")[0] for name in done.stdout.split("\n")]


def counts(program, profile, sources, skip):
    """{file: {line: times reached}} of the lines that read."""
    command = [tool("llvm-cov"), "export", program, f"-instr-profile={profile}", *map(str, sources)]
    functions = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["data"][0]["functions"]
    names = demangled([f["name"].split(":")[-1] for f in functions])
    left_out = {}
    for function, name in zip(functions, names):
        if skip and re.search(skip, name):
            begin, _, end, *_ = function["regions"][0]
            left_out.setdefault(function["filenames"][0], set()).update(range(begin, end + 1))
    out, file = {}, ""
    for line in subprocess.run([*command, "-format=lcov"], capture_output=True, text=True, check=True).stdout.split("\n"):
        if line.startswith("SF:"):
            file = line[3:]
        elif line.startswith("DA:"):
            number, times = map(int, line[3:].split(",")[:2])
            if number not in left_out.get(file, ()):
                out.setdefault(file, {})[number] = times
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("--more", type=pathlib.Path)
    o = parser.parse_args()
    low = []
    for name, (files, skip) in READERS.items():
        program = o.build / "fuzz" / f"fuzz_{name}"
        folders = [ROOT / "fuzz/corpus" / name, o.build / "fuzz/seeds" / name, *([o.more / name] if o.more else [])]
        folders = [folder for folder in folders if folder.is_dir()]
        with tempfile.TemporaryDirectory() as tmp:
            raw, profile = f"{tmp}/raw", f"{tmp}/profile"
            done = subprocess.run([program, "-runs=0", *folders], capture_output=True, text=True, errors="replace",
                                  env={"LLVM_PROFILE_FILE": raw, "PATH": "/usr/bin:/bin"})
            if done.returncode:
                sys.exit(f"{program} failed:\n{done.stderr[-2000:]}")
            subprocess.run([tool("llvm-profdata"), "merge", "-sparse", raw, "-o", profile], check=True)
            reached = counts(program, profile, [ROOT / "src" / file for file in files.split()], skip)
        all_lines = sum(map(len, reached.values()))
        missed = [(file, number) for file, lines in sorted(reached.items()) for number, times in sorted(lines.items()) if not times]
        share = 1 - len(missed) / max(all_lines, 1)
        n_input = sum(len(list(folder.iterdir())) for folder in folders)
        print(f"{name}: {share:.1%} of {all_lines} lines, by {n_input} inputs", flush=True)
        if o.lines:
            for file, number in missed:
                print(f"  {pathlib.Path(file).name}:{number}: {pathlib.Path(file).read_text().split(chr(10))[number - 1].strip()}")
        if share < 0.95:
            low.append(name)
    if low:
        sys.exit(f"below 95 %: {', '.join(low)}")


if __name__ == "__main__":
    main()
