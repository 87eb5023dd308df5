/* Partial Fourier on a device, step by step, against the oracle's rows. */
#include <math.h>
#include <string.h>

#include "kernel/check_ocl.h"
#include "mri/partial_ocl.h"

/* Half a unit in the last place of 1; devices may round a quotient and a root by 3 units each. */
static const double rounding = 0x1p-24, free_roundings = 18;

/* ---- The bed: a plan's axes, and a few volumes at work ---- */

typedef struct bed {
  kvox_check *check;
  kvox_mri_partial plan; /* what the steps know of one */
  kvox_partial_stage stage;
  int64_t rows, nx, all; /* rows and samples of all volumes */
  float *measured, *image, *phasor;
  bool made;
} bed;

static float *random_floats(kvox_check *check, int64_t count, double low, double high) {
  float *values = kvox_check_floats(check, count);
  for (int64_t i = 0; i < count; i++) {
    values[i] = (float)kvox_check_real(check, low, high);
  }
  return values;
}

/* Any ranges that a plan may have: first <= known, low <= known <= high. */
static void lay_axis(kvox_check *check, kvox_partial_axis *axis, int64_t most) {
  const int64_t size = kvox_check_integer(check, 1, most), middle = size / 2;
  axis->size = size;
  axis->first = kvox_check_integer(check, 0, middle);
  axis->last = kvox_check_integer(check, middle, size - 1);
  axis->partial = kvox_check_chance(check, 0.6);
  axis->known[0] = axis->partial ? axis->first : 0;
  axis->known[1] = axis->partial ? axis->last : size - 1;
  axis->low = kvox_check_integer(check, 0, axis->known[0]);
  axis->high = kvox_check_integer(check, axis->known[1], size - 1);
  axis->smooth = random_floats(check, 3 * size, 0, 1);
  axis->weights = axis->smooth + size;
  axis->trust = axis->weights + size;
}

static void put(bed *b, kvox_buffer *buffer, const float *values) {
  kvox_check_ok(b->check, kvox_ocl_write(b->stage.queue, buffer, 0, values, (uint64_t)(2 * b->all) * sizeof *values));
}

static float *get(bed *b, kvox_buffer *buffer) {
  float *values = kvox_check_floats(b->check, 2 * b->all);
  kvox_check_read(b->check, b->stage.queue, buffer, values, (uint64_t)(2 * b->all) * sizeof *values);
  return values;
}

static bool open_bed(kvox_check *check, bed *b) {
  static const int64_t most[3] = {70, 9, 5};
  const int64_t count = kvox_check_integer(check, 1, 4);
  *b = (bed){.check = check, .plan = {.context = check->context, .samples = 1}};
  for (int d = 0; d < 3; d++) {
    lay_axis(check, &b->plan.axes[d], most[d]);
    b->plan.samples *= b->plan.axes[d].size;
  }
  b->nx = b->plan.axes[0].size;
  b->all = b->plan.samples * count;
  b->rows = b->all / b->nx;
  kvox_check_shape(check, "%d volumes of %d x %d x %d", (int)count, (int)b->plan.axes[2].size,
                   (int)b->plan.axes[1].size, (int)b->nx);
  b->measured = random_floats(check, 2 * b->all, -1, 1);
  b->image = random_floats(check, 2 * b->all, -1, 1);
  b->phasor = random_floats(check, 2 * b->all, -1, 1);
  b->made = kvox_check_ok(check, kvox_partial_stage_make(&b->plan, count, &b->stage));
  b->stage.queue = kvox_check_queue(check);
  b->stage.count = count;
  if (b->made && b->stage.queue != NULL) {
    put(b, b->stage.measured, b->measured);
    put(b, b->stage.image, b->image);
    put(b, b->stage.phasor, b->phasor);
  }
  return check->fault[0] == '\0';
}

