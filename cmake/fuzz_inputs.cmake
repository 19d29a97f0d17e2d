# tiller_fuzz_inputs(<folder>): writes <folder>/NAME/*, the inputs that fuzz/NAME.cpp starts from beside those of
# fuzz/corpus/NAME.
function(tiller_fuzz_inputs folder)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    set(script "${PROJECT_SOURCE_DIR}/fuzz/make_corpus.py")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${script}")
    execute_process(COMMAND "${Python3_EXECUTABLE}" "${script}" "${folder}" COMMAND_ERROR_IS_FATAL ANY)
    file(COPY "${PROJECT_SOURCE_DIR}/studies/" DESTINATION "${folder}/plan")
endfunction()
