/* The main field on a device: against the oracle's phases and its line in double. */
#include "kernel/check_ocl_volume.h"
#include "kvox/mri_maps.h"
#include "mri/ocl.h"

/* Phases err by 3e-7, sums of turns by as much: in turns of the shortest step; weights by some roundings of sums. */
static const double turns_bound = 1e-6, weight_bound = 1e-5;

enum { MOST_ECHOES = 7, MOST_COILS = 4 };

typedef struct train {
  int64_t echoes, coils;
  double times_ms[MOST_ECHOES], shortest_ms;
} train;

/* Two steps may be as short as one. */
static train random_train(kvox_check *check) {
  train t = {.echoes = kvox_check_integer(check, 2, MOST_ECHOES), .coils = kvox_check_integer(check, 1, MOST_COILS)};
  t.shortest_ms = kvox_check_real(check, 0.5, 3);
  const int64_t shortest = kvox_check_integer(check, 1, t.echoes - 1);
  t.times_ms[0] = kvox_check_real(check, 0, 5);
  for (int64_t e = 1; e < t.echoes; e++) {
    const double more = e == shortest || kvox_check_chance(check, 0.4) ? 0 : kvox_check_real(check, 0.1, 3);
    t.times_ms[e] = t.times_ms[e - 1] + t.shortest_ms * (1 + more);
  }
  return t;
}

/* Fields of less than half a turn a shortest step by 0.1, which noise of a hundredth does not reach. Nothing here and
 * there, or from an echo on. */
static float *random_images(kvox_check *check, const train *t, int64_t count) {
  float *images = kvox_check_floats(check, 2 * t->echoes * t->coils * count);
  for (int64_t n = 0; n < count; n++) {
    const double turns_per_ms = kvox_check_real(check, -0.4, 0.4) / t->shortest_ms;
    const double size = ldexp(1, (int)kvox_check_integer(check, -30, 30));
    const int64_t end = kvox_check_chance(check, 0.1) ? kvox_check_integer(check, 0, t->echoes) : t->echoes;
    for (int64_t i = 0; i < t->echoes * t->coils; i++) {
      const int64_t e = i / t->coils, c = i % t->coils;
      const double angle = 6.283185307179586 * turns_per_ms * t->times_ms[e] + (double)(c * c);
      const double here = e < end ? size * (1 + 0.2 * (double)c) * exp(-0.1 * (double)e) : 0;
      float *at = images + 2 * (i * count + n);
      at[0] = (float)(here * (cos(angle) + kvox_check_real(check, -0.01, 0.01)));
      at[1] = (float)(here * (sin(angle) + kvox_check_real(check, -0.01, 0.01)));
    }
  }
  return images;
}

/* [echo, coil, z, y, x] or [z, y, x] of the host. */
static kvox_array host_array(float *values, kvox_type type, const train *t, const int64_t size[3]) {
  kvox_array array = {.data = values, .type = type, .rank = t != NULL ? 5 : 3};
  int64_t stride = (int64_t)kvox_type_size(type);
  if (t != NULL) {
    array.shape[0] = t->echoes;
    array.shape[1] = t->coils;
  }
  memcpy(array.shape + array.rank - 3, size, 3 * sizeof *size);
  for (int32_t d = array.rank - 1; d >= 0; d--) {
    array.strides[d] = stride;
    stride *= array.shape[d];
  }
  return array;
}

static void map_by_oracle(kvox_check *check, const train *t, float *images, const int64_t size[3], float *field,
                          float *weight) {
  kvox_context *oracle = kvox_check_oracle(check);
  const kvox_array in = host_array(images, KVOX_C64, t, size);
  const kvox_array out = host_array(field, KVOX_F32, NULL, size), other = host_array(weight, KVOX_F32, NULL, size);
  if (check->fault[0] == '\0') {
    kvox_check_ok(check, kvox_mri_field_map(oracle, NULL, &in, t->times_ms, &out, &other));
  }
  kvox_context_destroy(oracle);
}

