/* T2* on a device: against the oracle's line and its least squares in double. */
#include "kernel/check_ocl_volume.h"
#include "kvox/mri_maps.h"
#include "mri/ocl.h"

/* Roundings of residuals, 2^-23 of a magnitude, over how much these decay: a fifth of it at least between the first
 * echo and the last. */
static const double bound = 2e-5;

enum { MOST_ECHOES = 12, RESULTS = KVOX_T2STAR_RESULTS };

typedef struct decays {
  int64_t echoes;
  double times_ms[MOST_ECHOES], times[MOST_ECHOES]; /* from 0, from the first one on */
  kvox_mri_t2star_options options;
  kvox_t2star_fit fit;
} decays;

static void choose_decays(kvox_check *check, decays *d) {
  const bool even = kvox_check_chance(check, 0.5);
  d->echoes = kvox_check_integer(check, 3, MOST_ECHOES);
  const double first = kvox_check_real(check, 0, 5), step = kvox_check_real(check, 1, 3);
  for (int64_t e = 0; e < d->echoes; e++) {
    d->times_ms[e] = e == 0 ? first : d->times_ms[e - 1] + (even ? step : kvox_check_real(check, 1, 4));
    d->times[e] = d->times_ms[e] - first;
  }
  kvox_mri_t2star_options_init(&d->options);
  d->options.method = kvox_check_chance(check, 0.3) ? KVOX_MRI_LOG_LINEAR : KVOX_MRI_LEAST_SQUARES;
  d->options.shortest_ms = 0.1;
  d->options.longest_ms = 500;
  d->fit = (kvox_t2star_fit){.echoes = d->echoes,
                             .times = d->times,
                             .even = even,
                             .least_rate = 1 / d->options.longest_ms,
                             .most_rate = 1 / d->options.shortest_ms};
}

/* Decays by a fifth to all between the first echo and the last, with noise of a hundredth; nothing here and there. */
static float *random_magnitudes(kvox_check *check, const decays *d, int64_t count) {
  float *m = kvox_check_floats(check, d->echoes * count);
  for (int64_t n = 0; n < count; n++) {
    const double rate = kvox_check_real(check, 0.2, 4) / d->times[d->echoes - 1];
    const double size = kvox_check_chance(check, 0.1) ? 0 : ldexp(1, (int)kvox_check_integer(check, -30, 30));
    for (int64_t e = 0; e < d->echoes; e++) {
      m[e * count + n] = (float)fabs(size * (exp(-rate * d->times[e]) + kvox_check_real(check, -0.01, 0.01)));
    }
  }
  return m;
}

static kvox_array host_array(float *values, int32_t rank, int64_t echoes, const int64_t size[3]) {
  kvox_array array = kvox_mri_ocl_dense(NULL, KVOX_F32, echoes, size);
  array.data = values;
  if (rank == 3) {
    memmove(array.shape, array.shape + 1, 3 * sizeof *array.shape);
    memmove(array.strides, array.strides + 1, 3 * sizeof *array.strides);
    array.rank = 3;
  }
  return array;
}

/* One that is out of range, in any echo. */
static void spoil_echo(bed *b, volume *m) {
  static const float strange[] = {NAN, INFINITY, -1, 2e18f};
  if (b->spoilt >= 0) {
    m->values[kvox_check_integer(b->check, 0, m->coils - 1) * m->count + b->spoilt] =
        strange[kvox_check_integer(b->check, 0, 3)];
    kvox_check_ok(b->check, kvox_ocl_write(b->queue, m->array.buffer, 0, m->values,
                                           (uint64_t)(m->coils * m->count) * sizeof *m->values));
  }
}

static void fit_by_oracle(kvox_check *check, const decays *d, float *values, const int64_t size[3],
                          float *want[RESULTS]) {
  kvox_context *oracle = kvox_check_oracle(check);
  const kvox_array in = host_array(values, 4, d->echoes, size);
  kvox_array out[RESULTS];
  for (int r = 0; r < RESULTS; r++) {
    want[r] = kvox_check_floats(check, size[0] * size[1] * size[2]);
    out[r] = host_array(want[r], 3, 1, size);
  }
  if (check->fault[0] == '\0') {
    kvox_check_ok(check, kvox_mri_t2star(oracle, &d->options, NULL, &in, d->times_ms, &out[0], &out[1], &out[2]));
  }
  kvox_context_destroy(oracle);
}

