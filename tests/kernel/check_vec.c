/* The vector layer against scalar code, lane by lane and bit by bit; the logarithm against the one in double. */
#include "kernel/check_vec.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernel/check.h"

enum { MOST_LANES = 16 };

static const kvox_vec_table *table_of(int32_t level) {
  switch (level) {
#if defined(__x86_64__)
    case KVOX_CPU_AVX512: return &kvox_vec_table_avx512;
    case KVOX_CPU_AVX2: return &kvox_vec_table_avx2;
#elif defined(__aarch64__)
    case KVOX_CPU_NEON: return &kvox_vec_table_neon;
#endif
    default: return NULL;
  }
}

static float add(float a, float b, float c) { return (void)c, a + b; }
static float sub(float a, float b, float c) { return (void)c, a - b; }
static float mul(float a, float b, float c) { return (void)c, a * b; }
static float divide(float a, float b, float c) { return (void)c, a / b; }
static float fused(float a, float b, float c) { return fmaf(a, b, c); }
static float greater(float a, float b, float c) { return (void)c, a > b ? a : b; }
static float less(float a, float b, float c) { return (void)c, a < b ? a : b; }
static float select_less(float a, float b, float c) { return a < b ? c : a; }
static float absolute(float a, float b, float c) { return (void)b, (void)c, fabsf(a); }

static const struct {
  const char *name;
  float (*scalar)(float a, float b, float c);
} floats[VEC_FLOATS] = {{"vf_add", add},       {"vf_sub", sub},     {"vf_mul", mul},  {"vf_div", divide},
                        {"vf_fma", fused},     {"vf_max", greater}, {"vf_min", less}, {"vf_select_less", select_less},
                        {"vf_bits", absolute}, {"vf_set", NULL}};

static int32_t wrap(int64_t x) {
  const uint32_t low = (uint32_t)(uint64_t)x;
  int32_t wrapped;
  memcpy(&wrapped, &low, sizeof wrapped);
  return wrapped;
}
static int32_t int_add(int32_t a, int32_t b) { return wrap((int64_t)a + b); }
static int32_t int_sub(int32_t a, int32_t b) { return wrap((int64_t)a - b); }
static int32_t int_max(int32_t a, int32_t b) { return a > b ? a : b; }
static int32_t int_min(int32_t a, int32_t b) { return a < b ? a : b; }
static int32_t int_and(int32_t a, int32_t b) { return a & b; }
static int32_t int_or(int32_t a, int32_t b) { return a | b; }
static int32_t int_left(int32_t a, int32_t b) { return (void)b, wrap((int64_t)a * (1 << VEC_LEFT_BITS)); }
/* Rounded down, as an arithmetic shift does. */
static int32_t int_right(int32_t a, int32_t b) { return (void)b, (int32_t)floor((double)a / (1 << VEC_RIGHT_BITS)); }

static const struct {
  const char *name;
  int32_t (*scalar)(int32_t a, int32_t b);
} ints[VEC_INTS] = {{"vi_add", int_add},         {"vi_sub", int_sub},           {"vi_max", int_max},
                    {"vi_min", int_min},         {"vi_and", int_and},           {"vi_or", int_or},
                    {"vi_shift_left", int_left}, {"vi_shift_right", int_right}, {"vi_set", NULL}};

static float random_float(kvox_check *check) {
  static const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN, FLT_MIN, FLT_MIN / 8, FLT_MAX};
  if (kvox_check_chance(check, 0.2)) {
    return special[kvox_check_integer(check, 0, 9)];
  }
  return (float)ldexp(kvox_check_real(check, -1, 1), (int)kvox_check_integer(check, -20, 20));
}

static int32_t random_int(kvox_check *check) { return wrap((int64_t)kvox_check_bits(check)); }

/* The same bits, or both NaN. */
static void same(kvox_check *check, const char *what, int64_t lane, float got, float want) {
  if (!(isnan(got) && isnan(want)) && memcmp(&got, &want, sizeof got) != 0) {
    kvox_check_fault(check, "%s: lane %d is %a, should be %a", what, (int)lane, (double)got, (double)want);
  }
}