static void close_bed(bed *b) {
  if (b->stage.queue != NULL) {
    kvox_check_ok(b->check, kvox_ocl_finish(b->stage.queue));
  }
  kvox_partial_stage_drop(&b->stage);
  kvox_ocl_queue_give_back(b->stage.queue);
}

/* Along y and z of a row of all volumes. */
static int64_t y_of(const bed *b, int64_t row) { return row % b->plan.axes[1].size; }
static int64_t z_of(const bed *b, int64_t row) { return row / b->plan.axes[1].size % b->plan.axes[2].size; }

static bool is_between(int64_t low, int64_t i, int64_t high) { return i >= low && i <= high; }

/* ---- To and from arrays ---- */

/* An array with gaps behind its rows, on the device. */
static kvox_array loose_array(bed *b, float *values, int64_t *floats) {
  const kvox_partial_axis *a = b->plan.axes;
  const int64_t row = b->nx + 1, size[3] = {a[2].size, a[1].size, a[0].size};
  kvox_array array = kvox_mri_ocl_dense(NULL, KVOX_C64, b->stage.count, size);
  array.strides[2] = 8 * row;
  array.strides[1] = array.strides[2] * size[1];
  array.strides[0] = array.strides[1] * size[0];
  *floats = 2 * row * b->rows;
  array.buffer = values != NULL
                     ? kvox_check_upload(b->check, b->stage.queue, values, (uint64_t)*floats * sizeof *values)
                     : kvox_check_untouched(b->check, b->stage.queue, *floats);
  return array;
}

static void check_loaded(bed *b, const float *from, uint32_t flag) {
  const kvox_partial_axis *a = b->plan.axes;
  const float *got = get(b, b->stage.measured);
  uint32_t want = UINT32_MAX;
  for (int64_t n = b->all - 1; n >= 0; n--) {
    const int64_t row = n / b->nx, x = n % b->nx;
    const bool is_read = is_between(a[0].first, x, a[0].last) && is_between(a[1].first, y_of(b, row), a[1].last) &&
                         is_between(a[2].first, z_of(b, row), a[2].last);
    const float *z = from + 2 * (row * (b->nx + 1) + x);
    want = is_read && !(isfinite(z[0]) && isfinite(z[1])) ? (uint32_t)n : want;
    kvox_check_value(b->check, "loaded", 2 * n, got[2 * n], is_read ? (double)z[0] : 0, 0);
    kvox_check_value(b->check, "loaded", 2 * n + 1, got[2 * n + 1], is_read ? (double)z[1] : 0, 0);
  }
  if (flag != want) {
    kvox_check_fault(b->check, "the flag is %u, must be %u", flag, want);
  }
}

static void compare_load(kvox_check *check) {
  bed b;
  if (open_bed(check, &b)) {
    float *from = random_floats(check, 2 * (b.nx + 1) * b.rows, -1, 1);
    for (int i = 0; i < 2; i++) { /* measured or not */
      from[kvox_check_integer(check, 0, 2 * (b.nx + 1) * b.rows - 1)] = i == 0 ? NAN : -INFINITY;
    }
    int64_t floats = 0;
    uint32_t flag = 0;
    const kvox_array array = loose_array(&b, from, &floats);
    kvox_check_ok(check, kvox_partial_load_there(&b.stage, &array));
    kvox_check_read(check, b.stage.queue, b.stage.flag, &flag, sizeof flag);
    check_loaded(&b, from, flag);
    kvox_buffer_destroy(array.buffer);
  }
  close_bed(&b);
}

static void compare_store(kvox_check *check) {
  bed b;
  if (open_bed(check, &b)) {
    int64_t floats = 0;
    const kvox_array array = loose_array(&b, NULL, &floats);
    float *got = kvox_check_floats(check, floats);
    kvox_check_ok(check, kvox_partial_store_there(&b.stage, &array));
    kvox_check_read(check, b.stage.queue, array.buffer, got, (uint64_t)floats * sizeof *got);
    for (int64_t row = 0; row < b.rows; row++) {
      const float *at = got + 2 * row * (b.nx + 1);
      for (int64_t i = 0; i < 2 * b.nx; i++) {
        kvox_check_value(check, "stored", i, at[i], (double)b.image[2 * row * b.nx + i], 0);
      }
      if (!kvox_check_is_untouched(at + 2 * b.nx) || !kvox_check_is_untouched(at + 2 * b.nx + 1)) {
        kvox_check_fault(check, "wrote behind a row");
      }
    }
    kvox_buffer_destroy(array.buffer);
  }
  close_bed(&b);
}

