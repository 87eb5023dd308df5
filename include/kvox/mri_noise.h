/* Kvox: the noise of MRI coils: covariance, whitening, images in units of their noise. */
#ifndef KVOX_MRI_NOISE_H
#define KVOX_MRI_NOISE_H

#include <kvox/context.h>
#include <kvox/mri_readout.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Noise of coils is Gaussian, with mean 0, and correlated between coils: covariance[i][j] = mean(n_i conj(n_j)) over
 * samples n, so that the real and the imaginary part of a sample each have half of its variance. Covariances and
 * whitening matrices are given and taken as doubles [coil][coil][real, imaginary]. An array on a device is refused, but
 * for whitening, which runs there.
 */

/* ---- Measuring: samples are added as they come, then finished ---- */

/* Sums over noise samples. One thread at a time. The sums have the same bits however samples are cut into calls. */
typedef struct kvox_mri_noise_sum kvox_mri_noise_sum;

/* For so many coils, 1 to 1024. sample_time_us: what a sample took; 0: not known, or as the first readout says. */
KVOX_API kvox_status kvox_mri_noise_sum_create(kvox_context *context, int64_t coils, double sample_time_us,
                                               kvox_mri_noise_sum **sum);
KVOX_API void kvox_mri_noise_sum_destroy(kvox_mri_noise_sum *sum);

/* Adds samples, c64 [.., coil, sample], any strides. After a failure (another number of coils: KVOX_ERROR_SIZE; a
 * sample that is not finite: KVOX_ERROR_DATA) the sum may hold a part of them. */
KVOX_API kvox_status kvox_mri_noise_sum_add(kvox_mri_noise_sum *sum, const kvox_array *samples);

/* Adds one readout, whatever its flags say, without what is to be discarded at its ends. One of another sample time is
 * KVOX_ERROR_DATA: its noise has another variance. */
KVOX_API kvox_status kvox_mri_noise_sum_add_readout(kvox_mri_noise_sum *sum, const kvox_mri_readout *readout);

/*
 * Where no noise was measured: adds the corners of k-space, c64 [.., coil, z, y, x], where there is least signal: the
 * samples that lie in the outer `share` of every axis, at either of its ends (0 to 0.5; 0: 0.1; at least one sample;
 * axes shorter than 4 are taken whole). Samples that are zero in every coil were not measured and are left out. What
 * signal there is makes the covariance too large: compare the result of two shares.
 */
KVOX_API kvox_status kvox_mri_noise_sum_add_edges(kvox_mri_noise_sum *sum, const kvox_array *kspace, double share);

/* ---- The noise of coils: immutable, shared by any number of threads ---- */

typedef struct kvox_mri_noise kvox_mri_noise;

/*
 * The mean over all samples that were added; the sum can go on. N samples tell each element of the covariance to a part
 * of sqrt(1 / N) of the variances: some thousand are wanted, and fewer than coils are KVOX_ERROR_DATA. So is a coil
 * whose noise depends on that of those before it, or is zero; the sentence names it.
 */
KVOX_API kvox_status kvox_mri_noise_sum_finish(const kvox_mri_noise_sum *sum, kvox_mri_noise **noise);

/* From a covariance that is known: Hermitian to 1e-9, positive definite. sample_time_us 0: not known. */
KVOX_API kvox_status kvox_mri_noise_create(kvox_context *context, int64_t coils, const double *covariance,
                                           double sample_time_us, kvox_mri_noise **noise);
KVOX_API void kvox_mri_noise_destroy(kvox_mri_noise *noise);

KVOX_API int64_t kvox_mri_noise_coils(const kvox_mri_noise *noise);
KVOX_API int64_t kvox_mri_noise_samples(const kvox_mri_noise *noise); /* 0: the covariance was given */
KVOX_API double kvox_mri_noise_sample_time_us(const kvox_mri_noise *noise);

/* Copies out the covariance, and the whitening matrix: the inverse of its Cholesky factor (lower triangle). */
KVOX_API kvox_status kvox_mri_noise_covariance(const kvox_mri_noise *noise, double *covariance);
KVOX_API kvox_status kvox_mri_noise_whitening(const kvox_mri_noise *noise, double *whitening);

/*
 * The noise of samples that took another time: its variance is that of the bandwidth, so the covariance times (the
 * noise's sample time / sample_time_us) / bandwidth_ratio. Both times must be known. bandwidth_ratio (0: 1) is the mean
 * over the noise scan's band of the receiver's response to power, which filters round off at its ends (Kellman and
 * McVeigh 2005: 0.79; ISMRMRD files tell it as relativeReceiverNoiseBandwidth); an image lies in the flat middle.
 */
KVOX_API kvox_status kvox_mri_noise_rescale(const kvox_mri_noise *noise, double sample_time_us, double bandwidth_ratio,
                                            kvox_mri_noise **rescaled);

/* ---- Whitening ---- */

/*
 * Turns coils into as many virtual ones whose noise has covariance 1: every sample's coils times the whitening matrix.
 * `in` and `out` are c64 [.., coil, z, y, x] of equal shape, any strides; in place where they are the same array.
 * k-space and images may be whitened alike, since the transform is unitary. Another number of coils is KVOX_ERROR_SIZE;
 * a sample that is not finite, or leaves the range of floats, KVOX_ERROR_DATA. Stage: "whiten".
 */
KVOX_API kvox_status kvox_mri_whiten(kvox_context *context, const kvox_mri_noise *noise, kvox_workspace *workspace,
                                     const kvox_array *in, const kvox_array *out);

/*
 * The factor that brings an image of whitened coils to units of its noise's standard deviation ("SNR units", Kellman
 * and McVeigh 2005): combined by unit vectors (kvox_mri_combine, or root sum of squares where the signal is well above
 * the noise), its noise is that of a real part, whose variance is (sum of squared weights / elements) / 2. `elements`
 * are those of the image's grid (z y x), `squared_weights` the sum over that k-space of the squared weight of each
 * sample: 1 for one that was measured once, 1 / n for the mean of n, the window's square where one was applied, 0 where
 * k-space was filled with zeros. Thus sqrt(2) for a full k-space. Returns NaN unless both are positive and finite.
 * Where there is no signal a root sum of squares of n coils has mean sqrt(pi / 2) (2 n - 1)!! / (2^(n-1) (n - 1)!), not
 * 0, in these units (Constantinides, Atalar, McVeigh 1997).
 */
KVOX_API double kvox_mri_snr_scale(double squared_weights, int64_t elements);

#ifdef __cplusplus
}
#endif

#endif
