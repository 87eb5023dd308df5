/* EPI on a device, and its calls on the CPU alone. */
#ifndef KVOX_MRI_EPI_OCL_H
#define KVOX_MRI_EPI_OCL_H

#include "kvox/mri_epi.h"
#include "mri/pieces.h"
#include "mri/ramp_regrid.h"

/* ---- On the CPU, of a context on a device too: for readouts that come one by one ---- */

kvox_status kvox_mri_ramp_create_on_cpu(kvox_context *context, const kvox_mri_ramps *ramps, int64_t samples,
                                        int64_t size, kvox_mri_ramp **ramp);
kvox_status kvox_mri_ghost_apply_on_cpu(kvox_context *context, kvox_workspace *workspace, const kvox_mri_ghost *ghosts,
                                        const uint8_t *reversed, const kvox_array *in, const kvox_array *out);

/* ---- The stages ---- */

/* "ghost", "regrid" or "turn_lines" of the program "mri_epi". */
kvox_status kvox_mri_ocl_epi_kernel(kvox_context *context, const char *name, kvox_ocl_kernel **kernel);

/* Of one execution: factors [coil][direction][x]. kvox_mri_ocl_ghost_drop also after a failure. */
typedef struct kvox_mri_ocl_ghost {
  int64_t coils, lines;
  kvox_ocl_kernel *kernel;
  kvox_buffer *factors, *reversed;
} kvox_mri_ocl_ghost;

kvox_status kvox_mri_ocl_ghost_make(kvox_context *context, int64_t coils, int64_t size, const float *factors,
                                    int64_t lines, const uint8_t *reversed, kvox_mri_ocl_ghost *ghost);
void kvox_mri_ocl_ghost_drop(kvox_mri_ocl_ghost *ghost);

/* Of arrays [coil, z, y, x] whose first row is line `first_line`; in place where wanted. */
kvox_status kvox_mri_ocl_ghost_run(const kvox_mri_ocl_ghost *ghost, kvox_ocl_queue *queue, const kvox_array *in,
                                   const kvox_array *out, int64_t first_line, kvox_buffer *flags, int64_t flag);

/* What a ramp has there: matrices [sample][grid]. Drop takes back what a failure leaves. */
kvox_status kvox_mri_ramp_ocl_make(kvox_mri_ramp *ramp);
void kvox_mri_ramp_ocl_drop(kvox_mri_ramp *ramp);
uint64_t kvox_mri_ramp_ocl_bytes(const kvox_mri_ramp *ramp);

/* `kernel` is "regrid", or "turn_lines" of a ramp without matrices; arrays are [1, z, y, x], apart. */
kvox_status kvox_mri_ocl_regrid_run(const kvox_mri_ramp *ramp, int32_t reversed, kvox_ocl_kernel *kernel,
                                    kvox_ocl_queue *queue, const kvox_array *in, const kvox_array *out,
                                    kvox_buffer *flags, int64_t flag);

/* ---- The whole calls, of arrays that were checked. After a failure `fall_back` says whether the CPU takes over. ----
 */

kvox_status kvox_mri_ghost_on_device(kvox_context *context, const char *name, const float *factors,
                                     const uint8_t *reversed, kvox_workspace *workspace, const kvox_array *in,
                                     const kvox_array *out, bool *fall_back);
kvox_status kvox_mri_regrid_on_device(const kvox_mri_ramp *ramp, kvox_workspace *workspace, int32_t reversed,
                                      const kvox_array *in, const kvox_array *out, bool *fall_back);

#endif
