// Conversations as files.
#include <fmt/format.h>

#include <cmath>
#include <set>

#include "cli/chat_state.h"
#include "cli/strict_json.h"
#include "core/names.h"
#include "core/numbers.h"
#include "core/util.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::uint64_t kLargestConversation = std::uint64_t{64} << 20;

json as_json(const ChatVector& v) {
    return {{"file", v.path},
            {"sha256", v.digest},
            {"scale", shortest(v.scale)},
            {"positions", positions_name(v.vector.positions)},
            {"layers", v.layers.given() ? json{v.layers.first, v.layers.last} : json()}};
}

json as_json(const ChatState& state, const ModelInfo& info) {
    json messages = json::array(), vectors = json::array(), strengths = json::array();
    for (const auto& message : state.messages)
        messages.push_back({{"role", message.role}, {"content", message.content}});
    for (const auto& vector : state.vectors) vectors.push_back(as_json(vector));
    for (const float strength : state.strengths) strengths.push_back(shortest(strength));
    return {{"tiller_chat", 1},
            {"program", TILLER_VERSION},
            {"model", {{"name", valid_utf8(info.name)}, {"sha256", info.digest}}},
            {"system", state.system},
            {"messages", messages},
            {"vectors", vectors},
            {"steering", state.steering},
            {"strengths", strengths},
            {"sampling",
             {{"temperature", shortest(state.temperature)},
              {"top_p", shortest(state.top_p)},
              {"top_k", state.top_k},
              {"tokens", state.n_token}}},
            {"seed", state.seed},
            {"answers", state.n_answer}};
}

// Values of an object with exactly the keys that are read from it.
class Fields {
public:
    Fields(const fs::path& path, const json& object, std::string where, const std::set<std::string>& keys)
        : path_(path), object_(object), where_(std::move(where)) {
        if (!object.is_object()) bad(where_, object.type_name(), "an object");
        for (const auto& key : keys)
            if (!object.contains(key)) bad(where_ + "." + key, "not there", "a value");
        for (const auto& [key, value] : object.items())
            if (!keys.contains(key)) bad(where_, "with the unknown key " + json(key).dump(), "known keys");
    }
    std::string text(const char* key) const {
        const json& value = object_.at(key);
        if (!value.is_string()) bad(place(key), value.type_name(), "a text");
        return value.get<std::string>();
    }
    bool flag(const char* key) const {
        const json& value = object_.at(key);
        if (!value.is_boolean()) bad(place(key), value.dump(), "true or false");
        return value.get<bool>();
    }
    double number(const char* key, double low, double high) const {
        const json& value = object_.at(key);
        if (!value.is_number() || value.get<double>() < low || value.get<double>() > high)
            bad(place(key), value.dump().substr(0, 80), fmt::format("a number from {} to {}", low, high));
        return value.get<double>();
    }
    std::uint64_t count(const char* key, std::uint64_t high) const {
        const json& value = object_.at(key);
        if (!value.is_number_unsigned() || value.get<std::uint64_t>() > high)
            bad(place(key), value.dump().substr(0, 80), fmt::format("a whole number up to {}", high));
        return value.get<std::uint64_t>();
    }
    const json& list(const char* key) const {
        const json& value = object_.at(key);
        if (!value.is_array()) bad(place(key), value.type_name(), "a list");
        return value;
    }
    const json& at(const char* key) const { return object_.at(key); }
    std::string place(const char* key) const { return where_ + "." + key; }
    [[noreturn]] void bad(const std::string& place, const std::string& found,
                          const std::string& expected) const {
        throw Error(Code::bad_input, fmt::format("{}: {} is {}, expected {}; it is not as /save writes it",
                                                 path_.string(), place, found, expected));
    }

private:
    const fs::path& path_;
    const json& object_;
    std::string where_;
};

std::vector<ChatMessage> messages_of(const fs::path& path, const Fields& root) {
    std::vector<ChatMessage> messages;
    for (const auto& entry : root.list("messages")) {
        const std::string where = fmt::format("messages[{}]", messages.size());
        const Fields fields(path, entry, where, {"role", "content"});
        const char* expected = messages.size() % 2 == 0 ? "user" : "assistant";
        if (fields.text("role") != expected)
            fields.bad(where + ".role", json(fields.text("role")).dump(), expected);
        messages.push_back({expected, fields.text("content")});
    }
    if (messages.size() % 2 != 0) root.bad("messages", "without a last answer", "whole turns");
    return messages;
}

constexpr double kLargest = 3e38;  // a strength is a float

