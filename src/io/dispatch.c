/* The public functions: which format by the path's extension, and the objects they give. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/io.h"

static const kvox_io_format *const formats[] = {&kvox_io_npy_format, &kvox_io_metaimage_format, &kvox_io_png_format,
                                                &kvox_io_dxchange_format, &kvox_io_cfl_format};
enum { FORMATS = sizeof formats / sizeof formats[0] };

bool kvox_io_has_extension(const char *path, const char *extension) {
  const char *name = kvox_io_name(path);
  const size_t length = strlen(name), tail = strlen(extension);
  if (length <= tail) {
    return false;
  }
  for (size_t i = 0; i < tail; i++) {
    const char c = name[length - tail + i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != extension[i]) {
      return false;
    }
  }
  return true;
}

/* What a format can do: KVOX_IO_VOLUME and so on. */
static unsigned abilities(const kvox_io_format *format, bool write) {
  if (!write) {
    return format->reads;
  }
  return (format->write_volume != NULL ? (unsigned)KVOX_IO_VOLUME : 0) |
         (format->write_array != NULL ? (unsigned)KVOX_IO_ARRAY : 0) |
         (format->write_scan != NULL ? (unsigned)KVOX_IO_SCAN : 0);
}

static kvox_status find(const char *path, unsigned what, bool write, const kvox_io_format **format) {
  const char *noun = what == KVOX_IO_VOLUME ? "volumes" : what == KVOX_IO_ARRAY ? "arrays" : "projections";
  char known[96] = "";
  size_t used = 0;
  for (size_t f = 0; f < FORMATS; f++) {
    if ((abilities(formats[f], write) & what) == 0) {
      continue;
    }
    for (const char *const *e = formats[f]->extensions; *e != NULL; e++) {
      if (kvox_io_has_extension(path, *e)) {
        *format = formats[f];
        return KVOX_OK;
      }
      used += (size_t)snprintf(known + used, sizeof known - used, " %s", *e);
    }
  }
  return kvox_extend_fail(KVOX_ERROR_UNSUPPORTED, "%.200s: %s are %s by the ending of the name, one of%s",
                          kvox_io_name(path), noun, write ? "written" : "read", known);
}

/* A sentence from below (no memory, an argument of the core) gets the name of the file that it was about. */
kvox_status kvox_io_named(const char *path, kvox_status status) {
  const char *name = kvox_io_name(path), *sentence = kvox_last_error();
  const size_t length = strlen(name) < 200 ? strlen(name) : 200;
  if (status == KVOX_OK || (strncmp(sentence, name, length) == 0 && sentence[length] == ':')) {
    return status;
  }
  return kvox_extend_fail(status, "%.200s: %s", name, sentence);
}

/* ---- Reading ---- */

kvox_status kvox_io_read_volume(kvox_context *context, const char *path, kvox_volume **volume) {
  const kvox_io_format *format = NULL;
  kvox_io_file file;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(volume);
  KVOX_TRY(find(path, KVOX_IO_VOLUME, false, &format));
  KVOX_TRY(kvox_io_file_open(context, path, &file));
  const kvox_status status = kvox_io_load_volume(format, &file, volume);
  kvox_io_file_close(&file);
  return kvox_io_named(path, status);
}

kvox_status kvox_io_read_array(kvox_context *context, const char *path, kvox_io_array **array) {
  const kvox_io_format *format = NULL;
  kvox_io_file file;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(array);
  KVOX_TRY(find(path, KVOX_IO_ARRAY, false, &format));
  KVOX_TRY(kvox_io_file_open(context, path, &file));
  const kvox_status status = kvox_io_load_array(format, &file, array);
  kvox_io_file_close(&file);
  return kvox_io_named(path, status);
}

kvox_status kvox_io_read_scan(kvox_context *context, const char *path, kvox_io_scan **scan) {
  const kvox_io_format *format = NULL;
  kvox_io_file file;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(scan);
  KVOX_TRY(find(path, KVOX_IO_SCAN, false, &format));
  KVOX_TRY(kvox_io_file_open(context, path, &file));
  const kvox_status status = kvox_io_load_scan(format, &file, scan);
  kvox_io_file_close(&file);
  return kvox_io_named(path, status);
}

/* ---- Writing ---- */

void kvox_io_write_options_init_sized(kvox_io_write_options *options, size_t struct_size) {
  kvox_extend_clear_options(options, struct_size);
  if (options != NULL && struct_size >= offsetof(kvox_io_write_options, slice) + sizeof options->slice) {
    options->slice = -1;
  }
}

