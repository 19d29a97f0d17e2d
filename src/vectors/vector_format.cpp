#include "vectors/vector_format.h"

#include <fmt/format.h>

#include <limits>

#include "core/names.h"
#include "vectors/gguf_reader.h"
#include "vectors/gguf_writer.h"
#include "vectors/layer_arrays.h"
#include "vectors/provenance_fields.h"

namespace tiller {
namespace {

using Rows = std::vector<std::vector<float>>;

constexpr const char* scale_convention =
    "A dose of 1 is the strength in tiller.scale. The direction tensors are not multiplied by it.";
constexpr const char* layer_numbering =
    "direction.N belongs to layer N, counted from 0; at the residual site it is applied after layer N.";

// The one value of tiller.kind; a vector that is ready to use has no such key.
constexpr const char* extraction_kind = "extraction";

// Writes rows of different lengths as two arrays: their lengths, and all values one after another.
void write_rows(gguf::Writer& out, const std::string& name, const char* length_name, const Rows& rows) {
    if (rows.empty()) return;
    std::vector<std::uint32_t> lengths;
    std::vector<float> values;
    for (const auto& row : rows) {
        lengths.push_back(static_cast<std::uint32_t>(row.size()));
        values.insert(values.end(), row.begin(), row.end());
    }
    out.u32s(name + length_name, lengths);
    out.f32s(name + ".values", values);
}

void write_heads(gguf::Writer& out, const std::vector<HeadEffect>& heads) {
    if (heads.empty()) return;
    std::vector<std::uint32_t> layers, indices;
    std::vector<float> effects;
    for (const HeadEffect& head : heads) {
        layers.push_back(static_cast<std::uint32_t>(head.layer));
        indices.push_back(static_cast<std::uint32_t>(head.head));
        effects.push_back(head.aie);
    }
    out.u32s("tiller.heads.layer", layers);
    out.u32s("tiller.heads.head", indices);
    out.f32s("tiller.heads.aie", effects);
}

// ---- reading ----

std::string need_text(const gguf::File& file, const char* key, const Checked& checked) {
    auto value = file.text(key);
    if (!value) reject(checked, fmt::format("key {}", printable(key)), "not there", "a string");
    return *std::move(value);
}

// A count that fits into an int; an absent key and 0 mean "not known".
int count_of(const gguf::File& file, const char* key, const Checked& checked) {
    const std::uint32_t value = file.u32(key).value_or(0);
    if (value > std::uint32_t{std::numeric_limits<int>::max()})
        reject(checked, fmt::format("key {}", printable(key)), fmt::format("{}", value), "at most 2^31 - 1");
    return static_cast<int>(value);
}

template <typename T>
T named(const gguf::File& file, const char* key, std::optional<T> (*from_name)(std::string_view) noexcept,
        const char* expected, const Checked& checked) {
    const std::string name = need_text(file, key, checked);
    const std::optional<T> value = from_name(name);
    if (!value) reject(checked, fmt::format("key {}", printable(key)), printable(name), expected);
    return *value;
}

// Two arrays (u32 and f32) that belong together, or none. Throws when only one is there. The caller checks
// their lengths.
std::optional<std::pair<gguf::Value, gguf::Value>> read_pair(const gguf::File& file, const std::string& first,
                                                             const std::string& second,
                                                             const Checked& checked) {
    const auto a = file.array(first, gguf::Type::u32);
    const auto b = file.array(second, gguf::Type::f32);
    if (a.has_value() != b.has_value())
        reject(checked, fmt::format("key {}", printable(a ? second : first)), "not there",
               fmt::format("an array, as {} is there", printable(a ? first : second)));
    if (!a) return std::nullopt;
    return std::pair(*a, *b);
}

Rows read_rows(const gguf::File& file, const std::string& name, const char* length_name,
               const Checked& checked) {
    const auto both = read_pair(file, name + length_name, name + ".values", checked);
    if (!both) return {};
    const auto& [lengths, values] = *both;
    if (lengths.count < 1 || lengths.count > max_layer + 1)
        reject(checked, fmt::format("number of items of key {}", printable(name + length_name)),
               fmt::format("{}", lengths.count), fmt::format("1 to {}", max_layer + 1));
    std::uint64_t sum = 0;  // at most 4097 * 2^32
    for (std::uint64_t i = 0; i < lengths.count; ++i) sum += gguf::item_u32(lengths, i);
    if (sum != values.count)
        reject(checked, fmt::format("number of items of key {}", printable(name + ".values")),
               fmt::format("{}", values.count), fmt::format("{} (the sum of {})", sum, name + length_name));
    Rows rows(lengths.count);
    std::uint64_t next = 0;
    for (std::uint64_t i = 0; i < lengths.count; ++i) {
        rows[i].resize(gguf::item_u32(lengths, i));
        for (float& value : rows[i]) value = gguf::item_f32(values, next++);
    }
    return rows;
}

std::vector<HeadEffect> read_heads(const gguf::File& file, const Checked& checked) {
    const auto both = read_pair(file, "tiller.heads.layer", "tiller.heads.aie", checked);
    const auto indices = file.array("tiller.heads.head", gguf::Type::u32);
    if (both.has_value() != indices.has_value())
        reject(checked, "the keys tiller.heads.layer, .head and .aie", "not all there", "all three or none");
    if (!both) return {};
    const auto& [layers, effects] = *both;
    if (layers.count != effects.count || layers.count != indices->count)
        reject(checked, "number of items of tiller.heads.layer, .head and .aie",
               fmt::format("{}, {} and {}", layers.count, indices->count, effects.count),
               "the same for all three");
    std::vector<HeadEffect> heads(layers.count);
    for (std::uint64_t i = 0; i < layers.count; ++i) {
        const std::uint32_t layer = gguf::item_u32(layers, i), head = gguf::item_u32(*indices, i);
        if (layer > std::uint32_t{max_layer} || head > 0xffff)  // else the casts below might overflow
            reject(checked, fmt::format("heads[{}]", i), fmt::format("layer {}, head {}", layer, head),
                   fmt::format("layer at most {}, head at most 65535", max_layer));
        heads[i] = {static_cast<int>(layer), static_cast<int>(head), gguf::item_f32(effects, i)};
    }
    return heads;
}

// N of "direction.N": digits only, no leading zero, so that one layer has one name.
int layer_of(std::string_view name, const Checked& checked) {
    constexpr std::string_view prefix = "direction.";
    const std::string_view digits =
        name.starts_with(prefix) ? name.substr(prefix.size()) : std::string_view();
    int layer = 0;
    bool good = !digits.empty() && digits.size() <= 4 && (digits == "0" || digits[0] != '0');
    for (const char c : digits.substr(0, 4)) {
        good = good && c >= '0' && c <= '9';
        layer = layer * 10 + (c - '0');
    }
    if (!good || layer > max_layer)
        reject(checked, "name of a tensor", printable(name),
               fmt::format("direction.N with N from 0 to {}", max_layer));
    return layer;
}

// The tensors by layer. `width`: that of a projection's rows, whose tensors are [1 + n_row][width]; 0 for
// vectors with one row in each layer.
std::map<int, std::vector<float>> read_directions(const gguf::File& file, std::uint64_t width,
                                                  const Checked& checked) {
    std::map<int, std::vector<float>> directions;
    for (const gguf::Tensor& tensor : file.tensors()) {
        const int layer = layer_of(tensor.name, checked);
        const auto expect = [&](std::size_t i, std::uint64_t size, const char* why) {
            if (tensor.shape[i] != size)
                reject(checked, fmt::format("dimension {} of tensor {}", i, printable(tensor.name)),
                       fmt::format("{}", tensor.shape[i]), fmt::format("{} ({})", size, why));
        };
        if (width > 0) expect(0, width, "n_embd, the width of a projection's rows");
        for (std::size_t i = width > 0 ? 2 : 1; i < tensor.shape.size(); ++i)
            expect(i, 1, width > 0 ? "a projection has two dimensions" : "a direction is one row");
        std::vector<float>& direction = directions[layer];
        direction.resize(tensor.n);
        for (std::uint64_t i = 0; i < tensor.n; ++i) direction[i] = tensor.at(i);
    }
    return directions;
}

struct ProvenanceReader {
    const gguf::File& file;
    const Checked& checked;
    void operator()(const char* key, std::string& text) const { text = file.text(key).value_or(""); }
    void operator()(const char* key, std::uint64_t& number) const { number = file.u64(key).value_or(0); }
    void operator()(const char* key, int& count) const { count = count_of(file, key, checked); }
    void optional(const char* key, std::string& text) const { (*this)(key, text); }
};

struct ProvenanceWriter {
    gguf::Writer& out;
    void operator()(const char* key, const std::string& text) const { out.text(key, text); }
    void operator()(const char* key, std::uint64_t number) const { out.u64(key, number); }
    void operator()(const char* key, int count) const { out.u32(key, static_cast<std::uint32_t>(count)); }
    void optional(const char* key, const std::string& text) const {
        if (!text.empty()) out.text(key, text);
    }
};

// Throws when a file of another tool says that its vector is projected out of activations (directional
// ablation). tiller has no such operation for one direction, and adding the vector instead would go
// unnoticed. There is no common key for this, so every "controlvector." key that names a projection counts.
void refuse_projection(const gguf::File& file, const Checked& checked) {
    for (const auto& [key, value] : file.values()) {
        if (!key.starts_with("controlvector.") || key == "controlvector.model_hint") continue;
        const bool is_text = value.type == gguf::Type::string && !value.is_array;
        const bool is_off = !is_text && value.bytes.find_first_not_of('\0') == std::string_view::npos;
        if (is_text ? names_projection(value.bytes) : names_projection(key) && !is_off)
            reject(
                checked, fmt::format("key {}", printable(key)), is_text ? printable(value.bytes) : "set",
                "a vector that is added: this one is projected out (directional ablation), which tiller does "
                "not do");
    }
}

void read_own_keys(const gguf::File& file, SteeringVector& vector, const Checked& checked) {
    const auto version = file.u32("tiller.format_version");
    if (!version || *version != vector_format_version)
        reject(checked, "key 'tiller.format_version'", version ? fmt::format("{}", *version) : "not there",
               fmt::format("{} (a larger one is from a newer tiller)", vector_format_version));
    vector.method = need_text(file, "tiller.method", checked);
    vector.site =
        named(file, "tiller.site", site_from_name, "attention_output, mlp_output or residual", checked);
    vector.operation =
        named(file, "tiller.operation", operation_from_name, "add, replace, turn or project", checked);
    vector.positions = named(file, "tiller.positions", positions_from_name,
                             "last_prompt, prompt, generated, steered or all", checked);
    if (const auto kind = file.text("tiller.kind")) {
        if (*kind != extraction_kind)
            reject(checked, "key 'tiller.kind'", printable(*kind), "'extraction', or no such key");
        vector.extraction = true;
    }
    const auto scale = file.f32("tiller.scale");
    if (!scale) reject(checked, "key 'tiller.scale'", "not there", "a number of type f32");
    vector.scale = *scale;
    provenance_fields(vector.provenance, ProvenanceReader{file, checked});
    if (const auto json = file.text("tiller.settings"))
        vector.provenance.settings = settings_from_json(*json, checked);
    vector.heads = read_heads(file, checked);
    vector.aie = read_rows(file, "tiller.aie", ".n_head", checked);
    vector.mean_head_output = read_rows(file, "tiller.mean_head_output", ".width", checked);
}

}  // namespace

std::string vector_to_bytes(const SteeringVector& vector, const Checked& checked) {
    check_vector(vector, checked);
    if (!vector.extraction && is_zero(vector))
        reject(checked, "its direction", "0 in all layers", "a direction: such a vector changes nothing");
    const Provenance& from = vector.provenance;
    gguf::Writer out;
    out.text("general.architecture", "controlvector");
    out.text("controlvector.model_hint", from.architecture);
    // The number of directions, as other writers of control vectors fill it in; no reader uses it.
    out.u32("controlvector.layer_count", static_cast<std::uint32_t>(vector.directions.size()));
    out.u32("tiller.format_version", vector_format_version);
    out.text("tiller.method", vector.method);
    out.text("tiller.site", site_name(vector.site));
    out.text("tiller.positions", positions_name(vector.positions));
    if (vector.extraction) out.text("tiller.kind", extraction_kind);
    out.text("tiller.operation", operation_name(vector.operation));
    out.f32("tiller.scale", vector.scale);
    out.text("tiller.scale_convention", scale_convention);
    out.text("tiller.layer_numbering", layer_numbering);
    provenance_fields(from, ProvenanceWriter{out});
    const std::string settings = settings_to_json(from.settings);
    if (settings.size() > gguf::max_string_bytes)
        reject(checked, "settings", fmt::format("{} bytes of JSON", settings.size()),
               fmt::format("at most {}", gguf::max_string_bytes));
    out.text("tiller.settings", settings);
    write_heads(out, vector.heads);
    write_rows(out, "tiller.aie", ".n_head", vector.aie);
    write_rows(out, "tiller.mean_head_output", ".width", vector.mean_head_output);
    for (const auto& [layer, direction] : vector.directions) {
        const std::string name = fmt::format("direction.{}", layer);
        if (vector.operation == Operation::project)
            out.matrix(name, direction, static_cast<std::size_t>(from.n_embd));
        else
            out.tensor(name, direction);
    }
    std::string bytes = out.finish();
    if (bytes.size() > gguf::max_file_bytes)
        reject(checked, "size", fmt::format("{} bytes", bytes.size()),
               fmt::format("at most {}, the most that can be read back", gguf::max_file_bytes));
    return bytes;
}

SteeringVector vector_from_bytes(std::string_view bytes, const Checked& checked) {
    // The format is recognised by the bytes, not by the file's name.
    if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06"))
        return vector_from_arrays(read_npz(bytes, checked), checked);
    if (!bytes.starts_with("GGUF") && bytes.size() > 8 && bytes[8] == '{')
        return vector_from_arrays(read_safetensors(bytes, checked), checked);
    const gguf::File file(bytes, checked);
    const std::string architecture = need_text(file, "general.architecture", checked);
    if (architecture != "controlvector")
        reject(checked, "key 'general.architecture'", printable(architecture),
               "'controlvector' (this GGUF file is a model or an adapter, not a vector)");
    SteeringVector vector;
    if (file.has_prefix("tiller.")) {
        read_own_keys(file, vector, checked);
        const bool is_projection = vector.operation == Operation::project;
        vector.directions = read_directions(
            file, is_projection ? static_cast<std::uint64_t>(vector.provenance.n_embd) : 0, checked);
    } else {
        refuse_projection(file, checked);
        vector.method = "control-vector";
        vector.positions = Positions::Kind::all;
        vector.provenance.architecture = file.text("controlvector.model_hint").value_or("");
        vector.directions = read_directions(file, 0, checked);
        if (!vector.directions.empty())
            vector.provenance.n_embd = static_cast<int>(vector.directions.begin()->second.size());
    }
    check_vector(vector, checked);
    return vector;
}

}  // namespace tiller
