"""Activations, edits, and TransformerLens' names for them."""

from __future__ import annotations

import numpy as np
import pytest

import tiller
from tiller import Edit

PROMPTS = ["the cat is", "hot", "in the red sun a dog"]
WIDTHS = {"residual": 48, "mlp_output": 48, "attention_output": 48, "head_output": 64}


@pytest.mark.parametrize("site", WIDTHS)
def test_shapes(lm, site):
    found = lm.capture(PROMPTS, site=site)
    assert found.shape == (3, 3, WIDTHS[site]) and found.dtype == np.float32 and found.flags.c_contiguous
    assert np.array_equal(lm.capture(PROMPTS[0], site=site), found[0])
    assert np.array_equal(lm.capture(PROMPTS, site=site, layers=range(1, 2)), found[:, 1:2])
    whole = lm.capture(PROMPTS, site=site, positions="all")
    assert [w.shape for w in whole] == [(3, len(lm.tokenize(p)), WIDTHS[site]) for p in PROMPTS]
    assert np.array_equal(np.stack([w[:, -1] for w in whole]), found)
    assert lm.capture(PROMPTS[2], site=site, positions=("last", 2)).shape == (3, 2, WIDTHS[site])
    assert np.array_equal(lm.capture(PROMPTS[2], site=site, positions=range(1, 3)), whole[2][:, 1:3])
    mean = lm.capture(PROMPTS, site=site, positions="all", mean=True)
    assert np.allclose(mean[2], whole[2].astype(np.float64).mean(axis=1), atol=1e-5)


def test_parts_add_up(lm):
    """The stream after a layer is that before it, and what attention and MLP write."""
    resid, attn, mlp = (lm.capture(PROMPTS, site=s) for s in ("residual", "attention_output", "mlp_output"))
    assert np.allclose(resid[:, :-1] + attn[:, 1:] + mlp[:, 1:], resid[:, 1:], atol=1e-4)


def test_patching(lm):
    """An activation written into another prompt's run gives that run's output."""
    source, target = "the cat is hot", "the dog is hot"
    state = lm.capture(source)[2]
    edit = Edit("residual", 2, state, operation="replace", positions="last_prompt")
    patched = lm.next_token(target, steer=edit, logits=True).logits
    clean = lm.next_token(source, logits=True).logits
    assert np.allclose(patched, clean, atol=1e-4)
    assert not np.allclose(lm.next_token(target, logits=True).logits, clean, atol=1e-2)


@pytest.mark.parametrize("operation", ["add", "replace", "turn", "project"])
def test_operations_say_what_they_do(lm, operation):
    rng = np.random.default_rng(3)
    v = rng.normal(size=(3, 48) if operation == "project" else 48).astype(np.float32)
    x = lm.capture(PROMPTS[0])[0].astype(np.float64)
    edit = Edit("residual", 0, v, operation, "last_prompt", 0.6)
    # At the site itself captures come before edits; the MLP's input of the next layer is after it, so compare there.
    after = lm.capture(PROMPTS[0], steer=edit)[1]
    d = v.astype(np.float64)
    if operation == "add":
        y = x + 0.6 * d
    elif operation == "replace":
        y = x + 0.6 * (d - x)
    elif operation == "turn":
        unit = x / np.linalg.norm(x)
        size = 1 + max(0, -(unit @ d) / np.linalg.norm(d))
        z = unit + 0.1 * 0.6 * size * d / np.linalg.norm(d)
        y = z / np.linalg.norm(z) * np.linalg.norm(x)
    else:
        m, w = d[0], d[1:]
        y = x + 0.6 * (m + w.T @ (w @ (x - m)) - x)
    written = Edit("residual", 0, y.astype(np.float32), "replace", "last_prompt")
    assert np.allclose(lm.capture(PROMPTS[0], steer=written)[1], after, rtol=1e-3, atol=1e-3)
    assert not np.allclose(lm.capture(PROMPTS[0])[1], after, atol=1e-2)
    assert edit.vector.shape == v.shape and np.array_equal(edit.vector, v)


