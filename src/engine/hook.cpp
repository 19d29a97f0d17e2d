#include "engine/hook.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "engine/operations.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

// Splits "name-12" into "name" and 12; layer -1 when there is no such ending.
std::string_view split_name(const char* text, int& layer) {
    const std::string_view name(text);
    layer = -1;
    const auto dash = name.rfind('-');
    if (dash == std::string_view::npos) return name;
    const char* end = name.data() + name.size();
    if (std::from_chars(name.data() + dash + 1, end, layer).ptr != end) layer = -1;
    return name.substr(0, dash);
}

// Layer of a "blk.12.attn_output.*" weight, -1 for any other tensor. A copy on another device has a prefix.
int attention_projection_layer(const ggml_tensor* t) {
    const std::string_view name(t->name);
    const auto begin = name.find("blk.");
    if (begin == std::string_view::npos || name.find(".attn_output.") == std::string_view::npos) return -1;
    int layer = -1;
    std::from_chars(name.data() + begin + 4, name.data() + name.size(), layer);
    return layer;
}

// The states that logits are made from; where states are asked for, they are "pooled", one for each token.
bool is_last_norm(const ggml_tensor* t) {
    const std::string_view name(t->name);
    return name == "result_norm" || name == "result_embd_pooled";
}

// Is `next` a turn of the very values that the turn `action` changes?
bool meets(const Action& action, const Action& next) {
    return next.edit && next.token == action.token && next.edit->operation == Operation::turn &&
           next.edit->head == action.edit->head && next.edit->vector->size() == action.edit->vector->size();
}

}  // namespace

void DecodePlan::reset(int n_layer) {
    tokens.clear();
    n_output = 0;
    stop_early = false;
    keep_cache = true;
    states = false;
    last_layer = -1;
    for (auto& site : actions) {
        site.resize(static_cast<std::size_t>(n_layer));
        for (auto& layer : site) layer.clear();
    }
}

Hook::Hook(int n_layer, std::string architecture, std::vector<int> d_head)
    : n_layer_(n_layer), architecture_(std::move(architecture)), d_head_(std::move(d_head)) {
    const auto n = static_cast<std::size_t>(n_layer);
    for (auto& site : map_.sites) site.assign(n, {});
    map_.mlp_is_moe.assign(n, false);
    map_.attention_has_post_norm.assign(n, false);
    map_.n_projection.assign(n, 0);
    start_graph();
}

void Hook::start_graph() {
    const auto n = static_cast<std::size_t>(n_layer_);
    n_projection_.assign(n, 0);
    n_ffn_out_.assign(n, 0);
    projection_end_ = nullptr;
    norm_ = nullptr;
    for (auto& site : done_) site.assign(n, 0);
    pending_ = nullptr;
}

void Hook::begin_probe(int n_token) {
    for (auto& site : map_.sites) site.assign(static_cast<std::size_t>(n_layer_), {});
    logits_node_ = {};
    probing_ = true;
    probe_tokens_ = n_token;
    thrown_ = nullptr;
    start_graph();
}

void Hook::end_probe() {
    probing_ = false;
    rethrow();
}

void Hook::begin(const DecodePlan* plan) {
    plan_ = plan;
    failure_.clear();
    thrown_ = nullptr;
    start_graph();
}

bool Hook::callback(ggml_tensor* tensor, bool ask, void* user) {
    auto& hook = *static_cast<Hook*>(user);
    try {
        return hook.answer(tensor, ask);
    } catch (...) {
        hook.thrown_ = std::current_exception();
        return false;  // not wanted, or stop here: what this graph still computes is of no use
    }
}

bool Hook::answer(ggml_tensor* tensor, bool ask) {
    if (thrown_) return false;
    if (!probing_ && !plan_) return !ask;
    return ask ? wants(tensor) : evaluate(tensor);
}