kvox_status kvox_io_write_volume(kvox_context *context, const char *path, const kvox_volume *volume,
                                 const kvox_io_write_options *options) {
  const kvox_io_format *format = NULL;
  kvox_io_write_options known = {.struct_size = sizeof known, .slice = -1};
  kvox_array array;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(volume);
  KVOX_TRY(kvox_volume_array(volume, &array));
  KVOX_TRY(kvox_io_check_array(&array, "volume"));
  if (options != NULL) {
    KVOX_TRY(kvox_extend_load_options(&known, sizeof known, options, "kvox_io_write_options"));
  }
  KVOX_TRY(find(path, KVOX_IO_VOLUME, true, &format));
  return kvox_io_named(path, format->write_volume(context, path, volume, &known));
}

kvox_status kvox_io_write_array(kvox_context *context, const char *path, const kvox_array *array) {
  const kvox_io_format *format = NULL;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_TRY(kvox_io_check_array(array, "array"));
  KVOX_TRY(find(path, KVOX_IO_ARRAY, true, &format));
  return kvox_io_named(path, format->write_array(context, path, array));
}

/* Flat and dark are [frame, row, column] of the projections' rows and columns. */
static kvox_status check_frames(const kvox_array *frames, const char *name, const kvox_array *projections) {
  KVOX_TRY(kvox_io_check_array(frames, name));
  const int32_t r = frames->rank;
  if (r != 3 && r != 2) {
    return kvox_extend_fail(KVOX_ERROR_SIZE, "%s: it has %" PRId32 " dimensions, must have frame, row, column", name,
                            r);
  }
  if (frames->shape[r - 2] != projections->shape[1] || frames->shape[r - 1] != projections->shape[2]) {
    return kvox_extend_fail(
        KVOX_ERROR_SIZE,
        "%s: its frames have %" PRId64 " rows and %" PRId64 " columns, the projections have %" PRId64 " and %" PRId64,
        name, frames->shape[r - 2], frames->shape[r - 1], projections->shape[1], projections->shape[2]);
  }
  return frames->type != KVOX_C64 ? KVOX_OK : kvox_extend_fail(KVOX_ERROR_ARGUMENT, "%s: samples must be real", name);
}

kvox_status kvox_io_write_scan(kvox_context *context, const char *path, const kvox_array *projections,
                               const kvox_array *flat, const kvox_array *dark, const double *angles_deg) {
  const kvox_io_format *format = NULL;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_TRY(kvox_io_check_array(projections, "projections"));
  if (projections->rank != 3 || projections->type == KVOX_C64) {
    return kvox_extend_fail(KVOX_ERROR_ARGUMENT, "projections: they must be real [view, row, column]");
  }
  kvox_io_scan scan = {.projections = *projections};
  if (flat != NULL) {
    KVOX_TRY(check_frames(flat, "flat", projections));
    scan.flat = *flat;
  }
  if (dark != NULL) {
    KVOX_TRY(check_frames(dark, "dark", projections));
    scan.dark = *dark;
  }
  /* Only read from here on; the struct is the reader's too, which owns its angles. */
  scan.angles_deg = (double *)(uintptr_t)angles_deg;
  KVOX_TRY(find(path, KVOX_IO_SCAN, true, &format));
  return kvox_io_named(path, format->write_scan(context, path, &scan));
}

/* ---- What was read ---- */

void kvox_io_array_destroy(kvox_io_array *array) {
  if (array == NULL) {
    return;
  }
  kvox_context *context = array->context;
  kvox_extend_release(context, array->memory);
  kvox_extend_release(context, array);
  kvox_context_destroy(context);
}

const kvox_array *kvox_io_array_view(const kvox_io_array *array) { return array != NULL ? &array->array : NULL; }

void kvox_io_scan_destroy(kvox_io_scan *scan) {
  if (scan == NULL) {
    return;
  }
  kvox_context *context = scan->context;
  for (int i = 0; i < 3; i++) {
    kvox_extend_release(context, scan->memory[i]);
  }
  kvox_extend_release(context, scan->angles_deg);
  kvox_extend_release(context, scan);
  kvox_context_destroy(context);
}

static const kvox_array *present(const kvox_array *array) { return array->data != NULL ? array : NULL; }

const kvox_array *kvox_io_scan_projections(const kvox_io_scan *scan) {
  return scan != NULL ? present(&scan->projections) : NULL;
}

const kvox_array *kvox_io_scan_flat(const kvox_io_scan *scan) { return scan != NULL ? present(&scan->flat) : NULL; }

const kvox_array *kvox_io_scan_dark(const kvox_io_scan *scan) { return scan != NULL ? present(&scan->dark) : NULL; }

const double *kvox_io_scan_angles_deg(const kvox_io_scan *scan) { return scan != NULL ? scan->angles_deg : NULL; }
