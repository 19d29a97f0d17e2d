"""Arithmetic, files, arrays."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import tiller
from tiller import SteeringVector

PROMPT = "the cat is"


def logits(lm, steer):
    """The logits of one row, to which all of a list is done."""
    return lm.next_token(PROMPT, steer=[steer], logits=True)[0].logits


def test_scaling(lm, a):
    assert (0.4 * a).strength == pytest.approx(0.4) and (a * 2 / 4).strength == 0.5 and (-a).strength == -1
    assert np.array_equal(logits(lm, 0.5 * a), logits(lm, a.at(0.5)))
    assert np.array_equal((0.5 * a).directions[1], a.directions[1])
    assert np.array_equal(logits(lm, 0 * a), logits(lm, None))
    assert not np.array_equal(logits(lm, a), logits(lm, None))


def test_sum_has_the_effect_of_both(lm, a, b):
    assert np.allclose(logits(lm, 0.5 * a + 2 * b), logits(lm, [0.5 * a, 2 * b]), atol=1e-4)
    assert np.allclose(logits(lm, 0.5 * a - 2 * b), logits(lm, [0.5 * a, -2 * b]), atol=1e-4)
    w = 0.5 * a + b
    assert w.strength == 1 and w.layers == [0, 1, 2]
    assert np.array_equal(w.directions[0], np.float32(0.5) * a.directions[0])
    assert (a + a).strength == 1 and ((a + b) / 2).strength == 0.5
    assert np.array_equal((2 * a - 2 * b).directions[1], a.directions[1] - b.directions[1])


def test_sum_of_turns_keeps_the_dose(lm, pairs):
    v = lm.extract("icv", pairs=pairs[:6], alpha=2)
    w = lm.extract("icv", pairs=pairs[6:], alpha=2)
    s = 0.5 * v + w
    assert s.strength == 2 and s.operation == "turn"
    layer = s.layers[0]
    assert np.allclose(s.directions[layer], 0.5 * v.directions[layer] + w.directions[layer], atol=1e-6)


def test_sums_that_mean_nothing_are_refused(lm, a, pairs):
    width = lm.n_embd
    r = SteeringVector({1: np.ones(width)}, operation="replace")
    with pytest.raises(tiller.UsageError, match="replace"):
        r + r
    with pytest.raises(tiller.UsageError, match="positions"):
        a + SteeringVector({1: np.ones(width)}, positions="generated")
    with pytest.raises(TypeError):
        a + 1
    with pytest.raises(tiller.ArgumentTypeError, match="factor"):
        "2" * a


def test_own_arrays(lm, tmp_path):
    rng = np.random.default_rng(0)
    direction = rng.normal(size=lm.n_embd)
    v = SteeringVector({1: direction, 2: direction}, site="mlp_output", positions="all", strength=0.5)
    assert v.directions[1].dtype == np.float32 and v.directions[1].flags.c_contiguous
    assert np.array_equal(v.directions[1], direction.astype(np.float32))
    v.save(tmp_path / "v.gguf")
    read = tiller.load_vector(tmp_path / "v.gguf")
    assert np.array_equal(read.directions[2], v.directions[2])
    assert (read.site, read.operation, read.positions, read.strength) == ("mlp_output", "add", "all", 0.5)
    assert np.array_equal(logits(lm, read), logits(lm, v)) and not np.array_equal(logits(lm, v), logits(lm, None))
    assert v.only_layers(2, 2).layers == [2]
    edit = tiller.Edit("mlp_output", 2, direction, strength=0.5)
    assert np.array_equal(logits(lm, v.only_layers(2, 2)), logits(lm, edit))


def test_edits(lm, a):
    edits = a.edits()
    assert [e.layer for e in edits] == a.layers and edits[0].strength == a.strength
    assert np.array_equal(logits(lm, edits), logits(lm, a))


def test_directions_are_read_only(a):
    with pytest.raises(ValueError):
        a.directions[0][0] = 1


def test_arrays_outlive_their_vector(folder):
    direction = tiller.load_vector(folder / "a.gguf").directions[0]
    kept = direction.copy()
    for _ in range(50):
        tiller.load_vector(folder / "b.gguf")
    assert np.array_equal(direction, kept)


def test_not_pickled(lm, a):
    for thing in (lm, a):
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(thing)


def test_vector_of_another_model_is_refused(lm, folder, tmp_path):
    import tiny

    (tmp_path / "wide.gguf").write_bytes(tiny.control_vector(1, n_embd=64))
    with pytest.raises(tiller.BadInputError, match="64"):
        lm.generate(PROMPT, steer=tiller.load_vector(tmp_path / "wide.gguf"))
    (tmp_path / "other.gguf").write_bytes(tiny.tiny_model(seed=2))
    with tiller.load(tmp_path / "other.gguf") as other:
        v = other.extract("mean-diff", pairs=[("the cat", "the dog"), ("red sun", "cold sun"), ("hot", "is")])
        with pytest.raises(tiller.BadInputError, match="digest|another model|differ"):
            lm.generate(PROMPT, steer=v)
        assert other.generate(PROMPT, steer=v, max_tokens=3)
        # From arrays nothing is known but the width.
        assert lm.generate(PROMPT, steer=SteeringVector(v.directions), max_tokens=3)


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError) as missing:
        tiller.load_vector(tmp_path / "none.gguf")
    assert isinstance(missing.value, tiller.MissingError) and "none.gguf" in str(missing.value)
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(tiller.BadInputError):
        tiller.load_vector(tmp_path / "bad.gguf")
