# The flags of one instruction set; no file but a kernel's (and its test's) may have them: dispatch happens at run time.
set(KVOX_AVX2_FLAGS -mavx2 -mfma)
set(KVOX_AVX512_FLAGS -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma -mprefer-vector-width=512)

# kvox_kernels(STAGE): the oracle STAGE_ref.c and the vector body once per instruction set of the target machine.
function(kvox_kernels stage)
  target_sources(kvox_objects PRIVATE ${stage}_ref.c)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_sources(kvox_objects PRIVATE ${stage}_avx2.c ${stage}_avx512.c)
    set_property(SOURCE ${stage}_avx2.c TARGET_DIRECTORY kvox_objects APPEND PROPERTY COMPILE_OPTIONS
      ${KVOX_AVX2_FLAGS})
    set_property(SOURCE ${stage}_avx512.c TARGET_DIRECTORY kvox_objects APPEND PROPERTY COMPILE_OPTIONS
      ${KVOX_AVX512_FLAGS})
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    target_sources(kvox_objects PRIVATE ${stage}_neon.c)
  endif()
endfunction()
