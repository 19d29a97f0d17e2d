# The cache folder outside the checkout, and packages fetched into it. Everything in it can be
# made again: ./run clean --cache removes it.

# Sets <out> to the cache folder: $TILLER_CACHE_DIR, else $XDG_CACHE_HOME/tiller, else
# ~/.cache/tiller. src/core/paths.cpp follows the same rule at run time.
function(tiller_cache_dir out)
    if(NOT "$ENV{TILLER_CACHE_DIR}" STREQUAL "")
        set(dir "$ENV{TILLER_CACHE_DIR}")
    elseif(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
        set(dir "$ENV{XDG_CACHE_HOME}/tiller")
    elseif(NOT "$ENV{HOME}" STREQUAL "")
        set(dir "$ENV{HOME}/.cache/tiller")
    else()
        message(FATAL_ERROR "No place for the cache: set TILLER_CACHE_DIR to a folder that can be written.")
    endif()
    cmake_path(ABSOLUTE_PATH dir BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" NORMALIZE)
    file(MAKE_DIRECTORY "${dir}")
    set(${out} "${dir}" PARENT_SCOPE)
endfunction()

# Takes the lock <name> in the cache folder, waiting (and saying so) while another build holds it.
# Release it with tiller_cache_unlock(<name>); the system releases it when this process ends.
function(tiller_cache_lock name)
    tiller_cache_dir(cache)
    file(LOCK "${cache}/${name}.lock" GUARD PROCESS TIMEOUT 0 RESULT_VARIABLE busy)
    if(busy)
        message(STATUS "Another build holds ${cache}/${name}.lock; waiting for it to finish")
        file(LOCK "${cache}/${name}.lock" GUARD PROCESS)
    endif()
endfunction()

function(tiller_cache_unlock name)
    tiller_cache_dir(cache)
    file(LOCK "${cache}/${name}.lock" RELEASE)
endfunction()

# Sets <out> to a new folder <root>/.<stem>-..., in which something is made that gets its final name when it is
# whole. Folders of this stem that killed runs left are removed: the caller holds the lock of what it makes.
function(tiller_temporary_folder out root stem)
    file(GLOB stale "${root}/.${stem}-*")
    if(stale)
        file(REMOVE_RECURSE ${stale})
    endif()
    string(RANDOM LENGTH 8 suffix)
    set(folder "${root}/.${stem}-${suffix}")
    file(MAKE_DIRECTORY "${folder}")
    set(${out} "${folder}" PARENT_SCOPE)
endfunction()

# Sets <out> to the path of the tarball of an npm package in the cache, fetching it by name when it
# is not there. The checksum is verified every time, so a damaged cache is noticed. The registry is
# whatever npm is set up to use.
function(tiller_npm_package out name version sha256)
    tiller_cache_dir(cache)
    set(tarball "${cache}/npm/${name}-${version}.tgz")
    if(EXISTS "${tarball}")
        file(SHA256 "${tarball}" found)
        if(found STREQUAL sha256)
            set(${out} "${tarball}" PARENT_SCOPE)
            return()
        endif()
        message(STATUS "${tarball} is damaged; fetching it again")
        file(REMOVE "${tarball}")
    endif()

    find_program(TILLER_NPM npm DOC "npm, to fetch the engine's source and the chart libraries")
    mark_as_advanced(TILLER_NPM)
    if(NOT TILLER_NPM)
        message(FATAL_ERROR "npm is needed to fetch ${name} ${version}: install the package 'npm', "
            "or put the package's tarball at ${tarball}")
    endif()
    string(RANDOM LENGTH 8 suffix)
    set(tmp "${cache}/npm/.fetch-${suffix}")
    file(MAKE_DIRECTORY "${tmp}")
    message(STATUS "Fetching ${name} ${version} with npm")
    execute_process(
        COMMAND "${TILLER_NPM}" pack "${name}@${version}" --ignore-scripts --silent --pack-destination "${tmp}"
        WORKING_DIRECTORY "${tmp}"
        RESULT_VARIABLE failed OUTPUT_VARIABLE log ERROR_VARIABLE log)
    file(GLOB packed "${tmp}/*.tgz")
    if(failed OR NOT packed)
        file(REMOVE_RECURSE "${tmp}")
        message(FATAL_ERROR "npm could not fetch ${name} ${version} (${failed}):\n${log}\n"
            "Check the network and npm's settings, or put the package's tarball at ${tarball}")
    endif()
    file(SHA256 "${packed}" found)
    if(NOT found STREQUAL sha256)
        file(REMOVE_RECURSE "${tmp}")
        message(FATAL_ERROR "${name} ${version}: sha256 is ${found}, expected ${sha256}. Nothing was kept.")
    endif()
    file(RENAME "${packed}" "${tarball}")
    file(REMOVE_RECURSE "${tmp}")
    set(${out} "${tarball}" PARENT_SCOPE)
endfunction()
