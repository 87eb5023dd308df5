/* Rows of projections as line integrals in float: converted, corrected, checked. */
#ifndef KVOX_CT_ROWS_H
#define KVOX_CT_ROWS_H

#include "ct/correct.h"

typedef struct kvox_ct_rows {
  const kvox_array *projections; /* [view, row, column] */
  const kvox_ct_correction *correction;
  int32_t cpu_level;
  int64_t first_view, first_row; /* of the scan: where the array begins */
  bool turned;                   /* rows are the array's columns */
} kvox_ct_rows;

/* A place between detector rows: (1 - fraction) row + fraction (row + 1). */
typedef struct kvox_ct_row_place {
  int64_t row;
  float fraction; /* 0: that row alone */
} kvox_ct_row_place;

/* Rows within a millionth of a row are met exactly; half a row beyond the first and last belongs to them. */
kvox_ct_row_place kvox_ct_row_at(double row, int64_t rows);

/* The row is loaded soon: memory may be asked for it. */
void kvox_ct_rows_expect(const kvox_ct_rows *rows, int64_t view, int64_t row);

/* `spare` is another row of scratch. A sample that is not finite is KVOX_ERROR_DATA with its place. */
kvox_status kvox_ct_rows_load(const kvox_ct_rows *rows, int64_t view, kvox_ct_row_place place, float *out,
                              float *spare);

#endif