def test_edit_of_one_head(lm):
    v = np.ones(16, dtype=np.float32)
    one = Edit("head_output", 1, v, "replace", "last_prompt", head=2)
    whole = lm.capture(PROMPTS[0], site="head_output")[1].copy()
    whole[32:48] = 1
    all_heads = Edit("head_output", 1, whole, "replace", "last_prompt")
    assert np.allclose(lm.next_token(PROMPTS[0], steer=one, logits=True).logits,
                       lm.next_token(PROMPTS[0], steer=all_heads, logits=True).logits, atol=1e-4)
    assert one.head == 2 and all_heads.head is None and one.at(0.5).strength == 0.5


def test_strength_zero_changes_nothing(lm):
    edit = Edit("residual", 1, np.ones(48), strength=0)
    assert np.array_equal(lm.next_token(PROMPTS[0], steer=edit, logits=True).logits,
                          lm.next_token(PROMPTS[0], logits=True).logits)


def test_run_with_cache(lm):
    logits, cache = lm.run_with_cache(PROMPTS[0])
    n = len(lm.tokenize(PROMPTS[0]))
    assert logits.shape == (1, 1, lm.n_vocab)
    assert np.array_equal(logits[0, -1], lm.next_token(PROMPTS[0], logits=True).logits)
    assert len(cache) == 12 and cache["blocks.1.attn.hook_z"].shape == (1, n, 4, 16)
    assert np.array_equal(cache["resid_post", 1], cache["blocks.1.hook_resid_post"])
    assert np.array_equal(cache["resid_post", -1], cache["resid_post", 2])
    whole = lm.capture(PROMPTS[0], positions="all")
    assert np.array_equal(cache["resid_post", 1][0], whole[1])
    z = lm.capture(PROMPTS[0], site="head_output", positions="all")
    assert np.array_equal(cache["z", 0][0].reshape(n, 64), z[0])
    with pytest.raises(KeyError, match="hook_q"):
        cache["blocks.1.attn.hook_q"]


def test_names_filter(lm):
    _, cache = lm.run_with_cache([PROMPTS[0], "the dog is"], names_filter=lambda name: name.endswith("resid_post"))
    assert list(cache) == [f"blocks.{i}.hook_resid_post" for i in range(3)]
    assert cache["resid_post", 0].shape == (2, len(lm.tokenize(PROMPTS[0])), 48)
    _, one = lm.run_with_cache(PROMPTS[0], "blocks.2.hook_mlp_out")
    assert list(one) == ["blocks.2.hook_mlp_out"]
    with pytest.raises(tiller.UsageError, match="hook_q"):
        lm.run_with_cache(PROMPTS[0], "blocks.2.attn.hook_q")
    with pytest.raises(tiller.UsageError, match="same number"):
        lm.run_with_cache(PROMPTS)


def test_control_vector(lm):
    rng = np.random.default_rng(1)
    words = ["cat", "dog", "sun", "film", "red", "cold"]
    dataset = [tiller.DatasetEntry(f"the {w} is hot", f"the {w} was cold") for w in words]
    rng.shuffle(dataset)
    v = tiller.ControlVector.train(lm, dataset)
    assert v.layers == [1, 2] and (v.site, v.operation, v.positions) == ("residual", "add", "all")
    positive = lm.capture([e.positive for e in dataset]).astype(np.float64)
    negative = lm.capture([e.negative for e in dataset]).astype(np.float64)
    for layer in v.layers:
        d = v.directions[layer].astype(np.float64)
        assert np.linalg.norm(d) == pytest.approx(1, abs=1e-6)
        # The largest eigenvalue's vector of the covariance of the differences, up to sign.
        values, vectors = np.linalg.eigh(np.cov((positive - negative)[:, layer].T))
        assert abs(vectors[:, -1] @ d) == pytest.approx(1, abs=1e-4)
        votes = positive[:, layer] @ d > negative[:, layer] @ d
        assert votes.mean() >= 0.5
    centred = tiller.ControlVector.train(lm, dataset, method="pca_center", hidden_layers=[-1])
    assert centred.layers == [2]
    assert isinstance(0.5 * v, tiller.ControlVector)
    with pytest.raises(tiller.UsageError, match="umap"):
        tiller.ControlVector.train(lm, dataset, method="umap")
    with pytest.raises(tiller.UsageError, match="at least 2"):
        tiller.ControlVector.train(lm, dataset[:1])
    with pytest.raises(tiller.ArgumentTypeError, match=r"dataset\[0\]"):
        tiller.ControlVector.train(lm, [("a", "b")])
