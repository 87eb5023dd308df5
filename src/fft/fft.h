/* Fourier transforms: the only door to an FFT library. Plans are single-threaded and run inside our own loops. */
#ifndef KVOX_FFT_FFT_H
#define KVOX_FFT_FFT_H

#include "core/heap.h"

enum { KVOX_FFT_MOST_RANK = 3 };

/* The greatest size along one axis. */
#define KVOX_FFT_MOST_SIZE ((int64_t)1 << 30)

typedef enum kvox_fft_kind {
  KVOX_FFT_R2C,     /* real [.., n] to complex [.., n/2 + 1], exp(-i ...), unscaled; rank 1 */
  KVOX_FFT_C2R,     /* back, exp(+i ...), unscaled; destroys its input; rank 1 */
  KVOX_FFT_FORWARD, /* complex to complex, exp(-i ...), unscaled; rank 1 to 3 */
  KVOX_FFT_BACKWARD /* exp(+i ...), unscaled */
} kvox_fft_kind;

typedef struct kvox_fft_plan kvox_fft_plan;

/*
 * `batch` transforms of `sizes` (slowest first), out of place. Each batch member starts `real_step` floats (the real
 * side of R2C and C2R; ignored for complex kinds) and `complex_step` complex numbers after the one before; inside a
 * member the samples are dense. Both steps are looked at only where batch > 1; for rank 1 they must be multiples of 16
 * floats and 8 complex numbers, so that every member is aligned.
 *
 * To convolve real rows with a real kernel, put two of them into one complex row, real and imaginary part: FORWARD, the
 * product with the kernel's transform and BACKWARD act on both parts alike, and nothing needs to be taken apart. A
 * transform there and back costs, in ns for each real sample, with FFTW's ESTIMATE on one AVX-512 core:
 *
 *   size           1024  1280  1536  2048  2560  3072  4096  8192
 *   R2C, C2R       2.74  2.73  3.28  2.84  2.82  3.51  3.00  3.45
 *   two in one     0.97  1.00  1.67  1.01  1.52  1.74  1.53  2.41
 *
 * MEASURE gives 1.93 to 2.42 and 0.84 to 1.8. Batches of 2 to 32 members are no faster for each than one alone, at
 * worst 12 % slower: FFTW takes one after the other, and one stays in the first-level cache. Members that lie
 * interleaved are up to five times slower, transforms in place mostly a little.
 */
typedef struct kvox_fft_layout {
  kvox_fft_kind kind;
  int32_t rank;
  int64_t sizes[KVOX_FFT_MOST_RANK];
  int64_t batch;
  int64_t real_step, complex_step;
} kvox_fft_layout;

/*
 * `effort` is KVOX_FFT_ESTIMATE or KVOX_FFT_MEASURE. Two ESTIMATE plans of one layout give the same bits unless
 * somebody in the process has taught the FFT library better in between (a MEASURE plan of that size, imported wisdom).
 * Thread-safe, as is destroy.
 */
kvox_status kvox_fft_plan_create(kvox_heap *heap, const kvox_fft_layout *layout, int32_t effort, kvox_fft_plan **plan);
void kvox_fft_plan_destroy(kvox_fft_plan *plan);

/* Scratch that one execution needs (64-byte aligned; 0: may be NULL), and what the plan holds of Kvox's memory. */
uint64_t kvox_fft_scratch_bytes(const kvox_fft_plan *plan);
uint64_t kvox_fft_plan_bytes(const kvox_fft_plan *plan);

/* Any number of threads at once, each with its own arrays and scratch; all 64-byte aligned, none overlapping. */
void kvox_fft_execute(const kvox_fft_plan *plan, void *in, void *out, void *scratch);

/* The least even number >= n that the providers are fast at; 0 where that is beyond KVOX_FFT_MOST_SIZE. */
int64_t kvox_fft_good_size(int64_t n);

/* "fftw 3.3.10", "kissfft"; a constant string. */
const char *kvox_fft_provider(void);

#endif
