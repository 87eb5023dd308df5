/* Programs inside the room: the embedded sources, and the folder of built programs. */
#ifndef KVOX_OCL_PROGRAM_H
#define KVOX_OCL_PROGRAM_H

#include "ocl/table.h"

/* kernels/NAME.cl behind kernels/common.cl, as cmake/KvoxEmbed.cmake wrote it into the library. */
typedef struct kvox_ocl_source {
  const char *name;
  const char *text; /* not ended by 0 */
  size_t length;
  const char *sha256; /* of the text */
} kvox_ocl_source;

/* Ended by one without a name. */
extern const kvox_ocl_source kvox_ocl_sources[];

/* Built programs that a device keeps in memory, those asked for last: an MRI chain has some twenty, and drivers take
 * megabytes for each. */
enum { KVOX_OCL_MOST_PROGRAMS = 128 };

/* kvox_ocl_program_get of any source. */
kvox_status kvox_ocl_program_of(kvox_ocl *ocl, const kvox_ocl_source *source, const char *options,
                                kvox_ocl_program **program);

kvox_ocl *kvox_ocl_program_device(const kvox_ocl_program *program);
cl_program kvox_ocl_program_handle(const kvox_ocl_program *program);

/*
 * The built program of this key from the folder. False where there is none, or its file is not whole, or another's: it
 * is to be built then. `binary` is the heap's.
 */
bool kvox_ocl_cache_read(kvox_heap *heap, const char *folder, const char *key, unsigned char **binary, size_t *bytes);

/* Keeps it, whole or not at all. Failure is a warning in the log: the program is built, and only has to be again. */
void kvox_ocl_cache_write(kvox_heap *heap, const char *folder, const char *key, const unsigned char *binary,
                          size_t bytes);

#endif
