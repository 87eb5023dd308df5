/*
 * Stage "filter": rows times the ramp. Two views of one row are transformed together, as the real and the imaginary
 * part of a complex row: the kernel's transform is real, so the parts stay apart. Views 2n and 2n + 1 are always
 * partners, so that the bits do not depend on how work is cut.
 *
 * Of the transform's L >= 2 columns samples the last half is zero, and of those that come back the last half is not
 * needed. So its first step of eight is taken with half of the additions (decimation in frequency): with
 * w = exp(-2 pi i / L), bins 8 k + r are the transform of L / 8 samples y_r(n) = w^(r n) sum over p < 4 of
 * x(n + p L / 8) w^(r p L / 8), and on the way back it is the last.
 *
 * The eight parts of two pairs lie beside each other as lanes, and all lanes go through the same steps: no vector is
 * ever shuffled within, every turn is one number for all of them, and numbers stay in the nearest cache. Bins come
 * out in the order of the steps' digits, the response lies in the same order, and the way back undoes them: nothing is
 * put in order. No FFT library is needed, and every instruction set gives the same bits.
 */
#ifndef KVOX_CT_FILTER_H
#define KVOX_CT_FILTER_H

#include "context/context.h"
#include "ct/backproject.h"
#include "ct/geometry.h"

enum { KVOX_FILTER_PARTS = 8, KVOX_FILTER_PAIRS = 2, KVOX_FILTER_LANES = KVOX_FILTER_PARTS * KVOX_FILTER_PAIRS };
#define KVOX_FILTER_ROOT_HALF 0.70710678118654752440f
#define KVOX_FILTER_SIN_60 0.86602540378443864676f
#define KVOX_FILTER_COS_72 0.30901699437494742410f
#define KVOX_FILTER_SIN_72 0.95105651629515357212f
#define KVOX_FILTER_COS_144 -0.80901699437494742410f
#define KVOX_FILTER_SIN_144 0.58778525229247312917f

/* Each block of `block` numbers becomes `radix` (3, 4, 5 or 8) of its transform's interleaved ones. */
typedef struct kvox_filter_step {
  int64_t block;
  int32_t radix;
  const float *turns; /* [n < block / radix][1 <= j < radix][cosine, sine, -sine] of 2 pi n j / block */
} kvox_filter_step;

enum { KVOX_FILTER_STEPS = 32 }; /* 4^32 numbers are more than there can be */

typedef struct kvox_filter_split {
  int64_t columns;
  int64_t size;       /* of a part: a length / 8 */
  int64_t step;       /* the same, at least, a multiple of 16 */
  const float *turns; /* [part r][cosine, sine][step] of 2 pi r n / length */
  int32_t steps;      /* of the parts' transforms, before a last one of `last` (4 or 8) numbers without turns */
  int32_t last;
  kvox_filter_step each[KVOX_FILTER_STEPS];
  const float *response; /* [bin in the order of the steps][lane] */
} kvox_filter_split;

/* Rows a and b of one pair, and where they go: weight_a a filtered, and b the same. They may be the same rows. */
typedef struct kvox_filter_pair {
  const float *a, *b;
  float weight_a, weight_b;
  float *out_a, *out_b;
} kvox_filter_pair;

typedef struct kvox_filter_kernels {
  /* The parts y_r of x = a + i b of 1 or 2 pairs: lanes[n < step][real, imaginary part][8 pair + r]; those from n =
   * size on are anything. */
  void (*pack)(const kvox_filter_split *split, const kvox_filter_pair *pairs, int32_t count, float *lanes);
  /* Each lane transformed, times the response, and transformed back (without 1 / length). */
  void (*convolve)(const kvox_filter_split *split, int32_t count, float *lanes);
  /* And back: out_a = weight_a real, out_b = weight_b imaginary part */
  void (*unpack)(const kvox_filter_split *split, const float *lanes, const kvox_filter_pair *pairs, int32_t count);
  /* floats[i] *= factors[i] */
  void (*multiply)(float *floats, const float *factors, int64_t count);
  /* out[i][k] = rows[k][i] for KVOX_STACK rows that begin `step` floats apart */
  void (*interleave)(const float *rows, int64_t step, int64_t count, float *out);
  /* The same with `out_step` floats from out[i] to out[i + 1], past the caches; both multiples of 64 bytes */
  void (*turn)(const float *rows, int64_t step, int64_t count, float *out, int64_t out_step);
} kvox_filter_kernels;

extern const kvox_filter_kernels kvox_filter_ref;
void kvox_filter_convolve_ref(const kvox_filter_split *split, int32_t count, float *lanes);
extern const kvox_filter_kernels kvox_filter_avx2;
extern const kvox_filter_kernels kvox_filter_avx512;
extern const kvox_filter_kernels kvox_filter_neon;
const kvox_filter_kernels *kvox_filter_kernels_of(int32_t cpu_level);

typedef struct kvox_ct_filter {
  kvox_context *context;
  const kvox_filter_kernels *kernels;
  int64_t columns, length;
  kvox_filter_split split;
  float *response; /* the kernel's transform / length */
  float *turns, *step_turns;
  uint64_t bytes;
} kvox_ct_filter;

/* The transform's length: at least 2 columns, a multiple of KVOX_FILTER_PARTS. */
int64_t kvox_ct_filter_length(int64_t columns);

/* Checks options (known version of the struct) and prepares the transform of rows of `columns` samples. */
kvox_status kvox_ct_filter_make(kvox_context *context, int64_t columns, double pitch_mm,
                                const kvox_ct_filter_options *options, kvox_ct_filter **filter);
void kvox_ct_filter_drop(kvox_ct_filter *filter);

/* What one worker needs (a multiple of 64 bytes) to filter pairs. */
uint64_t kvox_ct_filter_scratch(const kvox_ct_filter *filter);

/* 1 or 2 pairs; a pair's bits do not depend on the other. `b` and `out_b` may be NULL: no partner. */
void kvox_ct_filter_pairs(const kvox_ct_filter *filter, void *scratch, const kvox_filter_pair *pairs, int32_t count);

/* The ramp's transform times the window, `length` values from frequency 0 round to -1 / length, for a pitch in mm. */
kvox_status kvox_ct_ramp_response(kvox_heap *heap, const kvox_ct_filter_options *options, double pitch_mm,
                                  int64_t length, double *response);

/* Options that outlive the caller's: `response` is a copy where they need one, the caller's to release. */
kvox_status kvox_ct_filter_options_keep(kvox_heap *heap, const kvox_ct_filter_options *options,
                                        kvox_ct_filter_options *kept, double **response);

/* The same in float and / length, by which the transforms there and back multiply. */
kvox_status kvox_ct_filter_response(kvox_heap *heap, const kvox_ct_filter_options *options, double pitch_mm,
                                    int64_t length, float *response);

#endif