static void compare_field(kvox_check *check) {
  const train t = random_train(check);
  kvox_mri_ocl_field stage = {.echoes = t.echoes, .coils = t.coils};
  bed b = open_bed(check, t.echoes * t.coils);
  const int64_t count = b.size[0] * b.size[1] * b.size[2];
  float *images = random_images(check, &t, count);
  float *field = kvox_check_floats(check, count), *weight = kvox_check_floats(check, count);
  map_by_oracle(check, &t, images, b.size, field, weight);
  volume v[3] = {volume_of(check, b.queue, KVOX_C64, t.echoes * t.coils, b.size, images),
                 empty_volume(check, b.queue, KVOX_F32, 1, b.size), empty_volume(check, b.queue, KVOX_F32, 1, b.size)};
  const bool with_weight = kvox_check_chance(check, 0.7);
  spoil(&b, &v[0]);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_mri_ocl_field_make(check->context, t.times_ms, count, &stage)) &&
      kvox_check_ok(check, kvox_mri_ocl_field_run(&stage, b.queue, &v[0].array, &v[1].array,
                                                  with_weight ? &v[2].array : NULL, b.flags, FLAG))) {
    read_volume(check, b.queue, &v[1]);
    read_volume(check, b.queue, &v[2]);
    for (int64_t n = 0; n < count; n++) {
      if (n != b.spoilt) {
        kvox_check_value(check, "field", n, *sample_of(&v[1], 0, n), field[n], turns_bound * 1e3 / t.shortest_ms);
      }
      if (n != b.spoilt && with_weight) {
        kvox_check_value(check, "weight", n, *sample_of(&v[2], 0, n), weight[n], weight_bound * weight[n]);
      }
    }
  }
  close_bed(&b, v, 3);
  kvox_mri_ocl_field_drop(&stage);
}

/* ---- Timing: four echoes of eight coils, 256 x 256 ---- */

enum { SIDE = 256, SAMPLES = SIDE * SIDE };

typedef struct bench {
  kvox_check *check;
  const train *t;
  kvox_context *oracle;
  kvox_ocl_queue *queue;
  kvox_mri_ocl_field stage;
  kvox_buffer *flags;
  kvox_array images, field;
} bench;

static void work_oracle(void *data) {
  bench *b = data;
  kvox_check_ok(b->check, kvox_mri_field_map(b->oracle, NULL, &b->images, b->t->times_ms, &b->field, NULL));
}

static void work_device(void *data) {
  bench *b = data;
  kvox_check_ok(b->check, kvox_mri_ocl_field_run(&b->stage, b->queue, &b->images, &b->field, NULL, b->flags, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_field(kvox_check *check) {
  static const int64_t size[3] = {1, SIDE, SIDE};
  static const train t = {.echoes = 4, .coils = 8, .times_ms = {2, 4, 6, 8}, .shortest_ms = 2};
  const uint32_t ones = UINT32_MAX;
  bench b = {.check = check, .t = &t, .stage = {.echoes = t.echoes, .coils = t.coils}};
  float *images = random_images(check, &t, SAMPLES), *field = kvox_check_floats(check, SAMPLES);
  check->bytes = (double)(2 * t.echoes * t.coils + 1) * sizeof(float);
  if (check->context == NULL) {
    b.oracle = kvox_check_oracle(check);
    b.images = host_array(images, KVOX_C64, &t, size);
    b.field = host_array(field, KVOX_F32, NULL, size);
    kvox_check_time(check, work_oracle, &b, SAMPLES);
    kvox_context_destroy(b.oracle);
    return;
  }
  b.queue = kvox_check_queue(check);
  b.flags = kvox_check_upload(check, b.queue, &ones, sizeof ones);
  volume v[2] = {volume_of(check, b.queue, KVOX_C64, t.echoes * t.coils, size, images),
                 volume_of(check, b.queue, KVOX_F32, 1, size, field)};
  b.images = v[0].array;
  b.field = v[1].array;
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_mri_ocl_field_make(check->context, t.times_ms, SAMPLES, &b.stage))) {
    kvox_check_time(check, work_device, &b, SAMPLES);
  }
  kvox_mri_ocl_field_drop(&b.stage);
  kvox_buffer_destroy(v[0].array.buffer);
  kvox_buffer_destroy(v[1].array.buffer);
  kvox_buffer_destroy(b.flags);
  kvox_ocl_queue_give_back(b.queue);
}

const kvox_check_stage kvox_check_ocl_field = {"maps.field", "1e-6 turns a step", compare_field, bench_field};
