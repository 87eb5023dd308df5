#include <math.h>
#include <string.h>

#include "kernel/check.h"
#include "mri/fourier.h"

/* Two products and their sum, each rounded once, where the oracle rounds once: of the larger sums of |a| |z|. */
static double weigh_bound(double a, double b, const float *z) {
  return 3 * 0x1p-24 * (fabs(a) + fabs(b)) * (fabs(z[0]) + fabs(z[1])) + 0x1p-148;
}

static void fill(kvox_check *check, int64_t count, float *values) {
  for (int64_t i = 0; i < count; i++) {
    values[i] = (float)ldexp(kvox_check_real(check, -1, 1), (int)kvox_check_integer(check, -30, 30));
  }
}

/* Now and then one that is not finite. */
static void spoil(kvox_check *check, int64_t count, float *values) {
  static const float bad[] = {NAN, INFINITY, -INFINITY};
  if (kvox_check_chance(check, 0.3)) {
    values[kvox_check_integer(check, 0, count - 1)] = bad[kvox_check_integer(check, 0, 2)];
  }
}

static kvox_fourier_weights random_weights(kvox_check *check, int64_t samples) {
  kvox_fourier_weights weights = {NULL, NULL};
  const int64_t kind = kvox_check_integer(check, 0, 2);
  float *same = kvox_check_floats(check, 2 * samples), *cross = kvox_check_floats(check, 2 * samples);
  fill(check, 2 * samples, same);
  fill(check, 2 * samples, cross);
  for (int64_t n = 0; n < samples; n++) {
    same[2 * n + 1] = same[2 * n];
    cross[2 * n] = -cross[2 * n + 1];
  }
  weights.same = kind > 0 ? same : NULL;
  weights.cross = kind > 1 ? cross : NULL;
  return weights;
}

static double weights_bound(kvox_fourier_weights weights, int64_t sample, const float *z) {
  return weights.same == NULL
             ? 0
             : weigh_bound(weights.same[2 * sample], weights.cross != NULL ? weights.cross[2 * sample] : 0, z);
}

static void say(kvox_check *check, bool fine, bool variant) {
  if (variant != fine) {
    kvox_check_fault(check, "all are %sfinite, the variant says otherwise", fine ? "" : "not ");
  }
}

static void compare_weigh(kvox_check *check) {
  const int64_t count = kvox_check_integer(check, 1, 100);
  kvox_check_shape(check, "%d samples", (int)count);
  const kvox_fourier_weights weights = random_weights(check, count);
  float *in = kvox_check_floats(check, 2 * count);
  float *want = kvox_check_floats(check, 2 * count), *got = kvox_check_floats(check, 2 * count);
  fill(check, 2 * count, in);
  spoil(check, 2 * count, in);
  const bool fine = kvox_fourier_ref.weigh(count, in, weights, want);
  say(check, fine, kvox_fourier_kernels_of(check->level)->weigh(count, in, weights, got));
  for (int64_t i = 0; i < 2 * count && fine; i++) {
    kvox_check_value(check, "out", i, got[i], want[i], weights_bound(weights, i / 2, in + i / 2 * 2));
  }
  kvox_check_same_bits(check, fine ? 2 * count : 0, got);
}

/* Rows and columns in memory that is wider than they are. */
typedef struct turned {
  int64_t rows, columns, in_step, out_step;
  float *in, *want, *got;
} turned;

static turned random_turned(kvox_check *check, int64_t floats) {
  turned t = {.rows = kvox_check_integer(check, 1, 40), .columns = kvox_check_integer(check, 1, 40)};
  t.in_step = 2 * t.columns + kvox_check_integer(check, 0, 5);
  /* Often as vectors that go past the caches want it. */
  t.rows = kvox_check_chance(check, 0.5) ? (t.rows + 15) / 16 * 16 : t.rows;
  t.out_step = floats * t.rows + (kvox_check_chance(check, 0.5) ? 16 : 1) * kvox_check_integer(check, 0, 5);
  kvox_check_shape(check, "%d rows of %d samples, %d floats apart, to columns %d apart", (int)t.rows, (int)t.columns,
                   (int)t.in_step, (int)t.out_step);
  const int64_t in = (t.rows - 1) * t.in_step + 2 * t.columns, out = (t.columns - 1) * t.out_step + floats * t.rows;
  t.in = kvox_check_floats(check, in);
  t.want = kvox_check_floats(check, out);
  t.got = kvox_check_floats(check, out);
  fill(check, in, t.in);
  fill(check, out, t.want);
  for (int64_t i = 0; i < out; i++) {
    t.want[i] = floats == 1 ? fabsf(t.want[i]) : t.want[i];
  }
  memcpy(t.got, t.want, (size_t)out * sizeof *t.got);
  spoil(check, 1,
        t.in + kvox_check_integer(check, 0, t.rows - 1) * t.in_step + kvox_check_integer(check, 0, 2 * t.columns - 1));
  return t;
}

