#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "vectors/vector_format.h"

namespace tiller {
namespace {

using Json = nlohmann::json;

// Reads the parser's events, without a tree. A flat object of strings needs none, and other text (say, ten
// million opening brackets) is refused at its first wrong event.
class SettingsReader : public nlohmann::json_sax<Json> {
public:
    explicit SettingsReader(const Checked& checked) : checked_(checked) {}
    std::map<std::string, std::string> settings;

    bool null() override { wrong("null"); }
    bool boolean(bool) override { wrong("a truth value"); }
    bool number_integer(number_integer_t) override { wrong("a number"); }
    bool number_unsigned(number_unsigned_t) override { wrong("a number"); }
    bool number_float(number_float_t, const string_t&) override { wrong("a number"); }
    bool binary(binary_t&) override { wrong("binary data"); }
    bool start_array(std::size_t) override { wrong("an array"); }
    bool end_array() override { wrong("an array"); }
    bool end_object() override { return true; }

    bool start_object(std::size_t) override {
        if (inside_) wrong("an object");
        inside_ = true;
        return true;
    }
    bool key(string_t& name) override {
        name_ = name;
        return true;
    }
    bool string(string_t& value) override {
        if (!inside_) wrong("a string");
        if (!settings.emplace(name_, value).second)
            reject(checked_, fmt::format("setting {} in tiller.settings", printable(name_)), "there twice",
                   "one");
        return true;
    }
    bool parse_error(std::size_t position, const std::string& near, const Json::exception&) override {
        reject(checked_, "tiller.settings",
               fmt::format("not JSON at byte {} near {}", position, printable(near)), "a JSON object");
    }

private:
    [[noreturn]] void wrong(const char* found) const {
        reject(checked_, fmt::format("{} in tiller.settings", inside_ ? "a value" : "the whole"), found,
               inside_ ? "a string" : "an object");
    }

    const Checked& checked_;
    bool inside_ = false;
    std::string name_;
};

}  // namespace

std::string settings_to_json(const std::map<std::string, std::string>& settings) {
    return Json(settings.empty() ? Json::object() : Json(settings)).dump();
}

std::map<std::string, std::string> settings_from_json(const std::string& json, const Checked& checked) {
    SettingsReader reader(checked);
    Json::sax_parse(json, &reader);
    return std::move(reader.settings);
}

}  // namespace tiller
