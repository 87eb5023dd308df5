/* Kvox: centred, unitary Fourier transforms between k-space and images. */
#ifndef KVOX_MRI_FOURIER_H
#define KVOX_MRI_FOURIER_H

#include <kvox/context.h>
#include <kvox/mri_readout.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which axes are transformed. */
enum { KVOX_MRI_X = 1, KVOX_MRI_Y = 2, KVOX_MRI_Z = 4 };

/* Windows on k-space, each along an axis: w(t), where sample k of the n that are used has t = |k - n / 2| / (n / 2),
 * the first n / 2 rounded down: 0 in the middle, 1 at the edge. */
enum {
  KVOX_MRI_NO_WINDOW = 0,
  KVOX_MRI_HANN = 1,    /* (1 + cos(pi t)) / 2 */
  KVOX_MRI_HAMMING = 2, /* 0.54 + 0.46 cos(pi t) */
  KVOX_MRI_TUKEY = 3,   /* 1 up to 1 - a, then Hann's flank; a: parameter 0, default 0.5 */
  KVOX_MRI_FERMI = 4    /* 1 / (1 + exp((t - r) / w)); r, w: parameters 0, 1, default 0.9 and 0.05 */
};

/*
 * Along each axis: `kspace_size` samples were measured; they are set into `transform_size` samples (0: as many; more:
 * zeros around them, so that pixels become smaller; fewer: only the middle ones are used); of the image the middle
 * `image_size` pixels are kept (0: all; fewer: oversampling is removed). Middles lie on middles (mri_readout.h), odd
 * sizes too. Along an axis that is not transformed the three are equal. Prepare with kvox_mri_fourier_options_init.
 */
typedef struct kvox_mri_fourier_options {
  size_t struct_size;
  int32_t axes; /* KVOX_MRI_X | ...; 0: those along which kspace_size is not 1 */
  int64_t kspace_size[3], transform_size[3], image_size[3]; /* x, y, z */
  double shift_px[3];         /* pixel i of the image shows what lies at pixel i + shift otherwise; up to 1e15 */
  int32_t window[3];          /* KVOX_MRI_HANN ... along x, y, z */
  double window_parameter[2]; /* 0: the default */
  uint64_t memory_limit;      /* bytes of one execution beside the arrays; 0: the context's, else what is quickest */
} kvox_mri_fourier_options;

#define kvox_mri_fourier_options_init(options) \
  kvox_mri_fourier_options_init_sized((options), sizeof(kvox_mri_fourier_options))
KVOX_API void kvox_mri_fourier_options_init_sized(kvox_mri_fourier_options *options, size_t struct_size);

/* Immutable, shared by any number of threads. On an OpenCL device where the context has one: arrays may lie there, in
 * any combination with the host's. */
typedef struct kvox_mri_fourier kvox_mri_fourier;

KVOX_API kvox_status kvox_mri_fourier_create(kvox_context *context, const kvox_mri_fourier_options *options,
                                             kvox_mri_fourier **fourier);
KVOX_API void kvox_mri_fourier_destroy(kvox_mri_fourier *fourier);
/* Of one execution by any of the functions below, on any number of volumes. */
KVOX_API kvox_status kvox_mri_fourier_memory(const kvox_mri_fourier *fourier, kvox_memory_use *memory);

/*
 * k-space c64 [.., z, y, x] to images c64 [.., z, y, x], of the plan's sizes, any strides; the leading axes (coils,
 * slices) are equal. Each sample is multiplied with its window and exp(+2 pi i k (x + shift) / transform_size), and
 * sums are divided by sqrt(kspace_size) along each transformed axis: unitary, and zero-filling keeps the image's
 * intensity. In place where both are the same array (kspace_size and image_size equal). Samples that are used and not
 * finite, and results beyond floats, are KVOX_ERROR_DATA. The same bits for any number of threads and any leading axes.
 * Stage: "fourier".
 */
KVOX_API kvox_status kvox_mri_fourier_to_image(const kvox_mri_fourier *fourier, kvox_workspace *workspace,
                                               const kvox_array *kspace, const kvox_array *image);

/* The adjoint; the inverse too, where the sizes are equal and there is no window. Samples of k-space that are not used
 * (transform_size below kspace_size) become 0. */
KVOX_API kvox_status kvox_mri_fourier_to_kspace(const kvox_mri_fourier *fourier, kvox_workspace *workspace,
                                                const kvox_array *image, const kvox_array *kspace);

/* Transform and root sum of squares over coils at once, in their order: k-space c64 [.., coil, z, y, x] to f32
 * [.., z, y, x], with the memory of one coil. Squares are taken in floats: samples of images beyond 1e19 fail, those
 * below 1e-19 count as nothing. */
KVOX_API kvox_status kvox_mri_fourier_to_magnitude(const kvox_mri_fourier *fourier, kvox_workspace *workspace,
                                                   const kvox_array *kspace, const kvox_array *magnitude);

#ifdef __cplusplus
}
#endif

#endif
