# cmake --install: the libraries with its headers and package, the program, the data, and the engine's
# static libraries when the engine is our own build, so that find_package(tiller) is enough elsewhere.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tiller")
set(TILLER_ENGINE_INSTALL_DIR "${CMAKE_INSTALL_LIBDIR}/tiller/engine")

# Two sets, so that who wants the core alone need not have what studies are made with.
set_target_properties(tiller_core PROPERTIES EXPORT_NAME core)
install(TARGETS tiller_core EXPORT tillerCoreTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
if(TILLER_STUDY)
    set_target_properties(tiller_study PROPERTIES EXPORT_NAME study)
    install(TARGETS tiller_study tiller EXPORT tillerStudyTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
else()
    install(TARGETS tiller EXPORT tillerCoreTargets)
endif()
if(TILLER_SERVE)
    set_target_properties(tiller_serve PROPERTIES EXPORT_NAME serve)
    install(TARGETS tiller_serve EXPORT tillerServeTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT tillerServeTargets NAMESPACE tiller:: DESTINATION "${package_dir}")
endif()
if(TARGET tiller_cli)
    install(TARGETS tiller_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
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
        tiller_make(manual --quiet -o \"${pages}\")
        tiller_make(completion bash OUTPUT_FILE \"${shells}/tiller\")
        tiller_make(completion zsh OUTPUT_FILE \"${shells}/_tiller\")
        tiller_make(completion fish OUTPUT_FILE \"${shells}/tiller.fish\")")
    install(DIRECTORY "${pages}/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
    install(FILES "${shells}/tiller" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
    install(FILES "${shells}/_tiller" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
    install(FILES "${shells}/tiller.fish" DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tiller" "${PROJECT_BINARY_DIR}/generated/include/tiller"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/data/" DESTINATION "${CMAKE_INSTALL_DATADIR}/tiller")

install(FILES "${TILLER_JINJA_SOURCE}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/tiller"
    RENAME LICENSE.llama.cpp)

set(TILLER_OWN_ENGINE OFF)
if(TILLER_ENGINE_PREFIX)
    set(TILLER_OWN_ENGINE ON)
    install(DIRECTORY "${TILLER_ENGINE_PREFIX}/" DESTINATION "${TILLER_ENGINE_INSTALL_DIR}"
        PATTERN "pkgconfig" EXCLUDE)
endif()

install(EXPORT tillerCoreTargets NAMESPACE tiller:: DESTINATION "${package_dir}")
if(TILLER_STUDY)
    install(EXPORT tillerStudyTargets NAMESPACE tiller:: DESTINATION "${package_dir}")
endif()
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/tillerConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/tillerConfig.cmake"
    INSTALL_DESTINATION "${package_dir}" PATH_VARS TILLER_ENGINE_INSTALL_DIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tillerConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/tillerConfig.cmake" "${PROJECT_BINARY_DIR}/tillerConfigVersion.cmake"
    "${CMAKE_CURRENT_LIST_DIR}/FindFastText.cmake" "${CMAKE_CURRENT_LIST_DIR}/FindUtf8proc.cmake" "${CMAKE_CURRENT_LIST_DIR}/FindLibzip.cmake"
    "${CMAKE_CURRENT_LIST_DIR}/engine/import.cmake"
    DESTINATION "${package_dir}")
