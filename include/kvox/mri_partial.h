/* Kvox: images from a part of k-space, by what is known of their phase. */
#ifndef KVOX_MRI_PARTIAL_H
#define KVOX_MRI_PARTIAL_H

#include <kvox/context.h>
#include <kvox/mri_fourier.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How samples that were not measured are found. */
enum {
  KVOX_MRI_ZERO_FILL = 0, /* they are zero */
  KVOX_MRI_HOMODYNE = 1,  /* Noll, Nishimura, Macovski 1991: one axis alone */
  KVOX_MRI_POCS = 2       /* Haacke, Lindskog, Lin 1991: any axes, by iteration */
};

/* How homodyne weighs the part of k-space that was measured on both sides of its middle. */
enum {
  KVOX_MRI_WEIGHTS_STEP = 0, /* 1 */
  KVOX_MRI_WEIGHTS_RAMP = 1  /* from 0 to 2 evenly: less ringing, more blur, where the phase is not smooth */
};

/*
 * Along each axis samples `first` to `last` were measured; k = 0 is at size / 2 (mri_readout.h), which must be among
 * them. An axis is partial where more was measured on one side of the middle than on the other (of an even size, that
 * sample 0 has no partner does not count). What lies as far from the middle as the farthest measured sample, on the
 * other side, is found; beyond, k-space is zero. An asymmetric echo is a partial x. Prepare with
 * kvox_mri_partial_options_init.
 */
typedef struct kvox_mri_partial_options {
  size_t struct_size;
  int32_t method;     /* KVOX_MRI_ZERO_FILL, ... */
  int32_t axes;       /* KVOX_MRI_X | ...: along which the arrays are k-space; 0: all that are longer than 1. Along the
                         others they are images already */
  int64_t size[3];    /* of k-space and of the image: x, y, z */
  int64_t first[3];   /* measured samples, inclusive */
  int64_t last[3];    /* 0: size - 1 */
  int32_t weighting;  /* of homodyne: KVOX_MRI_WEIGHTS_STEP, ... */
  int64_t iterations; /* of POCS, at most; 0: 50 */
  double tolerance;   /* of POCS: it ends when the samples that it finds change by less than this part of the root of
                         the measured samples' energy; 0: 1e-4 */
  int64_t transition; /* of POCS: over so many measured samples next to those that were not, the last round goes over
                         from what was measured to what was found; 0: no measured sample changes */
} kvox_mri_partial_options;

#define kvox_mri_partial_options_init(options) \
  kvox_mri_partial_options_init_sized((options), sizeof(kvox_mri_partial_options))
KVOX_API void kvox_mri_partial_options_init_sized(kvox_mri_partial_options *options, size_t struct_size);

/* Immutable, shared by any number of threads. On an OpenCL device where the context has one: arrays may lie there, in
 * the host's memory, or one in each. */
typedef struct kvox_mri_partial kvox_mri_partial;

/* Homodyne of several partial axes is KVOX_ERROR_UNSUPPORTED. */
KVOX_API kvox_status kvox_mri_partial_create(kvox_context *context, const kvox_mri_partial_options *options,
                                             kvox_mri_partial **partial);
KVOX_API void kvox_mri_partial_destroy(kvox_mri_partial *partial);
/* Of one execution, of any number of volumes: three volumes, and what the transform takes; on a device three of each of
 * the volumes that are there at once, as many as the context's limit allows. */
KVOX_API kvox_status kvox_mri_partial_memory(const kvox_mri_partial *partial, kvox_memory_use *memory);

/*
 * k-space c64 [.., z, y, x] to images c64 [.., z, y, x], any strides, one volume (a coil) after the other, on a
 * device several at once; both may be the same array. Samples beyond the ranges are not looked at. The transform is
 * that of kvox_mri_fourier, unitary: the image has the intensity that full k-space gives it.
 *
 * Both methods take the phase p(r) from the middle, which was measured on both sides (along partial axes alone, with
 * Hann's window), to be the image's. Homodyne: Re(m(r) exp(-i p(r))) exp(i p(r)), m being the image of k-space times
 * weights w with w(k) + w(-k) = 2. POCS: the image is made to have that phase and k-space to hold the measured samples,
 * by turns, k-space last: the image's phase is then the true one as far as it was measured. Where the true phase varies
 * within a pixel of that middle's resolution, both err. Samples that are not finite are KVOX_ERROR_DATA. The same bits
 * for any number of threads and volumes, and any limit. Stages: "partial", "fourier"; on a device "upload", "download".
 */
KVOX_API kvox_status kvox_mri_partial_to_image(const kvox_mri_partial *partial, kvox_workspace *workspace,
                                               const kvox_array *kspace, const kvox_array *images);

/* The same as k-space along `axes`: completed, zero where nothing was measured nor found. Samples that POCS was given
 * stay as they are, but for `transition`; those of homodyne become those of its image. */
KVOX_API kvox_status kvox_mri_partial_to_kspace(const kvox_mri_partial *partial, kvox_workspace *workspace,
                                                const kvox_array *kspace, const kvox_array *completed);

#ifdef __cplusplus
}
#endif

#endif
