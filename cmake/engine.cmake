# The engine: libllama and ggml, as the imported target `llama`.
#
# Looked for in this order: an installed llama package of the version below (TILLER_SYSTEM_LLAMA),
# a source folder (-DTILLER_LLAMA_SOURCE=dir), a file with the pinned source (-DTILLER_ENGINE_BUNDLE=file), the
# pinned npm package that carries llama.cpp's git history as a bundle. The last three are built once, outside this build, into
# <cache>/engine/<key>; the key names everything that can change the result, so that a new compiler
# or another machine sharing the cache gets a build of its own.

set(TILLER_ENGINE_VERSION 0.5.0)
set(TILLER_ENGINE_COMMIT de3ff815ea7d559ee917f063901b8986f038abc6)
set(TILLER_ENGINE_PACKAGE node-llama-cpp)
set(TILLER_ENGINE_PACKAGE_VERSION 3.22.1)
set(TILLER_ENGINE_PACKAGE_SHA256 a0d9dd80eacd2ab1cfe71aee57ac8a806487fd70b3d2a38fbec637752d9e5c5f)
set(TILLER_ENGINE_RECIPE 7)  # Raise when this file changes how the engine is built.
set(TILLER_ENGINE_PATCHES amx_products.patch int8_products.patch avx2_products.patch same_bits.patch row_operations.patch
    large_pages.patch short_attention.patch
    states_only.patch waiting.patch)  # In cmake/engine; each says why.

include("${CMAKE_CURRENT_LIST_DIR}/engine/import.cmake")

set(TILLER_SYSTEM_LLAMA AUTO CACHE STRING "Use an installed llama package when its version fits (AUTO, OFF)")
set_property(CACHE TILLER_SYSTEM_LLAMA PROPERTY STRINGS AUTO OFF)
set(TILLER_ENGINE_BUNDLE "" CACHE FILEPATH
    "The pinned source as a file, for builds without a network: llama.cpp's git bundle, or the npm package that holds it")
set(TILLER_LLAMA_SOURCE "" CACHE PATH "A llama.cpp source folder to build the engine from")
set(TILLER_ENGINE_FLAGS "" CACHE STRING "More -D flags for the engine, separated by ';' (-DGGML_VULKAN=ON)")
option(TILLER_NATIVE "Build the engine for this machine's processor" ON)
option(TILLER_SAME_BITS "Compute the same bits on all x86-64 processors with AVX2; OFF: floats as wide as this one has" ON)
option(TILLER_VARIANTS "Build kernels for several x86-64 processors, of which the program takes the best when it starts" OFF)
if(TILLER_VARIANTS)
    set(TILLER_NATIVE OFF)
    list(APPEND TILLER_ENGINE_PATCHES variants.patch)
endif()
option(TILLER_CUDA "Build the engine with CUDA" OFF)
option(TILLER_RPC "Build the engine so that other machines may compute layers (tiller --rpc), and the server for them" OFF)
if(TILLER_RPC)
    if(TILLER_VARIANTS)
        message(FATAL_ERROR "TILLER_RPC and TILLER_VARIANTS were not tried together; leave one of them out.")
    endif()
    list(APPEND TILLER_ENGINE_PATCHES rpc.patch)
endif()

# Sets <out> to a text that names this machine's instruction sets: a -march=native build made on one
# machine must not be picked up on another that lacks an instruction set.
function(tiller_cpu_features out)
    set(features "${CMAKE_SYSTEM_PROCESSOR}")
    if(TILLER_NATIVE AND EXISTS /proc/cpuinfo)
        file(STRINGS /proc/cpuinfo lines REGEX "^(flags|Features|model name|CPU part)[ \t]*:")
        list(REMOVE_DUPLICATES lines)
        list(SORT lines)
        string(APPEND features "${lines}")
    elseif(TILLER_NATIVE AND APPLE)
        execute_process(COMMAND sysctl -n machdep.cpu.brand_string OUTPUT_VARIABLE brand ERROR_QUIET)
        string(APPEND features "${brand}")
    endif()
    if(TILLER_CUDA)  # CUDA code, too, is built for the devices that are here.
        tiller_find_cuda()
        execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
            RESULT_VARIABLE failed OUTPUT_VARIABLE devices ERROR_QUIET)
        string(APPEND features "CUDA ${CUDAToolkit_VERSION} ${devices}")
    endif()
    set(${out} "${features}" PARENT_SCOPE)
