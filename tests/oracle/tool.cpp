// Makes what the oracle reads, and prints the table of docs/architectures.md:
//   tiller_oracle export DIR              tiny models and inputs
//   tiller_oracle export DIR MODEL NAME FAMILY   a real model in float32, and its input
//   tiller_oracle table                   measured differences of the tiny models
//   tiller_oracle table MODEL NAME        of a real model
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/oracle.h"

using namespace tiller;
using namespace tiller::test;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const nlohmann::json& input) {
    std::ofstream out(path);
    out << input.dump(1) << '\n';
    if (!out) throw std::runtime_error("cannot write " + path.string());
}

void export_tiny(const fs::path& folder) {
    for (const OracleCase& c : oracle_cases()) {
        const fs::path model = folder / (c.name + ".gguf");
        fs::copy_file(make_tiny_model(c.options), model, fs::copy_options::overwrite_existing);
        write(folder / (c.name + ".input.json"), oracle_input(*oracle_engine(model), c));
    }
}

void export_real(const fs::path& folder, const fs::path& file, const std::string& name,
                 const std::string& family) {
    const fs::path model = folder / (name + ".gguf");
    fs::copy_file(quantise_tiny_model(file, "F32"), model, fs::copy_options::overwrite_existing);
    write(folder / (name + ".input.json"), oracle_input_of_real_model(*oracle_engine(model), name, family));
}

void print_row(const std::string& name, const fs::path& model) {
    const auto golden = read_golden(name);
    if (const auto difference = model_difference(golden, model); !difference.empty())
        throw std::runtime_error(name + ": " + difference);
    const auto engine = oracle_engine(model);
    for (const char* results : {"exact", "engine_gelu"}) {
        if (!golden.contains(results)) continue;
        const auto d = compare_with_oracle(*engine, golden, results);
        // Sites, means and directions are only compared with the exact results.
        const bool all = golden.at(results).contains("sites");
        const double sites = std::max({d.head_output, d.attention_output, d.mlp_output, d.residual});
        std::string line = fmt::format("| {}{}", name, all ? "" : ", engine's GELU");
        for (const double value : {sites, d.mean_head_output, d.fv, d.icv})
            line += all ? fmt::format(" | {:.0e}", value) : " | -";
        for (const double value : {d.aie, d.smallest_gap, d.swapped, d.clean, d.fv_steered, d.icv_steered})
            line += value == 0 ? " | 0" : fmt::format(" | {:.0e}", value);
        std::puts(fmt::format("{} | {:.1f} |", line, d.effect).c_str());
    }
}

void print_table(const std::vector<std::string>& args) {
    std::puts(
        "| case | sites | mean head outputs | FV | ICV | AIE | smallest gap | swapped | log p | FV-steered | "
        "ICV-steered | effect |");
    std::puts("|---|---|---|---|---|---|---|---|---|---|---|---|");
    if (args.size() == 2) return print_row(args[1], quantise_tiny_model(args[0], "F32"));
    for (const OracleCase& c : oracle_cases()) print_row(c.name, make_tiny_model(c.options));
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> args(argv + 1, argv + argc);
    const std::string command = args.empty() ? "" : args[0];
    try {
        if (command == "export" && args.size() == 2) return export_tiny(args[1]), 0;
        if (command == "export" && args.size() == 5)
            return export_real(args[1], args[2], args[3], args[4]), 0;
        if (command == "table" && (args.size() == 1 || args.size() == 3))
            return print_table({args.begin() + 1, args.end()}), 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "tiller_oracle: %s\n", error.what());
        return 3;
    }
    std::fputs("usage: tiller_oracle export DIR [MODEL NAME FAMILY] | table [MODEL NAME]\n", stderr);
    return 2;
}
