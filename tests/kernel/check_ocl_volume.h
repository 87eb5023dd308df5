/* Samples of coils on a device and the host, any layout, and a bed for one launch over them: a queue and flags. */
#ifndef KVOX_TESTS_KERNEL_CHECK_OCL_VOLUME_H
#define KVOX_TESTS_KERNEL_CHECK_OCL_VOLUME_H

#include <math.h>
#include <string.h>

#include "kernel/check_ocl.h"
#include "mri/pieces.h"

enum { FLAGS = 3, FLAG = 1 };

/* Samples [coil][z][y][x] on the device and the host. */
typedef struct volume {
  int64_t coils, size[3], count; /* of a coil */
  kvox_array array;
  float *values; /* dense */
  kvox_type type;
} volume;

/* Of values that are there, dense. */
static inline volume volume_of(kvox_check *check, kvox_ocl_queue *queue, kvox_type type, int64_t coils,
                               const int64_t size[3], float *values) {
  volume v = {.coils = coils, .count = size[0] * size[1] * size[2], .type = type, .values = values};
  memcpy(v.size, size, sizeof v.size);
  const uint64_t bytes = (uint64_t)(coils * v.count) * kvox_type_size(type);
  v.array = kvox_mri_ocl_dense(kvox_check_upload(check, queue, values, bytes), type, coils, size);
  return v;
}

/* The range of the samples is 1. */
static inline volume random_volume(kvox_check *check, kvox_ocl_queue *queue, int64_t coils, const int64_t size[3]) {
  const int64_t floats = 2 * coils * size[0] * size[1] * size[2];
  float *values = kvox_check_floats(check, floats);
  for (int64_t i = 0; i < floats; i++) {
    values[i] = (float)kvox_check_real(check, -1, 1);
  }
  return volume_of(check, queue, KVOX_C64, coils, size, values);
}

/* One that a kernel fills, [z][y][coil][x] with gaps behind its rows. */
static inline volume empty_volume(kvox_check *check, kvox_ocl_queue *queue, kvox_type type, int64_t coils,
                                  const int64_t size[3]) {
  volume v = {.coils = coils, .count = size[0] * size[1] * size[2], .type = type};
  memcpy(v.size, size, sizeof v.size);
  const int64_t element = (int64_t)kvox_type_size(type), row = size[2] + 1;
  const int64_t floats = element / (int64_t)sizeof(float) * row * coils * size[0] * size[1];
  v.array = kvox_mri_ocl_dense(kvox_check_untouched(check, queue, floats), type, coils, size);
  v.array.strides[0] = element * row;
  v.array.strides[2] = element * row * coils;
  v.array.strides[1] = v.array.strides[2] * size[1];
  v.values = kvox_check_floats(check, floats);
  return v;
}

/* Reads it; what lies between its rows is as it was. */
static inline void read_volume(kvox_check *check, kvox_ocl_queue *queue, volume *v) {
  const int64_t per_sample = (int64_t)(kvox_type_size(v->type) / sizeof(float));
  const int64_t rows = v->coils * v->size[0] * v->size[1], row = (v->size[2] + 1) * per_sample;
  kvox_check_read(check, queue, v->array.buffer, v->values, (uint64_t)(rows * row) * sizeof(float));
  for (int64_t r = 0; r < rows && check->fault[0] == '\0'; r++) {
    if (!kvox_check_is_untouched(v->values + (r + 1) * row - 1)) {
      kvox_check_fault(check, "wrote behind a row");
    }
  }
}

/* Sample n of a coil, of what was read. */
static inline const float *sample_of(const volume *v, int64_t coil, int64_t n) {
  const int64_t per_sample = (int64_t)(kvox_type_size(v->type) / sizeof(float)), x = n % v->size[2];
  return v->values + ((n / v->size[2] * v->coils + coil) * (v->size[2] + 1) + x) * per_sample;
}

/* ---- The bed: a queue and flags ---- */

typedef struct bed {
  kvox_check *check;
  kvox_ocl_queue *queue;
  kvox_buffer *flags;
  int64_t size[3], spoilt; /* the sample that is not finite; -1: none */
} bed;

static inline bed open_bed(kvox_check *check, int64_t coils) {
  static const uint32_t ones[FLAGS] = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
  bed b = {.check = check, .queue = kvox_check_queue(check), .spoilt = -1};
  b.flags = kvox_check_upload(check, b.queue, ones, sizeof ones);
  for (int d = 0; d < 3; d++) {
    b.size[d] = kvox_check_integer(check, 1, d == 2 ? 40 : 4);
  }
  if (kvox_check_chance(check, 0.5)) {
    b.spoilt = kvox_check_integer(check, 0, b.size[0] * b.size[1] * b.size[2] - 1);
  }
  kvox_check_shape(check, "%d coils of %d x %d x %d, spoilt %d", (int)coils, (int)b.size[0], (int)b.size[1],
                   (int)b.size[2], (int)b.spoilt);
  return b;
}

/* A sample that is not finite, in any coil. */
static inline void spoil(bed *b, volume *v) {
  static const float strange[] = {NAN, INFINITY, -INFINITY};
  if (b->spoilt >= 0) {
    const int64_t coil = kvox_check_integer(b->check, 0, v->coils - 1);
    v->values[2 * (coil * v->count + b->spoilt)] = strange[kvox_check_integer(b->check, 0, 2)];
    kvox_check_ok(b->check, kvox_ocl_write(b->queue, v->array.buffer, 0, v->values,
                                           (uint64_t)(2 * v->coils * v->count) * sizeof *v->values));
  }
}

static inline void close_bed(bed *b, volume *volumes, int count) {
  uint32_t flags[FLAGS] = {0};
  kvox_check_read(b->check, b->queue, b->flags, flags, sizeof flags);
  const uint32_t want = b->spoilt >= 0 ? (uint32_t)b->spoilt : UINT32_MAX;
  if (b->check->fault[0] == '\0' && (flags[0] != UINT32_MAX || flags[2] != UINT32_MAX || flags[FLAG] != want)) {
    kvox_check_fault(b->check, "flags are %u %u %u, must tell of %d", flags[0], flags[1], flags[2], (int)b->spoilt);
  }
  if (b->queue != NULL) {
    kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
  }
  for (int i = 0; i < count; i++) {
    kvox_buffer_destroy(volumes[i].array.buffer);
  }
  kvox_buffer_destroy(b->flags);
  kvox_ocl_queue_give_back(b->queue);
}

#endif