static void same_int(kvox_check *check, const char *what, int64_t lane, int32_t got, int32_t want) {
  if (got != want) {
    kvox_check_fault(check, "%s: lane %d is %d, should be %d", what, (int)lane, (int)got, (int)want);
  }
}

static void compare_float_lanes(kvox_check *check) {
  const kvox_vec_table *table = table_of(check->level);
  float *in[3], *out = kvox_check_floats(check, table->lanes);
  for (int i = 0; i < 3; i++) {
    in[i] = kvox_check_floats(check, table->lanes);
    for (int lane = 0; lane < table->lanes; lane++) {
      in[i][lane] = random_float(check);
    }
  }
  for (int i = 0; i < VEC_FLOATS; i++) {
    table->floats[i](in[0], in[1], in[2], out);
    for (int lane = 0; lane < table->lanes; lane++) {
      const float want = i == VEC_SET ? in[0][0] + 0 : floats[i].scalar(in[0][lane], in[1][lane], in[2][lane]);
      same(check, floats[i].name, lane, out[lane], want);
    }
  }
  table->lane_numbers(out);
  for (int lane = 0; lane < table->lanes; lane++) {
    same(check, "vf_lanes", lane, out[lane], (float)lane);
  }
}

static void compare_int_lanes(kvox_check *check) {
  const kvox_vec_table *table = table_of(check->level);
  const size_t bytes = (size_t)table->lanes * sizeof(int32_t);
  int32_t *a = kvox_check_memory(check, bytes), *b = kvox_check_memory(check, bytes);
  int32_t *out = kvox_check_memory(check, bytes);
  float *numbers = kvox_check_floats(check, table->lanes), fractions[MOST_LANES];
  for (int lane = 0; lane < table->lanes; lane++) {
    a[lane] = random_int(check);
    b[lane] = random_int(check);
    numbers[lane] = (float)kvox_check_real(check, -2147483000.0, 2147483000.0) /
                    (float)ldexp(1, (int)kvox_check_integer(check, 0, 40));
  }
  for (int i = 0; i < VEC_INTS; i++) {
    table->ints[i](a, b, out);
    for (int lane = 0; lane < table->lanes; lane++) {
      same_int(check, ints[i].name, lane, out[lane], i == VEC_INT_SET ? a[0] : ints[i].scalar(a[lane], b[lane]));
    }
  }
  table->truncate(numbers, out);
  for (int lane = 0; lane < table->lanes; lane++) {
    same_int(check, "vi_truncate", lane, out[lane], (int32_t)numbers[lane]);
    numbers[lane] = fabsf(numbers[lane]);
  }
  table->fraction(numbers, fractions);
  for (int lane = 0; lane < table->lanes; lane++) {
    same(check, "vf_fraction", lane, fractions[lane], numbers[lane] - truncf(numbers[lane]));
  }
  table->from_int(a, numbers);
  for (int lane = 0; lane < table->lanes; lane++) {
    same(check, "vf_from_int", lane, numbers[lane], (float)a[lane]);
  }
}

/* Loads and stores of n floats touch no other: those beyond are forbidden or guarded. */
static void compare_parts(kvox_check *check) {
  const kvox_vec_table *table = table_of(check->level);
  const int64_t n = kvox_check_integer(check, 0, table->lanes);
  float *part = kvox_check_floats(check, n), whole[MOST_LANES];
  for (int64_t i = 0; i < n; i++) {
    part[i] = random_float(check);
  }
  table->load_part(part, n, whole);
  for (int lane = 0; lane < table->lanes; lane++) {
    same(check, "vf_load_part", lane, whole[lane], lane < n ? part[lane] : 0);
  }
  for (int lane = 0; lane < table->lanes; lane++) {
    whole[lane] = random_float(check);
  }
  table->store_part(part, whole, n);
  for (int64_t i = 0; i < n; i++) {
    same(check, "vf_store_part", i, part[i], whole[i]);
  }
  const int64_t count = kvox_check_integer(check, 1, 100), done = kvox_check_integer(check, 0, count - 1);
  const int64_t left = count - done < table->lanes ? count - done : table->lanes;
  same_int(check, "vf_left", 0, (int32_t)table->left(count, done), (int32_t)left);
}

