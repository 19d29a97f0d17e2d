#!/usr/bin/env python3
"""Write the composed tasks in data/tasks/functional/ from other tasks' pairs.

For a task X (antonym, country-capital, ...) an input is a list "w1, w2, w3" of
inputs of X. The four tasks are the corners of the parallelogram of arXiv
2310.15213, section 3.3, so that for function vectors v

    v(last-X)  is compared with  v(last-copy-X) + v(first-X) - v(first-copy-X).

first-copy-X and last-copy-X give the word back, first-X and last-X apply X to
it. sentiment is made here, too: the sentences of sentiment_transfer with the
name of their side. The result depends only on the tasks' files and on the seed:
a second run writes the same bytes.
"""

import json

from make_letter_tasks import DATA, draw, rng_for, write_task

ITEMS = 300
WORDS = 3
FUNCTIONS = (
    "antonym",
    "capitalize",
    "country-capital",
    "english-french",
    "present-past",
    "singular-plural",
)
PLACES = {"first": 0, "last": -1}


def read_pairs(path):
    return [(item["input"], item["output"]) for item in json.loads(path.read_text(encoding="utf-8"))]


def lists_of(rng, pairs):
    """ITEMS different lists of WORDS pairs each."""
    seen, lists = set(), []
    while len(lists) < ITEMS:
        chosen = draw(rng, pairs, WORDS)
        words = ", ".join(word for word, _ in chosen)
        # A word with a comma in it would be two.
        if words not in seen and words.count(",") == WORDS - 1:
            seen.add(words)
            lists.append((words, chosen))
    return lists


def main():
    functional = DATA / "tasks" / "functional"
    for function in FUNCTIONS:
        pairs = read_pairs(functional / f"{function}.json")
        for place, at in PLACES.items():
            for task, side in ((f"{place}-copy-{function}", 0), (f"{place}-{function}", 1)):
                # A stream per task: the four corners do not share their lists.
                write_task(
                    functional / f"{task}.json",
                    [(words, chosen[at][side]) for words, chosen in lists_of(rng_for(task), pairs)],
                )

    sentences = []
    for negative, positive in read_pairs(DATA / "tasks" / "behavioural" / "sentiment_transfer.json"):
        sentences += [(negative, "negative"), (positive, "positive")]
    unique = list(dict(sentences).items())  # two inputs may have been turned into one sentence
    write_task(functional / "sentiment.json", draw(rng_for("sentiment"), unique, len(unique)))


if __name__ == "__main__":
    main()
