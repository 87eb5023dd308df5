/* The ramp: its band-limited kernel sampled in space, so that absolute values are right, times a window in frequency.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "ct/filter.h"

static const double pi = 3.14159265358979323846;

static const char *const window_names[] = {"ramp", "shepp-logan", "cosine", "hamming", "hann", "custom"};
enum { WINDOWS = sizeof window_names / sizeof window_names[0] };

const char *kvox_ct_window_name(int32_t window) { return window >= 0 && window < WINDOWS ? window_names[window] : "?"; }

int32_t kvox_ct_window_by_name(const char *name) {
  for (int32_t w = 0; name != NULL && w < WINDOWS; w++) {
    if (strcmp(name, window_names[w]) == 0) {
      return w;
    }
  }
  return -1;
}

void kvox_ct_filter_options_init_sized(kvox_ct_filter_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

kvox_status kvox_ct_filter_options_keep(kvox_heap *heap, const kvox_ct_filter_options *options,
                                        kvox_ct_filter_options *kept, double **response) {
  *kept = *options;
  if (options->response == NULL || options->window != KVOX_CT_CUSTOM || options->response_count < 1) {
    return KVOX_OK; /* or it is refused with the filter */
  }
  *response = kvox_allocate_array(heap, options->response_count, sizeof **response);
  if (*response == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memcpy(*response, options->response, (size_t)options->response_count * sizeof **response);
  kept->response = *response;
  return KVOX_OK;
}

static kvox_status check_custom(const kvox_ct_filter_options *o) {
  char text[KVOX_NUMBER_BYTES];
  if (o->response == NULL || o->response_count < 2) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "filter: a custom window needs `response` with at least 2 factors");
  }
  for (int64_t i = 0; i < o->response_count; i++) {
    if (!isfinite(o->response[i])) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "filter: response[%" PRId64 "] is %s, must be finite", i,
                       kvox_number(o->response[i], text));
    }
  }
  return KVOX_OK;
}

static kvox_status check_window(const kvox_ct_filter_options *o) {
  char text[KVOX_NUMBER_BYTES];
  if (o->window < 0 || o->window >= WINDOWS) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "filter: window %" PRId32 " is none", o->window);
  }
  if (!(o->cutoff >= 0 && o->cutoff <= 1)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "filter: cutoff is %s, must be above 0 and at most 1",
                     kvox_number(o->cutoff, text));
  }
  return o->window == KVOX_CT_CUSTOM ? check_custom(o) : KVOX_OK;
}

/* The window at t = frequency / (cutoff * Nyquist), 0 <= t <= 1. */
static double window_at(const kvox_ct_filter_options *o, double t) {
  switch (o->window) {
    case KVOX_CT_SHEPP_LOGAN: return t > 0 ? sin(0.5 * pi * t) / (0.5 * pi * t) : 1;
    case KVOX_CT_COSINE: return cos(0.5 * pi * t);
    case KVOX_CT_HAMMING: return 0.54 + 0.46 * cos(pi * t);
    case KVOX_CT_HANN: return 0.5 + 0.5 * cos(pi * t);
    case KVOX_CT_CUSTOM: {
      const double at = t * (double)(o->response_count - 1);
      const int64_t i = at < (double)(o->response_count - 2) ? (int64_t)at : o->response_count - 2;
      return o->response[i] + (at - (double)i) * (o->response[i + 1] - o->response[i]);
    }
    default: return 1;
  }
}

enum { MOST_RADIX = 5 }; /* the factors of kvox_fft_good_size */

/* Complex numbers exp(-2 pi i n / length), the samples to transform, and the transform. */
typedef struct spectrum {
  int64_t length;
  const double *cosine, *sine;
  const double *samples;
  double *re, *im;
} spectrum;

/* Puts together `radix` transforms of count / radix values each that lie one after another from `at`. */
static void butterfly(const spectrum *s, int64_t count, int64_t radix, int64_t at) {
  const int64_t part = count / radix, turn = s->length / count;
  for (int64_t k = 0; k < part; k++) {
    double re[MOST_RADIX], im[MOST_RADIX];
    for (int64_t q = 0; q < radix; q++) {
      re[q] = im[q] = 0;
      for (int64_t r = 0; r < radix; r++) {
        const int64_t from = at + k + r * part, angle = turn * (r * (k + q * part) % count);
        re[q] += s->re[from] * s->cosine[angle] - s->im[from] * s->sine[angle];
        im[q] += s->re[from] * s->sine[angle] + s->im[from] * s->cosine[angle];
      }
    }
    for (int64_t q = 0; q < radix; q++) {
      s->re[at + k + q * part] = re[q];
      s->im[at + k + q * part] = im[q];
    }
  }
}

/* The transform of every `step`-th of the real samples from `first`, `count` of them, to `at`. `count` is a product of
 * 2, 3 and 5. In double, which src/fft does not have: the filter's own error is to be that of its float transforms. */
static void transform(const spectrum *s, int64_t first, int64_t step, int64_t count, int64_t at) {
  if (count == 1) {
    s->re[at] = s->samples[first];
    s->im[at] = 0;
    return;
  }
  const int64_t radix = count % 2 == 0 ? 2 : count % 3 == 0 ? 3 : 5;
  for (int64_t r = 0; r < radix; r++) {
    transform(s, first + r * step, step * radix, count / radix, at + r * (count / radix));
  }
  butterfly(s, count, radix, at);
}

/*
 * Kak and Slaney 1988, eq. 3.61: h(0) = 1 / (4 pitch^2), h(n) = -1 / (pi n pitch)^2 for odd n, else 0. Its transform
 * over one period of `length` samples, times pitch (the integral over s becomes a sum), is real because h is even.
 */
kvox_status kvox_ct_ramp_response(kvox_heap *heap, const kvox_ct_filter_options *options, double pitch_mm,
                                  int64_t length, double *response) {
  KVOX_TRY(check_window(options));
  double *memory = kvox_allocate(heap, 5 * (uint64_t)length * sizeof *memory);
  if (memory == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  double *cosine = memory, *sine = cosine + length, *samples = sine + length;
  for (int64_t i = 0; i < length; i++) {
    const int64_t n = i <= length / 2 ? i : length - i;
    cosine[i] = cos(2 * pi * (double)i / (double)length);
    sine[i] = -sin(2 * pi * (double)i / (double)length);
    samples[i] = n == 0 ? 0.25 : n % 2 == 0 ? 0 : -1 / (pi * pi * (double)n * (double)n);
  }
  const spectrum s = {length, cosine, sine, samples, samples + length, samples + 2 * length};
  transform(&s, 0, 1, length, 0);
  const double cutoff = options->cutoff > 0 ? options->cutoff : 1;
  for (int64_t k = 0; k <= length / 2; k++) {
    const double t = 2 * (double)k / (double)length / cutoff;
    response[k] = t <= 1 ? s.re[k] / pitch_mm * window_at(options, t) : 0;
    if (k > 0) {
      response[length - k] = response[k];
    }
  }
  kvox_release(heap, memory);
  return KVOX_OK;
}
