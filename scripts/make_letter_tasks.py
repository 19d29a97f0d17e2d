#!/usr/bin/env python3
"""Write the letter tasks in data/tasks/functional/ from data/words.txt.

Every answer follows from the spelling of its input, so these files are
computed, not typed. The result depends only on the word list and on SEED:
a second run writes the same bytes.
"""

import json
import random
from pathlib import Path

SEED = 20240711
PAIRS = 200
DATA = Path(__file__).resolve().parent.parent / "data"


def draw(rng, items, count):
    """Return `count` different entries of `items` in random order.

    Only rng.random() is promised to give the same numbers in every Python
    version (shuffle and sample are not), so the shuffle is spelled out.
    """
    pool = list(items)
    for i in range(count):
        j = i + int(rng.random() * (len(pool) - i))
        pool[i], pool[j] = pool[j], pool[i]
    return pool[:count]


def rng_for(task):
    """One stream per task: adding a task leaves the other files as they are."""
    return random.Random(f"{SEED} {task}")


def read_words(path):
    words = path.read_text(encoding="utf-8").split()
    if len(set(words)) != len(words):
        raise SystemExit(f"{path}: a word occurs twice")
    return words


def write_task(path, pairs):
    """Write pairs as a JSON list with one object on each line."""
    lines = [
        json.dumps({"input": given, "output": answer}, ensure_ascii=False)
        for given, answer in pairs
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Bytes, so that no platform turns the line ends into something else.
    path.write_bytes(("[\n" + ",\n".join(lines) + "\n]\n").encode("utf-8"))


def mixed_case(rng, words):
    """Capitalise every second word: the answer must then change its case."""
    mixed = [w.capitalize() if i % 2 else w for i, w in enumerate(words)]
    return draw(rng, mixed, len(mixed))


def even_lengths(rng, words):
    """As many words of each length, or short words would fill the file."""
    lengths = sorted({len(w) for w in words})
    share = PAIRS // len(lengths)
    chosen = []
    for n in lengths:
        chosen += draw(rng, [w for w in words if len(w) == n], share)
    return draw(rng, chosen, len(chosen))


def main():
    words = read_words(DATA / "words.txt")
    answers = {
        "capitalize": str.capitalize,
        "capitalize_first_letter": lambda w: w[0].upper(),
        "capitalize_second_letter": lambda w: w[1].upper(),
        "capitalize_last_letter": lambda w: w[-1].upper(),
        "lowercase_first_letter": lambda w: w[0].lower(),
        "lowercase_last_letter": lambda w: w[-1].lower(),
        "word_length": lambda w: str(len(w)),
    }
    for task, answer in answers.items():
        rng = rng_for(task)
        if task == "word_length":
            inputs = even_lengths(rng, words)
        else:
            inputs = draw(rng, words, PAIRS)
        if task == "lowercase_first_letter":
            inputs = mixed_case(rng, inputs)
        write_task(
            DATA / "tasks" / "functional" / f"{task}.json",
            [(w, answer(w)) for w in inputs],
        )


if __name__ == "__main__":
    main()
