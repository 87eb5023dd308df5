# Headers, pkg-config and CMake package files. The libraries are installed where they are made (KvoxLibraries.cmake).
include(CMakePackageConfigHelpers)

# No installed file names the prefix or the build: a tree that is moved still works, and two builds are the same bytes.
file(RELATIVE_PATH KVOX_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" KVOX_PC_PREFIX "${KVOX_PC_PREFIX}")

# Names as the linker takes them, paths as they are.
function(kvox_link_words component out)
  get_property(needs GLOBAL PROPERTY KVOX_STATIC_NEEDS_${component})
  set(words "")
  foreach(item ${needs})
    if(item MATCHES "^[/-]")
      list(APPEND words "${item}")
    else()
      list(APPEND words "-l${item}")
    endif()
  endforeach()
  string(JOIN " " words ${words})
  set(${out} "${words}" PARENT_SCOPE)
endfunction()

kvox_link_words(core KVOX_PC_LIBS)
configure_file(cmake/kvox.pc.in kvox.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/kvox.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

file(GLOB KVOX_HEADERS ${PROJECT_SOURCE_DIR}/include/kvox/*.h)
if(TARGET kvox_io)
  kvox_link_words(io KVOX_PC_IO_LIBS)
  configure_file(cmake/kvox-io.pc.in kvox-io.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/kvox-io.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
else()
  list(FILTER KVOX_HEADERS EXCLUDE REGEX "/io\\.h$")
endif()
install(FILES ${KVOX_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kvox COMPONENT development)

configure_package_config_file(cmake/kvoxConfig.cmake.in kvoxConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvox)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(kvoxConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/kvoxConfig.cmake ${PROJECT_BINARY_DIR}/kvoxConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvox COMPONENT development)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
