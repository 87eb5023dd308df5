#include <math.h>
#include <string.h>

#include "core/array.h"
#include "cpu/level.h"
#include "ct/ocl.h"
#include "kernel/check_ocl.h"

/* The oracle's logarithm is right to half an ulp, the kernel's to 0.9: see check_correct.c. */
static const double bound_ulps = 2;

/* Rows first_row ... of a detector, and the samples of some views of them in memory with gaps. */
typedef struct samples {
  int64_t views, rows, columns, first_row, detector_rows;
  kvox_array array; /* on the host */
  unsigned char *memory;
  int64_t bytes;
} samples;

/* Dense, or with gaps, backwards, at any address. */
static void lay_out(kvox_check *check, samples *s, kvox_type type) {
  const int64_t size = (int64_t)kvox_type_size(type);
  const bool dense = kvox_check_chance(check, 0.5);
  const int64_t gap = dense ? 0 : kvox_check_integer(check, 0, 5), far = dense ? 0 : kvox_check_integer(check, 0, 9);
  const int64_t shape[3] = {s->views, s->rows, s->columns};
  int64_t step[3] = {0, 0, size + gap}, begin = dense ? 0 : kvox_check_integer(check, 0, 7);
  step[1] = step[2] * s->columns + far;
  step[0] = step[1] * s->rows + far;
  s->bytes = begin + step[0] * s->views;
  s->memory = kvox_check_memory(check, (size_t)s->bytes);
  for (int d = 0; d < 3; d++) {
    if (!dense && kvox_check_chance(check, 0.3)) {
      begin += step[d] * (shape[d] - 1);
      step[d] = -step[d];
    }
  }
  s->array = (kvox_array){.data = s->memory + begin, .type = type, .rank = 3};
  memcpy(s->array.shape, shape, sizeof shape);
  memcpy(s->array.strides, step, sizeof step);
}

static samples random_samples(kvox_check *check) {
  samples s = {.views = kvox_check_integer(check, 1, 5),
               .rows = kvox_check_integer(check, 1, 6),
               .columns = kvox_check_integer(check, 1, 150),
               .first_row = kvox_check_integer(check, 0, 3)};
  s.detector_rows = s.first_row + s.rows + kvox_check_integer(check, 0, 2);
  lay_out(check, &s, (kvox_type)kvox_check_integer(check, KVOX_U8, KVOX_F64));
  kvox_check_shape(check, "%d views, %d of %d rows from %d on, %d columns, %s, steps %d %d %d", (int)s.views,
                   (int)s.rows, (int)s.detector_rows, (int)s.first_row, (int)s.columns, kvox_type_name(s.array.type),
                   (int)s.array.strides[0], (int)s.array.strides[1], (int)s.array.strides[2]);
  return s;
}

static bool is_float(kvox_type type) { return type == KVOX_F16 || type == KVOX_F32 || type == KVOX_F64; }

/* A count as the type has it; floats may be spoilt. */
static void put_count(kvox_check *check, void *at, kvox_type type, double count, double spoilt) {
  static const double strange[] = {NAN, INFINITY, -INFINITY, 1e300};
  const double value =
      is_float(type) && kvox_check_chance(check, spoilt) ? strange[kvox_check_integer(check, 0, 3)] : count;
  switch (type) {
    case KVOX_U8:
    case KVOX_I8: {
      const uint8_t bits = (uint8_t)((int)count & 0x7f);
      memcpy(at, &bits, sizeof bits);
      break;
    }
    case KVOX_U16:
    case KVOX_I16: {
      const uint16_t bits = (uint16_t)((int)count & 0x7fff);
      memcpy(at, &bits, sizeof bits);
      break;
    }
    case KVOX_U32:
    case KVOX_I32: {
      const uint32_t bits = (uint32_t)count;
      memcpy(at, &bits, sizeof bits);
      break;
    }
    case KVOX_F16: { /* powers of two, or an exponent of ones */
      const uint16_t bits = isfinite(value) && value < 1e5 ? (uint16_t)((ilogb(count + 1) + 15) << 10) : 0x7c00u;
      memcpy(at, &bits, sizeof bits);
      break;
    }
    case KVOX_F32: {
      const float bits = (float)value;
      memcpy(at, &bits, sizeof bits);
      break;
    }
    default: memcpy(at, &value, sizeof value);
  }
}

