#include "report/inspect_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/escape.h"
#include "report/numbers.h"
#include "report/page.h"
#include "tiller/scoring.h"

namespace tiller::report {
namespace {

constexpr double kFactors[] = {2, 10, 100};  // of effect_level()

// How many of the bounds the value reaches or exceeds.
template <std::size_t n>
int level_of(double value, const double (&bounds)[n]) {
    return static_cast<int>(
        std::count_if(std::begin(bounds), std::end(bounds), [&](double b) { return value >= b; }));
}

constexpr double kKlBounds[] = {0.1, 1, 3};  // nats
// -log p in nats of tokens that the unsteered model gives 10 %, 1 % and 0.01 %.
const double kSurpriseBounds[] = {std::log(10.0), std::log(100.0), std::log(10000.0)};

std::string percent(double logprob) {
    const double share = 100 * std::exp(logprob);
    return share < 0.001 ? "< 0.001 %" : fmt::format("{:.3g} %", share);
}

std::string token_span(const InspectedToken& token, bool steered) {
    const int effect = steered ? effect_level(token.logprob_unsteered, token.logprob_steered) : 0;
    const std::string hint =
        steered ? fmt::format("{} with steering, {} without; KL {:.2f}", percent(token.logprob_steered),
                              percent(token.logprob_unsteered), token.kl)
                : percent(token.logprob_unsteered);
    std::string text = html(token.text);
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 12)
        text.replace(at, 1, "\u21b5<wbr><br>");
    return fmt::format(R"(<span class="t e{} k{} d{}" title="{}">{}</span>)",
                       effect < 0 ? fmt::format("m{}", -effect) : fmt::format("{}", effect),
                       steered ? level_of(token.kl, kKlBounds) : 0,
                       level_of(-token.logprob_unsteered, kSurpriseBounds), html(hint), text);
}

std::string name_of_strength(float strength) {
    return strength == 0 ? std::string("unsteered") : fmt::format("strength {}", strength);
}

std::string remark_of(const InspectedText& text) {
    return text.broken ? "broken (NaN or infinity)" : is_collapsed(text) ? "repeats itself" : "";
}

std::string text_section(const InspectedText& text, std::size_t i) {
    std::string tokens;
    for (const auto& token : whole_characters(text.tokens)) tokens += token_span(token, text.strength != 0);
    if (tokens.empty()) tokens = R"(<span class="quiet">(nothing)</span>)";
    const std::string remark = remark_of(text);
    return fmt::format(
        R"(<section class="text" id="text-{}" data-name="{}"><h2>{}</h2><p class="tokens">{}</p>)"
        R"(<p class="quiet">mean KL {:.2f} nats a token, perplexity without steering {:.1f}{}{}</p></section>)",
        i, html(name_of_strength(text.strength)), html(name_of_strength(text.strength)), tokens,
        text.mean_kl(), text.perplexity(), remark.empty() ? "" : "; ", remark);
}

// A chart of `value` against strength, as SVG that needs no script.
std::string curve(std::span<const InspectedText> texts, const std::string& title,
                  double (InspectedText::*value)() const) {
    constexpr double kWidth = 320, kHeight = 90, kLeft = 8, kTop = 8;
    double highest = 0;
    for (const auto& text : texts)
        highest = std::max(highest, std::isfinite((text.*value)()) ? (text.*value)() : 0);
    const double span = static_cast<double>(texts.back().strength - texts.front().strength);
    std::string points, marks;
    for (const auto& text : texts) {
        const double v = (text.*value)();
        if (!std::isfinite(v)) continue;
        const double x =
            kLeft +
            kWidth * (span > 0 ? static_cast<double>(text.strength - texts.front().strength) / span : 0);
        const double y = kTop + kHeight * (1 - (highest > 0 ? v / highest : 0));
        points += fmt::format("{:.1f},{:.1f} ", x, y);
        marks += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="3"><title>{}: {:.2f}</title></circle>)", x,
                             y, html(name_of_strength(text.strength)), v);
    }
    return fmt::format(
        R"(<figure><figcaption>{}, up to {:.2f}, against strength {} to {}</figcaption><svg viewBox="0 0 336 106" role="img" )"
        R"(aria-label="{}"><polyline points="{}" fill="none" stroke="currentColor" stroke-width="1.5"/>{}</svg></figure>)",
        html(title), highest, texts.front().strength, texts.back().strength, html(title), points, marks);
}

