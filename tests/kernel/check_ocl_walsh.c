/* Walsh's maps on a device: its kernels on a part of the rows, with the window's halo, against the oracle of it all. */
#include "kernel/check_ocl_volume.h"
#include "kvox/mri_coils.h"
#include "mri/ocl.h"
#include "mri/walsh.h"

/* Elements round, and a step that turns by 1e-6 ends the search, where the second eigenvalue is far below the first. */
static const double bound = 2e-5;

enum { MOST = 9 };

/* Coils that see a signal, by turns, and noise of a tenth. */
static float *random_images(kvox_check *check, int64_t coils, const int64_t size[3]) {
  const int64_t count = size[0] * size[1] * size[2];
  const double range = ldexp(1, (int)kvox_check_integer(check, -40, 40));
  float *values = kvox_check_floats(check, 2 * coils * count);
  for (int64_t i = 0; i < coils * count; i++) {
    const double c = (double)(i / count), angle = c * c + 0.01 * (double)(i % count), signal = 1 + 0.5 * cos(c);
    values[2 * i] = (float)(range * (signal * cos(angle) + kvox_check_real(check, -0.1, 0.1)));
    values[2 * i + 1] = (float)(range * (signal * sin(angle) + kvox_check_real(check, -0.1, 0.1)));
  }
  return values;
}

static kvox_array host_array(float *values, int64_t coils, const int64_t size[3]) {
  kvox_array array = kvox_mri_ocl_dense(NULL, KVOX_C64, coils, size);
  array.data = values;
  return array;
}

/* The survey of all rows, and what follows from it: false where it failed. */
static bool survey(bed *b, kvox_mri_ocl_walsh *stage, const volume *images, float *scale) {
  kvox_check *check = b->check;
  const int64_t n = stage->coils, elements = 2 * kvox_mri_pairs(n), rows = b->size[0] * b->size[1];
  float *sums = kvox_check_floats(check, rows * (elements + 1)), *reference = kvox_check_floats(check, 2 * n);
  float *pairs = kvox_check_floats(check, 2 * n);
  double *packed = kvox_check_memory(check, (size_t)elements * sizeof *packed);
  void *block = kvox_check_memory(check, kvox_mri_walsh_eigen_bytes(n));
  memset(packed, 0, (size_t)elements * sizeof *packed);
  if (!kvox_check_ok(check, kvox_mri_ocl_walsh_survey(stage, b->queue, &images->array, b->flags, FLAG, sums))) {
    return false;
  }
  kvox_mri_ocl_walsh_add_rows(stage, rows, sums, packed);
  kvox_mri_unpack(n, packed, block);
  if (b->spoilt >= 0 ||
      !kvox_check_ok(check, kvox_mri_walsh_reference(n, (double)(n * images->count), block, reference, scale))) {
    return false;
  }
  for (int64_t c = 0; c < n; c++) {
    pairs[2 * c] = reference[c];
    pairs[2 * c + 1] = reference[n + c];
  }
  stage->reference = kvox_check_upload(check, b->queue, pairs, (uint64_t)(2 * n) * sizeof *pairs);
  return check->fault[0] == '\0';
}

/* The rows [first, end) of y of the maps, from as many of the images as the window reaches. */
static void compare_part(bed *b, kvox_mri_ocl_walsh *stage, const volume *images, float scale, const float *want) {
  kvox_check *check = b->check;
  const int64_t first = kvox_check_integer(check, 0, b->size[1] - 1);
  const int64_t end = kvox_check_integer(check, first + 1, b->size[1]), r = stage->radius[1];
  const int64_t from = first - r > 0 ? first - r : 0, to = end + r < b->size[1] ? end + r : b->size[1];
  const int64_t size[3] = {b->size[0], end - first, b->size[2]}, lead[2] = {0, first - from};
  kvox_array samples = images->array;
  samples.data = kvox_array_shifted(&samples, from * samples.strides[2]);
  samples.shape[2] = to - from;
  volume maps = empty_volume(check, b->queue, KVOX_C64, stage->coils, size);
  if (kvox_check_ok(check, kvox_mri_ocl_walsh_run(stage, b->queue, &samples, lead, scale, &maps.array))) {
    read_volume(check, b->queue, &maps);
    for (int64_t i = 0; i < stage->coils * maps.count; i++) {
      const int64_t c = i / maps.count, n = i % maps.count, x = n % size[2], y = n / size[2] % size[1];
      const int64_t z = n / (size[2] * size[1]), at = ((z * b->size[1]) + first + y) * size[2] + x;
      for (int part = 0; part < 2; part++) {
        kvox_check_value(check, "map", n, sample_of(&maps, c, n)[part], want[2 * (c * images->count + at) + part],
                         bound);
      }
    }
  }
  kvox_buffer_destroy(maps.array.buffer);
}

