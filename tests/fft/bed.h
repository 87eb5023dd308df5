/* A transform's arrays with guards around them, a heap that counts, and the defining sum in double. */
#ifndef KVOX_TESTS_FFT_BED_H
#define KVOX_TESTS_FFT_BED_H

#include <math.h>
#include <stdlib.h>

#include "fft/fft.h"
#include "test.h"

static const double two_pi = 6.283185307179586476925286766559;

/* ---- a heap that counts, and fails when told ---- */

typedef struct counter {
  int64_t live, calls, fail_at; /* fail_at: which call gives nothing; 0: none */
} counter;

static inline void *count_allocate(void *user, size_t bytes, size_t alignment) {
  counter *c = user;
  void *memory = NULL;
  if (++c->calls == c->fail_at || posix_memalign(&memory, alignment, bytes) != 0) {
    return NULL;
  }
  c->live++;
  return memory;
}

static inline void count_release(void *user, void *memory) {
  ((counter *)user)->live--;
  free(memory);
}

static inline kvox_heap *heap_of(counter *c) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.allocate = count_allocate;
  options.release = count_release;
  options.allocator_user = c;
  kvox_heap *heap = NULL;
  assert_int_equal(kvox_heap_create(&options, &heap), KVOX_OK);
  return heap;
}

/* ---- one plan with its arrays; what lies between and behind the members is guarded ---- */

typedef struct bed {
  counter count;
  kvox_heap *heap;
  kvox_fft_layout layout;
  kvox_fft_plan *plan;
  float *in, *out;
  void *scratch;
  int64_t samples;               /* of a member */
  int64_t in_count, out_count;   /* floats of a member */
  int64_t in_step, out_step;     /* floats from member to member */
  int64_t in_floats, out_floats; /* of the arrays, the guard included */
} bed;

enum { GUARD = 16 };
static const float guard_value = -12345.5f;

static inline void *array_of(const bed *b, int64_t floats) {
  float *array = kvox_allocate(b->heap, (uint64_t)floats * sizeof *array);
  assert_non_null(array);
  for (int64_t i = 0; i < floats; i++) {
    array[i] = guard_value;
  }
  return array;
}

static inline int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

static inline void open_bed(bed *b, kvox_fft_kind kind, int32_t rank, const int64_t *sizes, int64_t batch,
                            int32_t effort) {
  *b = (bed){.layout = {.kind = kind, .rank = rank, .batch = batch}, .samples = 1};
  b->heap = heap_of(&b->count);
  for (int32_t d = 0; d < rank; d++) {
    b->layout.sizes[d] = sizes[d];
    b->samples *= sizes[d];
  }
  const int real = kind == KVOX_FFT_R2C || kind == KVOX_FFT_C2R;
  const int64_t complex_count = real ? b->samples / 2 + 1 : b->samples;
  b->layout.real_step = round_up(b->samples, 16) + 16;
  b->layout.complex_step = round_up(complex_count, 8) + 8;
  b->in_count = kind == KVOX_FFT_R2C ? b->samples : 2 * complex_count;
  b->out_count = kind == KVOX_FFT_C2R ? b->samples : 2 * complex_count;
  b->in_step = kind == KVOX_FFT_R2C ? b->layout.real_step : 2 * b->layout.complex_step;
  b->out_step = kind == KVOX_FFT_C2R ? b->layout.real_step : 2 * b->layout.complex_step;
  b->in_floats = b->in_step * batch + GUARD;
  b->out_floats = b->out_step * batch + GUARD;
  assert_int_equal(kvox_fft_plan_create(b->heap, &b->layout, effort, &b->plan), KVOX_OK);
  b->in = array_of(b, b->in_floats);
  b->out = array_of(b, b->out_floats);
  b->scratch = array_of(b, (int64_t)kvox_fft_scratch_bytes(b->plan) / 4 + GUARD);
}

static inline void check_guard(const float *array, int64_t from, int64_t to) {
  for (int64_t i = from; i < to; i++) {
    assert_true(array[i] == guard_value);
  }
}