ChatVector vector_of(const fs::path& path, const json& entry, const std::string& where, const ModelInfo& info,
                     const Globals& globals) {
    // Files of earlier versions do not hold positions.
    const bool has_positions = entry.is_object() && entry.contains("positions");
    std::set<std::string> keys = {"file", "sha256", "scale", "layers"};
    if (has_positions) keys.insert("positions");
    const Fields fields(path, entry, where, keys);
    VectorArgument argument;
    if (has_positions) {
        argument.positions = positions_from_name(fields.text("positions"));
        if (!argument.positions)
            fields.bad(fields.place("positions"), json(fields.text("positions")).dump(),
                       "last_prompt, prompt, generated, steered or all");
    }
    argument.path = fields.text("file");
    argument.scale = static_cast<float>(fields.number("scale", -kLargest, kLargest));
    argument.has_scale = true;
    if (const json& layers = fields.at("layers"); !layers.is_null()) {
        const auto is_layer = [](const json& l) { return l.is_number_unsigned() && l.get<double>() < 1e6; };
        if (!layers.is_array() || layers.size() != 2 || !is_layer(layers[0]) || !is_layer(layers[1]))
            fields.bad(fields.place("layers"), layers.dump().substr(0, 80), "null or [first, last]");
        argument.layers = {layers[0].get<int>(), layers[1].get<int>()};
    }
    const std::string digest = sha256_file(argument.path);
    if (digest != fields.text("sha256"))
        throw Error(
            Code::bad_input,
            fmt::format("{}: the vector {} is not the one that the conversation was had with (SHA-256 "
                        "{}..., expected {}); bring that back, or take the vector out of the file",
                        path.string(), argument.path, digest.substr(0, 12),
                        json(fields.text("sha256").substr(0, 12)).dump()));
    ChatVector vector;
    vector.vector = load_checked(argument, info, globals);
    vector.path = argument.path;
    vector.name = fs::path(argument.path).stem().string();
    vector.digest = digest;
    vector.layers = argument.layers;
    vector.scale = argument.scale;
    return vector;
}

std::vector<float> strengths_of(const Fields& root) {
    std::string text;
    for (const auto& value : root.list("strengths")) {
        if (!value.is_number()) root.bad("strengths", value.dump().substr(0, 80), "numbers");
        text += (text.empty() ? "" : ",") + fmt::format("{}", value.get<double>());
    }
    return text.empty() ? std::vector<float>{} : parse_strengths(text);
}

}  // namespace

void save_chat(const ChatState& state, const ModelInfo& info, const fs::path& path) {
    write_file_atomic(path, as_json(state, info).dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

ChatState load_chat(const fs::path& path, const ModelInfo& info, const Globals& globals) {
    const json root = parse_strict(path, read_file(path, kLargestConversation));
    const Fields fields(path, root, "the conversation",
                        {"tiller_chat", "program", "model", "system", "messages", "vectors", "steering",
                         "strengths", "sampling", "seed", "answers"});
    if (const auto version = fields.count("tiller_chat", 1u << 30); version != 1)
        fields.bad("tiller_chat", std::to_string(version), "1");
    const Fields model(path, fields.at("model"), "model", {"name", "sha256"});
    const Fields sampling(path, fields.at("sampling"), "sampling",
                          {"temperature", "top_p", "top_k", "tokens"});
    ChatState state;
    state.system = fields.text("system");
    state.messages = messages_of(path, fields);
    for (const auto& entry : fields.list("vectors"))
        state.vectors.push_back(
            vector_of(path, entry, fmt::format("vectors[{}]", state.vectors.size()), info, globals));
    state.steering = fields.flag("steering");
    state.strengths = strengths_of(fields);
    state.temperature = static_cast<float>(sampling.number("temperature", 0, 100));
    state.top_p = static_cast<float>(sampling.number("top_p", 0.0001, 1));
    state.top_k = static_cast<int>(sampling.count("top_k", 1000000));
    state.n_token = static_cast<int>(sampling.count("tokens", 100000));
    if (state.n_token == 0) sampling.bad(sampling.place("tokens"), "0", "at least 1");
    state.seed = fields.count("seed", UINT64_MAX);
    state.n_answer = fields.count("answers", UINT64_MAX);
    if (model.text("sha256") != info.digest)
        note(globals, fmt::format("{}: the conversation was had with another model ({}); it goes on with {}",
                                  path.string(), json(model.text("name")).dump(),
                                  json(info.name).dump(-1, ' ', false, json::error_handler_t::replace)));
    return state;
}

}  // namespace tiller::cli
