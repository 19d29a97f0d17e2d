#!/usr/bin/env python3
"""Write the extractive tasks in data/tasks/extractive/ from data/lists/*.txt.

An input is a list "w1, w2, w3"; the output is the one word of it that the
task asks for. The result depends only on the word lists and on the seed:
a second run writes the same bytes.
"""

from make_letter_tasks import DATA, draw, read_words, rng_for, write_task

ITEMS = 400

# One word of the first kind hides among words of the second kind.
ODD_ONE = {
    "animal_v_object_3": ("animals", "objects", 3),
    "animal_v_object_5": ("animals", "objects", 5),
    "fruit_v_animal_3": ("fruits", "animals", 3),
    "fruit_v_animal_5": ("fruits", "animals", 5),
    "color_v_animal_3": ("colours", "animals", 3),
    "color_v_animal_5": ("colours", "animals", 5),
    "adjective_v_verb_3": ("adjectives", "verbs", 3),
    "adjective_v_verb_5": ("adjectives", "verbs", 5),
    "verb_v_adjective_3": ("verbs", "adjectives", 3),
    "verb_v_adjective_5": ("verbs", "adjectives", 5),
    "concept_v_object_3": ("concepts", "objects", 3),
    "concept_v_object_5": ("concepts", "objects", 5),
    "object_v_concept_3": ("objects", "concepts", 3),
    "object_v_concept_5": ("objects", "concepts", 5),
}

# The words are of any kind; only place or spelling decides.
CHOOSE = {
    "choose_first_of_3": (3, lambda words: words[0]),
    "choose_middle_of_3": (3, lambda words: words[1]),
    "choose_last_of_3": (3, lambda words: words[-1]),
    "choose_first_of_5": (5, lambda words: words[0]),
    "choose_middle_of_5": (5, lambda words: words[2]),
    "choose_last_of_5": (5, lambda words: words[-1]),
    "alphabetically_first_3": (3, min),
    "alphabetically_last_3": (3, max),
    "alphabetically_first_5": (5, min),
    "alphabetically_last_5": (5, max),
}


def read_lists():
    """Return {kind: words}; a word in two lists would make answers ambiguous."""
    lists = {p.stem: read_words(p) for p in sorted((DATA / "lists").glob("*.txt"))}
    owner = {}
    for kind, words in lists.items():
        for word in words:
            if word in owner:
                raise SystemExit(f"{word}: in {owner[word]} and in {kind}")
            owner[word] = kind
    return lists


def odd_one_item(rng, kinds, others, size):
    answer = draw(rng, kinds, 1)[0]
    words = draw(rng, others, size - 1)
    # Any place is as likely, so that a place never gives the answer away.
    words.insert(int(rng.random() * size), answer)
    return words, answer


def choose_item(rng, pool, size, rule):
    words = draw(rng, pool, size)
    return words, rule(words)


def collect(make_item):
    """Make ITEMS items no two of which hold the same input."""
    pairs = {}
    while len(pairs) < ITEMS:
        words, answer = make_item()
        pairs.setdefault(", ".join(words), answer)
    return list(pairs.items())


def main():
    lists = read_lists()
    pool = [word for kind in sorted(lists) for word in lists[kind]]
    folder = DATA / "tasks" / "extractive"

    for task, (kind, other, size) in ODD_ONE.items():
        rng = rng_for(task)
        pairs = collect(lambda: odd_one_item(rng, lists[kind], lists[other], size))
        write_task(folder / f"{task}.json", pairs)

    for task, (size, rule) in CHOOSE.items():
        rng = rng_for(task)
        pairs = collect(lambda: choose_item(rng, pool, size, rule))
        write_task(folder / f"{task}.json", pairs)


if __name__ == "__main__":
    main()