/* Random indices between the two, both of which occur. */
static void random_indices(kvox_check *check, int32_t lowest, int32_t highest, int32_t *index) {
  const int32_t lanes = table_of(check->level)->lanes;
  for (int lane = 0; lane < lanes; lane++) {
    index[lane] = (int32_t)kvox_check_integer(check, lowest, highest);
  }
  index[kvox_check_integer(check, 0, lanes - 1)] = lowest;
  index[kvox_check_integer(check, 0, lanes - 1)] = highest;
}

/* Samples from lowest on; the highest index and one more are the last that may be read. */
static void compare_gather_pair(kvox_check *check) {
  const kvox_vec_table *table = table_of(check->level);
  const int32_t lowest = -(int32_t)kvox_check_integer(check, 0, 50),
                highest = (int32_t)kvox_check_integer(check, 0, 50);
  float *samples = kvox_check_floats(check, highest + 2 - lowest), low[MOST_LANES], high[MOST_LANES];
  const float *p = samples - lowest;
  int32_t index[MOST_LANES];
  for (int32_t i = 0; i < highest + 2 - lowest; i++) {
    samples[i] = random_float(check);
  }
  random_indices(check, lowest, highest, index);
  table->gather_pair(p, index, low, high);
  for (int lane = 0; lane < table->lanes; lane++) {
    same(check, "vf_gather_pair", lane, low[lane], p[index[lane]]);
    same(check, "vf_gather_pair", lane, high[lane], p[index[lane] + 1]);
  }
}

/* Lanes that meet add in their order; two runs of the same memory. */
static void compare_add_pairs(kvox_check *check) {
  const kvox_vec_table *table = table_of(check->level);
  const int32_t apart = (int32_t)kvox_check_integer(check, 0, 3), highest = (int32_t)kvox_check_integer(check, 0, 20);
  const int32_t count = highest + 2 + apart;
  float *sums = kvox_check_floats(check, count), want[32], values[4][MOST_LANES];
  const float *in[4] = {values[0], values[1], values[2], values[3]};
  int32_t index[MOST_LANES];
  for (int32_t i = 0; i < count; i++) {
    sums[i] = want[i] = (float)kvox_check_real(check, -1, 1);
  }
  random_indices(check, 0, highest, index);
  for (int lane = 0; lane < table->lanes; lane++) {
    for (int i = 0; i < 4; i++) {
      values[i][lane] = (float)kvox_check_real(check, -1, 1);
      want[index[lane] + i % 2 + i / 2 * apart] += values[i][lane];
    }
  }
  table->add_pairs(sums, sums + apart, index, in);
  for (int32_t i = 0; i < count; i++) {
    same(check, "vf_add_pairs", i, sums[i], want[i]);
  }
}

static void compare_pick(kvox_check *check) {
  const kvox_vec_table *table = table_of(check->level);
  float *samples = kvox_check_floats(check, table->lanes), out[MOST_LANES];
  int32_t index[MOST_LANES];
  for (int32_t i = 0; i < table->lanes; i++) {
    samples[i] = random_float(check);
  }
  random_indices(check, 0, table->lanes - 1, index);
  table->pick(samples, index, out);
  for (int lane = 0; lane < table->lanes; lane++) {
    same(check, "vf_pick", lane, out[lane], samples[index[lane]]);
  }
}

static void compare_pick_pairs(kvox_check *check, int32_t vectors) {
  const kvox_vec_table *table = table_of(check->level);
  const int32_t count = vectors * table->lanes;
  float *samples = kvox_check_floats(check, count), low[MOST_LANES], high[MOST_LANES];
  int32_t index[MOST_LANES];
  for (int32_t i = 0; i < count; i++) {
    samples[i] = random_float(check);
  }
  random_indices(check, 0, count - 2, index);
  table->pick_pairs[vectors - 2](samples, index, low, high);
  for (int lane = 0; lane < table->lanes; lane++) {
    same(check, "vf_pick_pair", lane, low[lane], samples[index[lane]]);
    same(check, "vf_pick_pair", lane, high[lane], samples[index[lane] + 1]);
  }
}

