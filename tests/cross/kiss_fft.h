/* As much of KissFFT's interface as Kvox uses, for machines that it is not installed for. */
#ifndef KVOX_TESTS_KISS_FFT_H
#define KVOX_TESTS_KISS_FFT_H

#include <stddef.h>

#define kiss_fft kvox_cross_fft
#define kiss_fft_alloc kvox_cross_fft_alloc

typedef struct kiss_fft_cpx {
  float r, i;
} kiss_fft_cpx;

typedef struct kvox_cross_fft_state {
  int size, backward;
} * kiss_fft_cfg;

/* As KissFFT's: with `memory` NULL only the size is told. */
kiss_fft_cfg kiss_fft_alloc(int size, int backward, void *memory, size_t *bytes);
void kiss_fft(kiss_fft_cfg plan, const kiss_fft_cpx *in, kiss_fft_cpx *out);

#endif