/* ---- Row by row ---- */

static void compare_scale(kvox_check *check) {
  bed b;
  if (open_bed(check, &b)) {
    const kvox_partial_axis *a = b.plan.axes;
    const kvox_partial_factor factor = (kvox_partial_factor)kvox_check_integer(check, 0, KVOX_PARTIAL_FACTORS - 1);
    float *want = kvox_check_floats(check, 2 * b.all);
    kvox_check_ok(check, kvox_partial_scale_there(&b.stage, factor, b.stage.phasor));
    for (int64_t row = 0; row < b.rows; row++) {
      const float outer =
          kvox_partial_factors_of(&a[1], factor)[y_of(&b, row)] * kvox_partial_factors_of(&a[2], factor)[z_of(&b, row)];
      kvox_partial_row_ref.scale(b.nx, outer, kvox_partial_factors_of(&a[0], factor), b.measured + 2 * row * b.nx,
                                 want + 2 * row * b.nx);
    }
    const float *got = get(&b, b.stage.phasor);
    for (int64_t n = 0; n < 2 * b.all; n++) {
      kvox_check_value(check, "part", n, got[n], (double)want[n], 3 * rounding * fabs((double)want[n]) + 0x1p-126);
    }
  }
  close_bed(&b);
}

/* Samples of all sizes, and zeros. */
static void compare_normalise(kvox_check *check) {
  bed b;
  if (open_bed(check, &b)) {
    for (int64_t n = 0; n < b.all; n++) {
      const float size = kvox_check_chance(check, 0.1) ? 0 : ldexpf(1, (int)kvox_check_integer(check, -100, 100));
      b.phasor[2 * n] *= size;
      b.phasor[2 * n + 1] *= size;
    }
    put(&b, b.stage.phasor, b.phasor);
    kvox_check_ok(check, kvox_partial_normalise_there(&b.stage));
    kvox_partial_row_ref.normalise(b.all, b.phasor);
    const float *got = get(&b, b.stage.phasor);
    for (int64_t n = 0; n < 2 * b.all; n++) {
      kvox_check_value(check, "part", n, got[n], (double)b.phasor[n],
                       free_roundings * rounding * fabs((double)b.phasor[n]));
    }
  }
  close_bed(&b);
}

static void compare_onto_phase(kvox_check *check) {
  bed b;
  if (open_bed(check, &b)) {
    float *want = kvox_check_floats(check, 2 * b.all);
    memcpy(want, b.image, (size_t)(2 * b.all) * sizeof *want);
    kvox_partial_row_ref.onto_phase(b.all, b.phasor, want);
    kvox_check_ok(check, kvox_partial_onto_phase_there(&b.stage));
    const float *got = get(&b, b.stage.image);
    for (int64_t n = 0; n < 2 * b.all; n++) { /* of parts up to 1: sums up to 2 */
      kvox_check_value(check, "part", n, got[n], (double)want[n], 2 * 5 * rounding);
    }
  }
  close_bed(&b);
}

