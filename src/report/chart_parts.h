// What several charts draw alike.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace tiller::report {

/// Four digits behind the point: more than a chart shows, and they keep the file small. Null for no number.
nlohmann::json rounded(double value);

void add_once(nlohmann::json& names, const std::string& name);

/// The fields that a tooltip shows, each with its title.
nlohmann::json tooltip(std::initializer_list<std::pair<const char*, const char*>> fields);

/// A transform that keeps the rows whose flag is set.
nlohmann::json only_where(const char* flag);

/// `inner` once for each value of the field, in the order of `values`, under `header`.
nlohmann::json panels(const nlohmann::json& data, const char* field, const char* type,
                      const nlohmann::json& values, nlohmann::json header, nlohmann::json inner);

/// Axis of a heat map: a place for each name.
nlohmann::json names_axis(const char* field, const nlohmann::json& title, const nlohmann::json& names,
                          nlohmann::json look);

/// The cells of a heat map: "mean" as their colour on `scale` (its domain and range), "text" written into
/// them, light where the flag `dark` is set.
nlohmann::json heat_cells(nlohmann::json scale, int font_size, const char* dark);

}  // namespace tiller::report
