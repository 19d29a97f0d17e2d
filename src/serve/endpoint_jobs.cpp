// /v1/vectors/extract and /v1/jobs.
#include <fmt/format.h>

#include "serve/service.h"
#include "tasks/json_events.h"
#include "tiller/method.h"

namespace tiller::serve {
namespace {

constexpr double kLargestSetting = 1e300;
constexpr std::size_t kMostTexts = 100000;

const Json& list_at(const Json& value, const std::string& path) {
    if (!value.is_array()) wrong_type(path, value, "a list");
    if (value.empty() || value.size() > kMostTexts)
        throw Problem(400, "invalid_value",
                      fmt::format("{}: {} entries, expected 1 to {}", path, value.size(), kMostTexts), path);
    return value;
}

std::vector<Pair> pairs_of(const Json& value) {
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < list_at(value, "pairs").size(); ++i) {
        Fields fields(value[i], at_index("pairs", i));
        Pair& pair = pairs.emplace_back();
        pair.negative = fields.need_text("negative");
        pair.positive = fields.need_text("positive");
        fields.done();
    }
    return pairs;
}

std::vector<Item> items_of(const Json& value) {
    std::vector<Item> items;
    for (std::size_t i = 0; i < list_at(value, "items").size(); ++i) {
        Fields fields(value[i], at_index("items", i));
        Item& item = items.emplace_back();
        item.id = static_cast<int>(i);
        item.input = fields.need_text("input");
        item.output = fields.need_text("output");
        item.outputs = {item.output};
        fields.done();
    }
    return items;
}

std::map<std::string, double> settings_of(const Json& value) {
    if (!value.is_object()) wrong_type("settings", value, "an object of numbers");
    std::map<std::string, double> settings;
    Fields fields(value, "settings");
    for (const auto& [name, number] : value.items())
        if (const auto found = fields.number(name.c_str(), -kLargestSetting, kLargestSetting))
            settings[name] = *found;
    return settings;
}

Family family_named(const std::string& name, bool no_items) {
    for (Family family : {Family::functional, Family::extractive, Family::behavioural})
        if (name == family_name(family) && !no_items) return family;
    throw Problem(400, "invalid_value",
                  no_items
                      ? "family: it says what items are; give items"
                      : fmt::format("family: {} is not known, expected functional, extractive or behavioural",
                                    excerpt(name)),
                  "family");
}

ExtractRequest extract_request(Fields& fields) {
    ExtractRequest request;
    request.name = fields.need_text("name");
    check_vector_name(request.name);
    request.method = fields.need_text("method");
    try {
        find_method(request.method);
    } catch (...) {
        throw problem_of(std::current_exception(), "method");
    }
    const int n = fields.has("pairs") + fields.has("items") + fields.has("task");
    if (n != 1)
        throw Problem(400, n > 1 ? "invalid_value" : "missing_field", "expected one of pairs, items and task",
                      "pairs");
    if (const auto task = fields.text("task")) request.task = *task;
    if (const Json* pairs = fields.find("pairs")) request.pairs = pairs_of(*pairs);
    if (const Json* items = fields.find("items")) request.items = items_of(*items);
    if (const auto family = fields.text("family"))
        request.family = family_named(*family, request.items.empty());
    if (const Json* settings = fields.find("settings")) request.settings = settings_of(*settings);
    request.seed = static_cast<std::uint64_t>(fields.integer("seed", 0, std::int64_t{1} << 53).value_or(0));
    return request;
}

}  // namespace

void post_extract(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const Json body = parse_json(request.body);
    Fields fields(body);
    ExtractRequest wanted = extract_request(fields);
    const bool replace = fields.boolean("replace").value_or(false);
    fields.done();
    send_json(reply, 202, service.jobs.start(std::move(wanted), replace));
}

void get_jobs(Service& service, const Request&, const std::shared_ptr<Reply>& reply) {
    send_json(reply, 200, {{"object", "list"}, {"data", service.jobs.describe_all()}});
}

void get_job(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    send_json(reply, 200, service.jobs.describe(std::string(last_part(request))));
}

void delete_job(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    send_json(reply, 200, service.jobs.cancel(std::string(last_part(request))));
}

}  // namespace tiller::serve