endfunction()

# llama's and ggml's packages remember their places in this build folder's CMake cache. When the
# place is a build of ours it is forgotten here, or a folder would go on linking an earlier engine,
# and would take our own build for an installed package.
function(tiller_forget_engine)
    get_cmake_property(names CACHE_VARIABLES)
    foreach(name IN LISTS names)
        if(name MATCHES "^(llama_|ggml_|GGML_)" AND "$CACHE{${name}}" MATCHES "/engine/[0-9.]+-[0-9a-f]+/")
            unset(${name} CACHE)
        endif()
    endforeach()
endfunction()

# Runs one step of the engine's build with its output in view; stops the configuration on failure.
function(tiller_engine_step what tmp)
    execute_process(${ARGN} RESULT_VARIABLE failed)
    if(failed)
        file(REMOVE_RECURSE "${tmp}")
        tiller_cache_unlock(engine)
        message(FATAL_ERROR "The engine could not be built (${what}: ${failed}); its messages are above.")
    endif()
endfunction()

# Unpacks llama.cpp at the pinned commit into <dir>.
function(tiller_clone_engine dir tmp)
    if(TILLER_ENGINE_BUNDLE AND NOT EXISTS "${TILLER_ENGINE_BUNDLE}")
        file(REMOVE_RECURSE "${tmp}")
        message(FATAL_ERROR "TILLER_ENGINE_BUNDLE: there is no file '${TILLER_ENGINE_BUNDLE}'.")
    elseif(TILLER_ENGINE_BUNDLE)
        set(tarball "${TILLER_ENGINE_BUNDLE}")
    else()
        tiller_npm_package(tarball ${TILLER_ENGINE_PACKAGE} ${TILLER_ENGINE_PACKAGE_VERSION}
            ${TILLER_ENGINE_PACKAGE_SHA256})
    endif()
    find_package(Git REQUIRED)
    set(bundle "${tarball}")
    if(tarball MATCHES "\\.(tgz|tar\\.gz)$")
        file(ARCHIVE_EXTRACT INPUT "${tarball}" DESTINATION "${tmp}/package"
            PATTERNS "package/llama/gitRelease.bundle")
        set(bundle "${tmp}/package/package/llama/gitRelease.bundle")
    endif()
    # What the bundle holds is checked by its commit, below.
    tiller_engine_step("git clone" "${tmp}" COMMAND "${GIT_EXECUTABLE}" -c advice.detachedHead=false clone --quiet
        "${bundle}" "${dir}")
    execute_process(COMMAND "${GIT_EXECUTABLE}" -C "${dir}" rev-parse HEAD
        OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT commit STREQUAL TILLER_ENGINE_COMMIT)
        file(REMOVE_RECURSE "${tmp}")
        message(FATAL_ERROR "The engine's source is at commit '${commit}', expected ${TILLER_ENGINE_COMMIT}.")
    endif()
endfunction()

# The same with our patches, which make it faster and change no result. An installed llama package and a source
# folder of the user's are taken as they are.
function(tiller_unpack_engine dir tmp)
    tiller_clone_engine("${dir}" "${tmp}")
    list(TRANSFORM TILLER_ENGINE_PATCHES PREPEND "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/engine/"
        OUTPUT_VARIABLE patches)
    tiller_engine_step("git apply" "${tmp}" COMMAND "${GIT_EXECUTABLE}" -C "${dir}" apply ${patches})
endfunction()

# Sets <out> to a text that names the state of a source folder given by the user.
function(tiller_source_state out dir)
    find_package(Git QUIET)
    set(state "${dir}")
    if(GIT_EXECUTABLE)
        foreach(query "rev-parse;HEAD" "diff;HEAD")
            execute_process(COMMAND "${GIT_EXECUTABLE}" -C "${dir}" ${query} OUTPUT_VARIABLE text ERROR_QUIET)
            string(APPEND state "${text}")
        endforeach()
    endif()
    set(${out} "${state}" PARENT_SCOPE)
