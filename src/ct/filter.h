/*
 * Stage "filter": rows times the ramp. Two views of one row are transformed together, as the real and the imaginary
 * part of a complex row: the kernel's transform is real, so the parts stay apart, and FFTW's complex transforms cost a
 * third of its real ones. Views 2n and 2n + 1 are always partners, so that the bits do not depend on how work is cut.
 *
 * Of the transform's L >= 2 columns samples the last half is zero, and of those that come back the last half is not
 * needed. So its first step of eight is taken here with half of the additions (decimation in frequency): with
 * w = exp(-2 pi i / L), bins 8 k + r are the transform of L / 8 samples y_r(n) = w^(r n) sum over p < 4 of
 * x(n + p L / 8) w^(r p L / 8), and on the way back it is the last. What is left for the FFT library are transforms
 * that stay in the first-level cache and have better plans: together 0.4 to 0.85 of the whole one's time.
 */
#ifndef KVOX_CT_FILTER_H
#define KVOX_CT_FILTER_H

#include "context/context.h"
#include "ct/backproject.h"
#include "ct/geometry.h"
#include "fft/fft.h"

enum { KVOX_FILTER_PARTS = 8 };
#define KVOX_FILTER_ROOT_HALF 0.70710678118654752440f

typedef struct kvox_filter_split {
  int64_t columns;
  int64_t size;       /* of a part: a length / 8 */
  int64_t step;       /* complex numbers from part to part, a multiple of 16 */
  const float *turns; /* [part r][cosine, sine][step] of 2 pi r n / length */
} kvox_filter_split;

typedef struct kvox_filter_kernels {
  /* The parts y_r of x = a + i b; what lies in them from `size` to `step` is anything. */
  void (*pack)(const kvox_filter_split *split, const float *a, const float *b, float *parts);
  /* floats[i] *= response[i] */
  void (*multiply)(float *floats, const float *response, int64_t count);
  /* And back: a = weight_a real, b = weight_b imaginary part */
  void (*unpack)(const kvox_filter_split *split, const float *parts, float weight_a, float weight_b, float *a,
                 float *b);
  /* out[i][k] = rows[k][i] for KVOX_STACK rows that begin `step` floats apart */
  void (*interleave)(const float *rows, int64_t step, int64_t count, float *out);
  /* The same with `out_step` floats from out[i] to out[i + 1], past the caches; both multiples of 64 bytes */
  void (*turn)(const float *rows, int64_t step, int64_t count, float *out, int64_t out_step);
} kvox_filter_kernels;

extern const kvox_filter_kernels kvox_filter_ref;
extern const kvox_filter_kernels kvox_filter_avx2;
extern const kvox_filter_kernels kvox_filter_avx512;
extern const kvox_filter_kernels kvox_filter_neon;
const kvox_filter_kernels *kvox_filter_kernels_of(int32_t cpu_level);

typedef struct kvox_ct_filter {
  kvox_context *context;
  const kvox_filter_kernels *kernels;
  kvox_fft_plan *forward, *backward; /* of a part */
  int64_t columns, length;
  kvox_filter_split split;
  float *response; /* the kernel's transform / length, each value twice: [part][step][2] */
  float *turns;
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

/* a *= weight_a filtered, b the same; in and out may be the same rows. `b` and `out_b` may be NULL: no partner. */
void kvox_ct_filter_pair(const kvox_ct_filter *filter, void *scratch, const float *a, const float *b, float weight_a,
                         float weight_b, float *out_a, float *out_b);

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
