/* Structs that grow: `struct_size` first, the unknown tail zero. */
#ifndef KVOX_CORE_OPTIONS_H
#define KVOX_CORE_OPTIONS_H

#include "kvox/base.h"

/* Copies a caller's struct, of whatever version, over `known` (which holds defaults for members the caller's lacks). */
kvox_status kvox_options_load(void *known, size_t known_size, const void *given, const char *name);

/* The other way: gives `known` to a caller's prepared struct, of whatever version. */
kvox_status kvox_options_store(const void *known, size_t known_size, void *given, const char *name);

/* What every kvox_..._options_init_sized does. */
void kvox_options_clear(void *options, size_t struct_size);

#endif
