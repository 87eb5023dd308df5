/* Kvox: from an MRI scanner's readouts to its images, as they arrive. */
#ifndef KVOX_MRI_RECON_H
#define KVOX_MRI_RECON_H

#include <kvox/mri_coils.h>
#include <kvox/mri_fourier.h>
#include <kvox/mri_noise.h>
#include <kvox/mri_partial.h>
#include <kvox/volume.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How coils become one image. */
enum {
  KVOX_MRI_ROOT_SUM_OF_SQUARES = 0, /* magnitude alone */
  KVOX_MRI_ADAPTIVE = 1,            /* Walsh */
  KVOX_MRI_SEPARATE = 2             /* they do not: an image each */
};

/* Where the noise's covariance comes from. */
enum {
  KVOX_MRI_NOISE_AS_MEASURED = 0, /* noise readouts, where there are any; none otherwise */
  KVOX_MRI_NOISE_FROM_EDGES = 1,  /* noise readouts, or else the edges of k-space */
  KVOX_MRI_NOISE_IGNORED = 2      /* coils are not whitened */
};

/* How the ghost of EPI is taken off. */
enum {
  KVOX_MRI_GHOST_AUTO = 0,       /* by navigators where there are any, and what they leave by the image */
  KVOX_MRI_GHOST_NAVIGATORS = 1, /* alone */
  KVOX_MRI_GHOST_FROM_IMAGE = 2, /* alone */
  KVOX_MRI_GHOST_LEFT = 3
};

/* Prepare with kvox_mri_recon_options_init; zeros are what is usual. */
typedef struct kvox_mri_recon_options {
  size_t struct_size;
  int32_t combine;                   /* KVOX_MRI_ROOT_SUM_OF_SQUARES, ... */
  int32_t noise;                     /* KVOX_MRI_NOISE_AS_MEASURED, ... */
  const kvox_mri_noise *known_noise; /* instead, copied; NULL: none is known */
  int32_t snr_units;                 /* not 0: images in units of the noise's standard deviation; wants noise */
  int64_t virtual_coils;             /* compression by SVD to so many; 0: none */
  int32_t partial;                   /* KVOX_MRI_ZERO_FILL, ..., along y, z and of asymmetric echoes */
  int32_t ghost;                     /* KVOX_MRI_GHOST_AUTO, ...; of EPI alone */
  int32_t oversampled;               /* not 0: readout oversampling stays in the image */
  int64_t image_size[3];             /* pixels x, y, z over the protocol's field of view; 0: the protocol's */
  int32_t window[3];                 /* KVOX_MRI_HANN, ... along x, y, z */
  double window_parameter[2];
  double shift_px[3];
  uint64_t memory_limit; /* bytes; 0: the context's; kvox_mri_recon_memory tells what is taken */
} kvox_mri_recon_options;

#define kvox_mri_recon_options_init(options) \
  kvox_mri_recon_options_init_sized((options), sizeof(kvox_mri_recon_options))
KVOX_API void kvox_mri_recon_options_init_sized(kvox_mri_recon_options *options, size_t struct_size);

/*
 * A reconstruction in progress, of Cartesian scans and EPI; it holds its context. One thread at a time.
 *
 * Images are [frame, (coil,) z, y, x]: frames are repetition, phase of the heart, set, contrast (echo), fastest last;
 * averages are averaged. z are the partitions of a slab, or slices in the order of their positions along the slice
 * axis (those that did not come yet follow, by their numbers; of slices that are not parallel all are by numbers); of
 * several slabs one follows the other. x, y, z grow along the readouts' read, phase and slice axes, and voxel size / 2
 * (rounded down) of a slice or slab lies at its position.
 *
 * Pixels have the image's size in the protocol, or as near to it as a whole number of them fills the encoded field of
 * view: k-space is filled up with zeros or cut for that, and what lies beyond the image's field of view (oversampling)
 * is left out. Lines that acceleration skipped are zero, which the log says.
 *
 * Readouts are whitened, turned or regridded, transformed along x and sorted when they are pushed; compression, noise
 * from edges, ghosts that the image tells, and partial Fourier come with each image, from what there is then.
 */
