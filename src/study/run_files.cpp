#include "study/run_files.h"

#include <fmt/format.h>

#include <cstring>
#include <system_error>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller::study {

void make_folder(const std::filesystem::path& folder) {
    std::error_code ec;
    std::filesystem::create_directories(folder, ec);
    if (!ec && !std::filesystem::is_directory(folder, ec) && !ec)
        ec = std::make_error_code(std::errc::not_a_directory);
    if (ec)
        throw Error(Code::environment,
                    fmt::format("cannot make the folder {}: {}; choose another folder", folder.string(),
                                ec.message()),
                    Topic::run_folder);
}

std::optional<std::vector<float>> FolderCheckpoint::load(const std::string& key) {
    const auto path = folder_ / (key + ".f32");
    if (!std::filesystem::exists(path)) return std::nullopt;
    const std::string bytes = read_file(path, std::uint64_t{1} << 30);
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
}

void FolderCheckpoint::store(const std::string& key, std::span<const float> values) {
    make_folder(folder_);
    write_file_atomic(folder_ / (key + ".f32"),
                      {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

void FolderCheckpoint::remove() const {
    std::error_code ec;
    std::filesystem::remove_all(folder_, ec);
}

}  // namespace tiller::study