static void compare_blend(kvox_check *check) {
  bed b;
  if (open_bed(check, &b)) {
    const kvox_partial_axis *a = b.plan.axes;
    kvox_check_ok(check, kvox_partial_blend_there(&b.stage));
    const float *got = get(&b, b.stage.image);
    for (int64_t row = 0; row < b.rows; row++) {
      const float most = fminf(a[1].trust[y_of(&b, row)], a[2].trust[z_of(&b, row)]);
      kvox_partial_row_ref.blend(b.nx, most, a[0].trust, b.measured + 2 * row * b.nx, b.image + 2 * row * b.nx);
    }
    for (int64_t n = 0; n < 2 * b.all; n++) {
      const int64_t row = n / 2 / b.nx;
      const bool within = is_between(a[0].low, n / 2 % b.nx, a[0].high) &&
                          is_between(a[1].low, y_of(&b, row), a[1].high) &&
                          is_between(a[2].low, z_of(&b, row), a[2].high);
      kvox_check_value(check, "part", n, got[n], within ? (double)b.image[n] : 0, within ? 4 * rounding : 0);
    }
  }
  close_bed(&b);
}

/* ---- Sums ---- */

/* As check_partial.c has them, of a tree: a rounding for each of its levels, two of a difference, and of a square. */
static void compare_sums(bed *b, const double *want) {
  double got[KVOX_PARTIAL_MOST_ITEMS];
  if (kvox_check_ok(b->check, kvox_partial_read_sums_there(&b->stage, got))) {
    for (int64_t i = 0; i < b->stage.count; i++) {
      kvox_check_value(b->check, "sum's part of the oracle's", i,
                       want[i] > 0 ? (float)(got[i] / want[i]) : (float)(1 + got[i]), 1, 20 * rounding);
    }
  }
}

/* All samples as many times smaller or larger: their squares are beyond floats. */
static void resize(bed *b) {
  const float size = ldexpf(1, (int)kvox_check_integer(b->check, -90, 120));
  for (int64_t n = 0; n < 2 * b->all; n++) {
    b->measured[n] *= size;
    b->image[n] *= size;
  }
  put(b, b->stage.measured, b->measured);
  put(b, b->stage.image, b->image);
}

static void compare_energy(kvox_check *check) {
  bed b;
  if (open_bed(check, &b)) {
    double want[KVOX_PARTIAL_MOST_ITEMS];
    resize(&b);
    for (int64_t i = 0; i < b.stage.count; i++) {
      want[i] = kvox_partial_row_ref.energy(b.plan.samples, b.measured + 2 * i * b.plan.samples, NULL);
    }
    kvox_check_ok(check, kvox_partial_energy_there(&b.stage));
    compare_sums(&b, want);
  }
  close_bed(&b);
}

/* What the oracle would make of one sample; its change. */
static double restore_sample(const bed *b, int64_t n, bool is_done) {
  const kvox_partial_axis *a = b->plan.axes;
  const int64_t at[3] = {n % b->nx, y_of(b, n / b->nx), z_of(b, n / b->nx)};
  bool known = true, within = true;
  for (int d = 0; d < 3; d++) {
    known = known && is_between(a[d].known[0], at[d], a[d].known[1]);
    within = within && is_between(a[d].low, at[d], a[d].high);
  }
  float *found = b->image + 2 * n, *measured = b->measured + 2 * n;
  if (is_done || known || !within) {
    memcpy(found, measured, 2 * sizeof *found);
    return 0;
  }
  const double change = kvox_partial_row_ref.energy(1, found, measured);
  memcpy(measured, found, 2 * sizeof *found);
  return change;
}

static void compare_restore(kvox_check *check) {
  bed b;
  if (open_bed(check, &b)) {
    double want[KVOX_PARTIAL_MOST_ITEMS] = {0};
    const uint32_t done = (uint32_t)kvox_check_integer(check, 0, 15);
    resize(&b);
    for (int64_t n = 0; n < b.all; n++) {
      const int64_t item = n / b.plan.samples;
      want[item] += restore_sample(&b, n, (done >> item & 1) != 0);
    }
    kvox_check_ok(check, kvox_partial_restore_there(&b.stage, done));
    compare_sums(&b, want);
    const float *image = get(&b, b.stage.image), *measured = get(&b, b.stage.measured);
    for (int64_t n = 0; n < 2 * b.all; n++) {
      kvox_check_value(check, "found", n, image[n], (double)b.image[n], 0);
      kvox_check_value(check, "kept", n, measured[n], (double)b.measured[n], 0);
    }
  }
  close_bed(&b);
}

