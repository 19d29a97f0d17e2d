# Writes the list of scores: every src/scoring/metric_<name>.cpp defines `const Metric& metric_<name>()`.
# A new score is one new file; nothing else has to know it.
file(GLOB metric_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/scoring/metric_*.cpp")
list(SORT metric_files)
set(TILLER_METRIC_DECLARATIONS "")
set(TILLER_METRIC_CALLS "")
foreach(file IN LISTS metric_files)
  get_filename_component(name "${file}" NAME_WE)
  string(APPEND TILLER_METRIC_DECLARATIONS "const Metric& ${name}();\n")
  string(APPEND TILLER_METRIC_CALLS "        &${name}(),\n")
endforeach()
set(TILLER_METRICS_SOURCE "${PROJECT_BINARY_DIR}/generated/metrics_list.cpp")
configure_file("${PROJECT_SOURCE_DIR}/cmake/metrics_list.cpp.in" "${TILLER_METRICS_SOURCE}" @ONLY)
