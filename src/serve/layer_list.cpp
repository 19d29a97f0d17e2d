#include "serve/layer_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "serve/problem.h"
#include "tasks/json_events.h"

namespace tiller::serve {
namespace {

// The engine's own limit is 512 layers.
constexpr int kMost = 4096;

[[noreturn]] void refuse(const std::string& found, const std::string& path) {
    throw Problem(400, "invalid_value",
                  fmt::format("{}: layers are {}, expected A-B with both ends, or a list of numbers from 0",
                              path, found),
                  path);
}

int layer_of(std::string_view text, std::string_view all, const std::string& path) {
    int layer = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), layer);
    if (error != std::errc() || end != text.data() + text.size() || layer < 0 || layer > kMost)
        refuse(excerpt(all), path);
    return layer;
}

}  // namespace

std::vector<int> layers_of_text(std::string_view text, const std::string& path) {
    const auto dash = text.find('-');
    const int first = layer_of(text.substr(0, dash), text, path);
    const int last = dash == std::string_view::npos ? first : layer_of(text.substr(dash + 1), text, path);
    if (last < first) refuse(excerpt(text), path);
    std::vector<int> layers;
    for (int il = first; il <= last; ++il) layers.push_back(il);
    return layers;
}

std::vector<int> layers_of(const Json& value, const std::string& path) {
    if (value.is_string()) return layers_of_text(value.get<std::string>(), path);
    const Json list = value.is_array() ? value : Json::array({value});
    std::vector<int> layers;
    for (const Json& entry : list) {
        if (!entry.is_number_integer() || entry.get<double>() < 0 || entry.get<double>() > kMost)
            refuse(excerpt(dump(value)), path);
        layers.push_back(entry.get<int>());
    }
    std::sort(layers.begin(), layers.end());
    layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
    if (layers.empty()) refuse("an empty list", path);
    return layers;
}

}  // namespace tiller::serve