/* What the kernels leave on the device. */
typedef struct result {
  float *lines, behind;
  uint32_t flag;
} result;

enum { FLAGS = 3, FLAG = 1 };

static bool run_kernels(kvox_check *check, const samples *s, const kvox_ct_correction *correction, result *got) {
  const int64_t count = s->views * s->rows * s->columns;
  const uint32_t ones[FLAGS] = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
  uint32_t flags[FLAGS];
  kvox_ct_ocl_correct *stage = NULL;
  kvox_ocl_queue *queue = kvox_check_queue(check);
  kvox_buffer *memory = kvox_check_upload(check, queue, s->memory, (uint64_t)s->bytes);
  kvox_buffer *flag_words = kvox_check_upload(check, queue, ones, sizeof ones);
  kvox_buffer *lines = kvox_check_untouched(check, queue, count + 1);
  kvox_array on_device = s->array;
  on_device.buffer = memory;
  on_device.data = (void *)(uintptr_t)((unsigned char *)s->array.data - s->memory);
  if (check->fault[0] == '\0' && kvox_check_ok(check, kvox_ct_ocl_correct_create(check->context, correction, &stage))) {
    kvox_check_ok(check, kvox_ct_ocl_correct_run(stage, queue, &on_device, s->first_row, lines, flag_words, FLAG));
    got->lines = kvox_check_floats(check, count + 1);
    kvox_check_read(check, queue, lines, got->lines, (uint64_t)(count + 1) * sizeof(float));
    kvox_check_read(check, queue, flag_words, flags, sizeof flags);
    got->flag = flags[FLAG];
  }
  if (queue != NULL) {
    kvox_check_ok(check, kvox_ocl_finish(queue));
  }
  kvox_ct_ocl_correct_destroy(stage);
  kvox_buffer_destroy(memory);
  kvox_buffer_destroy(flag_words);
  kvox_buffer_destroy(lines);
  kvox_ocl_queue_give_back(queue);
  if (check->fault[0] == '\0' && !kvox_check_is_untouched(got->lines + count)) {
    kvox_check_fault(check, "wrote behind the lines");
  }
  if (check->fault[0] == '\0' && (flags[0] != UINT32_MAX || flags[2] != UINT32_MAX)) {
    kvox_check_fault(check, "wrote another flag");
  }
  return check->fault[0] == '\0';
}

static bool is_bad(const kvox_ct_correction *correction, int64_t row, int64_t column) {
  bool bad = false;
  for (int64_t r = correction == NULL ? 0 : correction->row_runs[row];
       correction != NULL && r < correction->row_runs[row + 1]; r++) {
    bad = bad || (column >= correction->runs[r].begin && column < correction->runs[r].end);
  }
  return bad;
}

/* Where what is not finite was first met; all ones: nowhere. */
static uint32_t first_spoilt(const samples *s, const kvox_ct_correction *correction) {
  for (int64_t n = 0; n < s->views * s->rows * s->columns; n++) {
    const int64_t at[3] = {n / s->columns / s->rows, n / s->columns % s->rows, n % s->columns};
    if (!is_bad(correction, s->first_row + at[1], at[2]) &&
        !isfinite((float)kvox_element(kvox_array_at(&s->array, 3, at), s->array.type))) {
      return (uint32_t)n;
    }
  }
  return UINT32_MAX;
}

/* A bridged pixel has what its neighbours, larger numbers maybe, are off. */
static void compare_row(kvox_check *check, const kvox_ct_correction *correction, int64_t row, int64_t columns,
                        const float *got, const float *want, double ulps) {
  float most = 0;
  for (int64_t i = 0; i < columns; i++) {
    most = fmaxf(most, fabsf(want[i]));
  }
  for (int64_t i = 0; i < columns; i++) {
    const double ulp = !isfinite(want[i]) ? 0 : kvox_check_ulp(is_bad(correction, row, i) ? most : want[i]);
    kvox_check_value(check, "line", i, got[i], (double)want[i], ulps * ulp);
  }
}