static void compare_walsh(kvox_check *check) {
  static const int64_t lanes[] = {1, 4, 16};
  kvox_mri_ocl_walsh stage = {.coils = kvox_check_integer(check, 1, MOST)};
  kvox_mri_walsh_options options;
  float scale = 0;
  stage.lanes = lanes[kvox_check_integer(check, 0, 2)];
  kvox_mri_walsh_options_init(&options);
  for (int axis = 0; axis < 3; axis++) {
    stage.radius[axis] = kvox_check_integer(check, 0, 2);
    options.window[axis] = 2 * stage.radius[axis] + 1;
  }
  bed b = open_bed(check, stage.coils);
  float *values = random_images(check, stage.coils, b.size);
  volume images = volume_of(check, b.queue, KVOX_C64, stage.coils, b.size, values);
  float *want = kvox_check_floats(check, 2 * stage.coils * images.count);
  kvox_context *oracle = kvox_check_oracle(check);
  const kvox_array in = host_array(values, stage.coils, b.size), out = host_array(want, stage.coils, b.size);
  if (b.spoilt < 0 && check->fault[0] == '\0') {
    kvox_check_ok(check, kvox_mri_walsh_maps(oracle, &options, NULL, &in, &out));
  }
  spoil(&b, &images);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_mri_ocl_walsh_make(check->context, images.count, b.size[2], &stage)) &&
      survey(&b, &stage, &images, &scale)) {
    compare_part(&b, &stage, &images, scale, want);
  }
  kvox_context_destroy(oracle);
  close_bed(&b, &images, 1);
  kvox_mri_ocl_walsh_drop(&stage);
}

/* ---- Timing: eight coils of 256 x 256, a window of five rows and columns ---- */

enum { COILS = 8, SIDE = 256, SAMPLES = SIDE * SIDE };

typedef struct bench {
  kvox_check *check;
  kvox_context *oracle;
  kvox_mri_ocl_walsh stage;
  kvox_ocl_queue *queue;
  kvox_array images, maps;
} bench;

static void work_oracle(void *data) {
  bench *b = data;
  kvox_check_ok(b->check, kvox_mri_walsh_maps(b->oracle, NULL, NULL, &b->images, &b->maps));
}

static void work_device(void *data) {
  static const int64_t lead[2] = {0, 0};
  bench *b = data;
  kvox_check_ok(b->check, kvox_mri_ocl_walsh_run(&b->stage, b->queue, &b->images, lead, 1, &b->maps));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_walsh(kvox_check *check) {
  static const int64_t size[3] = {1, SIDE, SIDE};
  static const float reference[2 * COILS] = {1};
  bench b = {.check = check, .stage = {.coils = COILS, .radius = {2, 2, 0}}};
  float *values = random_images(check, COILS, size), *maps = kvox_check_floats(check, 2 * COILS * SAMPLES);
  check->bytes = 2 * 2 * COILS * sizeof(float);
  if (check->context == NULL) {
    b.oracle = kvox_check_oracle(check);
    b.images = host_array(values, COILS, size);
    b.maps = host_array(maps, COILS, size);
    kvox_check_time(check, work_oracle, &b, SAMPLES);
    kvox_context_destroy(b.oracle);
    return;
  }
  b.queue = kvox_check_queue(check);
  volume v[2] = {volume_of(check, b.queue, KVOX_C64, COILS, size, values),
                 volume_of(check, b.queue, KVOX_C64, COILS, size, maps)};
  b.images = v[0].array;
  b.maps = v[1].array;
  b.stage.lanes = kvox_mri_ocl_walsh_lanes(check->context);
  b.stage.reference = kvox_check_upload(check, b.queue, reference, sizeof reference);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_mri_ocl_walsh_make(check->context, SAMPLES, SIDE, &b.stage))) {
    kvox_check_time(check, work_device, &b, SAMPLES);
  }
  kvox_mri_ocl_walsh_drop(&b.stage);
  kvox_buffer_destroy(v[0].array.buffer);
  kvox_buffer_destroy(v[1].array.buffer);
  kvox_ocl_queue_give_back(b.queue);
}

const kvox_check_stage kvox_check_ocl_walsh = {"maps.walsh", "2e-5", compare_walsh, bench_walsh};
