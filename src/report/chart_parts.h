// Parts of Vega-Lite specifications that several charts use.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace tiller::report {

/// The value with four decimals, which is more than a chart shows and keeps the file small. Null when it is
/// not finite.
nlohmann::json rounded(double value);

/// Appends the name to the array unless it is there.
void add_once(nlohmann::json& names, const std::string& name);

/// The encoding of a tooltip that shows the given fields; pairs of field and title.
nlohmann::json tooltip(std::initializer_list<std::pair<const char*, const char*>> fields);

/// A transform that keeps the rows whose field `flag` is true.
nlohmann::json only_where(const char* flag);

/// A facet: a panel with the specification `inner` for each value of `field`, in the order of `values`.
/// `type` is the field's type, `header` says how a panel's title looks.
nlohmann::json panels(const nlohmann::json& data, const char* field, const char* type,
                      const nlohmann::json& values, nlohmann::json header, nlohmann::json inner);

/// The encoding of a heat map's axis with one step for each of `names`, in their order. `look` has further
/// properties of the axis.
nlohmann::json names_axis(const char* field, const nlohmann::json& title, const nlohmann::json& names,
                          nlohmann::json look);

/// The layers of a heat map: cells coloured by the field "mean" on `scale` (domain and range), with the field
/// "text" written into them. The text is light where the field named by `dark` is true.
nlohmann::json heat_cells(nlohmann::json scale, int font_size, const char* dark);

}  // namespace tiller::report
