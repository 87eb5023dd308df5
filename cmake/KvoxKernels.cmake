# kvox_kernels(STAGE): the oracle STAGE_ref.c and the vector body once per instruction set of the target machine,
# each file with flags of its own. No other file may use these instructions: dispatch happens at run time.
function(kvox_kernels stage)
  target_sources(kvox_objects PRIVATE ${stage}_ref.c)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_sources(kvox_objects PRIVATE ${stage}_avx2.c ${stage}_avx512.c)
    set_property(SOURCE ${stage}_avx2.c APPEND PROPERTY COMPILE_OPTIONS -mavx2 -mfma)
    set_property(SOURCE ${stage}_avx512.c APPEND PROPERTY COMPILE_OPTIONS
      -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma -mprefer-vector-width=512)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    target_sources(kvox_objects PRIVATE ${stage}_neon.c)
  endif()
endfunction()