static void compare_turn(kvox_check *check) {
  const turned t = random_turned(check, 2);
  const bool by_rows = kvox_check_chance(check, 0.5);
  const kvox_fourier_weights weights = random_weights(check, by_rows ? t.rows : t.columns);
  const kvox_fourier_kernels *ref = &kvox_fourier_ref, *variant = kvox_fourier_kernels_of(check->level);
  const bool past = kvox_check_chance(check, 0.5);
  const bool fine = by_rows ? ref->turn_rows(t.rows, t.columns, t.in, t.in_step, weights, t.want, t.out_step)
                            : ref->turn_columns(t.rows, t.columns, t.in, t.in_step, weights, past, t.want, t.out_step);
  say(check, fine,
      by_rows ? variant->turn_rows(t.rows, t.columns, t.in, t.in_step, weights, t.got, t.out_step)
              : variant->turn_columns(t.rows, t.columns, t.in, t.in_step, weights, past, t.got, t.out_step));
  for (int64_t c = 0; c < t.columns && fine; c++) {
    for (int64_t i = 0; i < t.out_step && (c < t.columns - 1 || i < 2 * t.rows); i++) {
      const int64_t r = i / 2, at = c * t.out_step + i;
      const double bound =
          r < t.rows ? weights_bound(weights, by_rows ? r : c, t.in + r * t.in_step + 2 * c) : 0; /* untouched */
      kvox_check_value(check, "out", at, t.got[at], t.want[at], bound);
    }
    kvox_check_same_bits(check, 2 * t.rows, t.got + c * t.out_step);
  }
}

/* The square rounds twice, the sum once more, where the oracle rounds once; a root halves that and rounds. */
static const double squares_ulps = 4;

static void compare_turn_squares(kvox_check *check) {
  const turned t = random_turned(check, 1);
  const int32_t which = (int32_t)kvox_check_integer(check, 0, 3);
  const bool fine = kvox_fourier_ref.turn_squares(t.rows, t.columns, t.in, t.in_step, which, t.want, t.out_step);
  say(check, fine,
      kvox_fourier_kernels_of(check->level)
          ->turn_squares(t.rows, t.columns, t.in, t.in_step, which, t.got, t.out_step));
  for (int64_t c = 0; c < t.columns && fine; c++) {
    kvox_check_ulps(check, "sums", t.rows, t.got + c * t.out_step, t.want + c * t.out_step, squares_ulps);
    kvox_check_same_bits(check, t.rows, t.got + c * t.out_step);
    if (c < t.columns - 1) {
      kvox_check_ulps(check, "between sums", t.out_step - t.rows, t.got + c * t.out_step + t.rows,
                      t.want + c * t.out_step + t.rows, 0);
    }
  }
}

static void compare_squares(kvox_check *check) {
  const int64_t count = kvox_check_integer(check, 1, 100);
  const int32_t which = (int32_t)kvox_check_integer(check, 0, 3);
  kvox_check_shape(check, "%d samples, %d", (int)count, (int)which);
  float *in = kvox_check_floats(check, 2 * count);
  float *want = kvox_check_floats(check, count), *got = kvox_check_floats(check, count);
  fill(check, 2 * count, in);
  fill(check, count, want);
  for (int64_t i = 0; i < count; i++) {
    got[i] = want[i] = fabsf(want[i]);
  }
  spoil(check, 2 * count, in);
  const bool fine = kvox_fourier_ref.add_squares(count, in, which, want);
  say(check, fine, kvox_fourier_kernels_of(check->level)->add_squares(count, in, which, got));
  if (fine) {
    kvox_check_ulps(check, "sums", count, got, want, squares_ulps);
    kvox_check_same_bits(check, count, got);
  }
}

/* A block as a transform of 256 has it, in the first-level cache. */
enum { BENCH_SIZE = 256, BENCH_STEP = 2 * (BENCH_SIZE + 8) };

typedef struct bench_row {
  const kvox_fourier_kernels *kernels;
  kvox_fourier_weights weights;
  float *block, *rows;
} bench_row;

static bench_row bench_block(kvox_check *check) {
  const int64_t floats = KVOX_FOURIER_LINES * BENCH_STEP;
  float *same = kvox_check_floats(check, 2 * BENCH_SIZE);
  bench_row row = {.kernels = kvox_fourier_kernels_of(check->level),
                   .weights = {same, NULL},
                   .block = kvox_check_floats(check, floats),
                   .rows = kvox_check_floats(check, floats)};
  for (int64_t i = 0; i < floats; i++) {
    row.block[i] = row.rows[i] = (float)kvox_check_real(check, 0, 1);
  }
  for (int64_t i = 0; i < 2 * BENCH_SIZE; i++) {
    same[i] = 1;
  }
  return row;
}

static void work_turn(void *data) {
  const bench_row *row = data;
  row->kernels->turn_rows(BENCH_SIZE, KVOX_FOURIER_LINES, row->rows, 2 * KVOX_FOURIER_LINES, row->weights, row->block,
                          BENCH_STEP);
}

static void bench_turn(kvox_check *check) {
  bench_row row = bench_block(check);
  kvox_check_time(check, work_turn, &row, BENCH_SIZE * KVOX_FOURIER_LINES);
}

static void work_turn_squares(void *data) {
  const bench_row *row = data;
  row->kernels->turn_squares(KVOX_FOURIER_LINES, BENCH_SIZE, row->block, BENCH_STEP, 0, row->rows, KVOX_FOURIER_LINES);
}

static void bench_turn_squares(kvox_check *check) {
  bench_row row = bench_block(check);
  kvox_check_time(check, work_turn_squares, &row, BENCH_SIZE * KVOX_FOURIER_LINES);
}

const kvox_check_stage kvox_check_fourier_weigh = {"fourier.weigh", "the roundings of its products", compare_weigh,
                                                   NULL};
const kvox_check_stage kvox_check_fourier_turn = {"fourier.turn", "the roundings of its products", compare_turn,
                                                  bench_turn};
const kvox_check_stage kvox_check_fourier_squares = {"fourier.squares", "4 ulp", compare_squares, NULL};
const kvox_check_stage kvox_check_fourier_turn_squares = {"fourier.turn_squares", "4 ulp", compare_turn_squares,
                                                          bench_turn_squares};
