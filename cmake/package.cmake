# CPack: the .deb that scripts/package.sh makes (component "runtime"). Only where the build is for other machines.
if(NOT TARGET tiller_cli OR NOT TILLER_VARIANTS)
    return()
endif()

# What Debian wants beside the program: copyright, changelog, packed manual pages, libraries without symbols.
install(FILES "${PROJECT_SOURCE_DIR}/cmake/package/copyright" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/tiller" COMPONENT runtime)
install(CODE "
    set(root \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
    file(GLOB pages \"\${root}/${CMAKE_INSTALL_MANDIR}/man1/tiller*.1\")
    if(pages)
        execute_process(COMMAND gzip -9nf \${pages} COMMAND_ERROR_IS_FATAL ANY)
    endif()
    file(GLOB libraries \"\${root}/${TILLER_ENGINE_INSTALL_DIR}/lib/*.so*\")
    foreach(library IN LISTS libraries)
        if(NOT IS_SYMLINK \"\${library}\")
            execute_process(COMMAND \"${CMAKE_STRIP}\" --strip-unneeded \"\${library}\" COMMAND_ERROR_IS_FATAL ANY)
        endif()
    endforeach()
    set(doc \"\${root}/${CMAKE_INSTALL_DATADIR}/doc/tiller\")
    execute_process(COMMAND gzip -9nc \"${PROJECT_SOURCE_DIR}/cmake/package/changelog\"
        OUTPUT_FILE \"\${doc}/changelog.gz\" COMMAND_ERROR_IS_FATAL ANY)" COMPONENT runtime)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tiller)
set(CPACK_PACKAGE_VENDOR "The tiller maintainers")
set(CPACK_PACKAGE_CONTACT "The tiller maintainers <maintainers@tiller.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "steering vectors of language models: extract, apply, compare")
set(CPACK_PACKAGE_DESCRIPTION "Makes steering vectors for language models in GGUF files, applies them, and
compares the methods that make them: which one works for a task on a model, at
which strength, and at what cost in fluency. Runs offline on the CPU; kernels
are chosen for the processor when the program starts.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};tiller;runtime;/")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${TILLER_ENGINE_PREFIX}/lib")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3, npm")  # `tiller models get` fetches through pip or npm
include(CPack)