/* Executes; nothing between the members may change, nothing may be allocated. */
static inline void execute(bed *b) {
  const int64_t before = b->count.calls;
  kvox_fft_execute(b->plan, b->in, b->out, b->scratch);
  assert_int_equal(b->count.calls, before);
  for (int64_t m = 0; m < b->layout.batch; m++) {
    check_guard(b->out, m * b->out_step + b->out_count, (m + 1) * b->out_step);
  }
  check_guard(b->out, b->out_floats - GUARD, b->out_floats);
  const int64_t used = (int64_t)kvox_fft_scratch_bytes(b->plan) / 4;
  check_guard(b->scratch, used, used + GUARD);
}

static inline void close_bed(bed *b) {
  kvox_release(b->heap, b->in);
  kvox_release(b->heap, b->out);
  kvox_release(b->heap, b->scratch);
  kvox_heap_drop(b->heap); /* the plan holds it still */
  kvox_fft_plan_destroy(b->plan);
  assert_int_equal(b->count.live, 0);
}

/* Numbers from -1 to 1 that are the same everywhere. */
static inline float noise(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (float)((double)(*state >> 11) / 4503599627370496.0 - 1.0);
}

/* Half a spectrum of real data has no imaginary part at 0 and at n/2. */
static inline void fill(bed *b, uint64_t seed) {
  for (int64_t m = 0; m < b->layout.batch; m++) {
    float *member = b->in + m * b->in_step;
    for (int64_t i = 0; i < b->in_count; i++) {
      member[i] = noise(&seed);
    }
    if (b->layout.kind == KVOX_FFT_C2R) {
      member[1] = 0;
      if (b->samples % 2 == 0) {
        member[b->in_count - 1] = 0;
      }
    }
  }
}

/* ---- the defining sum ---- */

typedef struct point {
  double re, im;
} point;

/* One axis of `size` with `stride` at a time, in place. */
static inline void sum_axis(point *data, int64_t samples, int64_t size, int64_t stride, double sign) {
  point *line = malloc((size_t)size * sizeof *line);
  for (int64_t at = 0; at < samples; at++) {
    if (at / stride % size != 0) {
      continue;
    }
    for (int64_t k = 0; k < size; k++) {
      line[k] = (point){0, 0};
      for (int64_t i = 0; i < size; i++) {
        const double angle = sign * two_pi * (double)(k * i % size) / (double)size, c = cos(angle), s = sin(angle);
        const point x = data[at + i * stride];
        line[k].re += x.re * c - x.im * s;
        line[k].im += x.re * s + x.im * c;
      }
    }
    for (int64_t k = 0; k < size; k++) {
      data[at + k * stride] = line[k];
    }
  }
  free(line);
}

/* Member m of the input as complex numbers, all of them. */
static inline point *whole_input(const bed *b, int64_t m) {
  const float *in = b->in + m * b->in_step;
  point *data = malloc((size_t)b->samples * sizeof *data);
  for (int64_t i = 0; i < b->samples; i++) {
    if (b->layout.kind == KVOX_FFT_R2C) {
      data[i] = (point){(double)in[i], 0};
    } else if (b->layout.kind == KVOX_FFT_C2R && i > b->samples / 2) {
      data[i] = (point){(double)in[2 * (b->samples - i)], -(double)in[2 * (b->samples - i) + 1]};
    } else {
      data[i] = (point){(double)in[2 * i], (double)in[2 * i + 1]};
    }
  }
  return data;
}

static inline point *expected(const bed *b, int64_t m) {
  point *data = whole_input(b, m);
  const int backward = b->layout.kind == KVOX_FFT_C2R || b->layout.kind == KVOX_FFT_BACKWARD;
  int64_t stride = 1;
  for (int32_t d = b->layout.rank - 1; d >= 0; d--) {
    sum_axis(data, b->samples, b->layout.sizes[d], stride, backward ? 1 : -1);
    stride *= b->layout.sizes[d];
  }
  return data;
}

/* Root mean square difference to the sum over its root mean square. */
static inline double error_of(const bed *b, const float *out, const point *truth) {
  double difference = 0, size = 0;
  const int step = b->layout.kind == KVOX_FFT_C2R ? 1 : 2;
  for (int64_t i = 0; i < b->out_count / step; i++) {
    const double re = (double)out[i * step] - truth[i].re;
    const double im = step == 2 ? (double)out[i * step + 1] - truth[i].im : 0;
    difference += re * re + im * im;
    size += truth[i].re * truth[i].re + truth[i].im * truth[i].im;
  }
  return sqrt(difference / size);
}

#endif
