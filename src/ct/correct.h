/* Stage "correct": raw counts to line integrals, a row at a time. */
#ifndef KVOX_CT_CORRECT_H
#define KVOX_CT_CORRECT_H

#include <stdbool.h>

#include "context/context.h"
#include "kvox/ct.h"

/* Neighbouring bad pixels of a row: columns begin to end - 1. */
typedef struct kvox_ct_bad_run {
  int64_t begin, end;
} kvox_ct_bad_run;

struct kvox_ct_correction {
  kvox_context *context;
  atomic_int holders;
  int64_t rows, columns, bad_pixels;
  float least;
  float *dark, *inverse_gain; /* [row, column]; 0 and 1 where bad */
  int64_t *row_runs;          /* the runs of row r are runs[row_runs[r]] to runs[row_runs[r + 1] - 1] */
  kvox_ct_bad_run *runs;
};

/*
 * Corrects the counts of one row in place. `correction` NULL: line integrals, which are looked at and left alone. False
 * when a sample is not finite: those are NaN or infinite afterwards, the others hold no meaning. What a bad pixel
 * counted is not looked at.
 */
bool kvox_ct_correct_row(const kvox_ct_correction *correction, int32_t cpu_level, int64_t row, int64_t columns,
                         float *samples);

/* The sentence for a row that kvox_ct_correct_row refused: the first of `samples` that is not finite. */
kvox_status kvox_ct_not_finite(const char *name, int64_t view, int64_t row, int64_t columns, const float *samples);
kvox_status kvox_ct_not_finite_at(const char *name, int64_t view, int64_t row, int64_t column);

/* The correction (NULL: none) was made for pixels like those of the projections. */
kvox_status kvox_ct_correction_check(const kvox_ct_correction *correction, int64_t rows, int64_t columns);

/* One more holder (NULL: none), for a plan; kvox_ct_correction_destroy gives it up. */
kvox_ct_correction *kvox_ct_correction_hold(const kvox_ct_correction *correction);

/* The correction of these rows alone, which rise: the same one where they are all; NULL where there is none. */
kvox_status kvox_ct_correction_take_rows(const kvox_ct_correction *correction, const int64_t *rows, int64_t count,
                                         kvox_ct_correction **taken);

/* What it holds; NULL: nothing. */
uint64_t kvox_ct_correction_bytes(const kvox_ct_correction *correction);

/* kvox_ct_correct on the context's device. `began`: something may have been written. */
kvox_status kvox_ct_correct_on_device(kvox_context *context, const kvox_ct_correction *correction,
                                      const kvox_array *counts, const kvox_array *line_integrals, bool *began);

/* The kernels of one instruction set. */
typedef struct kvox_correct_kernels {
  /* p = -log(max(count - dark, least) * inverse_gain) in place; a count that is not finite becomes NaN and makes the
   * whole false. */
  bool (*counts)(const float *dark, const float *inverse_gain, float least, int64_t columns, float *samples);
  bool (*finite)(int64_t columns, const float *samples);
} kvox_correct_kernels;

const kvox_correct_kernels *kvox_correct_kernels_of(int32_t cpu_level);

extern const kvox_correct_kernels kvox_correct_ref;
extern const kvox_correct_kernels kvox_correct_avx2;
extern const kvox_correct_kernels kvox_correct_avx512;
extern const kvox_correct_kernels kvox_correct_neon;

#endif
