/* A build without expat reads no XML. */
#include "io/ismrmrd.h"

kvox_status kvox_io_ismrmrd_parse(const kvox_io_file *file, const char *text, int64_t bytes,
                                  kvox_mri_protocol *protocol) {
  (void)text;
  (void)bytes;
  (void)protocol;
  return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED,
                           "this build of Kvox reads no XML: it was made without expat (libexpat1-dev)");
}
