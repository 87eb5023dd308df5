/* Kvox: how good is a picture: error, similarity, sharpness, noise, uniformity. All sums are in double. */
#ifndef KVOX_QUALITY_H
#define KVOX_QUALITY_H

#include <kvox/array.h>
#include <kvox/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Images and truth are real arrays of equal shape, any strides; `mask` (u8, same shape, NULL: all) picks elements, so
 * that what it leaves out does not matter. Points are {i, j}: column and row, 0 at the middle of the first pixel.
 * Samples that are not finite, and images that do not show what is to be measured, are KVOX_ERROR_DATA; an empty mask,
 * an image that is not 2D where one is wanted, a region beyond the image are KVOX_ERROR_ARGUMENT; shapes that disagree
 * are KVOX_ERROR_SIZE. Results are written on success alone, and are the same for any number of threads.
 */

/* Root mean square error: sqrt(mean((image - truth)^2)). */
KVOX_API kvox_status kvox_quality_rmse(const kvox_array *image, const kvox_array *truth, const kvox_array *mask,
                                       double *rmse);

/* Peak signal to noise ratio in dB: 20 log10(peak / rmse); infinite for equal images. */
KVOX_API kvox_status kvox_quality_psnr(const kvox_array *image, const kvox_array *truth, const kvox_array *mask,
                                       double peak, double *psnr_db);

/* Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004): 2D images of at least 11 x 11, Gaussian window of 11 x
 * 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, dynamic range `range`; the mean over positions where the window fits. */
KVOX_API kvox_status kvox_quality_ssim(kvox_context *context, const kvox_array *image, const kvox_array *truth,
                                       double range, double *ssim);

/* Mean and standard deviation (the root of the mean square deviation) of the masked elements. */
KVOX_API kvox_status kvox_quality_statistics(const kvox_array *image, const kvox_array *mask, double *mean,
                                             double *deviation);

/*
 * Modulation transfer function from a disc's edge (ISO 12233's slanted edge bent round a circle): every pixel within
 * `band_px` of the radius is binned by its distance from the centre, tenth-pixel bins, differentiated, transformed; the
 * widths of bin and difference are divided out (their sinc), so that the curve is the image's own. The outermost pixel
 * on either side of the band counts as flat: make the band a few times wider than the edge, and free of other objects.
 * `mtf[n]` is the modulation at n / (count - 1) cycles a pixel: the last is one cycle a pixel, Nyquist is in the
 * middle. 2 <= band_px <= radius_px.
 */
KVOX_API kvox_status kvox_quality_mtf_edge(kvox_context *context, const kvox_array *image, const double center_px[2],
                                           double radius_px, double band_px, double *mtf, int32_t count);

/*
 * The same from a thin wire within `radius_px` / 2 of `center_px`: its centre of gravity is found, the mean of the
 * outer fifth of the circle taken off as background, the rest transformed (Hankel: the mean of the 2D transform over
 * all directions). A sampled wire tells nothing beyond Nyquist: `mtf[n]` is 0 where n / (count - 1) > 0.5. The width of
 * the wire itself is in the curve: of radius r pixels it is 2 J1(2 pi f r) / (2 pi f r). radius_px >= 3.
 */
KVOX_API kvox_status kvox_quality_mtf_wire(kvox_context *context, const kvox_array *image, const double center_px[2],
                                           double radius_px, double *mtf, int32_t count);

/* The frequency (cycles a pixel) where such a curve first falls to `level` (0.5, 0.1), linear between points;
 * KVOX_ERROR_DATA where it never does. */
KVOX_API kvox_status kvox_quality_mtf_frequency(const double *mtf, int32_t count, double level, double *frequency);

/*
 * Radial noise power spectrum (ICRU 87): square regions of `side_px` (4 to 1024; a power of two is not needed) tiled
 * over the image from its first pixel, a plane taken off each, |DFT|^2 / side^2 averaged and binned by frequency.
 * `nps[n]` belongs to n / (2 (count - 1)) cycles a pixel, 2 <= count <= side_px / 2 + 1; its unit is value^2 pixel^2.
 * Frequency 0 is left out (the plane took it): nps[0] holds what lies next to it, 0 where nothing does.
 */
KVOX_API kvox_status kvox_quality_nps(kvox_context *context, const kvox_array *image, int32_t side_px, double *nps,
                                      int32_t count);

/* Uniformity (IEC 61223-3-5): means of five round regions of `region_px` radius, the centre and four at `distance_px`;
 * the greatest difference from the centre's, and the five means (centre, +x, +y, -x, -y: x along columns, y along
 * rows). A region holds the pixels whose middles it holds. */
KVOX_API kvox_status kvox_quality_uniformity(const kvox_array *image, const double center_px[2], double distance_px,
                                             double region_px, double means[5], double *greatest_difference);

/* HU accuracy: mean of a round region minus the expected value. */
KVOX_API kvox_status kvox_quality_region_error(const kvox_array *image, const double center_px[2], double region_px,
                                               double expected, double *error);

#ifdef __cplusplus
}
#endif

#endif