void Hook::rethrow() {
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

// Which site a node is, if any. Called once per node in graph order, and keeps the little state that needs.
bool Hook::locate(const ggml_tensor* t, Place& place) {
    int il = -1;  // mutation: same
    const std::string_view name = split_name(t->name, il);
    if (il >= 0 && il < n_layer_) {
        const auto i = static_cast<std::size_t>(il);
        place.layer = il;
        if (name == "kqv_out") {
            place.site = Site::head_output;
            return true;
        }
        if (name == "l_out") {
            place.site = Site::residual;
            return true;
        }
        // Gemma 4 has an MLP and experts side by side; "combined" is their sum.
        if (name == "ffn_out" || name == "ffn_moe_out" || name == "ffn_moe_combined") {
            // NeoX names the MLP's output and a sum alike; the first is the MLP's own.
            const bool moe = name == "ffn_moe_out";
            if (probing_ && moe && n_ffn_out_[i] == 0) map_.mlp_is_moe[i] = true;
            if (probing_ && !moe) map_.mlp_is_moe[i] = false;
            if (!moe && n_ffn_out_[i]++ > 0) return false;
            if (!probing_ && moe != map_.mlp_is_moe[i]) return false;
            place.site = Site::mlp_output;
            return true;
        }
    }
    return extends_attention(t, place);
}

// The way from the heads to the residual stream: W_O, its scale and bias, a constant scale (Granite), a
// post-norm (Gemma, OLMo 2, GLM-4). The nodes' names differ between architectures and some name the MLP's
// norm like a post-norm, so they are known by what they read: the weights of W_O, or the node before. The
// last of them is the site.
bool Hook::extends_attention(const ggml_tensor* t, Place& place) {
    int layer = -1;  // mutation: same
    if (t->op == GGML_OP_MUL_MAT || t->op == GGML_OP_MUL || t->op == GGML_OP_ADD)
        for (const ggml_tensor* weight : {t->src[0], t->src[1]})
            if (weight && layer < 0) layer = attention_projection_layer(weight);
    bool norm = false;
    if (layer >= 0 && layer < n_layer_) {
        projection_layer_ = layer;
    } else {
        if (!projection_end_ || t->src[0] != projection_end_) return false;
        layer = projection_layer_;
        // Selecting rows and reshaping change no values, so they are passed through and not counted.
        if (t->op == GGML_OP_GET_ROWS || t->op == GGML_OP_RESHAPE) {
            projection_end_ = t;
            return false;
        }
        const bool weighted = t->op == GGML_OP_MUL && projection_end_->op == GGML_OP_RMS_NORM;
        if (t->op != GGML_OP_SCALE && t->op != GGML_OP_RMS_NORM && !weighted) return false;
        norm = weighted;
    }
    projection_end_ = t;
    const auto i = static_cast<std::size_t>(layer);
    ++n_projection_[i];
    if (probing_) {
        map_.n_projection[i] = n_projection_[i];
        map_.attention_has_post_norm[i] = norm;
    }
    if (n_projection_[i] != map_.n_projection[i]) return false;
    place = {Site::attention_output, layer};
    return true;
}

void Hook::look_for_logits(const ggml_tensor* t) {
    if (is_last_norm(t)) norm_ = t;
    if (std::string_view(t->name) != "result_output" || t->op != GGML_OP_MUL_MAT || !norm_ ||
        t->src[1] != norm_)
        return;
    ggml_tensor* matrix = t->src[0];
    // Computed weights (an adapter's sum) are not the model's.
    if (matrix->op != GGML_OP_NONE || matrix->ne[0] != norm_->ne[0]) return;
    logits_node_.matrix = matrix;
    std::copy(std::begin(t->op_params), std::end(t->op_params), logits_node_.op_params.begin());
}

bool Hook::wants(const ggml_tensor* t) {
    if (probing_) look_for_logits(t);
    Place place{};
    const bool found = locate(t, place);
    pending_ = nullptr;
    if (!found && !probing_ && plan_->states && is_last_norm(t)) {
        norm_ = pending_ = t;
        return true;
    }
    if (!found) return false;
    if (probing_) {
        auto& info = map_.sites[index_of(place.site)][static_cast<std::size_t>(place.layer)];
        info.present = t->type == GGML_TYPE_F32;
        info.width = t->ne[0];
        const std::int64_t rows = t->ne[1] * t->ne[2] * t->ne[3];
        info.reduced = rows < probe_tokens_;
        info.n_copy = std::max<std::int64_t>(1, rows / probe_tokens_);
        return false;
    }
    const bool action = !plan_->empty(place.site, place.layer);
    const bool stop = plan_->stop_early && place.layer == n_layer_ - 1 && place.site == Site::head_output &&
                      plan_->last_layer < n_layer_ - 1 && plan_->keep_cache;
    if (!action && !stop) return false;
    pending_ = t;
    pending_place_ = place;
    pending_action_ = action;
    return true;
}

bool Hook::evaluate(ggml_tensor* t) {
    if (t != pending_) return true;
    if (t == norm_) return false;
    const Place place = pending_place_;
    if (pending_action_ && failure_.empty()) {
        carry_out(t, place, plan_->actions[index_of(place.site)][static_cast<std::size_t>(place.layer)]);
        done_[index_of(place.site)][static_cast<std::size_t>(place.layer)] = 1;
    }
    if (!plan_->stop_early) return true;
    const bool cache_is_whole = !plan_->keep_cache || place.layer == n_layer_ - 1;
    if (!cache_is_whole || place.layer < plan_->last_layer) return true;
    // Stop only when nothing of this layer is left.
    for (const auto site : {Site::head_output, Site::attention_output, Site::mlp_output, Site::residual})
        if (!plan_->empty(site, place.layer) && !done_[index_of(site)][static_cast<std::size_t>(place.layer)])
            return true;
    return false;
}

void Hook::carry_out(ggml_tensor* t, const Place& place, const std::vector<Action>& actions) {
    const auto rows = t->ne[1] * t->ne[2] * t->ne[3];
    const auto n_token = static_cast<std::int64_t>(plan_->tokens.size());
    const auto width = static_cast<std::size_t>(t->ne[0]);
    const auto refuse = [&](const std::string& what) {
        failure_ = fmt::format("{} in layer {} of architecture {}: {}", site_name(place.site), place.layer,
                               architecture_, what);
    };
    if (t->type != GGML_TYPE_F32 || !ggml_is_contiguous(t))
        return refuse(fmt::format("the node {} is not a contiguous float32 tensor", t->name));
    const bool reduced = rows != n_token;
    if (reduced && rows != plan_->n_output)
        return refuse(fmt::format("{} rows in the graph, expected {} tokens or {} outputs", rows, n_token,
                                  plan_->n_output));

    const ggml_backend_buffer_t buffer = t->view_src ? t->view_src->buffer : t->buffer;
    const bool host = buffer && ggml_backend_buffer_is_host(buffer);
    float* data = static_cast<float*>(t->data);
    if (!host) {
        staging_.resize(width * static_cast<std::size_t>(rows));
        ggml_backend_tensor_get(t, staging_.data(), 0, staging_.size() * sizeof(float));
        data = staging_.data();
    }
    bool changed = false;
    for (std::size_t a = 0; a < actions.size(); ++a) {
        const Action& action = actions[a];
        int row = action.token;
        if (reduced) row = plan_->tokens[static_cast<std::size_t>(row)].output;
        if (row < 0) {
            // Nothing later reads this token, so an edit has no effect and counts as made; a capture must be
            // read.
            if (!action.edit) return refuse("a capture needs a token whose output was not kept");
            ++n_edit_;
            continue;
        }
        std::span<float> x(data + static_cast<std::size_t>(row) * width, width);
        if (!action.edit) {
            if (action.sum)
                for (std::size_t i = 0; i < width; ++i) action.sum[i] += static_cast<double>(x[i]);
            else
                std::copy(x.begin(), x.end(), action.target);
            ++n_capture_;
            continue;
        }
        const Edit& edit = *action.edit;
        const std::span<const float> v(*edit.vector);
        if (edit.head >= 0) {
            const auto d_head = static_cast<std::size_t>(d_head_[static_cast<std::size_t>(place.layer)]);
            if ((static_cast<std::size_t>(edit.head) + 1) * d_head > width)
                return refuse(
                    fmt::format("head {} of width {} is outside of {} values", edit.head, d_head, width));
            x = x.subspan(static_cast<std::size_t>(edit.head) * d_head, d_head);
        }
        if (!fits_width(edit.operation, v.size(), x.size()))
            return refuse(fmt::format("the vector of operation {} has {} values, the activation has {}",
                                      operation_name(edit.operation), v.size(), x.size()));
        if (edit.operation == Operation::turn) {
            // Turns of one activation that follow each other are one turn (edit.h).
            turns_.assign(1, {v, edit.strength});
            for (; a + 1 < actions.size() && meets(action, actions[a + 1]); ++a) {
                const Edit& next = *actions[a + 1].edit;
                turns_.push_back({*next.vector, next.strength});
                changed = changed || next.strength != 0.0f;
                ++n_edit_;
            }
            turn(x, turns_);
        } else {
            apply(edit.operation, x, v, edit.strength);
        }
        changed = changed || edit.strength != 0.0f;
        ++n_edit_;
    }
    if (!host && changed) ggml_backend_tensor_set(t, staging_.data(), 0, staging_.size() * sizeof(float));
}

void Hook::check() {
    const DecodePlan* plan = plan_;
    plan_ = nullptr;
    rethrow();
    if (!failure_.empty()) throw Error(Code::incomplete, failure_);
    for (const auto site : {Site::head_output, Site::attention_output, Site::mlp_output, Site::residual})
        for (int il = 0; il < n_layer_; ++il)
            if (!plan->empty(site, il) && !done_[index_of(site)][static_cast<std::size_t>(il)])
                throw Error(
                    Code::incomplete,
                    fmt::format("{} edits or captures at {} in layer {} were not carried out: the graph of "
                                "architecture {} did not reach that site; please report this",
                                plan->actions[index_of(site)][static_cast<std::size_t>(il)].size(),
                                site_name(site), il, architecture_));
}

}  // namespace tiller::engine
