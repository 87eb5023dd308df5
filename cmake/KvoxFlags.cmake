# Flags of our own files. Floating-point contraction is off: where a fused multiply-add is meant, it is written.
function(kvox_flags target)
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
  target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -ffp-contract=off
    $<$<BOOL:${KVOX_WERROR}>:-Werror>
    # Two builds of one commit are the same bytes wherever the tree lies.
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
endfunction()
