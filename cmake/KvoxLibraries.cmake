# libkvox, shared and static.
find_package(OpenMP REQUIRED COMPONENTS C)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
target_link_libraries(kvox_objects PRIVATE PkgConfig::KVOX_FFT_PACKAGE OpenMP::OpenMP_C Threads::Threads)

function(kvox_library target type)
  add_library(${target} ${type} $<TARGET_OBJECTS:kvox_objects>)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME kvox)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} PRIVATE PkgConfig::KVOX_FFT_PACKAGE OpenMP::OpenMP_C Threads::Threads m)
endfunction()

kvox_library(kvox SHARED)
kvox_library(kvox_static STATIC)
set_target_properties(kvox PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
# Unloading would pull the code from under OpenMP's waiting threads: the library stays until the process ends.
target_link_options(kvox PRIVATE -Wl,-z,nodelete -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/kvox.map)
set_target_properties(kvox PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/kvox.map)
