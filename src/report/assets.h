// The chart libraries that are embedded in HTML reports.
#pragma once

#include <string_view>

namespace tiller::report {

/// The minified JavaScript of Vega, Vega-Lite and Vega-Embed, each with its licence in a comment at
/// the top. UTF-8; static storage. A page runs them in this order.
std::string_view vega_js();
std::string_view vega_lite_js();
std::string_view vega_embed_js();

}  // namespace tiller::report
