/* Fourier transforms: the only door to an FFT library. Plans are single-threaded and run inside our own loops. */
#ifndef KVOX_FFT_FFT_H
#define KVOX_FFT_FFT_H

#include "core/heap.h"

enum { KVOX_FFT_MOST_RANK = 3 };

typedef enum kvox_fft_kind {
  KVOX_FFT_R2C,      /* real [.., n] to complex [.., n/2 + 1], exp(-i ...), unscaled; rank 1 */
  KVOX_FFT_C2R,      /* back, exp(+i ...), unscaled; may destroy its input; rank 1 */
  KVOX_FFT_FORWARD,  /* complex to complex, exp(-i ...), unscaled; rank 1 to 3 */
  KVOX_FFT_BACKWARD  /* exp(+i ...), unscaled */
} kvox_fft_kind;

typedef struct kvox_fft_plan kvox_fft_plan;

/*
 * A plan of `batch` transforms of `sizes` (slowest first), out of place. Each batch member starts `real_step` floats
 * (the real side of R2C and C2R; ignored for complex kinds) and `complex_step` complex numbers after the one before.
 * Steps must be multiples of 16 floats and 8 complex numbers for rank 1, so that every member is aligned. Thread-safe.
 */
typedef struct kvox_fft_layout {
  kvox_fft_kind kind;
  int32_t rank;
  int64_t sizes[KVOX_FFT_MOST_RANK];
  int64_t batch;
  int64_t real_step, complex_step;
} kvox_fft_layout;

kvox_status kvox_fft_plan_create(kvox_heap *heap, const kvox_fft_layout *layout, int32_t effort, kvox_fft_plan **plan);
void kvox_fft_plan_destroy(kvox_fft_plan *plan);

/* Scratch that one execution needs (64-byte aligned), and what the plan itself holds of Kvox's memory. */
uint64_t kvox_fft_scratch_bytes(const kvox_fft_plan *plan);
uint64_t kvox_fft_plan_bytes(const kvox_fft_plan *plan);

/* Any number of threads at once, each with its own arrays and scratch; all 64-byte aligned. */
void kvox_fft_execute(const kvox_fft_plan *plan, void *in, void *out, void *scratch);

/* The least even number >= n that the provider is fast at. */
int64_t kvox_fft_good_size(int64_t n);

/* "fftw 3.3.10", "kissfft"; a constant string. */
const char *kvox_fft_provider(void);

#endif
