# Every program of kernels/ becomes a part of libkvox. Included by the folder that makes kvox_objects: CMake knows how a
# file is generated in one folder alone.
set(folder ${PROJECT_SOURCE_DIR}/kernels)
file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cl)
set(names "")
foreach(source ${sources})
  get_filename_component(name ${source} NAME_WE)
  list(APPEND names ${name})
endforeach()
list(REMOVE_ITEM names common)
list(SORT names)
string(REPLACE ";" "," names "${names}")
set(programs ${PROJECT_BINARY_DIR}/kernels/programs.c)
add_custom_command(OUTPUT ${programs}
  COMMAND ${CMAKE_COMMAND} -D FOLDER=${folder} -D NAMES=${names} -D OUT=${programs}
    -P ${PROJECT_SOURCE_DIR}/cmake/KvoxEmbed.cmake
  DEPENDS ${sources} ${PROJECT_SOURCE_DIR}/cmake/KvoxEmbed.cmake COMMENT "Embedding kernels/" VERBATIM)
target_sources(kvox_objects PRIVATE ${programs})