endfunction()

# Builds the engine into <prefix> by way of a temporary prefix: what has the final name is whole.
function(tiller_build_engine prefix)
    cmake_path(GET prefix PARENT_PATH root)
    tiller_temporary_folder(tmp "${root}" build)

    if(TILLER_LLAMA_SOURCE)
        set(source "${TILLER_LLAMA_SOURCE}")
    else()
        set(source "${tmp}/source")
        tiller_unpack_engine("${source}" "${tmp}")
    endif()

    set(engine_flags "")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        set(engine_flags "-include ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/engine/amx_tile_config.h")
    endif()
    # With AVX512-FP16 ggml adds up float16 dot products in float16: attention scores of models with large key
    # biases (Qwen2.5) overflow to infinity, and all others lose digits. Without it the sums are float32.
    include(CheckCXXCompilerFlag)
    check_cxx_compiler_flag(-mno-avx512fp16 TILLER_HAS_NO_AVX512FP16)
    if(TILLER_HAS_NO_AVX512FP16 AND TILLER_NATIVE)
        string(APPEND engine_flags " -mno-avx512fp16")
    endif()
    set(jobs "$ENV{CMAKE_BUILD_PARALLEL_LEVEL}")
    if(jobs STREQUAL "")
        cmake_host_system_information(RESULT jobs QUERY NUMBER_OF_LOGICAL_CORES)
    endif()

    message(STATUS "Building the engine (llama.cpp ${TILLER_ENGINE_VERSION}) once for this machine; "
        "two to five minutes on two cores")
    tiller_engine_step("configure" "${tmp}" COMMAND "${CMAKE_COMMAND}" -S "${source}" -B "${tmp}/build"
        -G "${CMAKE_GENERATOR}" "-DCMAKE_INSTALL_PREFIX=${tmp}/prefix" -Wno-dev
        "-DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}" "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
        "-DCMAKE_C_FLAGS=${engine_flags}" "-DCMAKE_CXX_FLAGS=${engine_flags}" ${TILLER_ENGINE_OPTIONS} --log-level=WARNING
        OUTPUT_QUIET)
    tiller_engine_step("build" "${tmp}" COMMAND "${CMAKE_COMMAND}" --build "${tmp}/build" --parallel ${jobs})
    tiller_engine_step("install" "${tmp}" COMMAND "${CMAKE_COMMAND}" --install "${tmp}/build" OUTPUT_QUIET)
    file(COPY "${source}/LICENSE" DESTINATION "${tmp}/prefix/share/licenses/llama.cpp")
    file(RENAME "${tmp}/prefix" "${prefix}")
    file(REMOVE_RECURSE "${tmp}")
endfunction()

# --- The resolution itself -----------------------------------------------------------------------

set(TILLER_ENGINE_PREFIX "")  # Set when the engine is ours and must be installed with tiller.

tiller_forget_engine()
if(TILLER_SYSTEM_LLAMA STREQUAL "AUTO" AND NOT TILLER_LLAMA_SOURCE AND NOT TILLER_ENGINE_BUNDLE AND NOT TILLER_CUDA
        AND NOT TILLER_VARIANTS AND NOT TILLER_RPC AND "${TILLER_ENGINE_FLAGS}" STREQUAL "")
    # Its interface changes between versions without notice: only the pinned one is known to fit. A package of another
    # version is not loaded at all, because its targets would stay.
    find_package(llama ${TILLER_ENGINE_VERSION} EXACT CONFIG QUIET)
    if(NOT llama_FOUND AND llama_CONSIDERED_VERSIONS)
        message(STATUS "An installed llama package has version ${llama_CONSIDERED_VERSIONS} "
            "(${llama_CONSIDERED_CONFIGS}); tiller needs ${TILLER_ENGINE_VERSION} and takes its own build of it")
    endif()
endif()