typedef struct kvox_mri_recon kvox_mri_recon;

KVOX_API kvox_status kvox_mri_recon_create(kvox_context *context, const kvox_mri_protocol *protocol,
                                           const kvox_mri_recon_options *options, kvox_mri_recon **recon);
KVOX_API void kvox_mri_recon_destroy(kvox_mri_recon *recon);
/*
 * What it takes, for the protocol's coils or, once readouts came, theirs: lines of all coils, cropped along x, and what
 * the stages of a push and an image work in, as `plan`. `workspace` is some images of one coil; with the adaptive
 * combination, or where a ghost is found from the image, of all coils of a slice. More than the limit is
 * KVOX_ERROR_MEMORY_LIMIT when it is made, or with the first readout where coils were not known before.
 */
KVOX_API kvox_status kvox_mri_recon_memory(const kvox_mri_recon *recon, kvox_memory_use *memory);

/*
 * One readout, of any use, in the order it was measured. It is copied. Noise comes before the lines it whitens (what
 * comes later is left out, which the log says; noise of another sample time is rescaled), navigators before theirs.
 * Calibration alone, other uses and other encodings have no part. A line outside the protocol's limits (segments have
 * none), another number of coils or samples than the lines before, samples that are not finite, beyond 1e15 or do not
 * fit the encoded x by their centre (0 where that does not fit: the middle): a status and a sentence that names the
 * readout's counters; the readout has then no part in the image and the next one may be pushed. So has a first line of
 * all that is neither as the protocol announces it nor like the second one: that replaces it, which the log says; and
 * so a first noise readout. Noise may be of any length, navigators too unless they are sampled on ramps (left out, with
 * a word in the log). After the second line nothing is allocated.
 */
KVOX_API kvox_status kvox_mri_recon_push(kvox_mri_recon *recon, const kvox_mri_readout *readout);

/* Image lines that came and that the protocol's limits announce (without what is skipped by acceleration; calibration
 * lines that are part of the image come in addition). */
KVOX_API void kvox_mri_recon_progress(const kvox_mri_recon *recon, int64_t *lines, int64_t *expected);

/* frames, coils (1: combined), z, y, x of the images. Separate coils are known from the protocol or the first readout.
 */
KVOX_API kvox_status kvox_mri_recon_shape(const kvox_mri_recon *recon, int64_t shape[5]);

/*
 * The images of what came so far, at any moment and again: lines that did not come are zero. c64 [frames, coils, z, y,
 * x], or f32, the magnitude; the axis of coils may be left out where they are combined, and so may that of frames where
 * there is one. Root sum of squares has no phase: c64 holds the magnitude. Nothing is allocated where the workspace has
 * held an image of this reconstruction, or of one of its sizes, before. SNR units count averages, windows, zeros and
 * homodyne; POCS is refused with them (KVOX_ERROR_UNSUPPORTED). Stages: "ghost", "compress", "partial", "fourier",
 * "maps", "combine".
 */
KVOX_API kvox_status kvox_mri_recon_image(kvox_mri_recon *recon, kvox_workspace *workspace, const kvox_array *images);

/*
 * Where the voxels are, in LPS, from the readouts' positions; axes x, y, z and the middle at 0 where they told none.
 * Between slices the grid has the mean step from the first to the last one; origins_mm, NULL or 3 z numbers, is the
 * origin of each. Slices that are not parallel are KVOX_ERROR_GEOMETRY.
 */
KVOX_API kvox_status kvox_mri_recon_grid(const kvox_mri_recon *recon, kvox_grid *grid, double *origins_mm);

/* What was done and chosen, as JSON; the text is the reconstruction's, until the next call. */
KVOX_API const char *kvox_mri_recon_provenance(kvox_mri_recon *recon);

#ifdef __cplusplus
}
#endif

#endif
