# Writes the list of methods: every src/methods/method_<name>.cpp defines `const Method& method_<name>()`.
# A new method is one new file; nothing else has to know it.
file(GLOB method_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/methods/method_*.cpp")
list(SORT method_files)
set(TILLER_METHOD_DECLARATIONS "")
set(TILLER_METHOD_CALLS "")
foreach(file IN LISTS method_files)
  get_filename_component(name "${file}" NAME_WE)
  string(APPEND TILLER_METHOD_DECLARATIONS "const Method& ${name}();\n")
  string(APPEND TILLER_METHOD_CALLS "        &${name}(),\n")
endforeach()
set(TILLER_METHODS_SOURCE "${PROJECT_BINARY_DIR}/generated/methods_list.cpp")
configure_file("${PROJECT_SOURCE_DIR}/cmake/methods_list.cpp.in" "${TILLER_METHODS_SOURCE}" @ONLY)
