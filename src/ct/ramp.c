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

/*
 * Kak and Slaney 1988, eq. 3.61: h(0) = 1 / (4 pitch^2), h(n) = -1 / (pi n pitch)^2 for odd n, else 0. Its transform
 * over one period of `length` samples, times pitch (the integral over s becomes a sum): sums of cosines from one table.
 */
kvox_status kvox_ct_ramp_response(kvox_heap *heap, const kvox_ct_filter_options *options, double pitch_mm,
                                  int64_t length, double *response) {
  KVOX_TRY(check_window(options));
  double *cosine = kvox_allocate(heap, (uint64_t)length * sizeof *cosine);
  if (cosine == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t i = 0; i < length; i++) {
    cosine[i] = cos(2 * pi * (double)i / (double)length);
  }
  const double cutoff = options->cutoff > 0 ? options->cutoff : 1;
  for (int64_t k = 0; k <= length / 2; k++) {
    const double t = 2 * (double)k / (double)length / cutoff;
    double sum = 0.25;
    if (t <= 1) {
      for (int64_t n = 1; n <= length / 2; n += 2) {
        const double h = 1 / (pi * pi * (double)n * (double)n);
        /* n and length - n are two samples of the period, except where they are the same one. */
        sum -= (2 * n == length ? 1 : 2) * h * cosine[(k * n) % length];
      }
    }
    response[k] = t <= 1 ? sum / pitch_mm * window_at(options, t) : 0;
    if (k > 0) {
      response[length - k] = response[k];
    }
  }
  kvox_release(heap, cosine);
  return KVOX_OK;
}
