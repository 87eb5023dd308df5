/* Kvox: maps from MRI images: magnitude and phase, the main field, unwrapped phase, T2*, signal-to-noise ratio. */
#ifndef KVOX_MRI_MAPS_H
#define KVOX_MRI_MAPS_H

#include <kvox/context.h>
#include <kvox/mri_fourier.h>
#include <kvox/mri_noise.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Arrays have any strides. Samples that are not finite are KVOX_ERROR_DATA, shapes that disagree KVOX_ERROR_SIZE;
 * results that overlap what they are made from are refused. Magnitude, phase, the main field and T2* run on the
 * context's device, and take arrays there as well as the host's; what else is here computes on the CPU and refuses
 * them. Results are the same for any number of threads.
 */

/* ---- Magnitude and phase ---- */

/* The magnitude of every sample: `images` c64 of any rank (coils are kept apart), `magnitude` f32 of its shape. One
 * beyond the range of floats is KVOX_ERROR_DATA. Stage: "magnitude". */
KVOX_API kvox_status kvox_mri_magnitude(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                                        const kvox_array *magnitude);

/* The phase of every sample in radians, above -pi and up to pi, to 1e-6; 0 where a sample is 0. `images` c64 of any
 * rank, `phase` f32 of its shape. Stage: "phase". */
KVOX_API kvox_status kvox_mri_phase(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                                    const kvox_array *phase);

/* ---- The main field, from echoes ---- */

/*
 * The offset of the main field in Hz, positive where phase grows with time, from two echoes or more at
 * `echo_times_ms` (rising). `images` c64 [.., echo, coil, z, y, x]; `field_hz` f32 [.., z, y, x], 0 where there is no
 * signal.
 *
 * The phase from echo to echo is that of their Hermitian inner product over coils, sum conj(x_e) x_e+1, whatever the
 * coils' own phases are (Robinson and Jovicich 2011). Of more than two echoes the phases along time are unwrapped by
 * the field that the shortest steps tell together, and a line is fitted to them, each echo weighed by its sum of
 * squares over coils, the inverse of its phase's variance. The field is known but for multiples of 1 / the shortest
 * step, and lies within half of that about 0; where all steps are equal kvox_mri_unwrap with that period goes beyond.
 * Echoes must be read in one direction: of a bipolar train give every other one.
 *
 * `weight` (f32 of the field's shape, or NULL) is the inverse of the field's variance, 1 / Hz^2, of coils whose noise
 * has covariance 1 (kvox_mri_whiten), where the signal is well above it; of other coils it is in proportion. A mask is
 * where it is large enough. Squares are taken in floats: samples beyond 1e18 fail, those below 1e-19 count as nothing.
 * Stage: "field".
 */
KVOX_API kvox_status kvox_mri_field_map(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                                        const double *echo_times_ms, const kvox_array *field_hz,
                                        const kvox_array *weight);

/* ---- Phase unwrapping ---- */

/* Prepare with kvox_mri_unwrap_options_init. */
typedef struct kvox_mri_unwrap_options {
  size_t struct_size;
  int32_t dimensions;     /* 3: volumes [z, y, x]; 2: each slice [y, x] for itself; 0: 3 */
  double period;          /* what values wrap by; 0: 2 pi */
  const kvox_array *mask; /* u8, not 0 inside, of the phase's shape or [z, y, x] for all volumes; NULL: all inside */
} kvox_mri_unwrap_options;

#define kvox_mri_unwrap_options_init(options) \
  kvox_mri_unwrap_options_init_sized((options), sizeof(kvox_mri_unwrap_options))
KVOX_API void kvox_mri_unwrap_options_init_sized(kvox_mri_unwrap_options *options, size_t struct_size);

