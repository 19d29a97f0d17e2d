// Loading models, their facts, tokens and chat templates.
#include <filesystem>

#include "bind.h"
#include "cli/catalogue.h"
#include "core/paths.h"
#include "session.h"
#include "tiller/doctor.h"
#include "tiller/error.h"

namespace tiller::python {
namespace {

ControlNames control_names_from(const std::string& name) {
    if (name == "parse") return ControlNames::parse;
    return name == "text" ? ControlNames::text : ControlNames::refuse;
}

std::shared_ptr<Session> load(const std::string& name, bool exact, const std::string& control_names,
                              bool always_bos, int gpu_layers, const EngineOptions& engine,
                              nb::object listener) {
    Work work(std::move(listener));
    std::shared_ptr<const Model> model;
    work.run([&] {
        ModelOptions options;
        options.n_gpu_layers = gpu_layers;
        options.always_bos = always_bos;
        options.weights = exact ? Weights::float32 : Weights::file;
        options.cache_dir = cache_dir();
        options.trim_memory = true;
        options.control_names = control_names_from(control_names);
        options.progress = [&](float share) {
            work.progress("load", static_cast<std::size_t>(share * 1000), 1000);
            return !*work.cancel();
        };
        model = Model::load(cli::resolve_model(name), options);
    });
    return std::make_shared<Session>(std::move(model), engine);
}

nb::typed<nb::dict, nb::str, nb::any> info_of(const ModelInfo& info) {
    nb::dict out;
    out["path"] = nb::str(info.path.c_str());
    out["name"] = text_of(info.name);
    out["architecture"] = text_of(info.architecture);
    out["quantisation"] = text_of(info.quantisation);
    out["digest"] = text_of(info.digest);
    out["tokenizer_digest"] = text_of(info.tokenizer_digest);
    out["n_param"] = info.n_param;
    out["n_layer"] = info.n_layer;
    out["n_embd"] = info.n_embd;
    out["n_vocab"] = info.n_vocab;
    out["n_ctx_train"] = info.n_ctx_train;
    out["n_head"] = info.n_head;
    out["d_head"] = info.d_head;
    out["adds_bos"] = info.adds_bos;
    out["post_norm"] = info.post_norm;
    out["bos"] = info.bos;
    out["eos"] = info.eos;
    return out;
}

// The text as it is rendered, its tokens.
std::pair<nb::str, std::vector<Token>> chat_prompt(
    const Session& session, const std::vector<std::pair<std::string, std::string>>& messages,
    bool continue_last, const std::string& chat_template) {
    std::vector<ChatMessage> turns;
    for (const auto& [role, content] : messages) turns.push_back({role, content});
    ChatOptions options;
    options.continue_last = continue_last;
    options.chat_template = chat_template;
    ChatPrompt prompt = session.model()->chat_prompt(turns, options);
    return {text_of(prompt.text), std::move(prompt.tokens)};
}

// One line for each check: (name, outcome, figure, bound, text).
using CheckLine = std::tuple<std::string, std::string, double, double, std::string>;

std::vector<CheckLine> doctor(Session& session, bool fast, bool require, nb::object listener) {
    Diagnosis diagnosis;
    Work work(std::move(listener));
    session.run(work, [&](Engine& engine) {
        DoctorOptions options;
        options.fast = fast;
        diagnosis = diagnose(engine, options, [&](std::size_t done, std::size_t all) {
            work.progress("check of the hooks", done, all);
        });
        if (require) require_passed(diagnosis, engine.info());
        session.checked = session.checked || diagnosis.passed();
    });
    std::vector<CheckLine> lines;
    for (const Check& check : diagnosis.checks)
        lines.emplace_back(check.name, outcome_name(check.outcome), check.figure, check.bound,
                           valid_utf8(check.text));
    return lines;
}

}  // namespace

void bind_model(nb::module_& m) {
    nb::class_<Session>(m, "Session")
        .def_prop_ro("info", [](const Session& s) { return info_of(s.model()->info()); })
        .def_prop_ro("chat_template", [](const Session& s) { return text_of(s.model()->chat_template()); })
        .def(
            "tokenize",
            [](const Session& s, const std::string& text, bool bos) {
                const ControlNames names = s.model()->info().control_names;
                if (names == ControlNames::refuse) {
                    const auto tokens = s.model()->tokenize_prompt(text);  // refuses
                    if (bos) return tokens;
                }
                return s.model()->tokenize(text, {.bos = bos, .special = names == ControlNames::parse});
            },
            nb::arg("text"), nb::arg("bos"))
        .def(
            "tokenize_prompt",
            [](const Session& s, const std::string& text) { return s.model()->tokenize_prompt(text); },
            nb::arg("text"))
        .def(
            "continuation",
            [](const Session& s, const std::string& prompt, const std::string& text) {
                return s.model()->continuation(prompt, text);
            },
            nb::arg("prompt"), nb::arg("continuation"))
        .def(
            "text",
            [](const Session& s, const std::vector<Token>& tokens) {
                return text_of(s.model()->text(tokens));
            },
            nb::arg("tokens"))
        .def(
            "piece", [](const Session& s, Token token) { return text_of(s.model()->piece(token)); },
            nb::arg("token"))
        .def("chat_prompt", &chat_prompt, nb::arg("messages"), nb::arg("continue_last"),
             nb::arg("chat_template"))
        .def(
            "site_width",
            [](const Session& s, Site site, int layer) { return site_width(s.model()->info(), site, layer); },
            nb::arg("site"), nb::arg("layer"))
        .def(
            "require_match",
            [](const Session& s, const SteeringVector& vector, bool force) {
                return require_match(vector, s.model()->info(), force);
            },
            nb::arg("vector"), nb::arg("force"))
        .def("doctor", &doctor, nb::arg("fast"), nb::arg("require"), nb::arg("listener").none());
    m.def(
        "load",
        [](const std::string& name, bool exact, const std::string& control_names, bool always_bos,
           int gpu_layers, int threads, bool cache_f32, int rows, nb::object listener) {
            EngineOptions engine;
            engine.n_threads = threads;
            engine.cache_f32 = cache_f32 || exact;
            engine.max_rows = rows;
            engine.flash_attention = gpu_layers != 0;  // as the program has it
            return load(name, exact, control_names, always_bos, gpu_layers, engine, std::move(listener));
        },
        nb::arg("name"), nb::arg("exact"), nb::arg("control_names"), nb::arg("always_bos"),
        nb::arg("gpu_layers"), nb::arg("threads"), nb::arg("cache_f32"), nb::arg("rows"),
        nb::arg("listener").none());
    m.def("known_models", [] {
        std::vector<std::pair<std::string, std::string>> out;
        for (const auto& model : cli::known_models()) out.emplace_back(model.name, model.description);
        return out;
    });
}

}  // namespace tiller::python
