// tiller combine: sums and differences of vector files.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/vector_argument.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

struct CombineFlags {
    std::vector<std::string> vectors;
    std::string out;
};

// Over all layers together; a layer that one lacks counts as zero. 0 when either is zero.
double cosine(const SteeringVector& a, const SteeringVector& b) {
    const auto dot = [](const SteeringVector& x, const SteeringVector& y) {
        double sum = 0;
        for (const auto& [layer, values] : x.directions)
            if (const auto other = y.directions.find(layer); other != y.directions.end())
                for (std::size_t i = 0; i < values.size(); ++i)
                    sum += static_cast<double>(values[i]) * static_cast<double>(other->second[i]);
        return sum;
    };
    const double sizes = std::sqrt(dot(a, a) * dot(b, b));
    return sizes > 0 ? dot(a, b) / sizes : 0;
}

double norm(const SteeringVector& v) {
    double squares = 0;
    for (const auto& [layer, values] : v.directions)
        for (const float x : values) squares += static_cast<double>(x) * static_cast<double>(x);
    return std::sqrt(squares);
}

// The library knows parts by number only.
SteeringVector combine_named(const std::vector<std::pair<SteeringVector, float>>& parts,
                             const std::vector<std::string>& paths) {
    try {
        return combine(parts);
    } catch (const Error& error) {
        std::string names;
        for (std::size_t i = 0; i < paths.size(); ++i)
            names += fmt::format("{}{} = {}", i ? ", " : "", i, paths[i]);
        throw Error(error.code(), fmt::format("{} (parts: {})", error.what(), names), error.topic());
    }
}

void combine_files(const CombineFlags& o, const Globals& globals) {
    check_output(o.out);
    std::vector<std::pair<SteeringVector, float>> parts;
    std::vector<std::string> paths;
    for (const auto& text : o.vectors) {
        const auto argument = parse_vector_argument(text);
        parts.emplace_back(load_argument(argument), argument.scale);
        paths.push_back(argument.path);
    }
    const SteeringVector sum = combine_named(parts, paths);
    save_vector(sum, o.out);
    nlohmann::json all = nlohmann::json::array();
    std::string text =
        fmt::format("{:>8}  {:>10}  {:>14}  {}\n", "weight", "norm", "cosine to sum", "vector");
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto& [part, weight] = parts[i];
        all.push_back({{"vector", valid_utf8(paths[i])},
                       {"weight", weight},
                       {"task", part.provenance.task},
                       {"norm", norm(part)},
                       {"cosine", cosine(part, sum)}});
        text += fmt::format("{:>8}  {:>10.4f}  {:>+14.3f}  {} ({})\n", weight, norm(part), cosine(part, sum),
                            paths[i], part.provenance.task);
    }
    text += fmt::format("{:>8}  {:>10.4f}  {:>14}  {}\n", "sum", norm(sum), "", o.out);
    print(globals.json ? nlohmann::json{{"vector", valid_utf8(o.out)},
                                        {"norm", norm(sum)},
                                        {"scale", sum.scale},
                                        {"parts", all}}
                                 .dump() +
                             "\n"
                       : text);
}

}  // namespace

void add_combine(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<CombineFlags>();
    auto* command = app.add_subcommand(
        "combine", "Add and subtract vectors of one model and kind (arXiv 2310.15213, section 3.3)");
    command
        ->add_option(
            "vectors", o->vectors,
            "Vector files V.gguf[:weight][@A-B] (weight 1 and all layers when left out); e.g. A.gguf "
            "B.gguf:-1 C.gguf:0.5@8-12")
        ->required();
    command->add_option("-o,--output", o->out, "Vector file to write (GGUF)")->required();
    add_globals(*command, globals, kJsonFlag);
    command->callback([o, &globals] { combine_files(*o, globals); });
}

}  // namespace tiller::cli
