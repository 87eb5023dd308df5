/*
 * The operator of ramp regridding. With a window of 2 p + 1 pixels, samples s(k) of an object in it are sum over x of
 * m(x) exp(-2 pi i k x / n); D(d) = sum over |x| <= p of exp(2 pi i d x / n) / n is Dirichlet's kernel, real. The
 * least-norm least-squares object has grid samples D(j - k) (D(k - k') + r)^-1 s.
 */
#include "mri/ramp_regrid.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/number.h"
#include "linalg/linalg.h"
#include "mri/epi_ocl.h"
#include "mri/tiles.h"

static const double half_turn = 3.141592653589793;
/* r, as a share of D(0): errors of that order, far from where rounding of floats or noise would show. */
static const double regularization = 1e-6;

static double area_until(const kvox_mri_ramps *r, double t) {
  if (t < r->up_us) {
    return 0.5 * t * t / r->up_us;
  }
  const double flat = 0.5 * r->up_us + t - r->up_us, left = r->up_us + r->flat_us + r->down_us - t;
  if (left >= r->down_us) {
    return flat;
  }
  return 0.5 * r->up_us + r->flat_us + 0.5 * r->down_us - 0.5 * left * left / r->down_us;
}

static kvox_status check_time(const char *member, double us) {
  char number[KVOX_NUMBER_BYTES];
  if (!(us >= 0 && isfinite(us))) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_ramps: %s is %s, must not be negative", member,
                     kvox_number(us, number));
  }
  return KVOX_OK;
}

static kvox_status check_sizes(int64_t samples, int64_t size) {
  const int64_t given[2] = {samples, size};
  for (int i = 0; i < 2; i++) {
    if (given[i] < 2 || given[i] > KVOX_LINALG_MOST) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_ramp: %s is %" PRId64 ", must be from 2 to %d",
                       i == 0 ? "samples" : "size", given[i], KVOX_LINALG_MOST);
    }
  }
  return KVOX_OK;
}

static bool without_ramps(const kvox_mri_ramps *r) { return r->up_us == 0 && r->flat_us == 0 && r->down_us == 0; }

static kvox_status check_ramps(const kvox_mri_ramps *r, int64_t samples) {
  KVOX_TRY(check_time("up_us", r->up_us));
  KVOX_TRY(check_time("flat_us", r->flat_us));
  KVOX_TRY(check_time("down_us", r->down_us));
  KVOX_TRY(check_time("delay_us", r->delay_us));
  KVOX_TRY(check_time("dwell_us", r->dwell_us));
  if (r->samples != 0 && r->samples != samples) {
    return kvox_fail(KVOX_ERROR_SIZE, "kvox_mri_ramps: samples is %" PRId32 ", the readouts have %" PRId64, r->samples,
                     samples);
  }
  if (without_ramps(r)) {
    return KVOX_OK;
  }
  char begin[KVOX_NUMBER_BYTES], end[KVOX_NUMBER_BYTES];
  const double duration = r->up_us + r->flat_us + r->down_us;
  const double last = r->delay_us + ((double)samples - 0.5) * r->dwell_us;
  if (!(r->dwell_us > 0 && last <= duration)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_ramps: the last of %" PRId64
                     " samples would be taken at %s us, must be within the %s us of the trapezoid",
                     samples, kvox_number(last, begin), kvox_number(duration, end));
  }
  return KVOX_OK;
}

kvox_status kvox_mri_ramp_positions(const kvox_mri_ramps *ramps, int64_t samples, int64_t size, double *positions) {
  KVOX_REQUIRE(ramps);
  KVOX_REQUIRE(positions);
  KVOX_TRY(check_sizes(samples, size));
  KVOX_TRY(check_ramps(ramps, samples));
  if (without_ramps(ramps)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_ramp_positions: ramps has no trapezoid: all its times are 0");
  }
  const double middle = 0.5 * (0.5 * ramps->up_us + ramps->flat_us + 0.5 * ramps->down_us);
  for (int64_t n = 0; n < samples; n++) {
    positions[n] = area_until(ramps, ramps->delay_us + ((double)n + 0.5) * ramps->dwell_us) - middle;
  }
  const double scale = (double)(size - 1) / (positions[samples - 1] - positions[0]);
  for (int64_t n = 0; n < samples; n++) {
    positions[n] *= scale;
  }
  return KVOX_OK;
}

