#include "vectors/layer_arrays.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <charconv>
#include <limits>
#include <utility>

#include "vectors/gguf_reader.h"
#include "vectors/provenance_fields.h"
#include "vectors/vector_format.h"

namespace tiller {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// A name divided at its layer: "layer_10" is "layer_", 10, "".
struct LayerName {
    std::string before, after;
    int layer = 0;
};

// Finds the layer in an array's name. Throws unless the name has exactly one number, not negative. Names with
// "hidden_state" are refused, because transformers' hidden_states count from the embedding.
LayerName layer_name(const std::string& name, const Checked& checked) {
    const auto fail = [&](const char* found) {
        reject(checked, fmt::format("name of array {}", printable(name)), found,
               "a text with one number, the layer counted from 0 (\"layer_10\", \"10\", \"direction.10\"), "
               "that is "
               "the same for all but the number");
    };
    if (name.find("hidden_state") != std::string::npos)
        fail(
            "one of hidden states, which count from the embedding in some programs and from layer 0 in "
            "others");
    const auto begin = name.find_first_of("0123456789");
    if (begin == std::string::npos) fail("without a number");
    auto end = begin;
    while (end < name.size() && is_digit(name[end])) ++end;
    if (name.find_first_of("0123456789", end) != std::string::npos) fail("one with several numbers");
    if (begin > 0 && name[begin - 1] == '-' && (begin == 1 || !is_letter(name[begin - 2])))
        fail("one with a negative number");
    LayerName out{name.substr(0, begin), name.substr(end), 0};
    if (end - begin > 6 ||
        std::from_chars(name.data() + begin, name.data() + end, out.layer).ec != std::errc() ||
        out.layer > max_layer)
        fail("one with a number that is no layer's");
    return out;
}

// Throws when the metadata say that the vector is projected out of activations: in the value of a key like
// "mode", or by the name of a key that is set.
void refuse_projection(const std::map<std::string, std::string>& metadata, const Checked& checked) {
    for (const auto& [key, value] : metadata) {
        const std::string last = key.substr(key.find_last_of("./") + 1);
        bool is_rule = false;
        for (const char* word : {"mode", "operation", "op", "type", "method", "rule", "kind"})
            is_rule = is_rule || last == word;
        if ((is_rule && names_projection(value)) ||
            (names_projection(last) && value != "false" && value != "False" && value != "0"))
            reject(
                checked, fmt::format("metadata {}", printable(key)), printable(value),
                "a vector that is added: this one is projected out (directional ablation), which tiller does "
                "not do");
    }
}

using Metadata = std::map<std::string, std::string>;

std::string text_at(const Metadata& metadata, const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
}

struct ProvenanceReader {
    const Metadata& metadata;
    const Checked& checked;
    void operator()(const char* key, std::string& text) const { text = text_at(metadata, key); }
    void operator()(const char* key, std::uint64_t& value) const {
        number(key, value, std::numeric_limits<std::uint64_t>::max());
    }
    void operator()(const char* key, int& count) const {
        number(key, count, std::numeric_limits<int>::max());
    }
    void optional(const char* key, std::string& text) const { (*this)(key, text); }

private:
    template <class Number>
    void number(const char* key, Number& value, Number most) const {
        value = 0;
        if (!metadata.contains(key)) return;
        const std::string text = text_at(metadata, key);
        const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
        if (result.ec != std::errc() || result.ptr != text.data() + text.size() || std::cmp_less(value, 0) ||
            value > most)
            reject(checked, fmt::format("metadata {}", printable(key)), printable(text),
                   fmt::format("a number from 0 to {}", most));
    }
};

struct ProvenanceWriter {
    Metadata& metadata;
    void operator()(const char* key, const std::string& text) const { metadata[key] = text; }
    void operator()(const char* key, std::uint64_t number) const { metadata[key] = std::to_string(number); }
    void operator()(const char* key, int count) const { metadata[key] = std::to_string(count); }
    void optional(const char* key, const std::string& text) const {
        if (!text.empty()) metadata[key] = text;
    }
};

void read_metadata(const std::map<std::string, std::string>& metadata, SteeringVector& vector,
                   const Checked& checked) {
    Provenance& from = vector.provenance;
    if (!metadata.contains("tiller.format_version")) {
        refuse_projection(metadata, checked);
        from.architecture = text_at(metadata, "model_type");
        return;
    }
    const std::string version = text_at(metadata, "tiller.format_version");
    if (version != std::to_string(vector_format_version))
        reject(checked, "metadata 'tiller.format_version'", printable(version),
               fmt::format("{} (a larger one is from a newer tiller)", vector_format_version));
    vector.method = text_at(metadata, "tiller.method");
    provenance_fields(from, ProvenanceReader{metadata, checked});
    if (const std::string settings = text_at(metadata, "tiller.settings"); !settings.empty())
        from.settings = settings_from_json(settings, checked);
}

}  // namespace

