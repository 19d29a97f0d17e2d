#!/usr/bin/env python3
"""Do the tests notice wrong code? Changes one thing at a time in a source file, builds the tests with it, and runs those
that should notice.

usage: scripts/mutation.py [--build DIR] [--each N] [--seed S] [--log FILE] [NAME ...]

A change (mutant) is killed when a test fails, hangs or crashes; it survives when all pass. NAME picks groups of
files (default: all): statistics, scoring, journal, hook. --each takes N changes of each file, drawn with the seed;
0 takes all. Only the changed file is compiled, and linked in front of the library that holds the right one, so the
build folder (default: build, with its tests built) stays as it is. Survivors are listed with file, line and change;
each is either a test that is missing or a change that changes nothing, which somebody has to look at. A line whose
comment ends with "mutation: same" tells that a change there is known to change nothing that can be seen; memory that is
reserved counts as such by itself.
"""
import argparse
import json
import pathlib
import random
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Group -> files, and the tests that should notice: program and filter of GoogleTest, quickest first.
GROUPS = {
    "statistics": (["src/statistics/*.cpp", "src/study/adjust.cpp"], [
        ("tiller_unit_tests", "Bootstrap*:PairedP.*:Holm.*:Draws.*:Scales.*:Runs.*:Spearman.*:Factorial.*:VarianceShares*:"
                              "GapShares*:Shift.*:Random.*:Slope.*:Adjust.*:SplitTask.*"),
        ("tiller_unit_tests", "Verdict.*:EvidenceTables.*:Metrics.*:Choose.*:PerplexityLimit.*")]),
    "scoring": (["src/scoring/*.cpp"], [
        ("tiller_unit_tests", "ParseAnswer.*:NormaliseAnswer.*:KeepsCase.*:ScoreAnswer.*:RougeL.*:WordsOf.*:TextHealth.*:"
                              "Collapse.*:SaysTooLittle.*:RepeatsPhrases.*:BrokenTexts.*:Metrics.*:StyleScorer.*:TemporaryFile.*:Paper*"),
        ("tiller_unit_tests", "Verdict.*:EvidenceTables.*:Metrics.*:Choose.*:PerplexityLimit.*")]),
    "journal": (["src/study/journal.cpp", "src/study/units.cpp"], [
        ("tiller_unit_tests", "JournalTest.*:WholePart.*:CostLedger.*"),
        ("tiller_integration_tests", "StudyParts.*:StudyRun.*:StudyDraws.*")]),
    "hook": (["src/engine/hook.cpp", "src/engine/operations.cpp"], [
        ("tiller_unit_tests", "HookCallback.*:HookStops.*:*HookLogits.*:EngineOperations.*"),
        ("tiller_integration_tests", "EngineCounts.*:EngineMissingSite.*:Tiny/EngineArchitecture.*:Tiny/EngineIdentity.*:"
                                     "EngineBatches.*:EngineTurns.*:EngineRefusals.*:Llama/EngineReference.*")]),
}
SWAPS = [(r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "), (r" == ", " != "), (r" != ", " == "),
         (r" \+ ", " - "), (r" - ", " + "), (r" \* ", " / "), (r" / ", " * "), (r" \+= ", " -= "), (r" -= ", " += "),
         (r" && ", " || "), (r" \|\| ", " && "), (r"(?<=[(\s])!(?=[\w(])", ""), (r"\btrue\b", "false"),
         (r"\bfalse\b", "true"), (r"(?<![\w.])0(?![\w.])", "1"), (r"(?<![\w.])1(?![\w.])", "2"), (r"\bmin\(", "max("),
         (r"\bmax\(", "min("), (r"\ball_of\(", "any_of("), (r"\bany_of\(", "all_of(")]
SECONDS = 240  # for the tests of one mutant


def blank(match):
    return re.sub(r"[^\n]", "\0", match.group(0))


def mutants_of(path):
    """(line, old, new, whole text) of every change to code: not to texts, comments, includes and declarations of types."""
    text = path.read_text()
    code = re.sub(r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/|^\s*#[^\n]*', blank, text,
                  flags=re.S | re.M)
    code = re.sub(r"\b(template|using|static_assert|operator)\b[^;{\n]*", blank, code)
    same = {i for i, line in enumerate(text.split("\n"), 1) if re.search(r"// .*\bmutation: same$|\.reserve\(", line)}
    found = []
    for pattern, new in SWAPS:
        for match in re.finditer(pattern, code):
            found.append((match.start(), match.end(), new))
    for match in re.finditer(r"^[ ]{4,}(?!return|throw|break|continue|else|const |auto |static )[\w.>\-\[\]]+\([^;{}]*\);$", code, re.M):
        indent = len(match.group(0)) - len(match.group(0).lstrip())
        found.append((match.start() + indent, match.end(), ";"))
    for begin, end, new in sorted(set(found)):
        line = text.count("\n", 0, begin) + 1
        if line not in same:
            yield line, text[begin:end].strip(), new.strip(), text[:begin] + new + text[end:]


class Builder:
    def __init__(self, build):
        self.build = build
        self.compile = {}
        for entry in json.loads(subprocess.run(["ninja", "-C", build, "-t", "compdb"], capture_output=True, text=True,
                                               check=True).stdout):
            source = (build / entry["file"]).resolve()
            if entry["command"] and source.suffix == ".cpp":
                self.compile.setdefault(str(source), (entry["command"], None))
            elif entry["command"] and source.suffix == ".cxx":  # several sources joined (cmake/unity.cmake)
                joined = source.read_text()
                for part in re.findall(r'^#include "(.+\.cpp)"$', joined, re.M):
                    self.compile[part] = (entry["command"], joined)

    def object_of(self, path, text, folder):
        """The compiled mutant, or None when it is no C++."""
        source, target = folder / path.name, folder / "mutant.o"
        source.write_text(text)
        command, joined = self.compile[str(path)]
        if joined:  # its object holds the others as well, and the linker takes all of it or none
            inner, source = source, folder / "joined.cxx"
            source.write_text(joined.replace(f'"{path}"', f'"{inner}"'))
        words = [w for w in shlex.split(command) if "ccache" not in w and w != "-Werror"]
        words[words.index("-o") + 1] = str(target)
        words[words.index("-c") + 1] = str(source)
        return target if subprocess.run([*words, "-w"], cwd=self.build, capture_output=True).returncode == 0 else None

    def program(self, name, mutant, folder):
        command = subprocess.run(["ninja", "-C", self.build, "-t", "commands", f"tests/{name}"], capture_output=True,
                                 text=True, check=True).stdout.strip().split("\n")[-1]
        out = folder / name
        command = command.split(" && ")[1]
        command = re.sub(r" -o \S+ ", f" -o {out} {mutant} ", command, count=1)
        done = subprocess.run(command, cwd=self.build, shell=True, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{name} does not link:\n{done.stderr[-2000:]}")
        return out


def killed_by(builder, tests, mutant, folder):
    programs = {}
    for name, which in tests:
        if name not in programs:
            programs[name] = builder.program(name, mutant, folder)
        try:
            done = subprocess.run([programs[name], f"--gtest_filter={which}", "--gtest_fail_fast", "--gtest_brief=1"],
                                  cwd=builder.build, capture_output=True, text=True, errors="replace", timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return "hangs"
        if done.returncode:
            failed = re.search(r"\[  FAILED  \] (\S+)", done.stdout)
            return failed.group(1) if failed else f"exit {done.returncode}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--each", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", help="a line of JSON for each mutant")
    parser.add_argument("group", nargs="*", choices=[*GROUPS, []])
    o = parser.parse_args()
    builder = Builder(pathlib.Path(o.build).resolve())
    log = open(o.log, "a") if o.log else None
    all_killed = all_tried = 0
    for group in o.group or GROUPS:
        patterns, tests = GROUPS[group]
        for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
            mutants = list(mutants_of(path))
            if o.each and len(mutants) > o.each:
                mutants = sorted(random.Random(f"{o.seed} {path.name}").sample(mutants, o.each))
            killed = tried = 0
            for line, old, new, text in mutants:
                with tempfile.TemporaryDirectory() as tmp:
                    folder = pathlib.Path(tmp)
                    mutant = builder.object_of(path, text, folder)
                    if not mutant:
                        continue
                    by = killed_by(builder, tests, mutant, folder)
                tried, killed = tried + 1, killed + (by is not None)
                place = f"{path.relative_to(ROOT)}:{line}"
                if log:
                    print(json.dumps({"at": place, "old": old, "new": new, "killed_by": by}), file=log, flush=True)
                if by is None:
                    print(f"survived {place}: '{old}' -> '{new}'", flush=True)
            all_killed, all_tried = all_killed + killed, all_tried + tried
            print(f"{path.relative_to(ROOT)}: {killed} of {tried} killed", flush=True)
    print(f"mutation: {all_killed} of {all_tried} killed ({all_killed / max(all_tried, 1):.0%})")
    return 0 if all_killed >= 0.9 * all_tried else 1


if __name__ == "__main__":
    sys.exit(main())
