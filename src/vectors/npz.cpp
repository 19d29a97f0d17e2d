// numpy's .npz: a zip archive (read with libzip) of .npy files, each with a Python literal that says its type
// and shape.
#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>

#include "tiller/error.h"
#include "vectors/gguf_reader.h"
#include "vectors/layer_arrays.h"

namespace tiller {
namespace {

constexpr std::uint64_t max_array_header_bytes = 1024;  // of one array; numpy writes 118
constexpr std::uint64_t max_entry_bytes = max_array_values * 8 + max_array_header_bytes + 12;

struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
    void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Discard>;

// A zip_error_t that frees itself.
struct ZipError {
    ZipError() { zip_error_init(&error); }
    ~ZipError() { zip_error_fini(&error); }
    ZipError(const ZipError&) = delete;
    ZipError& operator=(const ZipError&) = delete;
    zip_error_t error;
};

// ---- reading ----

[[noreturn]] void damaged(const Checked& checked, const std::string& what, const char* reason) {
    reject(checked, what, fmt::format("unreadable ({})", reason), "an archive as numpy.savez writes it");
}

std::string entry_bytes(zip_t* archive, std::uint64_t index, std::uint64_t size, const std::string& what,
                        const Checked& checked) {
    const std::unique_ptr<zip_file_t, Discard> file(zip_fopen_index(archive, index, 0));
    if (!file) damaged(checked, what, zip_strerror(archive));
    // Asks for one byte more than the entry says: libzip compares the checksum when it reaches the end.
    std::string bytes(size + 1, '\0');
    std::uint64_t n = 0;
    for (zip_int64_t got = 1; got != 0 && n < bytes.size(); n += static_cast<std::uint64_t>(got)) {
        got = zip_fread(file.get(), bytes.data() + n, bytes.size() - n);
        if (got < 0) damaged(checked, what, zip_file_strerror(file.get()));
    }
    if (n != size)
        reject(checked, "size of " + what, n > size ? "more than its entry says" : fmt::format("{} bytes", n),
               fmt::format("{} bytes", size));
    bytes.resize(size);
    return bytes;
}

std::vector<std::uint64_t> shape_of(const std::string& text) {
    std::vector<std::uint64_t> shape;
    static const std::regex number("[0-9]{1,18}");
    for (std::sregex_iterator it(text.begin(), text.end(), number), end; it != end; ++it)
        shape.push_back(std::stoull(it->str()));
    return shape;
}

LayerArray read_npy(const std::string& name, std::string_view bytes, const Checked& checked) {
    const std::string what = "array " + printable(name);
    constexpr std::string_view mark = "\x93NUMPY";
    if (bytes.size() < 12 || !bytes.starts_with(mark) || bytes[6] < 1 || bytes[6] > 3)
        reject(checked, what, "something else", "an array of numpy's (.npy, version 1 to 3)");
    const std::size_t width = bytes[6] == 1 ? 2 : 4;
    const std::uint64_t n_header = gguf::little_endian(bytes, 8, width);
    if (n_header > max_array_header_bytes || n_header > bytes.size() - 8 - width)
        reject(checked, "length of the header of " + what, fmt::format("{}", n_header),
               fmt::format("at most {}",
                           std::min<std::uint64_t>(max_array_header_bytes, bytes.size() - 8 - width)));
    const std::string header(bytes.substr(8 + width, n_header));
    // Keys must be in the order in which numpy writes them; other writers follow it.
    static const std::regex form(
        R"(\{\s*'descr':\s*'([^']{1,16})',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(((?:\s*[0-9]{1,18}\s*,){0,32}(?:\s*[0-9]{1,18})?)\s*\),?\s*\}\s*)");
    std::smatch match;
    if (!std::regex_match(header, match, form))
        reject(checked, "header of " + what, printable(header), "descr, fortran_order and shape");
    const std::string descr = match[1].str();
    ArrayType type = ArrayType::f32;
    if (descr == "<f2")
        type = ArrayType::f16;
    else if (descr == "<f8")
        type = ArrayType::f64;
    else if (descr != "<f4")
        reject(checked, "type of " + what, printable(descr), "<f4, <f2 or <f8 (little-endian floats)");
    LayerArray array{name, shape_of(match[3].str()), {}};
    check_row(name, array.shape, checked);
    std::uint64_t n = 1;
    for (const std::uint64_t size : array.shape) n *= size;
    const std::string_view data = bytes.substr(8 + width + n_header);
    if (data.size() != n * width_of(type))
        reject(checked, "size of " + what, fmt::format("{} bytes of values", data.size()),
               fmt::format("{} bytes from its shape", n * width_of(type)));
    array.values = floats_of(type, data);
    return array;
}

// The metadata in an archive's comment: a JSON object of strings, as npz_bytes() writes it. Any other comment
// gives none.
std::map<std::string, std::string> metadata_of(std::string_view comment) {
    std::map<std::string, std::string> out;
    if (!comment.starts_with("{\"tiller.")) return out;
    const auto json = nlohmann::json::parse(
        comment, [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) { return depth < 3; }, false);
    if (!json.is_object()) return out;
    for (const auto& [key, value] : json.items())
        if (value.is_string()) out.emplace(key, value.get<std::string>());
    return out;
}

// ---- writing ----

std::string npy_bytes(const LayerArray& array) {
    std::string header =
        fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", array.values.size());
    header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');  // so that the values are aligned
    header += '\n';
    std::string out = "\x93NUMPY\x01";
    out += '\0';
    out += static_cast<char>(header.size() & 255);
    out += static_cast<char>(header.size() >> 8);
    out += header;
    for (const float value : array.values)
        for (int i = 0; i < 4; ++i)
            out += static_cast<char>(std::bit_cast<std::uint32_t>(value) >> (8 * i) & 255);
    return out;
}

[[noreturn]] void cannot_write(const Checked& checked, const char* reason) {
    throw Error(Code::environment,
                fmt::format("{}: the archive could not be made ({})", checked.subject, reason));
}

void add_entry(zip_t* archive, const std::string& name, const std::string& bytes, const Checked& checked) {
    zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const zip_int64_t index = source ? zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
        if (source) zip_source_free(source);
        cannot_write(checked, zip_strerror(archive));
    }
    // Not compressed, as numpy.savez does. The fixed time (1980-01-01) makes equal arrays give equal bytes.
    const auto i = static_cast<zip_uint64_t>(index);
    if (zip_set_file_compression(archive, i, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive, i, 0, 1 << 5 | 1, 0) != 0)
        cannot_write(checked, zip_strerror(archive));
}

}  // namespace

