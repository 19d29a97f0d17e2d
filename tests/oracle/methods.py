"""The papers' definitions with forward hooks: function vectors (arXiv 2310.15213) and in-context vectors
(arXiv 2311.06668, in the form of arXiv 2411.07213's code). Written from docs/methods.md, not from tiller's code.
"""

import contextlib

import numpy
import torch


def logprobs(logits):
    return torch.log_softmax(logits.double(), dim=-1)


@contextlib.contextmanager
def hooked(handles):
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def tensor_of(output):
    return output[0] if isinstance(output, tuple) else output


def with_tensor(output, value):
    return (value, *output[1:]) if isinstance(output, tuple) else value


@torch.no_grad()
def forward(loaded, tokens, n_copies=1):
    """Logits [n_copies][n_token][n_vocab]."""
    return loaded.model(torch.tensor([tokens] * n_copies), use_cache=False).logits


def capture(loaded, tokens):
    """What the four sites hold: {site: [n_layer] of [n_token][width]}."""
    sites = {"head_output": [], "attention_output": [], "mlp_output": [], "residual": []}
    handles = []

    # Copies, because a model may add to a tensor in place.
    def keep_input(site):
        return lambda module, args: sites[site].append(args[0][0].clone())

    def keep_output(site):
        return lambda module, args, output: sites[site].append(tensor_of(output)[0].clone())

    for layer in loaded.layers:
        handles.append(layer.output_projection.register_forward_pre_hook(keep_input("head_output")))
        written = layer.post_norm if layer.post_norm is not None else layer.output_projection
        handles.append(written.register_forward_hook(keep_output("attention_output")))
        handles.append(layer.mlp.register_forward_hook(keep_output("mlp_output")))
        handles.append(layer.whole.register_forward_hook(keep_output("residual")))
    with hooked(handles):
        forward(loaded, tokens)
    return sites


def mean_head_outputs(loaded, prompts):
    """Equation 3 at the last token: [n_layer] of [n_head * d_head]."""
    all_of_them = [[z[-1] for z in capture(loaded, tokens)["head_output"]] for tokens in prompts]
    return [torch.stack(of_layer).mean(dim=0) for of_layer in zip(*all_of_them)]


def indirect_effects(loaded, tokens, target, means, batch=30):
    """Equation 5 for one prompt: p(target) of the clean run, and [n_layer][n_head] p(target | patched) - p."""
    heads = [(il, h) for il in range(len(loaded.layers)) for h in range(loaded.n_head)]
    clean = logprobs(forward(loaded, tokens)[0, -1])[target].exp().item()
    effects = torch.zeros(len(loaded.layers), loaded.n_head, dtype=torch.float64)

    def patch(il, rows):
        d = loaded.layers[il].d_head

        def hook(module, args):
            z = args[0].clone()
            for row, h in rows:
                z[row, -1, h * d : (h + 1) * d] = means[il][h * d : (h + 1) * d]
            return (z, *args[1:])

        return hook

    for begin in range(0, len(heads), batch):
        part = heads[begin : begin + batch]
        handles = []
        for il, layer in enumerate(loaded.layers):
            rows = [(row, h) for row, (of, h) in enumerate(part) if of == il]
            if rows:
                handles.append(layer.output_projection.register_forward_pre_hook(patch(il, rows)))
        with hooked(handles):
            patched = logprobs(forward(loaded, tokens, len(part))[:, -1])[:, target].exp()
        for (il, h), p in zip(part, patched.tolist()):
            effects[il, h] = p - clean
    return clean, effects


def ranking(aie):
    """Heads by falling AIE, ties by lower layer, then lower head."""
    heads = [(il, h) for il in range(aie.shape[0]) for h in range(aie.shape[1])]
    return sorted(heads, key=lambda head: (-aie[head].item(), head))


def contribution(loaded, means, il, h):
    """What a head of this mean output adds to the residual stream; W_O's bias belongs to no head."""
    layer = loaded.layers[il]
    d = layer.d_head
    z = means[il]
    alone = torch.zeros_like(z)
    alone[h * d : (h + 1) * d] = z[h * d : (h + 1) * d]
    bias = layer.output_projection(torch.zeros_like(z)[None])[0]
    part = layer.output_projection(alone[None])[0] - bias
    if layer.post_norm is None:
        return part
    # The norm divides by the root mean square of the layer's whole attention output.
    whole = layer.output_projection(z[None])[0].double()
    epsilon = getattr(layer.post_norm, "eps", None) or layer.post_norm.variance_epsilon
    rms = (whole.square().mean() + epsilon).sqrt()
    weight = layer.post_norm.weight.double() + (1 if loaded.gemma_norm else 0)
    return part.double() * weight / rms


@torch.no_grad()
def function_vector(loaded, means, heads):
    """Equation 7: the sum over the heads."""
    return sum(contribution(loaded, means, il, h).double() for il, h in heads)


def add_after(loaded, il, vector, first):
    """Hooks that add the vector to the residual stream after layer il, from token `first` on."""

    def hook(module, args, output):
        x = tensor_of(output).clone()
        x[:, first:] += vector.to(x.dtype)
        return with_tensor(output, x)

    return [loaded.layers[il].whole.register_forward_hook(hook)]


def latent(loaded, tokens, n_last):
    """Mean of the residual stream over the last tokens, [n_layer][n_embd]."""
    return torch.stack([x[-n_last:].mean(dim=0) for x in capture(loaded, tokens)["residual"]])


def icv_direction(loaded, pairs, n_last):
    """Reference form, negative minus positive: first principal direction of the centred differences (largest
    entry of U positive) plus their mean, [n_layer][n_embd]."""
    differences = [latent(loaded, negative, n_last) - latent(loaded, positive, n_last) for negative, positive in pairs]
    shape = differences[0].shape
    matrix = torch.stack([d.flatten() for d in differences]).double().numpy()
    mean = matrix.mean(axis=0)
    u, _, components = numpy.linalg.svd(matrix - mean, full_matrices=False)
    sign = numpy.sign(u[numpy.argmax(numpy.abs(u[:, 0])), 0])
    return torch.from_numpy(components[0] * sign + mean).reshape(shape)


def turn_mlp(loaded, direction, alpha):
    """Hooks that apply ICV's rule to every MLP output at every token; `direction` is negative minus positive."""

    def rule(v):
        def hook(module, args, output):
            x = tensor_of(output)
            d = v.to(x.dtype).expand_as(x)
            similarity = 1 + torch.nn.functional.cosine_similarity(x, d, dim=-1).clamp(min=0)[..., None]
            y = -alpha * similarity * torch.nn.functional.normalize(d, dim=-1)
            moved = torch.nn.functional.normalize(torch.nn.functional.normalize(x, dim=-1) + 0.1 * y, dim=-1)
            return with_tensor(output, moved * x.norm(dim=-1, keepdim=True))

        return hook

    return [layer.mlp.register_forward_hook(rule(direction[il])) for il, layer in enumerate(loaded.layers)]


def score(loaded, prompts, watch, hooks):
    """Log-probabilities of the watched tokens after each prompt, and of its forced continuation. hooks(n) gives
    the hooks for a prompt of n tokens."""
    following, continued = [], []
    for prompt in prompts:
        n = len(prompt["tokens"])
        with hooked(hooks(n)):
            # The last forced token is predicted, not read.
            p = logprobs(forward(loaded, prompt["tokens"] + prompt["forced"][:-1])[0])
        following.append(p[n - 1, watch].tolist())
        continued.append([p[n - 1 + i, token].item() for i, token in enumerate(prompt["forced"])])
    return {"next": following, "forced": continued}
