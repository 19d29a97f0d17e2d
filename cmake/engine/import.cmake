# tiller_import_engine(<prefix>): imports `llama` from a built engine below <prefix>. Also installed
# with tiller's own package, which needs the engine in the same way.
macro(tiller_import_engine prefix)
    set(ggml_DIR "${prefix}/lib/cmake/ggml")
    find_package(llama CONFIG REQUIRED PATHS "${prefix}" NO_DEFAULT_PATH)
    # A static ggml-cuda names the driver alone in its package; its users must link the runtime too.
    if(TARGET ggml::ggml-cuda)
        find_package(CUDAToolkit REQUIRED)
        set_property(TARGET ggml::ggml-cuda APPEND PROPERTY
            INTERFACE_LINK_LIBRARIES "$<LINK_ONLY:CUDA::cudart>" "$<LINK_ONLY:CUDA::cublas>")
    endif()
endmacro()
