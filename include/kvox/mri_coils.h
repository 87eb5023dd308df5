/* Kvox: the coils of an MRI scanner: how their images are combined, what they see, how few are enough. */
#ifndef KVOX_MRI_COILS_H
#define KVOX_MRI_COILS_H

#include <kvox/context.h>
#include <kvox/mri_noise.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Images are c64 [.., coil, z, y, x], any strides; a combined one is [.., z, y, x]. Samples that are not finite, and
 * sums of squares that leave the range of floats, are KVOX_ERROR_DATA; shapes that disagree KVOX_ERROR_SIZE. Root sum
 * of squares, Walsh's maps, combination and compression run on the context's device, and take arrays there as well as
 * the host's; what else is here computes on the CPU and refuses them. Results are the same for any number of threads.
 */

/*
 * Root sum of squares: sqrt(sum over coils of |image|^2), f32. Of coils that were whitened it is the best combination
 * that knows nothing of them (Roemer et al. 1990), but for phase and for the noise's own mean. Squares are taken in
 * floats: samples beyond 1e18 fail, those below 1e-19 count as nothing. Stage: "combine".
 */
KVOX_API kvox_status kvox_mri_root_sum_of_squares(kvox_context *context, kvox_workspace *workspace,
                                                  const kvox_array *images, const kvox_array *magnitude);

/* ---- Sensitivity maps ---- */

/* Prepare with kvox_mri_walsh_options_init. */
typedef struct kvox_mri_walsh_options {
  size_t struct_size;
  int64_t window[3];           /* voxels along x, y, z, odd, 1 to 31; 0: 5, or as many as a shorter axis has room for */
  const kvox_mri_noise *noise; /* of the coils; NULL: equal and not correlated, as after whitening */
} kvox_mri_walsh_options;

#define kvox_mri_walsh_options_init(options) \
  kvox_mri_walsh_options_init_sized((options), sizeof(kvox_mri_walsh_options))
KVOX_API void kvox_mri_walsh_options_init_sized(kvox_mri_walsh_options *options, size_t struct_size);

/*
 * Maps from the images alone (Walsh, Gmitro, Marcellin 2000), c64 of the images' shape: in each voxel the eigenvector
 * of the largest eigenvalue of R, the sum over the window around it (cut off where the array ends) of x x^H, x being
 * the whitened coils. It is given as sensitivities s of the coils as they are, with s^H covariance^-1 s = 1; 0 where
 * the window holds none but zeros. kvox_mri_combine with the same noise makes the adaptive combination of it. Images
 * alone do not tell the phase of s: that of the virtual coil that has most of the whole array's energy is taken off, so
 * that the combined image has the phase which that coil saw. Sums are taken in floats: voxels below 1e-18 of the root
 * mean square of all samples count as nothing. `options` NULL: as usual. Stage: "maps".
 */
KVOX_API kvox_status kvox_mri_walsh_maps(kvox_context *context, const kvox_mri_walsh_options *options,
                                         kvox_workspace *workspace, const kvox_array *images, const kvox_array *maps);

/*
 * Smooth images of all coils, for maps: the `region` (samples along x, y, z; 0 or NULL: 24, or what there is) in the
 * middle of `kspace` times Hann's window, transformed to the image (mri_readout.h). `images` c64 [.., coil, z, y, x]
 * may have other sizes than k-space has, over the same field of view. Stage: "maps".
 */
KVOX_API kvox_status kvox_mri_low_resolution(kvox_context *context, const int64_t region[3], kvox_workspace *workspace,
                                             const kvox_array *kspace, const kvox_array *images);

/*
 * Images over their root sum of squares, 0 where that is 0: relative sensitivities, where images are smooth, as
 * kvox_mri_low_resolution makes them. c64 of the images' shape. Stage: "maps".
 */
KVOX_API kvox_status kvox_mri_relative_maps(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                                            const kvox_array *maps);

/*
 * The combination with the least noise that has the maps' sensitivity (Roemer et al. 1990): s^H covariance^-1 x / (s^H
 * covariance^-1 s), 0 where s is; c64 [.., z, y, x]. `noise` NULL: covariance 1. `maps` have the images' shape, or
 * [coil, z, y, x] for all of them. Stage: "combine".
 */
KVOX_API kvox_status kvox_mri_combine(kvox_context *context, const kvox_mri_noise *noise, kvox_workspace *workspace,
                                      const kvox_array *images, const kvox_array *maps, const kvox_array *combined);

/* ---- Compression: fewer, virtual coils. Immutable, shared by any number of threads ---- */

typedef struct kvox_mri_compression kvox_mri_compression;

/*
 * The `virtual_coils` (1 to the number of coils) orthonormal combinations of coils that hold most of the energy of
 * `kspace` (a calibration region or all of it, c64 [.., coil, z, y, x]): the first left singular vectors of its matrix
 * [coil, sample]. White noise stays white: whiten before. k-space of zeros is KVOX_ERROR_DATA.
 */
KVOX_API kvox_status kvox_mri_compression_create_svd(kvox_context *context, const kvox_array *kspace,
                                                     int64_t virtual_coils, kvox_mri_compression **compression);

/*
 * The same for each position along the readout (geometric decomposition; Zhang, Pauly, Vasanawala, Lustig 2013), so
 * that fewer coils do: `hybrid` is k-space that was transformed to the image along x alone. Each position takes its
 * neighbours into account within `window` positions (odd, 1 to 31; 0: 5), and the virtual coils of neighbours are
 * turned to be as alike as they can, from the position with most energy outwards.
 */
KVOX_API kvox_status kvox_mri_compression_create_geometric(kvox_context *context, const kvox_array *hybrid,
                                                           int64_t virtual_coils, int64_t window,
                                                           kvox_mri_compression **compression);
KVOX_API void kvox_mri_compression_destroy(kvox_mri_compression *compression);

/* The share of the energy that is kept, 0 to 1, of what it was made from. */
KVOX_API double kvox_mri_compression_energy(const kvox_mri_compression *compression);

/* Copies out the matrix [virtual coil][coil][real, imaginary], whose rows are orthonormal, at position x; one matrix
 * serves all x of a compression by SVD. */
KVOX_API kvox_status kvox_mri_compression_matrix(const kvox_mri_compression *compression, int64_t x, double *matrix);

/* `in` c64 [.., coil, z, y, x] to `out` c64 [.., virtual coil, z, y, x], in memory of its own. A geometric one takes
 * hybrid data of as many positions x as it was made from. Stage: "compress". */
KVOX_API kvox_status kvox_mri_compress(kvox_context *context, const kvox_mri_compression *compression,
                                       kvox_workspace *workspace, const kvox_array *in, const kvox_array *out);

#ifdef __cplusplus
}
#endif

#endif
