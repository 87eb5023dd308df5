/* Projection matrices: text, 12 numbers a view, or .npy [view, 3, 4]. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "io/io.h"

/* 2^17 views of 12 numbers in 17 digits have 32 MB. */
enum { MOST_BYTES = 1 << 26, NUMBERS = 12 };

typedef struct matrices {
  double *numbers;     /* 12 a view; from the context's allocator */
  int64_t count, room; /* of numbers */
} matrices;

static kvox_status add_number(const kvox_io_file *file, matrices *m, double number) {
  if (m->count == m->room) {
    const int64_t more = m->room == 0 ? 16 * NUMBERS : 2 * m->room;
    double *larger = kvox_extend_allocate(file->context, (uint64_t)more * sizeof *larger);
    if (larger == NULL) {
      return KVOX_ERROR_MEMORY;
    }
    if (m->count > 0) {
      memcpy(larger, m->numbers, (size_t)m->count * sizeof *larger);
    }
    kvox_extend_release(file->context, m->numbers);
    m->numbers = larger;
    m->room = more;
  }
  m->numbers[m->count++] = number;
  return KVOX_OK;
}

/* Numbers between white space, commas and semicolons; what follows '#' in a line is a comment. */
static kvox_status read_text(const kvox_io_file *file, const char *text, matrices *m) {
  int64_t line = 1;
  for (const char *c = text; *c != '\0';) {
    if (*c == '#') {
      c += strcspn(c, "\n");
      continue;
    }
    if (strchr(" \t\r\n,;", *c) != NULL) {
      line += *c++ == '\n';
      continue;
    }
    double number = 0;
    const size_t length = strspn(c, "+-.0123456789eE");
    const char *end = length > 0 ? kvox_extend_parse(c, &number) : NULL;
    if (end != c + length || length == 0) {
      return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "\"%.*s\" in line %" PRId64 " is no number",
                               (int)(strcspn(c, " \t\r\n,;#") < 40 ? strcspn(c, " \t\r\n,;#") : 40), c, line);
    }
    KVOX_TRY(add_number(file, m, number));
    c = end;
  }
  if (m->count == 0 || m->count % NUMBERS != 0) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it has %" PRId64 " numbers, must have 12 a view: 3 rows of 4",
                             m->count);
  }
  return KVOX_OK;
}

static kvox_status load_text(kvox_io_file *file, matrices *m) {
  if (file->size > MOST_BYTES) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it has %" PRId64 " bytes, at most %d are read", file->size,
                             MOST_BYTES);
  }
  char *text = kvox_extend_allocate(file->context, (uint64_t)file->size + 1);
  if (text == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = kvox_io_file_read(file, text, file->size);
  text[file->size] = '\0';
  if (status == KVOX_OK && strlen(text) != (size_t)file->size) {
    status = kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is no text: it holds a byte that is 0");
  }
  if (status == KVOX_OK) {
    status = read_text(file, text, m);
  }
  kvox_extend_release(file->context, text);
  return status;
}

/* [view, 3, 4], or one matrix [3, 4], of f64 or f32. */
static kvox_status load_npy(kvox_io_file *file, matrices *m) {
  kvox_io_array *held = NULL;
  kvox_status status = kvox_io_load_array(&kvox_io_npy_format, file, &held);
  const kvox_array *array = kvox_io_array_view(held);
  if (status == KVOX_OK &&
      ((array->type != KVOX_F64 && array->type != KVOX_F32) || array->rank < 2 || array->rank > 3 ||
       array->shape[array->rank - 2] != 3 || array->shape[array->rank - 1] != 4)) {
    status = kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it must hold f64 or f32 of the shape [view, 3, 4]");
  }
  const int64_t views = status == KVOX_OK && array->rank == 3 ? array->shape[0] : 1;
  for (int64_t i = 0; status == KVOX_OK && i < views * NUMBERS; i++) {
    const int64_t index[3] = {i / NUMBERS, i % NUMBERS / 4, i % 4};
    const char *at = array->data;
    for (int32_t d = 0; d < array->rank; d++) {
      at += index[3 - array->rank + d] * array->strides[d];
    }
    double number = 0;
    float narrow = 0;
    if (array->type == KVOX_F64) {
      memcpy(&number, at, sizeof number);
    } else {
      memcpy(&narrow, at, sizeof narrow);
      number = narrow;
    }
    status = add_number(file, m, number);
  }
  kvox_io_array_destroy(held);
  return status;
}

kvox_status kvox_io_load_ct_matrices(kvox_io_file *file, bool npy, const kvox_io_detector *detector,
                                     kvox_ct_geometry **geometry) {
  matrices m = {0};
  kvox_status status = npy ? load_npy(file, &m) : load_text(file, &m);
  if (status == KVOX_OK) {
    status = kvox_ct_geometry_create_matrices(file->context, detector->rows, detector->columns,
                                              detector->column_pitch_mm, m.numbers, m.count / NUMBERS, geometry);
    if (status != KVOX_OK) {
      status = kvox_io_file_fail(file, status, "%s", kvox_last_error());
    }
  }
  kvox_extend_release(file->context, m.numbers);
  return status;
}

static kvox_status write_text(kvox_context *context, const char *path, const double *numbers, int64_t views) {
  kvox_io_output output = {0};
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path, &output));
  kvox_io_output_print(&output, "# (x, y, z, 1) in mm to (w column, w row, w), one view a line, row after row\n");
  for (int64_t i = 0; i < views * NUMBERS; i++) {
    kvox_io_output_number(&output, numbers[i] + 0.0); /* no "-0" */
    kvox_io_output_print(&output, i % NUMBERS == NUMBERS - 1 ? "\n" : " ");
  }
  status = kvox_io_output_commit(&output);
cleanup:
  kvox_io_output_end(&output);
  return status;
}

static kvox_status write_npy(kvox_context *context, const char *path, double *numbers, int64_t views) {
  kvox_array array;
  const int64_t shape[3] = {views, 3, 4};
  KVOX_TRY(kvox_array_init(&array, numbers, KVOX_F64, 3, shape));
  return kvox_io_npy_format.write_array(context, path, &array);
}

kvox_status kvox_io_save_ct_matrices(kvox_context *context, const char *path, bool npy,
                                     const kvox_ct_geometry *geometry) {
  int64_t shape[3];
  KVOX_TRY(kvox_ct_geometry_shape(geometry, shape));
  double *numbers = kvox_extend_allocate(context, (uint64_t)shape[0] * NUMBERS * sizeof *numbers);
  if (numbers == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = KVOX_OK;
  for (int64_t v = 0; v < shape[0] && status == KVOX_OK; v++) {
    status = kvox_ct_geometry_matrix(geometry, v, numbers + NUMBERS * v);
  }
  if (status == KVOX_OK) {
    status = npy ? write_npy(context, path, numbers, shape[0]) : write_text(context, path, numbers, shape[0]);
  }
  kvox_extend_release(context, numbers);
  return status;
}
