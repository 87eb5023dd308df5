/* Kvox: linear operators of MRI, made of parts: transform, sampling, coils. */
#ifndef KVOX_MRI_OPERATOR_H
#define KVOX_MRI_OPERATOR_H

#include <kvox/context.h>
#include <kvox/mri_fourier.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An operator A takes c64 arrays of one shape (rank 1 to 8) to c64 arrays of another; kvox_mri_operator_adjoint is its
 * exact adjoint, but for rounding: <A x, y> = <x, A^H y>. Operators are immutable, shared by any number of threads. One
 * that is made of others holds what it needs of them: they may be destroyed at once. Arrays that an operator is made of
 * stay the caller's: each comment says whether they are copied. Shapes are given slowest index first, as arrays have
 * it. On a context with a device parts have their tables there and chains run there: every array of c64, maps and
 * factors too, may lie there (such factors are not looked at beforehand: NaN among them is found when they are used).
 *
 * The measurement of parallel imaging, from an image to the samples of all coils:
 *   coils (image [z, y, x] to [coil, z, y, x]), then fourier, then sampling:
 *   kvox_mri_operator_compose(fourier, coils, &all); kvox_mri_operator_compose(sampling, all, &measurement);
 */
typedef struct kvox_mri_operator kvox_mri_operator;

/* Gives up the caller's hold; NULL is fine. */
KVOX_API void kvox_mri_operator_destroy(kvox_mri_operator *operation);

/* ---- Parts ---- */

/*
 * Images [.., z, y, x] to k-space [.., z, y, x] by the options' transform (kvox_mri_fourier_to_kspace; the adjoint is
 * _to_image), with so many leading axes of these sizes (coils, slices), 0 to 5; `sizes` may be NULL for 0.
 */
KVOX_API kvox_status kvox_mri_operator_create_fourier(kvox_context *context, const kvox_mri_fourier_options *options,
                                                      int32_t leading, const int64_t *sizes,
                                                      kvox_mri_operator **operation);

/*
 * An image [.., z, y, x] to what each coil sees of it, [.., coil, z, y, x]: times `maps` c64 [coil, z, y, x]. The
 * adjoint adds up coils times conj(maps). 0 to 4 leading axes. `maps` are not copied: they must stay as they are while
 * any operator that is made with this one lives. A map that is not finite is KVOX_ERROR_DATA.
 */
KVOX_API kvox_status kvox_mri_operator_create_coils(kvox_context *context, const kvox_array *maps, int32_t leading,
                                                    const int64_t *sizes, kvox_mri_operator **operation);

/*
 * Which samples were taken: `mask` is u8, 0: not, of the last axes of `shape` (a mask [y, x] serves all z and coils),
 * each of the axis' size, or of 1 for all of it. It is copied. The others become 0; the operator is its own adjoint.
 */
KVOX_API kvox_status kvox_mri_operator_create_sampling(kvox_context *context, int32_t rank, const int64_t *shape,
                                                       const kvox_array *mask, kvox_mri_operator **operation);

/*
 * The same, the samples that were taken put one behind the other in C order: from `shape` to the axes that the mask
 * does not have, and one of samples. A mask that takes none is KVOX_ERROR_DATA.
 */
KVOX_API kvox_status kvox_mri_operator_create_gather(kvox_context *context, int32_t rank, const int64_t *shape,
                                                     const kvox_array *mask, kvox_mri_operator **operation);

/* The middle of each axis where `to` is smaller, zeros around it where it is larger; index size / 2 (rounded down) goes
 * to size / 2. The adjoint is the same the other way. */
KVOX_API kvox_status kvox_mri_operator_create_crop(kvox_context *context, int32_t rank, const int64_t *from,
                                                   const int64_t *to, kvox_mri_operator **operation);

/*
 * Times `factors`, c64 of the last axes of `shape`, each of the axis' size or of 1. They are not copied, as maps are
 * not. One that is not finite is KVOX_ERROR_DATA.
 */
KVOX_API kvox_status kvox_mri_operator_create_modulation(kvox_context *context, int32_t rank, const int64_t *shape,
                                                         const kvox_array *factors, kvox_mri_operator **operation);

/*
 * Times exp(2 pi i sum over axes of shift (index - size / 2) / size), size / 2 rounded down: on k-space, what moves the
 * image by `shift` pixels towards lower indices (as shift_px of the transform does).
 */
KVOX_API kvox_status kvox_mri_operator_create_phase_ramp(kvox_context *context, int32_t rank, const int64_t *shape,
                                                         const double *shift, kvox_mri_operator **operation);

/* Times one number; 1: the identity. */
KVOX_API kvox_status kvox_mri_operator_create_scale(kvox_context *context, int32_t rank, const int64_t *shape,
                                                    double real, double imaginary, kvox_mri_operator **operation);

/* ---- Operators of operators; all of one context ---- */

/* outer inner: `inner` is applied first, what it gives must have the shape that `outer` takes. Arrays in between are at
 * most two, none where a part works in place. */
KVOX_API kvox_status kvox_mri_operator_compose(const kvox_mri_operator *outer, const kvox_mri_operator *inner,
                                               kvox_mri_operator **operation);

/* The adjoint as an operator of its own, to be composed: A^H A is compose(create_adjoint(A), A). */
KVOX_API kvox_status kvox_mri_operator_create_adjoint(const kvox_mri_operator *of, kvox_mri_operator **operation);

/* ---- Use ---- */

/* What it takes and what it gives; each pointer may be NULL. `in` and `out` have room for 8 sizes. */
KVOX_API kvox_status kvox_mri_operator_shape(const kvox_mri_operator *operation, int32_t *in_rank, int64_t *in,
                                             int32_t *out_rank, int64_t *out);

/* Of one execution, forward or adjoint; parts that several operators share are counted in each. */
KVOX_API kvox_status kvox_mri_operator_memory(const kvox_mri_operator *operation, kvox_memory_use *memory);

/*
 * out = A in, out = A^H in: c64 of the operator's shapes, any strides, apart. Samples that are not finite, or results
 * beyond floats, are KVOX_ERROR_DATA where a part multiplies (sampling and crop pass on what they do not leave out).
 * The same bits for any number of threads. Stages: "fourier", "coils", "sampling", "crop", "modulation".
 */
KVOX_API kvox_status kvox_mri_operator_forward(const kvox_mri_operator *operation, kvox_workspace *workspace,
                                               const kvox_array *in, const kvox_array *out);
KVOX_API kvox_status kvox_mri_operator_adjoint(const kvox_mri_operator *operation, kvox_workspace *workspace,
                                               const kvox_array *in, const kvox_array *out);

#ifdef __cplusplus
}
#endif

#endif