/* D(d) for a window of `pixels` (odd) of n. */
static double dirichlet(double d, int64_t pixels, int64_t n) {
  const double angle = half_turn * d / (double)n, denominator = sin(angle);
  if (fabs(denominator) < 1e-9) { /* d is a multiple of n: sign 1, since the window is odd */
    return (double)pixels / (double)n;
  }
  return sin((double)pixels * angle) / ((double)n * denominator);
}

/* The most pixels, odd, that samples with such gaps tell apart. */
static int64_t pixels_of(const double *positions, int64_t samples, int64_t size) {
  double gap = 1;
  for (int64_t n = 1; n < samples; n++) {
    gap = fmax(gap, positions[n] - positions[n - 1]);
  }
  const int64_t most = (int64_t)floor((double)size / gap * (1 + 1e-12));
  return kvox_max_i64(most - (most % 2 == 0), 1);
}

/* lower = L^-1 with L L^H = D(k - k') + r. */
static kvox_status invert(const kvox_mri_ramp *ramp, const double *k, kvox_complex *lower) {
  const int64_t n = ramp->samples;
  const double most = dirichlet(0, ramp->pixels, ramp->size);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j <= i; j++) {
      lower[i * n + j] = dirichlet(k[i] - k[j], ramp->pixels, ramp->size) + (i == j ? regularization * most : 0);
    }
  }
  KVOX_TRY(kvox_cholesky(n, lower, lower));
  kvox_invert_lower(n, lower, lower);
  return KVOX_OK;
}

/* One row of the operator: t = D(j - sign k), then (t L^-H) L^-1. `half` is scratch. */
static void solve_row(const kvox_mri_ramp *ramp, const double *k, double sign, double j, const kvox_complex *lower,
                      double *half, double *row) {
  const int64_t n = ramp->samples;
  for (int64_t i = 0; i < n; i++) {
    row[i] = dirichlet(j - sign * k[i], ramp->pixels, ramp->size);
  }
  for (int64_t i = 0; i < n; i++) {
    half[i] = 0;
    for (int64_t m = 0; m <= i; m++) {
      half[i] += row[m] * creal(lower[i * n + m]);
    }
  }
  memset(row, 0, (size_t)n * sizeof *row);
  for (int64_t m = 0; m < n; m++) {
    for (int64_t i = 0; i <= m; i++) {
      row[i] += half[m] * creal(lower[m * n + i]);
    }
  }
}

kvox_status kvox_mri_ramp_solve(kvox_mri_ramp *ramp, const double *positions) {
  kvox_heap *heap = ramp->context->heap;
  const int64_t n = ramp->samples, size = ramp->size;
  kvox_complex *lower = kvox_allocate_zeros(heap, (uint64_t)(n * n) * sizeof *lower);
  double *rows = kvox_allocate(heap, (uint64_t)(2 * n) * sizeof *rows);
  kvox_status status = KVOX_ERROR_MEMORY;
  if (lower == NULL || rows == NULL) {
    goto cleanup;
  }
  ramp->pixels = pixels_of(positions, n, size);
  KVOX_TRY_CLEANUP(invert(ramp, positions, lower));
  double squares = 0; /* those of the grid are those of its transform, which lies within the window */
  for (int direction = 0; direction < 2; direction++) {
    for (int64_t j = 0; j < size; j++) {
      solve_row(ramp, positions, direction == 0 ? 1 : -1, (double)(j - size / 2), lower, rows, rows + n);
      float *out = ramp->matrices[direction] + j / KVOX_MRI_TILE * n * KVOX_MRI_TILE_ROW + 2 * (j % KVOX_MRI_TILE);
      for (int64_t i = 0; i < n; i++) {
        const double value = rows[n + i];
        out[i * KVOX_MRI_TILE_ROW] = (float)value;
        squares += direction == 0 ? value * value : 0;
      }
    }
  }
  ramp->noise_gain = sqrt(squares / (double)ramp->pixels);
cleanup:
  kvox_release(heap, rows);
  kvox_release(heap, lower);
  return status;
}

