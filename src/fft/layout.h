/* What the providers share: the checked layout of a plan. */
#ifndef KVOX_FFT_LAYOUT_H
#define KVOX_FFT_LAYOUT_H

#include <stdbool.h>

#include "fft/fft.h"

/* Bytes from the first to the last sample of all members. */
typedef struct kvox_fft_extent {
  int64_t in_bytes, out_bytes;
} kvox_fft_extent;

kvox_status kvox_fft_check(const kvox_fft_layout *layout, int32_t effort, kvox_fft_extent *extent);

static inline bool kvox_fft_is_real(kvox_fft_kind kind) { return kind == KVOX_FFT_R2C || kind == KVOX_FFT_C2R; }

/* exp(+i ...). */
static inline bool kvox_fft_is_backward(kvox_fft_kind kind) {
  return kind == KVOX_FFT_C2R || kind == KVOX_FFT_BACKWARD;
}

#endif