enum { SUM_SAMPLES = 4 * MOST_LANES + 48 };

/* `way`: 0 for lanes that rise evenly, 1 for those that rise further, 2 for any, 3 for those that rise less. */
static void compare_sum(kvox_check *check, int way) {
  const kvox_vec_table *table = table_of(check->level);
  const double least = way == 1 ? table->rise : 0;
  const double most = way == 1 ? table->wide_rise : way == 3 ? table->close_rise : table->rise;
  const double rise = kvox_check_real(check, least, most), start = kvox_check_real(check, 0, 1.0001);
  const int64_t first = way == 0 || way == 3 ? kvox_check_integer(check, 0, 16) : 0;
  float *p = kvox_check_floats(check, SUM_SAMPLES), *q = kvox_check_floats(check, SUM_SAMPLES);
  float low[MOST_LANES], high[MOST_LANES];
  const float a = random_float(check);
  int32_t index[MOST_LANES];
  for (int32_t i = 0; i < SUM_SAMPLES; i++) {
    p[i] = random_float(check);
    q[i] = random_float(check);
  }
  for (int lane = 0; lane < table->lanes; lane++) {
    index[lane] = (int32_t)((double)first + start + rise * lane);
  }
  if (way == 2) {
    random_indices(check, 0, SUM_SAMPLES - 2, index);
    table->gather_sum(p, q, a, index, low, high);
  } else if (way == 1) {
    table->pick_sum_wide(p, q, a, index, low, high);
  } else if (way == 3) {
    table->pick_sum_close(p, q, a, index, first, index[table->lanes / 2], low, high);
  } else {
    table->pick_sum(p, q, a, index, first, index[table->lanes / 2], low, high);
  }
  for (int lane = 0; lane < table->lanes; lane++) {
    same(check, "vf_..._sum", lane, low[lane], fmaf(a, q[index[lane]], p[index[lane]]));
    same(check, "vf_..._sum", lane, high[lane], fmaf(a, q[index[lane] + 1], p[index[lane] + 1]));
  }
}

static void compare_zip(kvox_check *check) {
  const kvox_vec_table *table = table_of(check->level);
  float a[MOST_LANES] = {0}, b[MOST_LANES] = {0};
  float both[2 * MOST_LANES], a_again[MOST_LANES], b_again[MOST_LANES];
  for (int lane = 0; lane < table->lanes; lane++) {
    a[lane] = random_float(check);
    b[lane] = random_float(check);
  }
  table->zip(a, b, both);
  table->unzip(both, a_again, b_again);
  for (int lane = 0; lane < table->lanes; lane++) {
    same(check, "vf_zip", lane, both[2 * lane], a[lane]);
    same(check, "vf_zip", lane, both[2 * lane + 1], b[lane]);
    same(check, "vf_unzip", lane, a_again[lane], a[lane]);
    same(check, "vf_unzip", lane, b_again[lane], b[lane]);
  }
}

static void compare_transpose(kvox_check *check) {
  const kvox_vec_table *table = table_of(check->level);
  const int lanes = table->lanes;
  float *square = kvox_check_floats(check, lanes * lanes);
  for (int i = 0; i < lanes * lanes; i++) {
    square[i] = (float)i;
  }
  table->transpose(square);
  for (int i = 0; i < lanes * lanes; i++) {
    same(check, "vf_transpose", i, square[i], (float)(i % lanes * lanes + i / lanes));
  }
}

static void compare_pairs(kvox_check *check) {
  const kvox_vec_table *table = table_of(check->level);
  const int lanes = table->lanes, pairs = lanes / 2;
  float *square = kvox_check_floats(check, pairs * lanes), *swapped = kvox_check_floats(check, lanes);
  for (int i = 0; i < pairs * lanes; i++) {
    square[i] = (float)i;
  }
  table->swap(square, swapped);
  for (int i = 0; i < lanes; i++) {
    same(check, "vf_swap", i, swapped[i], (float)(i ^ 1));
  }
  table->transpose_pairs(square);
  for (int i = 0; i < pairs * lanes; i++) {
    const int row = i / lanes, pair = i % lanes / 2;
    same(check, "vf_transpose_pairs", i, square[i], (float)(pair * lanes + 2 * row + i % 2));
  }
}