static void compare_t2star(kvox_check *check) {
  decays d;
  kvox_ocl_kernel *kernel = NULL;
  kvox_buffer *times = NULL;
  float *want[RESULTS];
  choose_decays(check, &d);
  bed b = open_bed(check, d.echoes);
  float *values = random_magnitudes(check, &d, b.size[0] * b.size[1] * b.size[2]);
  fit_by_oracle(check, &d, values, b.size, want);
  volume v[1 + RESULTS] = {volume_of(check, b.queue, KVOX_F32, d.echoes, b.size, values)};
  const kvox_array *results[RESULTS] = {NULL};
  const int64_t wanted = kvox_check_integer(check, 1, 7);
  for (int r = 0; r < RESULTS; r++) {
    v[1 + r] = empty_volume(check, b.queue, KVOX_F32, 1, b.size);
    results[r] = wanted >> r & 1 ? &v[1 + r].array : NULL;
  }
  const kvox_mri_ocl_decay decay =
      kvox_mri_ocl_decay_of(&d.fit, d.options.method == KVOX_MRI_LEAST_SQUARES, d.times_ms[0]);
  spoil_echo(&b, &v[0]);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ocl_kernel_get(check->context->ocl, "mri_t2star", "", "t2star", &kernel)) &&
      kvox_check_ok(check, kvox_mri_ocl_times(check->context, &d.fit, &times)) &&
      kvox_check_ok(check,
                    kvox_mri_ocl_t2star_run(kernel, b.queue, &decay, times, &v[0].array, results, b.flags, FLAG))) {
    for (int r = 0; r < RESULTS; r++) {
      static const char *const names[RESULTS] = {"T2*", "S0", "R2*"};
      read_volume(check, b.queue, &v[1 + r]);
      for (int64_t n = 0; n < v[0].count && results[r] != NULL; n++) {
        if (n != b.spoilt) {
          const double value = want[r][n];
          kvox_check_value(check, names[r], n, *sample_of(&v[1 + r], 0, n), value, bound * value);
        }
      }
    }
  }
  close_bed(&b, v, 1 + RESULTS);
  kvox_buffer_destroy(times);
  kvox_ocl_kernel_destroy(kernel);
}

/* ---- Timing: eight echoes of 256 x 256 ---- */

enum { ECHOES = 8, SIDE = 256, SAMPLES = SIDE * SIDE };

typedef struct bench {
  kvox_check *check;
  const decays *d;
  kvox_context *oracle;
  kvox_ocl_queue *queue;
  kvox_ocl_kernel *kernel;
  kvox_buffer *times, *flags;
  kvox_mri_ocl_decay decay;
  kvox_array magnitudes, t2star;
} bench;

static void work_oracle(void *data) {
  bench *b = data;
  kvox_check_ok(b->check, kvox_mri_t2star(b->oracle, &b->d->options, NULL, &b->magnitudes, b->d->times_ms, &b->t2star,
                                          NULL, NULL));
}

static void work_device(void *data) {
  bench *b = data;
  const kvox_array *results[RESULTS] = {&b->t2star};
  kvox_check_ok(b->check, kvox_mri_ocl_t2star_run(b->kernel, b->queue, &b->decay, b->times, &b->magnitudes, results,
                                                  b->flags, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_t2star(kvox_check *check) {
  static const int64_t size[3] = {1, SIDE, SIDE};
  const uint32_t ones = UINT32_MAX;
  decays d = {.echoes = ECHOES};
  kvox_mri_t2star_options_init(&d.options);
  for (int e = 0; e < ECHOES; e++) {
    d.times[e] = 3 * e;
    d.times_ms[e] = 2 + d.times[e];
  }
  d.fit = (kvox_t2star_fit){.echoes = ECHOES, .times = d.times, .even = true, .least_rate = 1e-3, .most_rate = 1e1};
  bench b = {.check = check, .d = &d, .decay = kvox_mri_ocl_decay_of(&d.fit, true, d.times_ms[0])};
  float *values = random_magnitudes(check, &d, SAMPLES), *found = kvox_check_floats(check, SAMPLES);
  check->bytes = (ECHOES + 1) * sizeof(float);
  if (check->context == NULL) {
    b.oracle = kvox_check_oracle(check);
    b.magnitudes = host_array(values, 4, ECHOES, size);
    b.t2star = host_array(found, 3, 1, size);
    kvox_check_time(check, work_oracle, &b, SAMPLES);
    kvox_context_destroy(b.oracle);
    return;
  }
  b.queue = kvox_check_queue(check);
  b.flags = kvox_check_upload(check, b.queue, &ones, sizeof ones);
  volume v[2] = {volume_of(check, b.queue, KVOX_F32, ECHOES, size, values),
                 volume_of(check, b.queue, KVOX_F32, 1, size, found)};
  b.magnitudes = v[0].array;
  b.t2star = v[1].array;
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ocl_kernel_get(check->context->ocl, "mri_t2star", "", "t2star", &b.kernel)) &&
      kvox_check_ok(check, kvox_mri_ocl_times(check->context, &d.fit, &b.times))) {
    kvox_check_time(check, work_device, &b, SAMPLES);
  }
  kvox_ocl_kernel_destroy(b.kernel);
  kvox_buffer_destroy(b.times);
  kvox_buffer_destroy(v[0].array.buffer);
  kvox_buffer_destroy(v[1].array.buffer);
  kvox_buffer_destroy(b.flags);
  kvox_ocl_queue_give_back(b.queue);
}

const kvox_check_stage kvox_check_ocl_t2star = {"maps.t2star", "2e-5", compare_t2star, bench_t2star};
