/* ISMRMRD's XML header. */
#ifndef KVOX_IO_ISMRMRD_H
#define KVOX_IO_ISMRMRD_H

#include "io/mri.h"

/* `protocol` is zeroed; nothing of the text is kept. */
kvox_status kvox_io_ismrmrd_parse(const kvox_io_file *file, const char *text, int64_t bytes,
                                  kvox_mri_protocol *protocol);

#endif
