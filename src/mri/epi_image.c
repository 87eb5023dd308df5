/*
 * Ghosts without navigators. Images of the forward lines alone, E, and of the reversed ones, O, add up to the picture,
 * E + exp(-i theta(x)) O once the ghost theta is taken off. Lines along y of one x go through the transform together.
 */
#include "mri/epi_image.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Pixels that are dimmer than this share of the mean tell nothing. */
static const double least_power = 0.1;

kvox_status kvox_mri_epi_plan(kvox_context *context, int64_t y, kvox_fft_plan **fft) {
  const kvox_fft_layout layout = {.kind = KVOX_FFT_BACKWARD, .rank = 1, .sizes = {y}, .batch = 1};
  return kvox_fft_plan_create(context->heap, &layout, context->fft_effort, fft);
}

void kvox_mri_epi_lines_lay_out(kvox_mri_epi_lines *l) {
  const int64_t *shape = l->hybrid->shape + l->hybrid->rank - 4;
  l->coils = shape[0];
  l->z = shape[1];
  l->y = shape[2];
  l->x = shape[3];
  l->planes = kvox_mri_volumes(l->hybrid) / l->coils * l->z;
  l->row = 2 * kvox_round_up(l->y, KVOX_MRI_STEP);
}

/* For each worker: a row of lines, E and O of all coils, the transform's own. */
uint64_t kvox_mri_epi_lines_bytes(const kvox_mri_epi_lines *l) {
  const uint64_t fft = kvox_aligned(kvox_fft_scratch_bytes(l->fft));
  return (uint64_t)((1 + 2 * l->coils) * l->row) * sizeof(float) + fft;
}

/* Lines of one coil and direction at x, the ghost taken off, transformed. */
static void transform(const kvox_mri_epi_lines *l, const kvox_mri_ghost *ghosts, int64_t volume, int64_t z, int64_t x,
                      int reversed, float *in, float *out, void *scratch) {
  const int32_t rank = l->hybrid->rank;
  const char *at = kvox_mri_volume(l->hybrid, volume);
  at += z * l->hybrid->strides[rank - 3] + x * l->hybrid->strides[rank - 1];
  double log_gain, phase;
  kvox_mri_ghost_at(ghosts + volume % l->coils, x, l->x, &log_gain, &phase);
  const double sign = reversed ? -0.5 : 0.5, scale = exp(sign * log_gain);
  const double re = scale * cos(sign * phase), im = scale * sin(sign * phase);
  memset(in, 0, (size_t)l->row * sizeof *in);
  for (int64_t y = 0; y < l->y; y++) {
    if (l->reversed[y] == reversed) {
      float sample[2];
      memcpy(sample, at + y * l->hybrid->strides[rank - 2], sizeof sample);
      in[2 * y] = (float)(re * sample[0] - im * sample[1]);
      in[2 * y + 1] = (float)(re * sample[1] + im * sample[0]);
    }
  }
  kvox_fft_execute(l->fft, in, out, scratch);
}

/* E and O of all coils of a plane, rows of them one after the other: E of coil 0, O of coil 0, E of coil 1, ... */
static float *transform_plane(const kvox_mri_epi_lines *l, const kvox_mri_ghost *ghosts, int64_t plane, int64_t x,
                              void *block) {
  float *in = block, *out = in + l->row;
  void *scratch = out + 2 * l->coils * l->row;
  for (int64_t c = 0; c < l->coils; c++) {
    for (int reversed = 0; reversed < 2; reversed++) {
      transform(l, ghosts, plane / l->z * l->coils + c, plane % l->z, x, reversed, in,
                out + (2 * c + reversed) * l->row, scratch);
    }
  }
  return out;
}

static kvox_status check_finite(const kvox_mri_powers *p, int64_t count, int64_t x) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += p[i].both;
  }
  if (!isfinite(sum)) {
    return kvox_fail(KVOX_ERROR_DATA,
                     "kvox_mri_ghost_from_image: hybrid: a sample at x %" PRId64
                     " is NaN, infinite or out of the range of 32-bit floats",
                     x);
  }
  return KVOX_OK;
}

kvox_status kvox_mri_epi_powers(const kvox_mri_epi_lines *l, const kvox_mri_ghost *ghosts, int64_t x, void *block,
                                kvox_mri_powers *powers) {
  memset(powers, 0, (size_t)(l->planes * l->y) * sizeof *powers);
  for (int64_t plane = 0; plane < l->planes; plane++) {
    const float *e = transform_plane(l, ghosts, plane, x, block);
    kvox_mri_powers *p = powers + plane * l->y;
    for (int64_t c = 0; c < l->coils; c++, e += 2 * l->row) {
      const float *o = e + l->row;
      for (int64_t y = 0; y < l->y; y++) {
        const double a = e[2 * y], b = e[2 * y + 1], u = o[2 * y], v = o[2 * y + 1];
        p[y].both += a * a + b * b + u * u + v * v;
        p[y].re += 2 * (u * a + v * b);
        p[y].im += 2 * (v * a - u * b);
      }
    }
  }
  return check_finite(powers, l->planes * l->y, x);
}

/* At a ghost that stands alone O is -E. */
static void add_ghost_pixels(const kvox_mri_epi_lines *l, const float *rows, double least, double alone,
                             kvox_mri_parity *sums) {
  for (int64_t y = 0; y < l->y; y++) {
    double both = 0, picture = 0;
    for (int64_t c = 0; c < l->coils; c++) {
      const float *e = rows + 2 * c * l->row + 2 * y, *o = e + l->row;
      const double re = (double)e[0] + o[0], im = (double)e[1] + o[1];
      both += (double)e[0] * e[0] + (double)e[1] * e[1] + (double)o[0] * o[0] + (double)o[1] * o[1];
      picture += re * re + im * im;
    }
    if (!(both > least && picture < alone * both)) {
      continue;
    }
    for (int64_t c = 0; c < l->coils; c++) {
      const float *e = rows + 2 * c * l->row + 2 * y, *o = e + l->row;
      const double a = e[0], b = e[1], u = o[0], v = o[1];
      kvox_mri_parity *s = sums + c * l->x;
      s->re -= a * u + b * v;
      s->im -= a * v - b * u;
      s->forward += a * a + b * b;
      s->reversed += u * u + v * v;
    }
  }
}

void kvox_mri_epi_parities(const kvox_mri_epi_lines *l, const kvox_mri_ghost *ghosts, int64_t x, double mean_power,
                           double alone, void *block, kvox_mri_parity *sums) {
  for (int64_t c = 0; c < l->coils; c++) {
    sums[c * l->x + x] = (kvox_mri_parity){0};
  }
  for (int64_t plane = 0; plane < l->planes; plane++) {
    const float *rows = transform_plane(l, ghosts, plane, x, block);
    add_ghost_pixels(l, rows, least_power * mean_power, alone, sums + x);
  }
}
