// /v1/activations: what a prompt's tokens look like inside of the model.
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "core/names.h"
#include "serve/base64.h"
#include "serve/layer_list.h"
#include "serve/probe_request.h"
#include "tasks/json_events.h"

namespace tiller::serve {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;

Site site_of(const std::string& name) {
    for (Site site : {Site::residual, Site::mlp_output, Site::attention_output, Site::head_output})
        if (name == site_name(site)) return site;
    throw Problem(
        400, "invalid_value",
        fmt::format("site: {} is not known, expected residual, mlp_output, attention_output or head_output",
                    excerpt(name)),
        "site");
}

Positions positions_of(const Json* value, int n_prompt) {
    const auto refuse = [&](const std::string& found) {
        throw Problem(
            400, "invalid_value",
            fmt::format("positions: found {}, expected \"last\", \"all\" or [begin, end] with 0 <= begin < "
                        "end <= {}",
                        found, n_prompt),
            "positions");
    };
    if (!value || *value == "last") return {Positions::Kind::last_prompt, 0, 0};
    if (*value == "all") return {Positions::Kind::prompt, 0, 0};
    if (!value->is_array() || value->size() != 2 || !(*value)[0].is_number_integer() ||
        !(*value)[1].is_number_integer())
        refuse(excerpt(dump(*value)));
    const double begin = (*value)[0].get<double>(), end = (*value)[1].get<double>();
    if (begin < 0 || end <= begin || end > n_prompt) refuse(excerpt(dump(*value)));
    return {Positions::Kind::range, static_cast<int>(begin), static_cast<int>(end)};
}

int count(const Positions& positions, int n_prompt) {
    int n = 0;
    for (int p = 0; p < n_prompt; ++p) n += positions.contains(p, n_prompt);
    return n;
}

// Layers one by one, each a capture, so that they need not be neighbours.
std::vector<int> layers_or_all(const Json* value, int n_layer) {
    std::vector<int> layers;
    if (!value) {
        for (int il = 0; il < n_layer; ++il) layers.push_back(il);
        return layers;
    }
    layers = layers_of(*value, "layers");
    if (layers.back() >= n_layer)
        throw Problem(
            400, "invalid_value",
            fmt::format("layers: there is no layer {}, the model has 0 to {}", layers.back(), n_layer - 1),
            "layers");
    return layers;
}

// Little-endian float32, whatever the machine's order.
std::string bytes_of(const std::vector<float>& values) {
    static_assert(std::endian::native == std::endian::little);
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

// numpy's format, version 1.0: magic, header padded to 64 bytes, values.
std::string npy(const std::vector<std::size_t>& shape, const std::vector<float>& values) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
    for (std::size_t n : shape) header += fmt::format("{}, ", n);
    header += "), }";
    while ((10 + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    std::string out("\x93NUMPY\x01\x00", 8);
    out += static_cast<char>(header.size() & 0xFF);
    out += static_cast<char>(header.size() >> 8);
    return out + header + bytes_of(values);
}

}  // namespace

void post_activations(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const Json body = parse_json(request.body);
    Fields fields(body);
    auto probe = std::make_shared<Probe>(read_probe(fields, service));
    if (probe->steerings.size() > 1)
        throw Problem(400, "unsupported", "steering: activations are read under one steering at a time",
                      "steering");
    const ModelInfo& info = service.model.info();
    const int n_prompt = static_cast<int>(probe->prompt.size());
    const Site site = site_of(fields.text("site").value_or("residual"));
    const Positions positions = positions_of(fields.find("positions"), n_prompt);
    const auto layers = layers_or_all(fields.find("layers"), info.n_layer);
    fields.done();
    check_length(service, probe->prompt.size());
    Row row;
    row.prompt = probe->prompt;
    row.edits = probe->steerings.front().edits;
    std::uint64_t n_byte = 0;
    for (int il : layers) {
        const int width = site_width(info, site, il);
        if (width != site_width(info, site, layers.front()))
            throw Problem(400, "unsupported",
                          fmt::format("layers: {} and {} differ in width there; ask for them one by one",
                                      layers.front(), il),
                          "layers");
        n_byte +=
            static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(count(positions, n_prompt)) * 4;
        row.captures.push_back({site, il, il + 1, positions, false});
    }
    if (n_byte > kMostBytes)
        throw Problem(413, "too_large",
                      fmt::format("the answer would have {} bytes, at most {} are sent; ask for fewer "
                                  "layers or positions",
                                  n_byte, kMostBytes),
                      "layers");
    const bool as_npy = request.header("accept").find("application/x-npy") != std::string::npos;
    run_rows(service, {std::move(row)}, reply, [=](std::vector<RowResult> results) {
        const RowResult& result = results.front();
        refuse_broken(result, *probe, 0);
        std::vector<float> values;
        for (const Captured& captured : result.captured)
            values.insert(values.end(), captured.values.begin(), captured.values.end());
        const std::vector<std::size_t> shape = {layers.size(),
                                                static_cast<std::size_t>(result.captured[0].n_position),
                                                static_cast<std::size_t>(result.captured[0].width)};
        if (as_npy) return reply->send(200, "application/x-npy", npy(shape, values));
        send_json(reply, 200,
                  {{"object", "activations"},
                   {"site", site_name(site)},
                   {"layers", layers},
                   {"shape", shape},
                   {"dtype", "float32"},
                   {"data", base64(bytes_of(values))},
                   {"steering", probe->steerings.front().applied},
                   {"usage", {{"prompt_tokens", n_prompt}}}});
    });
}

}  // namespace tiller::serve