static void compare_operations(kvox_check *check) {
  kvox_check_shape(check, "%d lanes", (int)table_of(check->level)->lanes);
  compare_float_lanes(check);
  compare_int_lanes(check);
  compare_parts(check);
  compare_gather_pair(check);
  compare_add_pairs(check);
  compare_pick(check);
  compare_pick_pairs(check, 2);
  compare_pick_pairs(check, 3);
  for (int way = 0; way < 4; way++) {
    compare_sum(check, way);
  }
  compare_zip(check);
  compare_transpose(check);
  compare_pairs(check);
}

static const uint32_t infinity_bits = 0x7f800000, one_bits = 0x3f800000, least_normal_bits = 0x00800000;

static float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* What vf_log promises: below the normal numbers those of 2^-127 to 2^-126, in order; infinity as 2^128. */
static double expected_log(float x) {
  if (x < FLT_MIN) {
    return log(ldexp(1 + (double)x / (double)FLT_MIN, -127));
  }
  return isinf(x) ? 128 * log(2) : log((double)x);
}

static void compare_log(kvox_check *check) {
  enum { EVEN = 32768, NEAR = 4096, COUNT = EVEN + 2 * NEAR + 3 };
  const uint32_t step = infinity_bits / EVEN;
  const uint32_t begin = (uint32_t)kvox_check_integer(check, 0, step - 1);
  const uint32_t start = one_bits - (1u << 23) + (uint32_t)kvox_check_integer(check, 0, (1 << 24) - NEAR);
  kvox_check_shape(check, "floats %#x + k %#x, from %#x on and about 1", begin, step, start);
  float *x = kvox_check_floats(check, COUNT), *got = kvox_check_floats(check, COUNT);
  for (uint32_t i = 0; i < EVEN; i++) {
    x[i] = from_bits(begin + i * step);
  }
  for (uint32_t i = 0; i < NEAR; i++) {
    x[EVEN + i] = from_bits(start + i);
    x[EVEN + NEAR + i] = from_bits(one_bits - NEAR / 2 + i);
  }
  x[COUNT - 3] = 0;
  x[COUNT - 2] = from_bits(least_normal_bits - 1);
  x[COUNT - 1] = INFINITY;
  table_of(check->level)->log(COUNT, x, got);
  for (int64_t i = 0; i < COUNT; i++) {
    const double want = expected_log(x[i]);
    kvox_check_value(check, "log", i, got[i], want, kvox_check_ulp((float)want));
  }
  kvox_check_same_bits(check, COUNT, got);
}

enum { BENCH_COUNT = 1024 };

typedef struct bench_log {
  const kvox_vec_table *table;
  float *x, *out;
} bench_log;

static void work_log(void *data) {
  const bench_log *job = data;
  if (job->table != NULL) {
    job->table->log(BENCH_COUNT, job->x, job->out);
    return;
  }
  for (int i = 0; i < BENCH_COUNT; i++) {
    job->out[i] = logf(job->x[i]);
  }
}

/* The oracle timed is the C library's logf. */
static void bench(kvox_check *check) {
  bench_log job = {.table = table_of(check->level)};
  job.x = kvox_check_floats(check, BENCH_COUNT);
  job.out = kvox_check_floats(check, BENCH_COUNT);
  for (int i = 0; i < BENCH_COUNT; i++) {
    job.x[i] = (float)kvox_check_real(check, 0.001, 1.1);
  }
  kvox_check_time(check, work_log, &job, BENCH_COUNT);
}

const kvox_check_stage kvox_check_vec_operations = {"vec.operations", "exact", compare_operations, NULL};
const kvox_check_stage kvox_check_vec_log = {"vec.log", "1 ulp", compare_log, bench};
