#include "ct/rows.h"

#include <math.h>

#include "core/array.h"

static const double whole_row = 1e-6;

kvox_ct_row_place kvox_ct_row_at(double row, int64_t rows) {
  const double inside = fmin(fmax(row, 0), (double)(rows - 1));
  const double nearest = nearbyint(inside);
  if (fabs(inside - nearest) < whole_row) {
    return (kvox_ct_row_place){(int64_t)nearest, 0};
  }
  const double below = floor(inside);
  return (kvox_ct_row_place){(int64_t)below, (float)(inside - below)};
}

void kvox_ct_rows_expect(const kvox_ct_rows *rows, int64_t view, int64_t row) {
  const kvox_array *p = rows->projections;
  const int64_t index[2] = {view - rows->first_view, row - rows->first_row}, bytes = p->shape[2] * p->strides[2];
  const char *at = rows->turned ? NULL : kvox_array_at(p, 2, index);
  for (int64_t n = 0; at != NULL && n < bytes; n += KVOX_ALIGNMENT) {
    __builtin_prefetch(at + n);
  }
}

/* A row that is a column of the array. */
static kvox_status load_turned(const kvox_ct_rows *rows, int64_t view, int64_t row, float *out) {
  const kvox_array *p = rows->projections;
  const int64_t index[3] = {view - rows->first_view, 0, row - rows->first_row}, count = p->shape[1];
  kvox_row_to_float(kvox_array_at(p, 3, index), p->type, p->strides[1], count, out);
  if (kvox_ct_correct_row(NULL, rows->cpu_level, row, count, out)) {
    return KVOX_OK;
  }
  int64_t at = 0;
  while (isfinite(out[at])) {
    at++;
  }
  return kvox_ct_not_finite_at("projections", view, at, row);
}

static kvox_status load(const kvox_ct_rows *rows, int64_t view, int64_t row, float *out) {
  const kvox_array *p = rows->projections;
  if (rows->turned) {
    return load_turned(rows, view, row, out);
  }
  const int64_t index[2] = {view - rows->first_view, row - rows->first_row};
  kvox_row_to_float(kvox_array_at(p, 2, index), p->type, p->strides[2], p->shape[2], out);
  if (!kvox_ct_correct_row(rows->correction, rows->cpu_level, row, p->shape[2], out)) {
    return kvox_ct_not_finite("projections", view, row, p->shape[2], out);
  }
  return KVOX_OK;
}

kvox_status kvox_ct_rows_load(const kvox_ct_rows *rows, int64_t view, kvox_ct_row_place place, float *out,
                              float *spare) {
  kvox_status status = load(rows, view, place.row, out);
  if (status != KVOX_OK || place.fraction == 0) {
    return status;
  }
  status = load(rows, view, place.row + 1, spare);
  for (int64_t i = 0; i < rows->projections->shape[2]; i++) {
    out[i] += place.fraction * (spare[i] - out[i]);
  }
  return status;
}