/*
 * Adds multiples of the period so that neighbours differ by less than half of it wherever they can. `phase` f32
 * [.., z, y, x], `unwrapped` f32 of its shape, which may be the same array; `options` may be NULL.
 *
 * Guided by quality, along no continuous path (Herraez, Burton, Lalor, Gdeisat 2002 in two dimensions; Abdul-Rahman
 * et al. 2007 in three): neighbours are joined from the most reliable pair to the least, voxels being as reliable as
 * their second differences are small; pairs that are equally reliable (to 4e-6 of it) along x first, then y, z, in the
 * order of memory. Second differences that reach beyond the array or the mask count as those of noise.
 *
 * Parts of the mask that do not touch along an axis have nothing to do with each other: each gets the multiple that
 * brings its median (the lower one of an even number) nearest to 0. Voxels outside the mask, which may hold anything,
 * become 0. More than 2^36 voxels in a volume are KVOX_ERROR_UNSUPPORTED. Memory: kvox_mri_unwrap_memory, which is held
 * against the context's limit. Stage: "unwrap".
 */
KVOX_API kvox_status kvox_mri_unwrap(kvox_context *context, const kvox_mri_unwrap_options *options,
                                     kvox_workspace *workspace, const kvox_array *phase, const kvox_array *unwrapped);

/* What the workspace will hold for phase of such a shape [.., z, y, x]: 24 bytes a voxel of one volume, or of as many
 * slices as there are threads, and some 1 MiB for each thread. */
KVOX_API kvox_status kvox_mri_unwrap_memory(const kvox_context *context, const kvox_mri_unwrap_options *options,
                                            int32_t rank, const int64_t *shape, kvox_memory_use *memory);

/* ---- T2* ---- */

enum {
  KVOX_MRI_LEAST_SQUARES = 0, /* of the magnitudes: the estimate with the least variance */
  KVOX_MRI_LOG_LINEAR = 1     /* a line through their logarithms, weighed by their squares: some times quicker */
};

/* Prepare with kvox_mri_t2star_options_init. */
typedef struct kvox_mri_t2star_options {
  size_t struct_size;
  int32_t method;                 /* KVOX_MRI_LEAST_SQUARES, ... */
  double noise_floor;             /* the mean of the magnitude where there is no signal; 0: none */
  double shortest_ms, longest_ms; /* T2* is kept within, 1e-30 to 1e30; 0: a twentieth of the shortest step between
                                     echoes, 100 times the last echo time */
} kvox_mri_t2star_options;

#define kvox_mri_t2star_options_init(options) \
  kvox_mri_t2star_options_init_sized((options), sizeof(kvox_mri_t2star_options))
KVOX_API void kvox_mri_t2star_options_init_sized(kvox_mri_t2star_options *options, size_t struct_size);

/*
 * Fits S0 exp(-TE / T2*) to magnitudes of two echoes or more at `echo_times_ms` (rising, from 0). `magnitudes` f32
 * [.., echo, z, y, x], not negative; results f32 [.., z, y, x], each may be NULL but not all: `t2star_ms`, `s0` in the
 * unit of the magnitudes, `r2star_per_s` = 1000 / T2*. All are 0 where every echo is 0, or at the noise floor. Spin
 * echoes give T2.
 *
 * The line through logarithms is weighed by squared magnitudes, so that each echo counts by its noise; from there
 * Gauss and Newton's steps, shortened where they must be (Levenberg 1944), lead to the least squares (of several
 * minima, which signals that do not decay can have, to one near the line). With a noise floor the model is sqrt(S0^2
 * exp(-2 TE / T2*) + floor^2), which follows the mean of magnitudes with noise (Rice) to a tenth of the standard
 * deviation sigma of a real part (compare Gudbjartsson and Patz 1995). The floor is what is met in air: sqrt(pi / 2)
 * sigma for one coil; for the root sum of squares of more see kvox_mri_snr_scale. Magnitudes beyond 1e18 fail, those
 * below 1e-19 count as nothing. Stage: "t2star".
 */
