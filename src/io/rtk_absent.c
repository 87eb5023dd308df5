/* A build without expat reads no XML. */
#include "io/rtk.h"

kvox_status kvox_io_rtk_parse(kvox_io_file *file, kvox_io_rtk_view **views, int64_t *count) {
  (void)views;
  (void)count;
  return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED,
                           "this build of Kvox reads no XML: it was made without expat (libexpat1-dev)");
}
