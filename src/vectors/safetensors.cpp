// safetensors: 8 bytes with the length of a JSON header, the header, then the bytes of the tensors.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/util.h"
#include "tiller/error.h"
#include "vectors/gguf_reader.h"
#include "vectors/layer_arrays.h"

namespace tiller {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t max_header_bytes = 8 << 20;  // 65536 tensors take about 6 MB

// Parses the header into a tree, which the header's size bounds. Throws when an object has a name twice: the
// parser would silently drop one.
Json parse_header(std::string_view text, const Checked& checked) {
    std::vector<std::set<std::string>> names;  // of each object that is open, outermost first
    std::string problem;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& part) {
        if (depth > 4) throw Error(Code::bad_input, "nested deeper than 4 levels");
        if (event == Json::parse_event_t::object_start) names.emplace_back();
        if (event == Json::parse_event_t::object_end) names.pop_back();
        if (event == Json::parse_event_t::key && !names.back().insert(part.get<std::string>()).second)
            throw Error(Code::bad_input,
                        fmt::format("a name that is there twice: {}", printable(part.get<std::string>())));
        return true;
    };
    try {
        return Json::parse(text, watch);
    } catch (const Json::exception&) {
        problem = "not JSON";
    } catch (const Error& error) {
        problem = error.what();
    }
    reject(checked, "the header", problem, "safetensors' JSON object of tensors");
}

std::optional<ArrayType> type_of(const std::string& dtype) {
    if (dtype == "F32") return ArrayType::f32;
    if (dtype == "F16") return ArrayType::f16;
    if (dtype == "BF16") return ArrayType::bf16;
    if (dtype == "F64") return ArrayType::f64;
    return std::nullopt;
}

/// The bytes [begin, end) of the data that a tensor takes.
struct Piece {
    std::uint64_t begin = 0, end = 0;
    std::string name;
};

std::vector<std::uint64_t> numbers_of(const Json& list) {
    std::vector<std::uint64_t> out;
    for (const auto& number : list) out.push_back(number.get<std::uint64_t>());
    return out;
}

// Reads the tensor; `piece` gets where it is in the data.
LayerArray read_tensor(const std::string& name, const Json& entry, std::string_view data, Piece& piece,
                       const Checked& checked) {
    const std::string what = "tensor " + printable(name);
    const auto list = [&](const char* key) {
        return entry.contains(key) && entry[key].is_array() &&
               std::all_of(entry[key].begin(), entry[key].end(),
                           [](const Json& number) { return number.is_number_unsigned(); });
    };
    if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry["dtype"].is_string() ||
        !list("shape") || !list("data_offsets") || entry["data_offsets"].size() != 2)
        reject(checked, what, "something else", "an object with dtype, shape and two data_offsets");
    const std::string dtype = entry["dtype"].get<std::string>();
    const auto type = type_of(dtype);
    if (!type) reject(checked, "dtype of " + what, printable(dtype), "F32, F16, BF16 or F64");
    LayerArray array{name, numbers_of(entry["shape"]), {}};
    check_row(name, array.shape, checked);
    const auto offsets = numbers_of(entry["data_offsets"]);
    std::uint64_t n = 1;
    for (const std::uint64_t size : array.shape) n *= size;
    if (offsets[0] > offsets[1] || offsets[1] > data.size() || offsets[1] - offsets[0] != n * width_of(*type))
        reject(checked, "data_offsets of " + what, fmt::format("{} and {}", offsets[0], offsets[1]),
               fmt::format("{} bytes within the {} of the data", n * width_of(*type), data.size()));
    piece = {offsets[0], offsets[1], name};
    array.values = floats_of(*type, data.substr(offsets[0], offsets[1] - offsets[0]));
    return array;
}

// Throws unless the tensors follow each other and fill the data: no two overlap, and no bytes are left over.
void check_pieces(std::vector<Piece> pieces, std::uint64_t n_byte, const Checked& checked) {
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
    std::uint64_t end = 0;
    for (const Piece& piece : pieces) {
        if (piece.begin != end)
            reject(checked, "offset of tensor " + printable(piece.name), fmt::format("{}", piece.begin),
                   fmt::format("{}, where the one before ends", end));
        end = piece.end;
    }
    if (end != n_byte)
        reject(checked, "size of the data", fmt::format("{} bytes", n_byte),
               fmt::format("{} bytes from the header", end));
}

}  // namespace

LayerArrays read_safetensors(std::string_view bytes, const Checked& checked) {
    if (bytes.size() < 8)
        reject(checked, "size", fmt::format("{} bytes", bytes.size()),
               "at least the 8 of the header's length");
    const std::uint64_t n_header = gguf::little_endian(bytes, 0, 8);
    const std::uint64_t most = std::min<std::uint64_t>(bytes.size() - 8, max_header_bytes);
    if (n_header > most)
        reject(checked, "length of the header", fmt::format("{}", n_header), fmt::format("at most {}", most));
    const Json header = parse_header(bytes.substr(8, n_header), checked);
    if (!header.is_object()) reject(checked, "the header", header.type_name(), "an object of tensors");
    if (header.size() > max_arrays)
        reject(checked, "number of tensors", fmt::format("{}", header.size()),
               fmt::format("at most {}", max_arrays));
    const std::string_view data = bytes.substr(8 + n_header);
    LayerArrays out;
    std::vector<Piece> pieces;
    for (const auto& [name, entry] : header.items()) {
        if (name == "__metadata__") {
            if (!entry.is_object()) reject(checked, "__metadata__", entry.type_name(), "an object of texts");
            for (const auto& [key, value] : entry.items()) {
                if (!value.is_string())
                    reject(checked, "__metadata__", "something else", "an object of texts");
                out.metadata.emplace(key, value.get<std::string>());
            }
            continue;
        }
        pieces.emplace_back();
        out.arrays.push_back(read_tensor(name, entry, data, pieces.back(), checked));
    }
    check_pieces(std::move(pieces), data.size(), checked);
    return out;
}

std::string safetensors_bytes(const LayerArrays& file) {
    const auto put = [](std::string& out, std::uint64_t value, int width) {
        for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i) & 255);
    };
    Json header = {{"__metadata__", file.metadata}};
    std::string data;
    for (const LayerArray& array : file.arrays) {
        const std::size_t begin = data.size();
        for (const float value : array.values) put(data, std::bit_cast<std::uint32_t>(value), 4);
        header[array.name] = {
            {"dtype", "F32"}, {"shape", array.shape}, {"data_offsets", {begin, data.size()}}};
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');  // the format requires aligned data
    std::string out;
    put(out, text.size(), 8);
    return out + text + data;
}

}  // namespace tiller
