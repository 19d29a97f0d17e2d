"""A GGUF file's metadata and tensors."""

import gguf
import numpy
import torch


class File:
    """Metadata and tensors of a GGUF file; tensors as float32 arrays, [n_out][n_in] for a matrix."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.metadata = {name: field.contents() for name, field in reader.fields.items()}
        self.architecture = self.metadata["general.architecture"]
        self.tensors = {}
        for t in reader.tensors:
            values = numpy.array(t.data)
            if t.tensor_type != gguf.GGMLQuantizationType.F32:
                raise ValueError(f"{path}: {t.name} is {t.tensor_type.name}, expected F32")
            self.tensors[t.name] = torch.from_numpy(values)

    def key(self, name, default=None):
        value = self.metadata.get(f"{self.architecture}.{name}", default)
        if value is None:
            raise KeyError(f"{self.architecture}.{name} is not in the file")
        return value

    def __getitem__(self, name):
        return self.tensors[name]

    def has(self, name):
        return name in self.tensors

    @property
    def n_layer(self):
        return self.key("block_count")

    @property
    def n_embd(self):
        return self.key("embedding_length")

    @property
    def n_head(self):
        return self.key("attention.head_count")

    @property
    def n_kv(self):
        return self.key("attention.head_count_kv", self.n_head)

    @property
    def d_head(self):
        return self.key("attention.key_length", self.n_embd // self.n_head)

    @property
    def epsilon(self):
        rms = self.metadata.get(f"{self.architecture}.attention.layer_norm_rms_epsilon")
        return rms if rms is not None else self.key("attention.layer_norm_epsilon")

    @property
    def rope(self):
        """For heads that are turned whole, or in part when the file says so."""
        n_rot = self.key("rope.dimension_count", self.d_head)
        return {
            "rope_type": "default",
            "rope_theta": self.key("rope.freq_base", 10000.0),
            "partial_rotary_factor": n_rot / self.d_head,
        }

    def common(self):
        """Configuration values that most families share."""
        return dict(
            vocab_size=self["token_embd.weight"].shape[0],
            hidden_size=self.n_embd,
            intermediate_size=self.key("feed_forward_length"),
            num_hidden_layers=self.n_layer,
            num_attention_heads=self.n_head,
            num_key_value_heads=self.n_kv,
            head_dim=self.d_head,
            max_position_embeddings=self.key("context_length"),
            tie_word_embeddings=not self.has("output.weight"),
            rope_parameters=self.rope,
        )