/* ---- Timing: what an iteration does beside its transforms ---- */

enum { BENCH = 256 };

static void work_oracle(void *data) {
  bed *b = data;
  double sum = 0;
  for (int64_t row = 0; row < b->rows; row++) {
    const int64_t at = 2 * row * b->nx;
    kvox_partial_row_ref.onto_phase(b->nx, b->phasor + at, b->image + at);
    sum += kvox_partial_row_ref.energy(b->nx, b->image + at, b->measured + at);
    memcpy(b->measured + at, b->image + at, (size_t)(2 * b->nx) * sizeof *b->image);
  }
  b->phasor[0] = sum >= 0 ? b->phasor[0] : 1; /* so that it is computed */
}

static void work_device(void *data) {
  bed *b = data;
  kvox_check_ok(b->check, kvox_partial_onto_phase_there(&b->stage));
  kvox_check_ok(b->check, kvox_partial_restore_there(&b->stage, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->stage.queue));
}

/* An element: a sample of a plane, of which half was measured; the oracle takes none of it to be. */
static void bench_restore(kvox_check *check) {
  bed b = {.check = check, .plan = {.context = check->context, .samples = (int64_t)BENCH * BENCH}};
  b.nx = b.rows = BENCH;
  b.all = b.plan.samples;
  check->bytes = 6 * 2 * sizeof(float);
  b.measured = random_floats(check, 2 * b.all, -1, 1);
  b.image = random_floats(check, 2 * b.all, -1, 1);
  b.phasor = random_floats(check, 2 * b.all, -1, 1);
  if (check->context == NULL) {
    kvox_check_time(check, work_oracle, &b, b.all);
    return;
  }
  for (int d = 0; d < 3; d++) {
    const int64_t size = d == 2 ? 1 : BENCH;
    b.plan.axes[d] = (kvox_partial_axis){.size = size, .last = size - 1, .high = size - 1, .known = {0, size - 1}};
    b.plan.axes[d].smooth = b.plan.axes[d].weights = b.plan.axes[d].trust = random_floats(check, size, 0, 1);
  }
  b.plan.axes[1].known[0] = BENCH / 2;
  kvox_check_ok(check, kvox_partial_stage_make(&b.plan, 1, &b.stage));
  b.stage.queue = kvox_check_queue(check);
  b.stage.count = 1;
  if (check->fault[0] == '\0') {
    put(&b, b.stage.measured, b.measured);
    put(&b, b.stage.image, b.image);
    kvox_partial_row_ref.normalise(b.all, b.phasor); /* nothing grows or fades */
    put(&b, b.stage.phasor, b.phasor);
    kvox_check_time(check, work_device, &b, b.all);
  }
  close_bed(&b);
}

const kvox_check_stage kvox_check_ocl_partial_load = {"partial.load", "none", compare_load, NULL};
const kvox_check_stage kvox_check_ocl_partial_store = {"partial.store", "none", compare_store, NULL};
const kvox_check_stage kvox_check_ocl_partial_scale = {"partial.scale", "three roundings", compare_scale, NULL};
const kvox_check_stage kvox_check_ocl_partial_normalise = {
    "partial.normalise", "roundings, 3 ulp of root and quotients", compare_normalise, NULL};
const kvox_check_stage kvox_check_ocl_partial_onto_phase = {"partial.onto_phase", "five roundings", compare_onto_phase,
                                                            NULL};
const kvox_check_stage kvox_check_ocl_partial_blend = {"partial.blend", "four roundings", compare_blend, NULL};
const kvox_check_stage kvox_check_ocl_partial_energy = {"partial.energy", "the roundings of its sums", compare_energy,
                                                        NULL};
const kvox_check_stage kvox_check_ocl_partial_restore = {"partial.restore", "none; the roundings of its sums",
                                                         compare_restore, bench_restore};
