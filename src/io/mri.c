/* Raw MRI files: which format by the path's extension, and what all formats have in common. */
#include "io/mri.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const kvox_io_mri_format *const formats[] = {&kvox_io_ismrmrd_format, &kvox_io_twix_format};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static kvox_status find(const char *path, const kvox_io_mri_format **format) {
  char known[64] = "";
  size_t used = 0;
  for (int f = 0; f < FORMATS; f++) {
    for (const char *const *e = formats[f]->extensions; *e != NULL; e++) {
      if (kvox_io_has_extension(path, *e)) {
        *format = formats[f];
        return KVOX_OK;
      }
      used += (size_t)snprintf(known + used, sizeof known - used, " %s", *e);
    }
  }
  return kvox_extend_fail(KVOX_ERROR_UNSUPPORTED, "%.200s: raw MRI data are read by the ending of the name, one of%s",
                          kvox_io_name(path), known);
}

/* The path is copied first: an open file points into it. */
static kvox_status begin(kvox_context *context, const char *path, kvox_io_mri **mri) {
  kvox_io_mri *made = kvox_extend_allocate(context, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  *made = (kvox_io_mri){.context = kvox_extend_hold(context), .file = {.descriptor = -1}};
  *mri = made;
  if (path == NULL) {
    return KVOX_OK;
  }
  made->path = kvox_extend_allocate(context, strlen(path) + 1);
  if (made->path == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  strcpy(made->path, path);
  return kvox_io_file_open(context, made->path, &made->file);
}

static kvox_status open_format(kvox_io_mri *mri, const kvox_io_mri_format *format) {
  mri->format = format;
  mri->protocol = (kvox_mri_protocol){.trajectory = KVOX_MRI_CARTESIAN};
  return format->open(mri);
}

kvox_status kvox_io_mri_load(const kvox_io_mri_format *format, const kvox_io_file *file, kvox_io_mri **mri) {
  kvox_io_mri *made = NULL;
  kvox_status status = begin(file->context, NULL, &made);
  if (status == KVOX_OK) {
    made->file = *file;
    status = open_format(made, format);
  }
  if (status != KVOX_OK) {
    kvox_io_mri_close(made);
    return status;
  }
  *mri = made;
  return KVOX_OK;
}

kvox_status kvox_io_mri_open(kvox_context *context, const char *path, kvox_io_mri **file) {
  const kvox_io_mri_format *format = NULL;
  kvox_io_mri *made = NULL;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(file);
  KVOX_TRY(find(path, &format));
  kvox_status status = begin(context, path, &made);
  if (status == KVOX_OK) {
    status = open_format(made, format);
  }
  if (status != KVOX_OK) {
    status = kvox_io_named(path, status);
    kvox_io_mri_close(made);
    return status;
  }
  *file = made;
  return KVOX_OK;
}

void kvox_io_mri_close(kvox_io_mri *file) {
  if (file == NULL) {
    return;
  }
  kvox_context *context = file->context;
  if (file->format != NULL) {
    file->format->close(file);
  }
  kvox_io_file_close(&file->file);
  kvox_extend_release(context, file->path);
  kvox_extend_release(context, file);
  kvox_context_destroy(context);
}

kvox_status kvox_io_mri_protocol(const kvox_io_mri *file, kvox_mri_protocol *protocol) {
  KVOX_REQUIRE(file);
  KVOX_REQUIRE(protocol);
  *protocol = file->protocol;
  return KVOX_OK;
}

int64_t kvox_io_mri_readouts(const kvox_io_mri *file) { return file != NULL ? file->readouts : 0; }

kvox_status kvox_io_mri_read(kvox_io_mri *file, int64_t index, kvox_mri_readout *readout) {
  kvox_mri_readout made = {0};
  KVOX_REQUIRE(file);
  KVOX_REQUIRE(readout);
  if (index < 0 || index >= file->readouts) {
    return kvox_io_file_fail(&file->file, KVOX_ERROR_ARGUMENT,
                             "index: readout %" PRId64 " is asked for, it has %" PRId64, index, file->readouts);
  }
  const kvox_status status = file->format->read(file, index, &made);
  if (status != KVOX_OK) {
    return kvox_io_named(file->file.name, status);
  }
  *readout = made;
  return KVOX_OK;
}