/* Rows without a spoilt sample, by the oracle of `level`. */
static void compare_rows(kvox_check *check, const samples *s, const kvox_ct_correction *correction, int32_t level,
                         const float *got, double ulps) {
  float *want = kvox_check_floats(check, s->columns);
  for (int64_t line = 0; line < s->views * s->rows; line++) {
    const int64_t at[2] = {line / s->rows, line % s->rows}, row = s->first_row + at[1];
    kvox_row_to_float(kvox_array_at(&s->array, 2, at), s->array.type, s->array.strides[2], s->columns, want);
    if (kvox_ct_correct_row(correction, level, row, s->columns, want) || correction == NULL) {
      compare_row(check, correction, row, s->columns, got + line * s->columns, want, ulps);
    }
  }
}

static void compare_flag(kvox_check *check, const samples *s, const kvox_ct_correction *correction, uint32_t got) {
  const uint32_t want = first_spoilt(s, correction);
  if (got != want) {
    kvox_check_fault(check, "the first that is not finite is %d, not %d", (int)want, (int)got);
  }
}

/* Any bits. */
static void compare_convert(kvox_check *check) {
  const samples s = random_samples(check);
  result got = {0};
  for (int64_t i = 0; i < s.bytes; i++) {
    s.memory[i] = (unsigned char)kvox_check_bits(check);
  }
  if (s.array.type == KVOX_F64) { /* most of them are beyond floats else */
    for (int64_t i = 0; i + 8 <= s.bytes; i += 8) {
      const double value = kvox_check_real(check, -2, 2) * ldexp(1, (int)kvox_check_integer(check, -155, 130));
      memcpy(s.memory + i, &value, sizeof value);
    }
  }
  if (run_kernels(check, &s, NULL, &got)) {
    compare_rows(check, &s, NULL, KVOX_CPU_REF, got.lines, 0);
    compare_flag(check, &s, NULL, got.flag);
  }
}

/* A flat that some pixels do not see, at the edges of rows too; every row has one that does. */
static kvox_ct_correction *random_correction(kvox_check *check, kvox_context *context, const samples *s) {
  const int64_t pixels = s->detector_rows * s->columns;
  float *dark = kvox_check_floats(check, pixels), *flat = kvox_check_floats(check, pixels);
  const double bad = kvox_check_chance(check, 0.7) ? kvox_check_real(check, 0, 0.9) : 0;
  for (int64_t i = 0; i < pixels; i++) {
    dark[i] = (float)kvox_check_real(check, -3, 20);
    flat[i] = kvox_check_chance(check, bad) ? dark[i] : dark[i] + (float)pow(10, kvox_check_real(check, 0, 5));
  }
  for (int64_t row = 0; row < s->detector_rows; row++) {
    const int64_t good = row * s->columns + kvox_check_integer(check, 0, s->columns - 1);
    flat[good] = dark[good] + 1000;
  }
  kvox_array dark_array, flat_array;
  kvox_ct_correction_options options;
  kvox_ct_correction *correction = NULL;
  const int64_t shape[2] = {s->detector_rows, s->columns};
  kvox_ct_correction_options_init(&options);
  options.dark = &dark_array;
  options.flat = &flat_array;
  options.least_counts = kvox_check_real(check, 0.1, 3);
  kvox_check_ok(check, kvox_array_init(&dark_array, dark, KVOX_F32, 2, shape));
  kvox_check_ok(check, kvox_array_init(&flat_array, flat, KVOX_F32, 2, shape));
  kvox_check_ok(check, kvox_ct_correction_create(context, &options, &correction));
  return correction;
}

