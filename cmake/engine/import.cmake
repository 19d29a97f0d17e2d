# CUDA's libraries. CUDA 13 has no nvToolsExt, which CMake 3.25 (Debian 12) takes for granted when a
# project asks for that version; an empty target stands in, and nothing links it.
macro(tiller_find_cuda)
    if(CMAKE_VERSION VERSION_LESS 3.26 AND NOT TARGET CUDA::nvToolsExt)
        add_library(CUDA::nvToolsExt INTERFACE IMPORTED)
    endif()
    find_package(CUDAToolkit REQUIRED)
endmacro()

# tiller_import_engine(<prefix>): imports `llama` from a built engine below <prefix>. Also installed
# with tiller's own package, which needs the engine in the same way.
macro(tiller_import_engine prefix)
    set(ggml_DIR "${prefix}/lib/cmake/ggml")
    find_package(llama CONFIG REQUIRED PATHS "${prefix}" NO_DEFAULT_PATH)
    # A static ggml-cuda names the driver alone in its package; its users must link the runtime too.
    if(TARGET ggml::ggml-cuda)
        tiller_find_cuda()
        set_property(TARGET ggml::ggml-cuda APPEND PROPERTY
            INTERFACE_LINK_LIBRARIES "$<LINK_ONLY:CUDA::cudart>" "$<LINK_ONLY:CUDA::cublas>")
    endif()
endmacro()
