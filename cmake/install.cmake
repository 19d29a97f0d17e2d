# cmake --install: the libraries with its headers and package, the program, the data, and the engine's
# static libraries when the engine is our own build, so that find_package(tiller) is enough elsewhere.
#
# The component "runtime" is what the program needs; "development" what applications are built with.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tiller")
set(TILLER_ENGINE_INSTALL_DIR "${CMAKE_INSTALL_LIBDIR}/tiller/engine")

# Two sets, so that who wants the core alone need not have what studies are made with.
set_target_properties(tiller_core PROPERTIES EXPORT_NAME core)
install(TARGETS tiller_core EXPORT tillerCoreTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    COMPONENT development)
if(TILLER_STUDY)
    set_target_properties(tiller_study PROPERTIES EXPORT_NAME study)
    install(TARGETS tiller_study tiller EXPORT tillerStudyTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    COMPONENT development)
else()
    install(TARGETS tiller EXPORT tillerCoreTargets COMPONENT development)
endif()
if(TILLER_SERVE)
    set_target_properties(tiller_serve PROPERTIES EXPORT_NAME serve)
    install(TARGETS tiller_serve EXPORT tillerServeTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    COMPONENT development)
    install(EXPORT tillerServeTargets NAMESPACE tiller:: DESTINATION "${package_dir}" COMPONENT development)
endif()
if(TARGET tiller_cli)
    if(TILLER_VARIANTS AND NOT SKBUILD)  # The engine's libraries, wherever the folder is put.
        file(RELATIVE_PATH up "/${CMAKE_INSTALL_BINDIR}" "/${TILLER_ENGINE_INSTALL_DIR}/lib")
        set_target_properties(tiller_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${up}")
    endif()
    install(TARGETS tiller_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT runtime)
    if(TILLER_RPC_SERVER)
        install(PROGRAMS "${TILLER_RPC_SERVER}" DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT runtime)
    endif()
    # Manual pages and the completions of shells are made by the program that is installed.
    set(pages "${PROJECT_BINARY_DIR}/generated/man")
    set(shells "${PROJECT_BINARY_DIR}/generated/completion")
    install(CODE "
        function(tiller_make)
            execute_process(COMMAND \"$<TARGET_FILE:tiller_cli>\" \${ARGN} RESULT_VARIABLE failed)
            if(failed)
                message(FATAL_ERROR \"tiller \${ARGN}: \${failed}\")
            endif()
        endfunction()
        file(MAKE_DIRECTORY \"${shells}\")
        file(REMOVE_RECURSE \"${pages}\")
        tiller_make(manual --quiet -o \"${pages}\")
        tiller_make(completion bash OUTPUT_FILE \"${shells}/tiller\")
        tiller_make(completion zsh OUTPUT_FILE \"${shells}/_tiller\")
        tiller_make(completion fish OUTPUT_FILE \"${shells}/tiller.fish\")" COMPONENT runtime)
    install(DIRECTORY "${pages}/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT runtime)
    install(FILES "${shells}/tiller" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" COMPONENT runtime)
    install(FILES "${shells}/_tiller" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" COMPONENT runtime)
    install(FILES "${shells}/tiller.fish" DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d" COMPONENT runtime)
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tiller" "${PROJECT_BINARY_DIR}/generated/include/tiller"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development FILES_MATCHING PATTERN "*.h")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/data/" DESTINATION "${CMAKE_INSTALL_DATADIR}/tiller" COMPONENT runtime)

install(FILES "${TILLER_JINJA_SOURCE}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/tiller"
    RENAME LICENSE.llama.cpp COMPONENT runtime)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/tiller" COMPONENT runtime)

set(TILLER_OWN_ENGINE OFF)
if(TILLER_ENGINE_PREFIX)
    set(TILLER_OWN_ENGINE ON)
    install(DIRECTORY "${TILLER_ENGINE_PREFIX}/" DESTINATION "${TILLER_ENGINE_INSTALL_DIR}"
        COMPONENT development PATTERN "pkgconfig" EXCLUDE PATTERN "*.so*" EXCLUDE)
    if(TILLER_VARIANTS)
        install(DIRECTORY "${TILLER_ENGINE_PREFIX}/lib/" DESTINATION "${TILLER_ENGINE_INSTALL_DIR}/lib"
            COMPONENT runtime FILES_MATCHING PATTERN "*.so*" PATTERN "cmake" EXCLUDE PATTERN "pkgconfig" EXCLUDE)
    endif()
endif()

install(EXPORT tillerCoreTargets NAMESPACE tiller:: DESTINATION "${package_dir}" COMPONENT development)
if(TILLER_STUDY)
    install(EXPORT tillerStudyTargets NAMESPACE tiller:: DESTINATION "${package_dir}" COMPONENT development)
endif()
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/tillerConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/tillerConfig.cmake"
    INSTALL_DESTINATION "${package_dir}" PATH_VARS TILLER_ENGINE_INSTALL_DIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tillerConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/tillerConfig.cmake" "${PROJECT_BINARY_DIR}/tillerConfigVersion.cmake"
    "${CMAKE_CURRENT_LIST_DIR}/FindFastText.cmake" "${CMAKE_CURRENT_LIST_DIR}/FindUtf8proc.cmake" "${CMAKE_CURRENT_LIST_DIR}/FindLibzip.cmake"
    "${CMAKE_CURRENT_LIST_DIR}/engine/import.cmake"
    DESTINATION "${package_dir}" COMPONENT development)

include("${CMAKE_CURRENT_LIST_DIR}/package.cmake")
