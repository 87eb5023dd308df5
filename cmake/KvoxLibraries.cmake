# kvox_library(NAME OBJECTS TARGET OUTPUT FILE COMPONENT core|io MAP FILE [LINK ...] [STATIC_NEEDS ...] [USES TARGET])
#
# The shared library NAME and the static NAME_static, made of the same objects, installed and exported as kvox::COMPONENT
# and kvox::COMPONENT_static. LINK: what they are linked with; STATIC_NEEDS: the same as a program that links the installed
# static library names it. USES: another library made by this function, whose static form the static one uses.
function(kvox_library name)
  cmake_parse_arguments(arg "" "OBJECTS;OUTPUT;COMPONENT;MAP;USES" "LINK;STATIC_NEEDS" ${ARGN})
  add_library(${name} SHARED $<TARGET_OBJECTS:${arg_OBJECTS}>)
  add_library(${name}_static STATIC $<TARGET_OBJECTS:${arg_OBJECTS}>)
  set_target_properties(${name} PROPERTIES OUTPUT_NAME ${arg_OUTPUT} EXPORT_NAME ${arg_COMPONENT}
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} INSTALL_RPATH "$ORIGIN" LINK_DEPENDS ${arg_MAP})
  set_target_properties(${name}_static PROPERTIES OUTPUT_NAME ${arg_OUTPUT} EXPORT_NAME ${arg_COMPONENT}_static)
  foreach(target ${name} ${name}_static)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PRIVATE "$<BUILD_INTERFACE:${arg_LINK}>")
    install(TARGETS ${target} EXPORT ${target}-targets
      LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
      ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
    install(EXPORT ${target}-targets NAMESPACE kvox:: COMPONENT development
      DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvox)
  endforeach()
  target_link_libraries(${name}_static INTERFACE "$<INSTALL_INTERFACE:${arg_STATIC_NEEDS}>")
  set_property(GLOBAL PROPERTY KVOX_STATIC_NEEDS_${arg_COMPONENT} ${arg_STATIC_NEEDS})
  if(arg_USES)
    target_link_libraries(${name} PUBLIC ${arg_USES})
    target_link_libraries(${name}_static PUBLIC ${arg_USES}_static)
  endif()
  target_compile_definitions(${name}_static INTERFACE KVOX_STATIC)
  target_link_options(${name} PRIVATE LINKER:--version-script=${arg_MAP}
    # Unloading would pull the code from under OpenMP's waiting threads: the library stays until the process ends.
    LINKER:-z,nodelete)
  if(NOT KVOX_SANITIZE) # which leave names of theirs to the program
    target_link_options(${name} PRIVATE LINKER:-z,defs)
  endif()
endfunction()

# What a program names to link OpenMP beside a static library: GCC's by name (every compiler finds it), others by path.
set(KVOX_OPENMP_NEEDS "")
foreach(name ${OpenMP_C_LIB_NAMES})
  if(name MATCHES "^(gomp|pthread)$")
    list(APPEND KVOX_OPENMP_NEEDS ${name})
  else()
    list(APPEND KVOX_OPENMP_NEEDS ${OpenMP_${name}_LIBRARY})
  endif()
endforeach()
set(KVOX_CORE_NEEDS ${KVOX_FFT_PACKAGE_LIBRARIES} ${KVOX_OPENMP_NEEDS} ${CMAKE_DL_LIBS} m)

kvox_library(kvox OBJECTS kvox_objects OUTPUT kvox COMPONENT core MAP ${PROJECT_SOURCE_DIR}/cmake/kvox.map
  LINK PkgConfig::KVOX_FFT_PACKAGE OpenMP::OpenMP_C Threads::Threads ${CMAKE_DL_LIBS} m STATIC_NEEDS ${KVOX_CORE_NEEDS})
