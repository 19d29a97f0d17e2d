// Rows and what comes of them.
#include "bind.h"
#include "session.h"
#include "tiller/error.h"

namespace tiller::python {
namespace {

using Top = std::vector<std::pair<Token, float>>;

Top top_of(const std::vector<TokenLogprob>& top) {
    Top out;
    for (const auto& t : top) out.emplace_back(t.token, t.logprob);
    return out;
}

std::vector<Top> tops_of(const std::vector<std::vector<TokenLogprob>>& tops) {
    std::vector<Top> out;
    for (const auto& top : tops) out.push_back(top_of(top));
    return out;
}

RowResult& result_of(nb::handle self) { return nb::cast<RowResult&>(self); }

// One array of [layer][position][width] for each capture, of which the result keeps the values.
nb::typed<nb::list, nb::ndarray<nb::numpy, float, nb::ndim<3>>> captured_of(nb::handle self) {
    nb::list out;
    for (Captured& c : result_of(self).captured)
        out.append(view_of(c.values,
                           {static_cast<std::size_t>(c.n_layer), static_cast<std::size_t>(c.n_position),
                            static_cast<std::size_t>(c.width)},
                           self));
    return out;
}

void bind_row(nb::module_& m) {
    nb::class_<Sampling>(m, "Sampling")
        .def(
            "__init__",
            [](Sampling* self, float temperature, float top_p, int top_k, std::uint32_t seed, float min_p,
               float presence_penalty, float frequency_penalty, float repetition_penalty) {
                new (self) Sampling{
                    temperature,       top_p, top_k, seed, min_p, presence_penalty, frequency_penalty,
                    repetition_penalty};
            },
            nb::arg("temperature"), nb::arg("top_p"), nb::arg("top_k"), nb::arg("seed"), nb::arg("min_p"),
            nb::arg("presence_penalty"), nb::arg("frequency_penalty"), nb::arg("repetition_penalty"));
    nb::class_<Row>(m, "Row")
        .def(nb::init<>())
        .def_rw("prompt", &Row::prompt)
        .def_rw("edits", &Row::edits)
        .def_rw("captures", &Row::captures)
        .def_rw("forced", &Row::forced)
        .def_rw("max_new_tokens", &Row::max_new_tokens)
        .def_rw("sampling", &Row::sampling)
        .def_rw("stop", &Row::stop)
        .def_rw("n_top", &Row::n_top)
        .def_rw("want_logits", &Row::want_logits)
        .def_rw("want_logprobs", &Row::want_logprobs)
        .def_rw("want_prompt_logprobs", &Row::want_prompt_logprobs)
        .def_rw("n_top_each", &Row::n_top_each);
}

void bind_result(nb::module_& m) {
    nb::class_<RowResult>(m, "RowResult")
        .def_prop_ro("top", [](const RowResult& r) { return top_of(r.top); })
        .def_prop_ro("top_each", [](const RowResult& r) { return tops_of(r.top_each); })
        .def_prop_ro("logits",
                     [](nb::handle self) {
                         auto& values = result_of(self).logits;
                         return view_of(values, {values.size()}, self);
                     })
        .def_prop_ro("prompt_logprob",
                     [](nb::handle self) {
                         auto& values = result_of(self).prompt_logprob;
                         return view_of(values, {values.size()}, self);
                     })
        .def_prop_ro("forced_logprob",
                     [](nb::handle self) {
                         auto& values = result_of(self).forced_logprob;
                         return view_of(values, {values.size()}, self);
                     })
        .def_prop_ro("generated",
                     [](nb::handle self) {
                         auto& values = result_of(self).generated;
                         return view_of(values, {values.size()}, self);
                     })
        .def_prop_ro("generated_logprob",
                     [](nb::handle self) {
                         auto& values = result_of(self).generated_logprob;
                         return view_of(values, {values.size()}, self);
                     })
        .def_prop_ro("text", [](const RowResult& r) { return text_of(r.text_before_stop()); })
        .def_ro("broken", &RowResult::broken)
        .def_prop_ro("finish", [](const RowResult& r) { return finish_name(r.finish); })
        .def_prop_ro("captured", &captured_of);
}

}  // namespace

void bind_generation(nb::module_& m) {
    bind_row(m);
    bind_result(m);
    m.def(
        "run",
        [](Session& session, const std::vector<const Row*>& given, nb::object listener,
           const std::string& what) {
            std::vector<Row> rows;
            rows.reserve(given.size());
            for (const Row* row : given) rows.push_back(*row);
            return session.run_rows(rows, std::move(listener), what);
        },
        nb::arg("session"), nb::arg("rows"), nb::arg("listener").none(), nb::arg("what"));
    m.def(
        "free_memory",
        [](Session& session, int n_token) {
            std::uint64_t free = 0;
            Work work;
            session.run(work, [&](Engine& engine) { free = engine.memory_need(n_token).free; });
            return free;
        },
        nb::arg("session"), nb::arg("n_token"), "Bytes that rows of n_token tokens may take.");
}

}  // namespace tiller::python