LayerArrays read_npz(std::string_view bytes, const Checked& checked) {
    ZipError error;
    zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error.error);
    if (!source) throw std::bad_alloc();
    const Archive archive(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error.error));
    if (!archive) {
        zip_source_free(source);
        damaged(checked, "the archive", zip_error_strerror(&error.error));
    }
    const zip_int64_t n_entry = zip_get_num_entries(archive.get(), 0);
    if (n_entry < 0 || static_cast<std::uint64_t>(n_entry) > max_arrays)
        reject(checked, "number of arrays", fmt::format("{}", n_entry),
               fmt::format("at most {}", max_arrays));
    LayerArrays out;
    int n_comment = 0;
    const char* comment = zip_get_archive_comment(archive.get(), &n_comment, ZIP_FL_ENC_RAW);
    if (comment && n_comment > 0) out.metadata = metadata_of({comment, static_cast<std::size_t>(n_comment)});
    std::uint64_t n_byte = 0;
    for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(n_entry); ++i) {
        zip_stat_t stat;
        zip_stat_init(&stat);
        const char* name = zip_get_name(archive.get(), i, ZIP_FL_ENC_RAW);
        if (!name || zip_stat_index(archive.get(), i, 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE))
            damaged(checked, fmt::format("entry {}", i), zip_strerror(archive.get()));
        std::string array = name;
        if (!array.ends_with(".npy"))
            reject(checked, "entry " + printable(array), "something else", "an array (.npy)");
        array.resize(array.size() - 4);
        const std::string what = "array " + printable(array);
        n_byte += std::min(stat.size, max_entry_bytes);
        if (stat.size > max_entry_bytes || n_byte > gguf::max_file_bytes)
            reject(checked, "size of " + what, fmt::format("{} bytes", stat.size),
                   fmt::format("at most {}, and {} for all", max_entry_bytes, gguf::max_file_bytes));
        out.arrays.push_back(
            read_npy(array, entry_bytes(archive.get(), i, stat.size, what, checked), checked));
    }
    return out;
}

std::string npz_bytes(const LayerArrays& file, const Checked& checked) {
    const std::string comment = nlohmann::json(file.metadata).dump();
    if (comment.size() > 65535)
        reject(checked, "what is known of the vector", fmt::format("{} bytes of JSON", comment.size()),
               "at most 65535, an archive's comment; write safetensors instead");
    ZipError error;
    zip_source_t* buffer = zip_source_buffer_create(nullptr, 0, 0, &error.error);
    if (!buffer) throw std::bad_alloc();
    zip_source_keep(buffer);  // closing the archive releases its own reference
    const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> kept(buffer, zip_source_free);
    Archive archive(zip_open_from_source(buffer, ZIP_TRUNCATE, &error.error));
    if (!archive) {
        zip_source_free(buffer);
        cannot_write(checked, zip_error_strerror(&error.error));
    }
    std::vector<std::string> entries;  // must live until zip_close(), which reads them
    for (const LayerArray& array : file.arrays) entries.push_back(npy_bytes(array));
    for (std::size_t i = 0; i < entries.size(); ++i)
        add_entry(archive.get(), file.arrays[i].name + ".npy", entries[i], checked);
    if (zip_set_archive_comment(archive.get(), comment.data(), static_cast<zip_uint16_t>(comment.size())) !=
            0 ||
        zip_close(archive.get()) != 0)
        cannot_write(checked, zip_strerror(archive.get()));
    static_cast<void>(archive.release());  // closed
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_source_stat(buffer, &stat) != 0 || zip_source_open(buffer) != 0)
        cannot_write(checked, zip_error_strerror(zip_source_error(buffer)));
    std::string bytes(stat.size, '\0');
    const zip_int64_t got = zip_source_read(buffer, bytes.data(), bytes.size());
    zip_source_close(buffer);
    if (got != static_cast<zip_int64_t>(bytes.size())) cannot_write(checked, "it is cut off");
    return bytes;
}

}  // namespace tiller
