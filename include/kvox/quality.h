/* Kvox: how good is a picture: error, similarity, sharpness, noise, uniformity. All sums are in double. */
#ifndef KVOX_QUALITY_H
#define KVOX_QUALITY_H

#include <kvox/array.h>
#include <kvox/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Images and truth are real arrays of equal shape, any strides; `mask` (u8, same shape, NULL: all) picks elements.
 * Samples that are not finite are KVOX_ERROR_DATA, an empty mask KVOX_ERROR_ARGUMENT. */

/* Root mean square error: sqrt(mean((image - truth)^2)). */
KVOX_API kvox_status kvox_quality_rmse(const kvox_array *image, const kvox_array *truth, const kvox_array *mask,
                                       double *rmse);

/* Peak signal to noise ratio in dB: 20 log10(peak / rmse); infinite for equal images. */
KVOX_API kvox_status kvox_quality_psnr(const kvox_array *image, const kvox_array *truth, const kvox_array *mask,
                                       double peak, double *psnr_db);

/* Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004): 2D images, Gaussian window of 11 x 11 with sigma 1.5,
 * K1 = 0.01, K2 = 0.03, dynamic range `range`; the mean over positions where the window fits. */
KVOX_API kvox_status kvox_quality_ssim(kvox_context *context, const kvox_array *image, const kvox_array *truth,
                                       double range, double *ssim);

/* Mean and standard deviation of the masked elements. */
KVOX_API kvox_status kvox_quality_statistics(const kvox_array *image, const kvox_array *mask, double *mean,
                                             double *deviation);

/*
 * Modulation transfer function from a disc's edge (ISO 12233's slanted edge bent round a circle: every pixel within
 * `band_px` of the radius is binned by its distance from the centre, tenth-pixel bins, differentiated, transformed).
 * Centre and radius in pixels of `image` ([j, i]). `mtf[n]` is the modulation at n / (count - 1) cycles a pixel times
 * 1 (so the last is one cycle a pixel, Nyquist is in the middle).
 */
KVOX_API kvox_status kvox_quality_mtf_edge(kvox_context *context, const kvox_array *image, const double center_px[2],
                                           double radius_px, double band_px, double *mtf, int32_t count);

/* The same from a thin wire near `center_px`: the Fourier transform of the background-corrected radial profile. */
KVOX_API kvox_status kvox_quality_mtf_wire(kvox_context *context, const kvox_array *image, const double center_px[2],
                                           double radius_px, double *mtf, int32_t count);

/* The frequency (cycles a pixel) where the curve first falls to `level` (0.5, 0.1), linear between points. */
KVOX_API kvox_status kvox_quality_mtf_frequency(const double *mtf, int32_t count, double level, double *frequency);

/*
 * Radial noise power spectrum (ICRU 87): square regions of `side_px` (a power of two is not needed) tiled over the
 * image, a plane taken off each, |DFT|^2 averaged and binned by frequency. `nps[n]` belongs to n / (2 (count - 1))
 * cycles a pixel; its unit is value^2 pixel^2.
 */
KVOX_API kvox_status kvox_quality_nps(kvox_context *context, const kvox_array *image, int32_t side_px, double *nps,
                                      int32_t count);

/* Uniformity (IEC 61223-3-5): means of five round regions of `region_px` radius, the centre and four at `distance_px`;
 * the greatest difference from the centre's, and the five means (centre, +x, +y, -x, -y). */
KVOX_API kvox_status kvox_quality_uniformity(const kvox_array *image, const double center_px[2], double distance_px,
                                             double region_px, double means[5], double *greatest_difference);

/* HU accuracy: mean of a round region minus the expected value. */
KVOX_API kvox_status kvox_quality_region_error(const kvox_array *image, const double center_px[2], double region_px,
                                               double expected, double *error);

#ifdef __cplusplus
}
#endif

#endif