if(NOT TARGET llama)
    set(TILLER_ENGINE_OPTIONS
        -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON
        -DCMAKE_INSTALL_LIBDIR=lib
        -DLLAMA_BUILD_IS_DEV=OFF -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF
        -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_OPENSSL=OFF
        -DLLAMA_ALL_WARNINGS=OFF -DGGML_BUILD_TESTS=OFF -DGGML_BUILD_EXAMPLES=OFF -DGGML_CCACHE=OFF
        -DGGML_OPENMP=OFF -DGGML_NATIVE=${TILLER_NATIVE} -DGGML_SAME_BITS=${TILLER_SAME_BITS}
        -DGGML_CUDA=${TILLER_CUDA})
    if(TILLER_VARIANTS)  # Kernels that are chosen at run time have to be libraries; they lie beside the engine's.
        list(APPEND TILLER_ENGINE_OPTIONS -DBUILD_SHARED_LIBS=ON -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON
            -DCMAKE_INSTALL_BINDIR=lib "-DCMAKE_INSTALL_RPATH=\$ORIGIN")
    endif()
    if(TILLER_RPC)  # RDMA would need a library that the machine happens to have; TCP is what tunnels carry.
        list(APPEND TILLER_ENGINE_OPTIONS -DGGML_RPC=ON -DGGML_RPC_RDMA=OFF -DLLAMA_TOOLS_INSTALL=ON)
    endif()
    # No OpenMP: its threads spin while they wait, its spinning is set for a whole process before that starts, and a
    # process may have an OpenMP of its own (PyTorch's). The engine's own threads wait as waiting.patch says.
    if(TILLER_CUDA)
        list(APPEND TILLER_ENGINE_OPTIONS -DGGML_CUDA_NCCL=OFF)  # A static library would need it again.
    endif()
    list(APPEND TILLER_ENGINE_OPTIONS ${TILLER_ENGINE_FLAGS})  # Last, so that what the user says wins.
    if(TILLER_LLAMA_SOURCE)
        tiller_source_state(_source "${TILLER_LLAMA_SOURCE}")
    else()
        set(_source "${TILLER_ENGINE_COMMIT}")
    endif()
    tiller_cpu_features(_cpu)
    set(_fixes "")
    foreach(_file amx_tile_config.h ${TILLER_ENGINE_PATCHES})
        file(SHA256 "${CMAKE_CURRENT_LIST_DIR}/engine/${_file}" _fix)
        string(APPEND _fixes "${_fix}|")
    endforeach()
    string(SHA256 _key "${TILLER_ENGINE_RECIPE}|${_source}|${TILLER_ENGINE_OPTIONS}|${_cpu}|${_fixes}\
${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}|${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
    string(SUBSTRING "${_key}" 0 16 _key)
    tiller_cache_dir(_cache)
    set(TILLER_ENGINE_PREFIX "${_cache}/engine/${TILLER_ENGINE_VERSION}-${_key}")
    if(NOT EXISTS "${TILLER_ENGINE_PREFIX}")
        tiller_cache_lock(engine)
        if(NOT EXISTS "${TILLER_ENGINE_PREFIX}")  # Another build may have made it while we waited.
            tiller_build_engine("${TILLER_ENGINE_PREFIX}")
        endif()
        tiller_cache_unlock(engine)
    endif()
    tiller_import_engine("${TILLER_ENGINE_PREFIX}")
    message(STATUS "Engine: llama.cpp ${llama_VERSION} in ${TILLER_ENGINE_PREFIX}")
else()
    message(STATUS "Engine: installed llama package ${llama_VERSION} (${llama_DIR})")
endif()

# The server for other machines, beside the program. A source folder of the user's has it only with all its tools.
set(TILLER_RPC_SERVER "${TILLER_ENGINE_PREFIX}/bin/ggml-rpc-server")
if(TILLER_RPC AND EXISTS "${TILLER_RPC_SERVER}")
    file(COPY "${TILLER_RPC_SERVER}" DESTINATION "${PROJECT_BINARY_DIR}")
else()
    set(TILLER_RPC_SERVER "")
endif()