std::uint64_t width_of(ArrayType type) {
    switch (type) {
        case ArrayType::f16:
        case ArrayType::bf16: return 2;
        case ArrayType::f32: return 4;
        case ArrayType::f64: return 8;
    }
    return 1;
}

std::vector<float> floats_of(ArrayType type, std::string_view bytes) {
    const std::uint64_t width = width_of(type);
    std::vector<float> values(bytes.size() / width);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::uint64_t bits = gguf::little_endian(bytes, i * width, width);
        switch (type) {
            case ArrayType::f16: values[i] = gguf::half_to_float(static_cast<std::uint32_t>(bits)); break;
            case ArrayType::bf16:
                values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits << 16));
                break;
            case ArrayType::f32: values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits)); break;
            case ArrayType::f64: values[i] = static_cast<float>(std::bit_cast<double>(bits)); break;
        }
    }
    return values;
}

void check_row(const std::string& name, const std::vector<std::uint64_t>& shape, const Checked& checked) {
    int n_long = 0;
    std::uint64_t n = 1;
    for (const std::uint64_t size : shape) {
        n_long += size != 1;
        n = size > max_array_values ? max_array_values + 1 : std::min(n * size, max_array_values + 1);
    }
    if (shape.empty() || shape.size() > 8 || n_long > 1 || n == 0 || n > max_array_values)
        reject(checked, fmt::format("shape of array {}", printable(name)),
               fmt::format("[{}]",
                           fmt::join(shape.begin(),
                                     shape.begin() + std::min<std::ptrdiff_t>(8, std::ssize(shape)), ", ")),
               fmt::format("one row of 1 to {} values, the direction of one layer", max_array_values));
}

SteeringVector vector_from_arrays(LayerArrays file, const Checked& checked) {
    SteeringVector vector;
    vector.method = "control-vector";
    vector.positions = Positions::Kind::all;
    read_metadata(file.metadata, vector, checked);
    LayerName first;
    for (std::size_t i = 0; i < file.arrays.size(); ++i) {
        LayerArray& array = file.arrays[i];
        const LayerName name = layer_name(array.name, checked);
        if (i == 0) first = name;
        if (name.before != first.before || name.after != first.after)
            reject(checked, fmt::format("name of array {}", printable(array.name)),
                   fmt::format("unlike {}", printable(file.arrays[0].name)),
                   "names that differ in their number alone: keep the directions of the layers and nothing "
                   "else in "
                   "the file");
        check_row(array.name, array.shape, checked);
        if (!vector.directions.emplace(name.layer, std::move(array.values)).second)
            reject(checked, fmt::format("layer {} (array {})", name.layer, printable(array.name)),
                   "there twice", "one array for each layer");
    }
    if (vector.provenance.n_embd == 0 && !vector.directions.empty())
        vector.provenance.n_embd = static_cast<int>(vector.directions.begin()->second.size());
    check_vector(vector, checked);
    return vector;
}

LayerArrays arrays_of(const SteeringVector& vector) {
    LayerArrays out;
    for (const auto& [layer, direction] : vector.directions)
        out.arrays.push_back({fmt::format("layer_{}", layer), {direction.size()}, direction});
    out.metadata = {{"tiller.format_version", std::to_string(vector_format_version)},
                    {"tiller.method", vector.method},
                    {"tiller.settings", settings_to_json(vector.provenance.settings)}};
    provenance_fields(vector.provenance, ProvenanceWriter{out.metadata});
    return out;
}

}  // namespace tiller