std::string table_of(std::span<const InspectedText> texts) {
    std::string rows;
    for (const auto& text : texts)
        rows += fmt::format(
            R"(<tr><th scope="row">{}</th><td class="num">{:.2f}</td><td class="num">{:.1f}</td><td>{}</td><td>{}</td></tr>)",
            html(name_of_strength(text.strength)), text.mean_kl(), text.perplexity(), html(remark_of(text)),
            html_sample(text.text(), 200));
    return scrolled(
        "All strengths",
        R"(<table><thead><tr><th scope="col">strength</th>)"
        R"(<th scope="col" class="num">mean KL</th><th scope="col" class="num">perplexity</th><th scope="col">remark</th>)"
        R"(<th scope="col">text</th></tr></thead><tbody>)" +
            rows + "</tbody></table>");
}

// Added to the reports' style sheet. Its first rule removes the column of contents, which this page lacks.
constexpr const char* kStyle = R"css(
body{display:block}main{max-width:900px}
.tokens{font-size:1.15rem;line-height:1.9;max-width:none}
.t{border-radius:3px;padding:.12em 0}
[data-mode=effect] .e1{background:#fde0c5;color:#1c1c1a}[data-mode=effect] .e2{background:#f7b27a;color:#1c1c1a}[data-mode=effect] .e3{background:#e07b28;color:#1c1c1a}
[data-mode=effect] .em1{background:#d5e6f5;color:#1c1c1a}[data-mode=effect] .em2{background:#93c1e6;color:#1c1c1a}[data-mode=effect] .em3{background:#4f95cf;color:#1c1c1a}
[data-mode=kl] .k1,[data-mode=damage] .d1{background:#ece2f5;color:#1c1c1a}
[data-mode=kl] .k2,[data-mode=damage] .d2{background:#cdb4e6;color:#1c1c1a}
[data-mode=kl] .k3,[data-mode=damage] .d3{background:#a67bd0;color:#1c1c1a}
.legend span{padding:.1em .5em}
.controls{display:flex;flex-wrap:wrap;gap:.8rem 2rem;align-items:center;margin:1.4rem 0;padding:.8rem 1rem;background:var(--panel)}
.controls input[type=range]{width:min(22rem,60vw);accent-color:var(--link)}
.controls input:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.controls fieldset{border:0;padding:0;margin:0;display:flex;flex-wrap:wrap;gap:.3rem 1rem}
.controls legend{float:left;margin-right:.8rem;padding:0}
.curves{display:flex;flex-wrap:wrap;gap:0 2rem}.curves figure{margin:.5rem 0;flex:1 1 260px;max-width:420px}
.curves svg{width:100%;height:auto;color:var(--link)}.curves circle{fill:currentColor}
.prompt{white-space:pre-wrap}
td:last-child{min-width:16rem}
[hidden]{display:none!important}
)css";

// Shows one text at a time; without scripts all texts are visible, one below the other.
constexpr std::string_view kScript = R"js('use strict';
const texts = [...document.querySelectorAll('section.text')];
const controls = document.querySelector('.controls');
const slider = controls.querySelector('input[type=range]');
const shown = controls.querySelector('output');
const show = () => {
  const at = Number(slider.value);
  texts.forEach((text, i) => { text.hidden = i !== at; });
  shown.value = texts[at].dataset.name;
  slider.setAttribute('aria-valuetext', shown.value);
};
const colour = () => {
  const mode = controls.querySelector('input[name=mode]:checked').value;
  document.querySelector('main').dataset.mode = mode;
  document.querySelectorAll('.legend p').forEach(p => { p.hidden = p.dataset.of !== mode; });
};
slider.addEventListener('input', show);
controls.addEventListener('change', colour);
controls.hidden = false;
show();
colour();
)js";

constexpr std::string_view kLegend =
    R"(<div class="legend quiet"><p data-of="effect">Steering made a token <span class="em3">100</span><span class="em2">10</span>)"
    R"(<span class="em1">2</span> times rarer or <span class="e1">2</span><span class="e2">10</span><span class="e3">100</span> times )"
    R"(likelier.</p><p data-of="kl">Steering moved the whole distribution by <span class="k1">0.1</span><span class="k2">1</span>)"
    R"(<span class="k3">3</span> nats or more.</p><p data-of="damage">Without steering the model gives the token less than )"
    R"(<span class="d1">10 %</span><span class="d2">1 %</span><span class="d3">0.01 %</span>.</p></div>)";

std::string controls(std::size_t n, std::size_t start) {
    const auto mode = [](const char* value, const char* label, bool checked) {
        return fmt::format(R"(<label><input type="radio" name="mode" value="{}"{}> {}</label>)", value,
                           checked ? " checked" : "", label);
    };
    return fmt::format(
        R"(<div class="controls" hidden><label>Strength <input type="range" min="0" max="{}" value="{}" step="1"></label>)"
        R"(<output></output><fieldset><legend>Colour</legend>{}{}{}</fieldset></div>)",
        n - 1, start, mode("effect", "what steering changed", true), mode("kl", "divergence", false),
        mode("damage", "surprise without steering", false));
}

// Index of the text that is shown first: that of strength 1, else the last.
std::size_t first_shown(std::span<const InspectedText> texts) {
    const auto own = std::find_if(texts.begin(), texts.end(), [](const auto& t) { return t.strength == 1; });
    return static_cast<std::size_t>((own == texts.end() ? texts.end() - 1 : own) - texts.begin());
}

}  // namespace

int effect_level(double logprob_unsteered, double logprob_steered) noexcept {
    const double change = logprob_steered - logprob_unsteered;
    int level = 0;
    for (const double factor : kFactors) level += std::fabs(change) >= std::log(factor);
    return change < 0 ? -level : level;
}

bool is_collapsed(const InspectedText& text) { return text_health(text.text()).collapsed; }

std::string where_it_breaks(std::span<const InspectedText> texts) {
    const auto bad = [](const InspectedText& text) { return text.broken || is_collapsed(text); };
    const auto zero =
        std::find_if(texts.begin(), texts.end(), [](const auto& text) { return text.strength == 0; });
    if (zero != texts.end() && bad(*zero))
        return "The text collapses without steering already: it repeats itself, or its numbers are not "
               "finite. Take another prompt.";
    // On either side of 0, from the strongest text towards 0 for as long as texts are bad.
    std::string out;
    const auto say = [&](const InspectedText* first) {
        if (first)
            out += fmt::format(
                "{}From strength {} on the text collapses: it repeats itself, or its numbers are not "
                "finite.",
                out.empty() ? "" : " ", first->strength);
    };
    const InspectedText* first = nullptr;
    for (auto it = texts.end(); it != texts.begin() && (it - 1)->strength > 0 && bad(*(it - 1)); --it)
        first = &*(it - 1);
    say(first);
    first = nullptr;
    for (auto it = texts.begin(); it != texts.end() && it->strength < 0 && bad(*it); ++it) first = &*it;
    say(first);
    if (!out.empty()) return out;
    const auto n_bad = std::count_if(texts.begin(), texts.end(), bad);
    return n_bad == 0
               ? fmt::format("No text repeats itself up to strength {}.", texts.back().strength)
               : fmt::format("{} of {} texts repeat themselves, but not the strongest.", n_bad, texts.size());
}

std::string inspect_page(const InspectOrigin& origin, std::span<const InspectedText> texts) {
    std::string vectors;
    for (const auto& vector : origin.vectors) vectors += (vectors.empty() ? "" : ", ") + vector;
    std::string sections;
    for (std::size_t i = 0; i < texts.size(); ++i) sections += text_section(texts[i], i) + "\n";
    const std::string body = fmt::format(
        R"(<main data-mode="effect">
<header><h1>What steering does to a text</h1><p class="question">{} on {}</p><p class="prompt"><span class="quiet">Prompt:</span> {}</p><p>{}</p></header>
{}
{}
{}
<div class="curves">{}{}</div>
{}
</main>
)",
        html(vectors), html(origin.model), html(origin.prompt), html(where_it_breaks(texts)),
        controls(texts.size(), first_shown(texts)), kLegend, sections,
        curve(texts, "Mean KL a token, nats", &InspectedText::mean_kl),
        curve(texts, "Perplexity without steering", &InspectedText::perplexity), table_of(texts));
    return page_of(vectors, page_style(Palette(Summary{})) + kStyle, body, std::span(&kScript, 1));
}

}  // namespace tiller::report
