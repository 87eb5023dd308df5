/* A context on an OpenCL device and one on the CPU; arrays of random layout in either's memory. */
#ifndef KVOX_TESTS_MRI_PLACES_H
#define KVOX_TESTS_MRI_PLACES_H

#include "mri/support.h"
#include "ocl/device.h"
#include "ocl/sides.h"

static inline kvox_context *context_of(int32_t backend, uint64_t memory_limit) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.ignore_environment = 1;
  options.threads = 2;
  options.backend = backend;
  options.device = getenv("KVOX_DEVICE");
  options.forbid_fallback = 1;
  options.memory_limit = memory_limit;
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

static inline kvox_context *open_side(int32_t backend) { return context_of(backend, 0); }
static inline int open_sides(void **state) { return open_sides_of(state, open_side); }

/* Where an array may lie: dense; with its axes in any order, backwards, with gaps; the same at addresses that are no
 * multiples of its elements. */
enum { HOST = 0, DEVICE = 1, LOOSE = 2, ODD = 4, PLACES = 6 };
static const int places[PLACES] = {
    HOST, DEVICE, HOST | LOOSE, DEVICE | LOOSE, HOST | LOOSE | ODD, DEVICE | LOOSE | ODD};

typedef struct placed {
  kvox_array array;
  kvox_buffer *buffer;
  unsigned char *memory;
} placed;

/* Memory of NaN. */
static inline placed place(kvox_context *context, int where, uint64_t *seed, kvox_type type, int32_t rank,
                           const int64_t *shape) {
  int64_t step = (int64_t)kvox_type_size(type), begin = where & ODD ? 4 : 0;
  bool done[KVOX_MAX_RANK] = {false};
  placed p = {.array = {.type = type, .rank = rank}};
  memcpy(p.array.shape, shape, (size_t)rank * sizeof *shape);
  for (int32_t n = 0; n < rank; n++) {
    int32_t d = rank - 1 - n;
    for (int32_t i = where & LOOSE ? (int32_t)(random_bits(seed) % 5) : 0; i > 0 || done[d]; i -= i > 0) {
      d = (d + 1) % rank;
    }
    done[d] = true;
    const bool backwards = (where & LOOSE) != 0 && random_bits(seed) % 3 == 0;
    p.array.strides[d] = backwards ? -step : step;
    begin += backwards ? step * (shape[d] - 1) : 0;
    step *= shape[d];
    step += where & LOOSE ? (int64_t)(random_bits(seed) % 3) * (int64_t)kvox_type_size(type) : 0;
    step += where & ODD ? 4 : 0;
  }
  const size_t bytes = (size_t)step + 8;
  p.memory = malloc(bytes);
  assert_non_null(p.memory);
  memset(p.memory, 0xff, bytes);
  if ((where & DEVICE) == 0) {
    p.array.data = p.memory + begin;
    return p;
  }
  kvox_array whole, there;
  const int64_t count = (int64_t)bytes;
  assert_ok(kvox_array_init(&whole, p.memory, KVOX_U8, 1, &count));
  assert_ok(kvox_buffer_create(context, bytes, &p.buffer));
  assert_ok(kvox_array_init_buffer(&there, p.buffer, 0, KVOX_U8, 1, &count));
  assert_ok(kvox_array_copy(&whole, &there));
  p.array.buffer = p.buffer;
  p.array.data = (void *)(uintptr_t)begin;
  return p;
}

static inline placed place_values(kvox_context *context, int where, uint64_t *seed, kvox_type type, int32_t rank,
                                  const int64_t *shape, void *values) {
  const placed p = place(context, where, seed, type, rank, shape);
  const kvox_array dense = array_of(values, type, rank, shape);
  assert_ok(kvox_array_copy(&dense, &p.array));
  return p;
}

/* Copies the samples out and gives the memory back. */
static inline void take_away(placed *p, void *values) {
  if (values != NULL) {
    const kvox_array dense = array_of(values, p->array.type, p->array.rank, p->array.shape);
    assert_ok(kvox_array_copy(&p->array, &dense));
  }
  kvox_buffer_destroy(p->buffer);
  free(p->memory);
}

static inline int64_t count_of(int32_t rank, const int64_t *shape) {
  int64_t count = 1;
  for (int32_t d = 0; d < rank; d++) {
    count *= shape[d];
  }
  return count;
}

/* Gaussian, in memory that is the caller's. */
static inline float complex *random_samples(uint64_t *seed, int64_t count) {
  float complex *samples = malloc((size_t)count * sizeof *samples);
  assert_non_null(samples);
  for (int64_t i = 0; i < count; i++) {
    samples[i] = (float complex)random_normal(seed);
  }
  return samples;
}

/* The greatest difference as a part of the greatest value. */
static inline double difference_of(int64_t floats, const void *a, const void *b) {
  const float *got = a, *want = b;
  double range = 0, most = 0;
  for (int64_t i = 0; i < floats; i++) {
    const double difference = fabs((double)got[i] - (double)want[i]);
    range = fmax(range, fabs((double)want[i]));
    most = difference <= most ? most : difference; /* NaN too */
  }
  return most / range;
}

#endif
