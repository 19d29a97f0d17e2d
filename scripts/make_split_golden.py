#!/usr/bin/env python3
"""Write the splits that sklearn's train_test_split makes, for the test of tiller's own.

The paper's code (arXiv 2411.07213) splits a task's items twice with test_size 0.3 and the study's seed:
first into training items and the rest, then the rest into test and validation items. tiller repeats
numpy's permutation in C++ (src/tasks/numpy_permutation.cpp); this file holds it to the original.

Needs numpy and scikit-learn (any recent version; the versions used are written into the file):
    python3 -m venv venv && venv/bin/pip install numpy scikit-learn
    venv/bin/python scripts/make_split_golden.py tests/unit/golden_splits.json
"""
import hashlib
import json
import sys

import numpy
import sklearn
from sklearn.model_selection import train_test_split


def split(n, seed):
    train, rest = train_test_split(list(range(n)), test_size=0.3, random_state=seed)
    test, valid = train_test_split(rest, test_size=0.3, random_state=seed)
    return train, test, valid


def digest(numbers):
    return hashlib.sha256(" ".join(str(i) for i in numbers).encode()).hexdigest()


def main():
    whole = [{"n": n, "seed": seed, "train": train, "test": test, "valid": valid}
             for n in (4, 5, 7, 10, 33) for seed in (0, 42, 4294967295)
             for train, test, valid in [split(n, seed)]]
    # Every size up to 300, so that each rounding of 0.3 n is met; long lists as digests.
    digests = [{"n": n, "seed": seed, "train": len(train), "test": len(test), "valid": len(valid),
                "sha256": digest(train + test + valid)}
               for n, seed in [(n, n % 7) for n in range(4, 301)] + [(1000, 1), (4096, 42), (20000, 12345)]
               for train, test, valid in [split(n, seed)]]
    golden = {"made_by": "scripts/make_split_golden.py", "numpy": numpy.__version__,
              "sklearn": sklearn.__version__, "whole": whole, "digests": digests}
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write(json.dumps(golden, separators=(",", ":")).replace("},{", "},\n{") + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
