/* Kvox: grey values to grey levels. */
#ifndef KVOX_PICTURE_H
#define KVOX_PICTURE_H

#include <kvox/array.h>
#include <kvox/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The functions of DICOM PS3.3 C.11.2.1: LINEAR, LINEAR_EXACT, SIGMOID. */
enum { KVOX_WINDOW_LINEAR = 0, KVOX_WINDOW_LINEAR_EXACT = 1, KVOX_WINDOW_SIGMOID = 2 };

/*
 * Maps `image` (any real type, any strides, any rank) to grey levels 0 ... 255 (`levels` is u8) or 0 ... 65535 (u16),
 * of the same shape and with memory of its own, rounded half up; NaN becomes 0. LINEAR needs width >= 1, the others
 * width > 0. With 400/40 LINEAR, 39 -> 127, 40 -> 128, 239 -> 255. Computed in double: the same levels at every CPU
 * level and for any threads.
 */
KVOX_API kvox_status kvox_picture_window(kvox_context *context, const kvox_array *image, int32_t function,
                                         double center, double width, const kvox_array *levels);

/*
 * A window for data of unknown meaning: the range between the two quantiles (0 <= low < high <= 1) of the n finite
 * samples, exactly those of rank floor(q (n - 1) + 0.5); width 1 where they are equal. Use it with LINEAR_EXACT. An
 * image without a finite sample is KVOX_ERROR_DATA.
 */
KVOX_API kvox_status kvox_picture_auto_window(kvox_context *context, const kvox_array *image, double low, double high,
                                              double *center, double *width);

#ifdef __cplusplus
}
#endif

#endif
