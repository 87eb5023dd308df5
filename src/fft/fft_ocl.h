/*
 * Fourier transforms on an OpenCL device, by VkFFT: the layouts and numbers of fft.h, up to 2^24 samples along an axis.
 * A member of a batch has the bits that it has alone.
 */
#ifndef KVOX_FFT_FFT_OCL_H
#define KVOX_FFT_FFT_OCL_H

#include "fft/fft.h"
#include "ocl/ocl.h"

/* A transform of one execution: its kernels hold arguments, so that no two threads may share it. Making a second one
 * of the same layout takes its programs from the device's cache. */
typedef struct kvox_fft_ocl kvox_fft_ocl;

/* In place where `in_place` is true (complex kinds only): kvox_fft_ocl_run then takes one buffer twice.
 * KVOX_ERROR_UNSUPPORTED where VkFFT has no transform of these sizes. Any thread; the host's memory is the heap's. */
kvox_status kvox_fft_ocl_create(kvox_ocl *ocl, const kvox_fft_layout *layout, bool in_place, kvox_fft_ocl **fft);
void kvox_fft_ocl_destroy(kvox_fft_ocl *fft);

/* Bytes on the device that a transform of this layout takes beside its arrays (tables, temporary arrays), at most. */
kvox_status kvox_fft_ocl_need(kvox_ocl *ocl, const kvox_fft_layout *layout, uint64_t *bytes);

/* Enqueues it on whole buffers that begin with the first member. `fft` and both buffers stay until it is finished. */
kvox_status kvox_fft_ocl_run(kvox_fft_ocl *fft, kvox_ocl_queue *queue, kvox_buffer *in, kvox_buffer *out);

/* "vkfft 1.2.26"; a constant string. */
const char *kvox_fft_ocl_provider(void);

#endif
