#include "fft/fft.h"

#include <inttypes.h>

#include "core/fail.h"
#include "core/size.h"
#include "fft/layout.h"

/* Whole cache lines, so that a member of a batch is aligned like the first. */
enum {
  FLOATS_A_LINE = KVOX_ALIGNMENT / (int)sizeof(float),
  COMPLEX_A_LINE = KVOX_ALIGNMENT / (2 * (int)sizeof(float))
};

/* One side of the transform: `samples` of a member, `step` from member to member, `bytes` a sample. */
static kvox_status check_side(const kvox_fft_layout *layout, const char *name, int64_t samples, int64_t step,
                              int64_t line, int64_t bytes, int64_t *extent) {
  int64_t last = 0;
  if (layout->batch > 1) {
    if (step < samples) {
      return kvox_fail(KVOX_ERROR_SIZE, "fft: %s is %" PRId64 ", a batch member has %" PRId64 " samples", name, step,
                       samples);
    }
    if (layout->rank == 1 && step % line != 0) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "fft: %s is %" PRId64 ", must be a multiple of %" PRId64, name, step, line);
    }
    if (!kvox_multiply(layout->batch - 1, step, &last)) {
      return kvox_fail(KVOX_ERROR_SIZE, "fft: a batch of %" PRId64 " with %s %" PRId64 " has no size", layout->batch,
                       name, step);
    }
  }
  int64_t all = 0;
  if (!kvox_add(last, samples, &all) || !kvox_multiply(all, bytes, extent)) {
    return kvox_fail(KVOX_ERROR_SIZE, "fft: the batch has more than 2^63 - 1 bytes");
  }
  return KVOX_OK;
}

kvox_status kvox_fft_check(const kvox_fft_layout *layout, int32_t effort, kvox_fft_extent *extent) {
  KVOX_REQUIRE(layout);
  const bool real = kvox_fft_is_real(layout->kind);
  if (!real && layout->kind != KVOX_FFT_FORWARD && layout->kind != KVOX_FFT_BACKWARD) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "fft: %d is no kind of transform", (int)layout->kind);
  }
  if (effort != KVOX_FFT_ESTIMATE && effort != KVOX_FFT_MEASURE) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "fft: effort %" PRId32 " is neither ESTIMATE nor MEASURE", effort);
  }
  const int32_t most_rank = real ? 1 : KVOX_FFT_MOST_RANK;
  if (layout->rank < 1 || layout->rank > most_rank) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "fft: rank is %" PRId32 ", must be from 1 to %" PRId32 " for %s transforms",
                     layout->rank, most_rank, real ? "real" : "complex");
  }
  if (layout->batch < 1) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "fft: batch is %" PRId64 ", must be at least 1", layout->batch);
  }
  int64_t samples = 1;
  for (int32_t d = 0; d < layout->rank; d++) {
    if (layout->sizes[d] < 1 || layout->sizes[d] > KVOX_FFT_MOST_SIZE) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "fft: sizes[%" PRId32 "] is %" PRId64 ", must be from 1 to %" PRId64, d,
                       layout->sizes[d], KVOX_FFT_MOST_SIZE);
    }
    if (!kvox_multiply(samples, layout->sizes[d], &samples)) {
      return kvox_fail(KVOX_ERROR_SIZE, "fft: one transform has more than 2^63 - 1 samples");
    }
  }
  const int64_t complex_bytes = 2 * (int64_t)sizeof(float);
  int64_t complex_extent = 0;
  KVOX_TRY(check_side(layout, "complex_step", real ? samples / 2 + 1 : samples, layout->complex_step, COMPLEX_A_LINE,
                      complex_bytes, &complex_extent));
  int64_t real_extent = complex_extent;
  if (real) {
    KVOX_TRY(check_side(layout, "real_step", samples, layout->real_step, FLOATS_A_LINE, (int64_t)sizeof(float),
                        &real_extent));
  }
  extent->in_bytes = layout->kind == KVOX_FFT_R2C ? real_extent : complex_extent;
  extent->out_bytes = layout->kind == KVOX_FFT_C2R ? real_extent : complex_extent;
  return KVOX_OK;
}

/*
 * 2^a m with m of {1, 3, 5, 15, 25}. Chosen by timing FFTW (ESTIMATE, AVX-512) at all even sizes below 16384 whose
 * prime factors are 2, 3, 5 and 7. Against the very best size >= n, for n from 512 to 8192, the mean (and worst) loss
 * of real transforms, and of complex ones:
 *
 *   least 2^a {1, 3, 5, 15, 25}   1.10 (1.37)   1.13 (1.58)
 *   least 2^a {1, 3, 5}           1.10 (1.55)   1.18 (1.56)
 *   least 2^a                     1.31 (2.04)   1.42 (2.37)
 *   least 2^a 3^b 5^c 7^d         1.27 (2.23)   1.59 (3.40)
 */
int64_t kvox_fft_good_size(int64_t n) {
  static const int64_t odd[] = {1, 3, 5, 15, 25};
  if (n > KVOX_FFT_MOST_SIZE) {
    return 0;
  }
  int64_t best = KVOX_FFT_MOST_SIZE;
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    int64_t size = 2 * odd[i];
    while (size < n) {
      size *= 2;
    }
    best = kvox_min_i64(best, size);
  }
  return best;
}