KVOX_API kvox_status kvox_mri_t2star(kvox_context *context, const kvox_mri_t2star_options *options,
                                     kvox_workspace *workspace, const kvox_array *magnitudes,
                                     const double *echo_times_ms, const kvox_array *t2star_ms, const kvox_array *s0,
                                     const kvox_array *r2star_per_s);

/* ---- Signal-to-noise ratio of any reconstruction, by pseudo-replicas ---- */

/*
 * A reconstruction: makes `image` (dense, of the type and shape that were asked for) of `kspace` (dense, of the shape
 * that was given). Called on the calling thread, again and again; it may use its context's threads, but not the
 * workspace of the call that runs it. A failure ends that call with its status and sentence.
 */
typedef kvox_status (*kvox_mri_reconstruct_function)(void *user, const kvox_array *kspace, const kvox_array *image);

/* Prepare with kvox_mri_replica_options_init. */
typedef struct kvox_mri_replica_options {
  size_t struct_size;
  int64_t replicas;     /* 2 or more; 0: 128 */
  uint64_t seed;        /* the same seed gives the same noise, whatever the threads are */
  kvox_type image_type; /* what the reconstruction makes: KVOX_C64 or KVOX_F32; 0: KVOX_C64 */
  int32_t from_mean;    /* not 0: the signal is that of the mean of replicas; 0: of the k-space as it is */
} kvox_mri_replica_options;

#define kvox_mri_replica_options_init(options) \
  kvox_mri_replica_options_init_sized((options), sizeof(kvox_mri_replica_options))
KVOX_API void kvox_mri_replica_options_init_sized(kvox_mri_replica_options *options, size_t struct_size);

/*
 * The signal-to-noise ratio of each voxel without a formula for the reconstruction (Robson et al. 2008): k-space
 * (c64 [.., coil, z, y, x]) is reconstructed as it is and then again and again with more noise of the given covariance
 * added, each time another. The noise of a voxel is the standard deviation over these replicas of the part of the image
 * in phase with the one without added noise (the real part where that is 0; the value itself where images are f32), the
 * signal that image's magnitude. N replicas tell the ratio to a part of sqrt(1 / (2 N)): 6 % for 128.
 *
 * The covariance is that of k-space's samples as they are. Those that are 0 in every coil were not measured and get no
 * noise. `snr` and `deviation` (f32 of the image's shape, any rank; `deviation` may be NULL) are the ratio, 0 where no
 * noise arrives, and the noise. The image's shape is that of `snr`. `options` may be NULL. Stages: "noise",
 * "reconstruct", "statistics".
 */
KVOX_API kvox_status kvox_mri_replica_snr(kvox_context *context, const kvox_mri_noise *noise,
                                          const kvox_mri_replica_options *options,
                                          kvox_mri_reconstruct_function reconstruct, void *user,
                                          kvox_workspace *workspace, const kvox_array *kspace, const kvox_array *snr,
                                          const kvox_array *deviation);

/* The same of kvox_mri_fourier_to_magnitude: the transform and the root sum of squares over coils. `image_type` must be
 * 0 or KVOX_F32. */
KVOX_API kvox_status kvox_mri_replica_snr_fourier(kvox_context *context, const kvox_mri_noise *noise,
                                                  const kvox_mri_replica_options *options,
                                                  const kvox_mri_fourier *fourier, kvox_workspace *workspace,
                                                  const kvox_array *kspace, const kvox_array *snr,
                                                  const kvox_array *deviation);

/* What the workspace will hold: one k-space, and for each voxel of the image two images and 16 bytes of sums. What the
 * reconstruction takes comes on top. */
KVOX_API kvox_status kvox_mri_replica_memory(const kvox_context *context, const kvox_mri_replica_options *options,
                                             const kvox_array *kspace, const kvox_array *snr, kvox_memory_use *memory);

#ifdef __cplusplus
}
#endif

#endif