static uint64_t matrix_floats(const kvox_mri_ramp *ramp) {
  return (uint64_t)(kvox_divide_up(ramp->size, KVOX_MRI_TILE) * ramp->samples * KVOX_MRI_TILE_ROW);
}

static kvox_status solve(const kvox_mri_ramps *ramps, kvox_mri_ramp *made) {
  double positions[KVOX_LINALG_MOST];
  KVOX_TRY(kvox_mri_ramp_positions(ramps, made->samples, made->size, positions));
  for (int i = 0; i < 2; i++) {
    made->matrices[i] = kvox_allocate_zeros(made->context->heap, matrix_floats(made) * sizeof *made->matrices[i]);
    if (made->matrices[i] == NULL) {
      return KVOX_ERROR_MEMORY;
    }
  }
  return kvox_mri_ramp_solve(made, positions);
}

static kvox_status make_on_device(kvox_mri_ramp *made) {
  const kvox_sentence before = kvox_sentence_keep();
  const kvox_status status = kvox_mri_ramp_ocl_make(made);
  if (status == KVOX_OK || !kvox_context_falls_back(made->context, status, "kvox_mri_ramp_create", &before)) {
    return status;
  }
  kvox_mri_ramp_ocl_drop(made);
  return KVOX_OK;
}

static kvox_status create(kvox_context *context, const kvox_mri_ramps *ramps, int64_t samples, int64_t size,
                          bool on_device, kvox_mri_ramp **ramp) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(ramps);
  KVOX_REQUIRE(ramp);
  KVOX_TRY(check_sizes(samples, size));
  KVOX_TRY(check_ramps(ramps, samples));
  if (without_ramps(ramps) && samples != size) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "kvox_mri_ramp_create: size is %" PRId64 ", must be %" PRId64
                     ", the number of samples, since there are no ramps",
                     size, samples);
  }
  kvox_mri_ramp *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  *made = (kvox_mri_ramp){
      .context = kvox_context_hold(context), .samples = samples, .size = size, .pixels = size, .noise_gain = 1};
  kvox_status status = without_ramps(ramps) ? KVOX_OK : solve(ramps, made);
  status = status == KVOX_OK && on_device ? make_on_device(made) : status;
  if (status != KVOX_OK) {
    kvox_mri_ramp_destroy(made);
    return status;
  }
  *ramp = made;
  return KVOX_OK;
}

kvox_status kvox_mri_ramp_create(kvox_context *context, const kvox_mri_ramps *ramps, int64_t samples, int64_t size,
                                 kvox_mri_ramp **ramp) {
  return create(context, ramps, samples, size, context != NULL && context->ocl != NULL, ramp);
}

kvox_status kvox_mri_ramp_create_on_cpu(kvox_context *context, const kvox_mri_ramps *ramps, int64_t samples,
                                        int64_t size, kvox_mri_ramp **ramp) {
  return create(context, ramps, samples, size, false, ramp);
}

void kvox_mri_ramp_destroy(kvox_mri_ramp *ramp) {
  if (ramp == NULL) {
    return;
  }
  kvox_context *context = ramp->context;
  kvox_mri_ramp_ocl_drop(ramp);
  kvox_release(context->heap, ramp->matrices[1]);
  kvox_release(context->heap, ramp->matrices[0]);
  kvox_release(context->heap, ramp);
  kvox_context_destroy(context);
}

int64_t kvox_mri_ramp_pixels(const kvox_mri_ramp *ramp) { return ramp != NULL ? ramp->pixels : 0; }
double kvox_mri_ramp_noise_gain(const kvox_mri_ramp *ramp) { return ramp != NULL ? ramp->noise_gain : 0; }
