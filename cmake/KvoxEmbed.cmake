# Writes the programs of a folder as one C file: cmake -D FOLDER=... -D NAMES=a,b -D OUT=... -P KvoxEmbed.cmake
# Bytes instead of string literals: C compilers need not take literals beyond 4095 characters.
string(REPLACE "," ";" names "${NAMES}")
file(READ "${FOLDER}/common.cl" common)
set(texts "")
set(rows "")
foreach(name IN LISTS names)
  file(READ "${FOLDER}/${name}.cl" own)
  # So that a build log names the file and line that a reader can open.
  set(text "#line 1 \"common.cl\"\n${common}#line 1 \"${name}.cl\"\n${own}")
  string(SHA256 hash "${text}")
  string(HEX "${text}" hex)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REPLACE "0x0a," "0x0a,\n" bytes "${bytes}")
  string(APPEND texts "static const unsigned char text_${name}[] = {\n${bytes}};\n\n")
  string(APPEND rows "    {\"${name}\", (const char *)text_${name}, sizeof text_${name}, \"${hash}\"},\n")
endforeach()
file(WRITE "${OUT}" "#include \"ocl/program.h\"\n\n${texts}const kvox_ocl_source kvox_ocl_sources[] = {\n${rows}    {NULL, NULL, 0, NULL}};\n")
