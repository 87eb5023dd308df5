/* Stage "fourier" on a device. */
#ifndef KVOX_MRI_FOURIER_OCL_H
#define KVOX_MRI_FOURIER_OCL_H

#include "mri/fourier.h"

/* A plan that computes on the CPU, of a context on a device too: for lines that come one by one, or to many threads. */
kvox_status kvox_fourier_create_on_cpu(kvox_context *context, const kvox_mri_fourier_options *options,
                                       kvox_mri_fourier **fourier);

/* Of a plan whose ways have sizes and weights. Drop takes back what a failure leaves. */
kvox_status kvox_fourier_ocl_make(kvox_mri_fourier *fourier);
void kvox_fourier_ocl_drop(kvox_mri_fourier *fourier);
void kvox_fourier_ocl_memory(const kvox_mri_fourier *fourier, kvox_memory_use *memory);

/* Runs a direction on checked arrays of either memory; `coils` > 0: root sum of squares over so many. */
kvox_status kvox_fourier_ocl_run(const kvox_mri_fourier *fourier, bool to_image, const char *name,
                                 kvox_workspace *workspace, const kvox_array *in, const kvox_array *out, int64_t coils);

/* A direction within an execution of another's: done when it returns. Its progress is not told. */
kvox_status kvox_fourier_ocl_enqueue(const kvox_mri_fourier *fourier, bool to_image, const char *name,
                                     kvox_ocl_queue *queue, const kvox_array *in, const kvox_array *out);

#endif
