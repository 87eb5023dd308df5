# Flags of our own files. Floating-point contraction is off: where a fused multiply-add is meant, it is written.
set(KVOX_SANITIZE "" CACHE STRING "Sanitizers of every target: address,undefined or thread")
if(KVOX_SANITIZE)
  add_compile_options(-fsanitize=${KVOX_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KVOX_SANITIZE})
endif()
if(KVOX_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Two builds of one commit are the same bytes wherever the trees lie: no folder's name is written into an object, archives
# hold no times or owners, and programs find the libraries relative to themselves.
add_compile_options("$<$<CONFIG:Release>:-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.;-ffile-prefix-map=${PROJECT_BINARY_DIR}=build>")
set(CMAKE_C_ARCHIVE_CREATE "<CMAKE_AR> qcD <TARGET> <OBJECTS>")
set(CMAKE_C_ARCHIVE_APPEND "<CMAKE_AR> qD <TARGET> <OBJECTS>")
set(CMAKE_C_ARCHIVE_FINISH "<CMAKE_RANLIB> -D <TARGET>")
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

function(kvox_flags target)
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
  target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -ffp-contract=off
    $<$<BOOL:${KVOX_WERROR}>:-Werror>)
endfunction()
