# Lists made from files: a new method, score or protocol is one new file, and nothing else has to know it.
#
# tiller_registry(<out> NAMESPACE <namespace> TYPE <type> LIST <list> HEADER <header> FILES <pattern>) sets <out> to a C++ file that defines
#     const std::vector<const <type>*>& <list>();
# over all files <name>.cpp of the pattern, in the order of their names; each defines `const <type>& <name>()`.
function(tiller_registry out)
    cmake_parse_arguments(PARSE_ARGV 1 of "" "NAMESPACE;TYPE;LIST;HEADER;FILES" "")
    file(GLOB files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${of_FILES}")
    set(REGISTRY_TYPE ${of_TYPE})
    set(REGISTRY_LIST ${of_LIST})
    set(REGISTRY_FILES "${of_FILES}")
    set(REGISTRY_HEADER "${of_HEADER}")
    set(REGISTRY_NAMESPACE ${of_NAMESPACE})
    set(names "")
    foreach(file IN LISTS files)
        cmake_path(GET file STEM name)
        list(APPEND names ${name})
    endforeach()
    list(SORT names)
    set(REGISTRY_DECLARATIONS "")
    set(REGISTRY_CALLS "")
    foreach(name IN LISTS names)
        string(APPEND REGISTRY_DECLARATIONS "const ${of_TYPE}& ${name}();\n")
        string(APPEND REGISTRY_CALLS "        &${name}(),\n")
    endforeach()
    set(source "${PROJECT_BINARY_DIR}/generated/${of_LIST}.cpp")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/registry.cpp.in" "${source}" @ONLY)
    set(${out} "${source}" PARENT_SCOPE)
endfunction()

tiller_registry(TILLER_METHODS_SOURCE NAMESPACE tiller TYPE Method LIST methods
    HEADER tiller/method.h FILES "src/methods/method_*.cpp")
tiller_registry(TILLER_METRICS_SOURCE NAMESPACE tiller TYPE Metric LIST metric_files
    HEADER scoring/metrics.h FILES "src/scoring/metric_*.cpp")
tiller_registry(TILLER_PROTOCOLS_SOURCE NAMESPACE tiller::study TYPE Protocol LIST protocol_files
    HEADER study/protocol.h FILES "src/protocols/*/protocol_*.cpp")
