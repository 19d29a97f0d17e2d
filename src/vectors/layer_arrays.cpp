#include "vectors/layer_arrays.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <charconv>
#include <limits>

#include "vectors/gguf_reader.h"
#include "vectors/vector_format.h"

namespace tiller {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// A name cut at its layer: "layer_10" is "layer_", 10, "".
struct LayerName {
    std::string before, after;
    int layer = 0;
};

// Exactly one number, which is no negative one and no fraction. Names whose numbers count from elsewhere are
// refused: transformers' hidden_states begin with the embedding.
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

// Text that says what is done with the vector.
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

// Numbers of our own metadata.
template <class Number>
Number number_of(const std::map<std::string, std::string>& metadata, const char* key, Number most,
                 const Checked& checked) {
    const auto it = metadata.find(key);
    if (it == metadata.end()) return 0;
    Number number = 0;
    const char* end = it->second.data() + it->second.size();
    const auto result = std::from_chars(it->second.data(), end, number);
    if (result.ec != std::errc() || result.ptr != end || number > most)
        reject(checked, fmt::format("metadata {}", printable(key)), printable(it->second),
               fmt::format("a number from 0 to {}", most));
    return number;
}

void read_metadata(const std::map<std::string, std::string>& metadata, SteeringVector& vector,
                   const Checked& checked) {
    const auto text = [&](const char* key) {
        const auto it = metadata.find(key);
        return it == metadata.end() ? std::string() : it->second;
    };
    Provenance& from = vector.provenance;
    if (!metadata.contains("tiller.format_version")) {
        refuse_projection(metadata, checked);
        from.architecture = text("model_type");
        return;
    }
    if (text("tiller.format_version") != std::to_string(vector_format_version))
        reject(checked, "metadata 'tiller.format_version'", printable(text("tiller.format_version")),
               fmt::format("{} (a larger one is from a newer tiller)", vector_format_version));
    constexpr auto most = static_cast<unsigned>(std::numeric_limits<int>::max());
    vector.method = text("tiller.method");
    from.task = text("tiller.task");
    from.prompts_digest = text("tiller.prompts_digest");
    from.seed = number_of(metadata, "tiller.seed", std::numeric_limits<std::uint64_t>::max(), checked);
    from.model_name = text("tiller.model_name");
    from.model_digest = text("tiller.model_digest");
    from.weights_digest = text("tiller.weights_digest");
    from.tokenizer_digest = text("tiller.tokenizer_digest");
    from.architecture = text("tiller.architecture");
    from.quantisation = text("tiller.quantisation");
    from.n_layer = static_cast<int>(number_of(metadata, "tiller.n_layer", most, checked));
    from.n_embd = static_cast<int>(number_of(metadata, "tiller.n_embd", most, checked));
    from.program_version = text("tiller.program_version");
    if (const std::string settings = text("tiller.settings"); !settings.empty())
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
    const Provenance& from = vector.provenance;
    out.metadata = {{"tiller.format_version", fmt::format("{}", vector_format_version)},
                    {"tiller.method", vector.method},
                    {"tiller.task", from.task},
                    {"tiller.prompts_digest", from.prompts_digest},
                    {"tiller.seed", fmt::format("{}", from.seed)},
                    {"tiller.model_name", from.model_name},
                    {"tiller.model_digest", from.model_digest},
                    {"tiller.tokenizer_digest", from.tokenizer_digest},
                    {"tiller.architecture", from.architecture},
                    {"tiller.quantisation", from.quantisation},
                    {"tiller.n_layer", fmt::format("{}", from.n_layer)},
                    {"tiller.n_embd", fmt::format("{}", from.n_embd)},
                    {"tiller.program_version", from.program_version},
                    {"tiller.settings", settings_to_json(from.settings)}};
    if (!from.weights_digest.empty()) out.metadata["tiller.weights_digest"] = from.weights_digest;
    return out;
}

}  // namespace tiller
