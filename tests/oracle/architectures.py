"""GGUF files as transformers models, one function per family.

A GGUF file keeps the tensors of the original model under other names and sometimes in another order. Each
function below returns the transformers configuration and the state dict; load() loads it strictly, so that no
tensor is forgotten or left at random.
"""

from dataclasses import dataclass

import torch
import transformers


def interleaved_to_halves(weight, n_head):
    """Undoes llama's reordering of q and k: GGUF pairs neighbouring values in RoPE (2i, 2i + 1), transformers
    pairs the halves of a head (i, i + d / 2)."""
    rows = weight.shape[0] // n_head
    return (
        weight.reshape(n_head, rows // 2, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape).contiguous()
    )


def put(state, file, names):
    """Copies tensors: {transformers name: GGUF name}, weights and biases as far as the file has them."""
    for name, source in names.items():
        for kind in ("weight", "bias"):
            if file.has(f"{source}.{kind}"):
                state[f"{name}.{kind}"] = file[f"{source}.{kind}"]


def llama_like(file, with_mlp=True, reordered=False):
    """State dict of the families whose modules are called as llama's."""
    state = {}
    put(state, file, {"model.embed_tokens": "token_embd", "model.norm": "output_norm"})
    state["lm_head.weight"] = file["output.weight" if file.has("output.weight") else "token_embd.weight"]
    for il in range(file.n_layer):
        to, of = f"model.layers.{il}", f"blk.{il}"
        names = {
            f"{to}.input_layernorm": f"{of}.attn_norm",
            f"{to}.post_attention_layernorm": f"{of}.ffn_norm",
            f"{to}.self_attn.q_proj": f"{of}.attn_q",
            f"{to}.self_attn.k_proj": f"{of}.attn_k",
            f"{to}.self_attn.v_proj": f"{of}.attn_v",
            f"{to}.self_attn.o_proj": f"{of}.attn_output",
            f"{to}.self_attn.q_norm": f"{of}.attn_q_norm",
            f"{to}.self_attn.k_norm": f"{of}.attn_k_norm",
        }
        if with_mlp:
            names |= {f"{to}.mlp.{part}_proj": f"{of}.ffn_{part}" for part in ("gate", "up", "down")}
        put(state, file, names)
        if reordered:
            for part, n in (("q", file.n_head), ("k", file.n_kv)):
                for kind in ("weight", "bias"):
                    name = f"{to}.self_attn.{part}_proj.{kind}"
                    if name in state:
                        state[name] = interleaved_to_halves(state[name], n)
    return state


def llama(file):
    bias = file.has("blk.0.attn_output.bias")
    config = transformers.LlamaConfig(**file.common(), rms_norm_eps=file.epsilon, attention_bias=bias)
    return config, llama_like(file, reordered=True)


def mistral(file):
    # The engine's llama and mistral3 graphs know no sliding window; neither do Mistral's models since v0.2.
    config = transformers.MistralConfig(**file.common(), rms_norm_eps=file.epsilon, sliding_window=None)
    return config, llama_like(file, reordered=True)


def qwen2(file):
    return transformers.Qwen2Config(**file.common(), rms_norm_eps=file.epsilon), llama_like(file)


def qwen3(file):
    return transformers.Qwen3Config(**file.common(), rms_norm_eps=file.epsilon), llama_like(file)


def qwen3moe(file):
    config = transformers.Qwen3MoeConfig(
        **file.common(),
        rms_norm_eps=file.epsilon,
        num_experts=file.key("expert_count"),
        num_experts_per_tok=file.key("expert_used_count"),
        moe_intermediate_size=file.key("expert_feed_forward_length"),
        norm_topk_prob=True,
    )
    state = llama_like(file, with_mlp=False)
    for il in range(file.n_layer):
        to, of = f"model.layers.{il}.mlp", f"blk.{il}"
        state[f"{to}.gate.weight"] = file[f"{of}.ffn_gate_inp.weight"]
        # One stacked matrix per expert: the gate's rows, then those of "up".
        gate, up = file[f"{of}.ffn_gate_exps.weight"], file[f"{of}.ffn_up_exps.weight"]
        state[f"{to}.experts.gate_up_proj"] = torch.cat([gate, up], dim=1)
        state[f"{to}.experts.down_proj"] = file[f"{of}.ffn_down_exps.weight"]
    return config, state


def olmo2(file):
    config = transformers.Olmo2Config(**file.common(), rms_norm_eps=file.epsilon)
    state = llama_like(file)
    for il in range(file.n_layer):
        to, of = f"model.layers.{il}", f"blk.{il}"
        put(
            state,
            file,
            {
                f"{to}.post_attention_layernorm": f"{of}.post_attention_norm",
                f"{to}.post_feedforward_layernorm": f"{of}.post_ffw_norm",
            },
        )
    return config, state


def gemma_norms(state, file):
    """Adds the four norms around a layer's attention and MLP."""
    for il in range(file.n_layer):
        to, of = f"model.layers.{il}", f"blk.{il}"
        put(
            state,
            file,
            {
                f"{to}.post_attention_layernorm": f"{of}.post_attention_norm",
                f"{to}.pre_feedforward_layernorm": f"{of}.ffn_norm",
                f"{to}.post_feedforward_layernorm": f"{of}.post_ffw_norm",
            },
        )
    return state


def gemma_state(file):
    state = gemma_norms(llama_like(file), file)
    # GGUF keeps 1 + w, transformers w. In float64, so that adding 1 again gives the same number.
    return {name: w.double() - 1 if "norm" in name else w for name, w in state.items()}


def gemma2(file):
    config = transformers.Gemma2Config(
        **file.common(),
        rms_norm_eps=file.epsilon,
        query_pre_attn_scalar=file.d_head,
        sliding_window=file.key("attention.sliding_window"),
        layer_types=["full_attention" if il % 2 else "sliding_attention" for il in range(file.n_layer)],
        attn_logit_softcapping=50.0,
        final_logit_softcapping=30.0,
        hidden_activation="gelu_pytorch_tanh",
    )
    return config, gemma_state(file)


def gemma3(file):
    local = {"rope_type": "default", "rope_theta": 10000.0}
    config = transformers.Gemma3TextConfig(
        **file.common()
        | {"rope_parameters": {"full_attention": local | {"rope_theta": file.key("rope.freq_base")},
                               "sliding_attention": local}},
        rms_norm_eps=file.epsilon,
        query_pre_attn_scalar=file.d_head,
        sliding_window=file.key("attention.sliding_window"),
        layer_types=["sliding_attention" if (il + 1) % 6 else "full_attention" for il in range(file.n_layer)],
        hidden_activation="gelu_pytorch_tanh",
    )
    return config, gemma_state(file)


def gemma4(file):
    windows = file.key("attention.sliding_window_pattern")
    n_per_layer = file.key("embedding_length_per_layer_input")
    n_expert = file.key("expert_count", 0)
    config = transformers.Gemma4TextConfig(
        **file.common()
        | {
            "head_dim": file.key("attention.key_length_swa"),
            "rope_parameters": {
                "full_attention": {
                    "rope_type": "proportional",
                    # Values that are not turned are divided by all but infinity.
                    "partial_rotary_factor": (file["rope_freqs.weight"] == 1).double().mean().item(),
                    "rope_theta": file.key("rope.freq_base"),
                },
                "sliding_attention": {"rope_type": "default", "rope_theta": file.key("rope.freq_base_swa")},
            },
        },
        global_head_dim=file.key("attention.key_length"),
        rms_norm_eps=file.epsilon,
        num_kv_shared_layers=file.key("attention.shared_kv_layers"),
        hidden_size_per_layer_input=n_per_layer,
        vocab_size_per_layer_input=file["token_embd.weight"].shape[0],
        sliding_window=file.key("attention.sliding_window"),
        layer_types=["sliding_attention" if window else "full_attention" for window in windows],
        final_logit_softcapping=file.key("final_logit_softcapping"),
        hidden_activation="gelu_pytorch_tanh",
        enable_moe_block=n_expert > 0,
        num_experts=n_expert or None,
        top_k_experts=file.key("expert_used_count", 0) or None,
        moe_intermediate_size=file.key("expert_feed_forward_length", 0) or None,
    )
    state = gemma_norms(llama_like(file), file)
    if n_per_layer:
        put(state, file, {"model.embed_tokens_per_layer": "per_layer_token_embd",
                          "model.per_layer_model_projection": "per_layer_model_proj",
                          "model.per_layer_projection_norm": "per_layer_proj_norm"})
    for il in range(file.n_layer):
        to, of = f"model.layers.{il}", f"blk.{il}"
        state[f"{to}.layer_scalar"] = file[f"{of}.layer_output_scale.weight"]
        put(state, file, {f"{to}.per_layer_input_gate": f"{of}.inp_gate", f"{to}.per_layer_projection": f"{of}.proj",
                          f"{to}.post_per_layer_input_norm": f"{of}.post_norm",
                          f"{to}.router.proj": f"{of}.ffn_gate_inp",
                          f"{to}.pre_feedforward_layernorm_2": f"{of}.pre_ffw_norm_2",
                          f"{to}.post_feedforward_layernorm_1": f"{of}.post_ffw_norm_1",
                          f"{to}.post_feedforward_layernorm_2": f"{of}.post_ffw_norm_2"})
        if n_expert:
            state[f"{to}.router.scale"] = file[f"{of}.ffn_gate_inp.scale"]
            state[f"{to}.router.per_expert_scale"] = torch.ones(n_expert)  # GGUF: where there is no such tensor
            gate, up = file[f"{of}.ffn_gate_exps.weight"], file[f"{of}.ffn_up_exps.weight"]
            state[f"{to}.experts.gate_up_proj"] = torch.cat([gate, up], dim=1)
            state[f"{to}.experts.down_proj"] = file[f"{of}.ffn_down_exps.weight"]
    return config, state


def phi3(file):
    values = file.common()
    del values["head_dim"]
    config = transformers.Phi3Config(
        **values,
        rms_norm_eps=file.epsilon,
        sliding_window=None,
        original_max_position_embeddings=file.key("context_length"),
        pad_token_id=None,
    )
    state = llama_like(file, with_mlp=False)
    for il in range(file.n_layer):
        to, of = f"model.layers.{il}", f"blk.{il}"
        put(
            state,
            file,
            {
                f"{to}.self_attn.qkv_proj": f"{of}.attn_qkv",
                f"{to}.mlp.gate_up_proj": f"{of}.ffn_up",
                f"{to}.mlp.down_proj": f"{of}.ffn_down",
            },
        )
    return config, state


def stablelm(file):
    values = file.common()
    del values["head_dim"]
    parallel = not file.has("blk.0.ffn_norm.weight")
    config = transformers.StableLmConfig(
        **values,
        layer_norm_eps=file.epsilon,
        use_qkv_bias=file.has("blk.0.attn_q.bias"),
        use_parallel_residual=parallel,
        qk_layernorm=file.has("blk.0.attn_q_norm.weight"),
    )
    state = llama_like(file)
    for il in range(file.n_layer):
        for part in ("q", "k"):
            norms = state.pop(f"model.layers.{il}.self_attn.{part}_norm.weight", None)
            for head, weight in enumerate(norms if norms is not None else []):
                state[f"model.layers.{il}.self_attn.{part}_layernorm.norms.{head}.weight"] = weight
    return config, state


def gptneox(file):
    config = transformers.GPTNeoXConfig(
        vocab_size=file["token_embd.weight"].shape[0],
        hidden_size=file.n_embd,
        num_hidden_layers=file.n_layer,
        num_attention_heads=file.n_head,
        intermediate_size=file.key("feed_forward_length"),
        hidden_act="gelu",
        max_position_embeddings=file.key("context_length"),
        layer_norm_eps=file.epsilon,
        use_parallel_residual=file.key("use_parallel_residual"),
        tie_word_embeddings=False,
        rope_parameters=file.rope,
    )
    state = {}
    put(state, file, {"gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm",
                      "lm_head": "output"})
    for il in range(file.n_layer):
        to, of = f"gpt_neox.layers.{il}", f"blk.{il}"
        put(
            state,
            file,
            {
                f"{to}.input_layernorm": f"{of}.attn_norm",
                f"{to}.post_attention_layernorm": f"{of}.ffn_norm",
                f"{to}.attention.dense": f"{of}.attn_output",
                f"{to}.mlp.dense_h_to_4h": f"{of}.ffn_up",
                f"{to}.mlp.dense_4h_to_h": f"{of}.ffn_down",
            },
        )
        for kind in ("weight", "bias"):
            # GGUF: all queries, all keys, all values. transformers: query, key and value head by head.
            fused = file[f"{of}.attn_qkv.{kind}"]
            parts = fused.reshape(3, file.n_head, file.d_head, *fused.shape[1:])
            state[f"{to}.attention.query_key_value.{kind}"] = parts.swapaxes(0, 1).reshape(fused.shape)
    return config, state


def gpt2(file):
    config = transformers.GPT2Config(
        vocab_size=file["token_embd.weight"].shape[0],
        n_positions=file.key("context_length"),
        n_embd=file.n_embd,
        n_layer=file.n_layer,
        n_head=file.n_head,
        n_inner=file.key("feed_forward_length"),
        activation_function="gelu_new",
        bos_token_id=None,
        eos_token_id=None,
        layer_norm_epsilon=file.epsilon,
        tie_word_embeddings=False,
    )
    state = {}
    put(state, file, {"transformer.wte": "token_embd", "transformer.wpe": "position_embd",
                      "transformer.ln_f": "output_norm", "lm_head": "output"})
    for il in range(file.n_layer):
        to, of = f"transformer.h.{il}", f"blk.{il}"
        put(state, file, {f"{to}.ln_1": f"{of}.attn_norm", f"{to}.ln_2": f"{of}.ffn_norm"})
        for name, source in (("attn.c_attn", "attn_qkv"), ("attn.c_proj", "attn_output"),
                             ("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down")):
            state[f"{to}.{name}.weight"] = file[f"{of}.{source}.weight"].T  # Conv1D: [n_in][n_out]
            state[f"{to}.{name}.bias"] = file[f"{of}.{source}.bias"]
    return config, state


def falcon(file):
    two_norms = file.has("blk.0.attn_norm_2.weight")
    config = transformers.FalconConfig(
        vocab_size=file["token_embd.weight"].shape[0],
        hidden_size=file.n_embd,
        num_hidden_layers=file.n_layer,
        num_attention_heads=file.n_head,
        num_kv_heads=file.n_kv,
        ffn_hidden_size=file.key("feed_forward_length"),
        max_position_embeddings=file.key("context_length"),
        layer_norm_epsilon=file.epsilon,
        new_decoder_architecture=two_norms,
        multi_query=not two_norms,
        parallel_attn=True,
        bias=False,
        tie_word_embeddings=False,
        rope_parameters=file.rope,
    )
    state = {}
    put(state, file, {"transformer.word_embeddings": "token_embd", "transformer.ln_f": "output_norm",
                      "lm_head": "output"})
    for il in range(file.n_layer):
        to, of = f"transformer.h.{il}", f"blk.{il}"
        norms = {"ln_attn": "attn_norm_2", "ln_mlp": "attn_norm"} if two_norms else {"input_layernorm": "attn_norm"}
        put(state, file, {f"{to}.{name}": f"{of}.{source}" for name, source in norms.items()})
        put(
            state,
            file,
            {
                f"{to}.self_attention.dense": f"{of}.attn_output",
                f"{to}.mlp.dense_h_to_4h": f"{of}.ffn_up",
                f"{to}.mlp.dense_4h_to_h": f"{of}.ffn_down",
            },
        )
        # GGUF: queries, keys, values. transformers: for each key/value head its queries, its key, its value.
        fused = file[f"{of}.attn_qkv.weight"].reshape(-1, file.d_head, file.n_embd)
        queries, keys, values = fused.split([file.n_head, file.n_kv, file.n_kv])
        queries = queries.reshape(file.n_kv, -1, file.d_head, file.n_embd)
        grouped = torch.cat([queries, keys[:, None], values[:, None]], dim=1)
        state[f"{to}.self_attention.query_key_value.weight"] = grouped.reshape(-1, file.n_embd)
    return config, state


FAMILIES = {f.__name__: f for f in (falcon, gemma2, gemma3, gemma4, gpt2, gptneox, llama, mistral, olmo2, phi3, qwen2,
                                    qwen3, qwen3moe, stablelm)}
POST_NORM = ("gemma2", "gemma3", "gemma4", "olmo2")


@dataclass
class Layer:
    """The modules of one layer that the hooks stand on."""

    whole: torch.nn.Module  # its output is the residual stream after the layer
    output_projection: torch.nn.Module  # W_O; its input is the heads' outputs side by side
    mlp: torch.nn.Module
    post_norm: torch.nn.Module | None  # RMS norm between W_O and the residual stream
    d_head: int  # not the same in all layers of Gemma 4


@dataclass
class Loaded:
    model: torch.nn.Module
    layers: list
    n_head: int
    gemma_norm: bool  # the post-norm multiplies by 1 + w


def mlp_of(block):
    """The module whose output is the MLP's. Gemma 4 has an MLP and experts side by side, and no module for their
    sum; it gets one, in front of the norm that reads the sum."""
    if not getattr(block, "enable_moe_block", False):
        return block.mlp
    combined = torch.nn.Identity()
    block.post_feedforward_layernorm = torch.nn.Sequential(combined, block.post_feedforward_layernorm)
    return combined


def find_layers(model, family, n_head):
    body = getattr(model, {"gptneox": "gpt_neox", "gpt2": "transformer", "falcon": "transformer"}.get(family, "model"))
    layers = []
    for block in body.h if family in ("gpt2", "falcon") else body.layers:
        if family == "gpt2":
            projection = block.attn.c_proj
        elif family == "gptneox":
            projection = block.attention.dense
        elif family == "falcon":
            projection = block.self_attention.dense
        else:
            projection = block.self_attn.o_proj
        post_norm = block.post_attention_layernorm if family in POST_NORM else None
        n_in = projection.weight.shape[0 if family == "gpt2" else 1]
        layers.append(Layer(block, projection, mlp_of(block), post_norm, n_in // n_head))
    return layers


class EngineGelu(torch.nn.Module):
    """GELU as the engine's CPU code computes it: the tanh form, looked up in a table of float16 values by the
    float16 nearest to x. transformers has the erf form for GPT-NeoX and Falcon."""

    def forward(self, x):
        table = torch.nn.functional.gelu(x.half().double(), approximate="tanh").half().to(x.dtype)
        return torch.where(x <= -10, torch.zeros_like(x), torch.where(x >= 10, x, table))


GELU = ("falcon", "gemma2", "gemma3", "gemma4", "gpt2", "gptneox")


def use_engine_gelu(loaded):
    found = [(module, name) for module in loaded.model.modules() for name in ("act", "act_fn") if hasattr(module, name)]
    if len(found) < len(loaded.layers):
        raise ValueError(f"{len(found)} activation functions in {len(loaded.layers)} layers")
    for module, name in found:
        setattr(module, name, EngineGelu())


def load(file, family, dtype):
    """The file as a transformers model in eval mode, with plain (eager) attention."""
    config, state = FAMILIES[family](file)
    # Eager everything: the definitions as they are written down, and they work in float64.
    model = transformers.AutoModelForCausalLM.from_config(
        config, attn_implementation="eager", experts_implementation="eager"
    )
    model = model.to(dtype)
    model.load_state_dict(state, strict=True)
    layers = find_layers(model, family, file.n_head)
    return Loaded(model.eval(), layers, file.n_head, family in ("gemma2", "gemma3"))