static void compare_correct(kvox_check *check) {
  const samples s = random_samples(check);
  result got = {0};
  const double spoilt = kvox_check_chance(check, 0.5) ? 0 : 0.01;
  for (int64_t n = 0; n < s.views * s.rows * s.columns; n++) {
    const int64_t at[3] = {n / s.columns / s.rows, n / s.columns % s.rows, n % s.columns};
    put_count(check, kvox_array_at(&s.array, 3, at), s.array.type, pow(10, kvox_check_real(check, -1, 4.5)), spoilt);
  }
  kvox_ct_correction *correction = random_correction(check, check->context, &s);
  if (correction != NULL && run_kernels(check, &s, correction, &got)) {
    compare_rows(check, &s, correction, KVOX_CPU_REF, got.lines, bound_ulps);
    if (kvox_cpu_detected() != KVOX_CPU_REF) { /* the same operations: the same bits */
      compare_rows(check, &s, correction, kvox_cpu_detected(), got.lines, 0);
    }
    compare_flag(check, &s, correction, got.flag);
  }
  kvox_ct_correction_destroy(correction);
}

enum { BENCH_VIEWS = 32, BENCH_ROWS = 64, BENCH_COLUMNS = 1024, BENCH = BENCH_VIEWS * BENCH_ROWS * BENCH_COLUMNS };

typedef struct bench {
  kvox_check *check;
  kvox_context *context;
  kvox_ct_correction *correction;
  kvox_array counts, lines;
  kvox_ct_ocl_correct *stage;
  kvox_ocl_queue *queue;
  kvox_buffer *flags;
} bench;

static void work_oracle(void *data) {
  const bench *b = data;
  kvox_check_ok(b->check, kvox_ct_correct(b->context, b->correction, &b->counts, &b->lines));
}

static void work_device(void *data) {
  const bench *b = data;
  kvox_check_ok(b->check, kvox_ct_ocl_correct_run(b->stage, b->queue, &b->counts, 0, b->lines.buffer, b->flags, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_device(bench *b) {
  const uint32_t ones = UINT32_MAX;
  b->queue = kvox_check_queue(b->check);
  b->flags = kvox_check_upload(b->check, b->queue, &ones, sizeof ones);
  b->counts.buffer = kvox_check_upload(b->check, b->queue, b->counts.data, BENCH * sizeof(uint16_t));
  b->counts.data = NULL;
  b->lines.buffer = kvox_check_untouched(b->check, b->queue, BENCH);
  if (b->check->fault[0] == '\0' &&
      kvox_check_ok(b->check, kvox_ct_ocl_correct_create(b->check->context, b->correction, &b->stage))) {
    kvox_check_time(b->check, work_device, b, BENCH);
  }
  kvox_ct_ocl_correct_destroy(b->stage);
  kvox_buffer_destroy(b->flags);
  kvox_buffer_destroy(b->counts.buffer);
  kvox_buffer_destroy(b->lines.buffer);
  kvox_ocl_queue_give_back(b->queue);
}

static void bench_counts(kvox_check *check) {
  bench b = {.check = check};
  const int64_t shape[3] = {BENCH_VIEWS, BENCH_ROWS, BENCH_COLUMNS};
  const samples detector = {.detector_rows = BENCH_ROWS, .columns = BENCH_COLUMNS};
  uint16_t *counts = kvox_check_memory(check, BENCH * sizeof *counts);
  for (int64_t i = 0; i < BENCH; i++) {
    counts[i] = (uint16_t)kvox_check_integer(check, 100, 40000);
  }
  kvox_check_ok(check, kvox_array_init(&b.counts, counts, KVOX_U16, 3, shape));
  kvox_check_ok(check, kvox_array_init(&b.lines, kvox_check_floats(check, BENCH), KVOX_F32, 3, shape));
  b.context = kvox_check_oracle(check);
  b.correction = random_correction(check, b.context, &detector);
  check->bytes = sizeof(uint16_t) + sizeof(float);
  if (check->context != NULL) {
    bench_device(&b);
  } else {
    kvox_check_time(check, work_oracle, &b, BENCH);
  }
  kvox_ct_correction_destroy(b.correction);
  kvox_context_destroy(b.context);
}

const kvox_check_stage kvox_check_ocl_convert = {"correct.convert", "exact", compare_convert, NULL};
const kvox_check_stage kvox_check_ocl_correct = {"correct.counts", "2 ulp", compare_correct, bench_counts};
