/* Kvox: the coils of an MRI scanner: how their images are combined. */
#ifndef KVOX_MRI_COILS_H
#define KVOX_MRI_COILS_H

#include <kvox/context.h>
#include <kvox/mri_noise.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Images are c64 [.., coil, z, y, x], any strides; a combined one is [.., z, y, x]. Samples that are not finite, and
 * sums of squares that leave the range of floats, are KVOX_ERROR_DATA; shapes that disagree KVOX_ERROR_SIZE. Arrays on
 * a device are refused. Results are the same for any number of threads.
 */

/*
 * Root sum of squares: sqrt(sum over coils of |image|^2), f32. Of coils that were whitened it is the best combination
 * that knows nothing of them (Roemer et al. 1990), but for phase and for the noise's own mean. Squares are taken in
 * floats: samples beyond 1e18 fail, those below 1e-19 count as nothing. Stage: "combine".
 */
KVOX_API kvox_status kvox_mri_root_sum_of_squares(kvox_context *context, kvox_workspace *workspace,
                                                  const kvox_array *images, const kvox_array *magnitude);

#ifdef __cplusplus
}
#endif

#endif
