/* Transforms against the defining sum in double, and what a provider must hold besides. */
#include "fft/fft.h"

#include <pthread.h>

#include "bed.h"

/*
 * Relative error in the root mean square that float transforms may have: rounding (6e-8) times the root of the number
 * of stages, and half as much again for the two transforms inside Bluestein's convolution. Worst seen: 2.5e-7.
 */
static const double tolerance = 4e-7;

static double worst;

static void check_against_sum(kvox_fft_kind kind, int32_t rank, const int64_t *sizes, int64_t batch, int32_t effort) {
  bed b;
  open_bed(&b, kind, rank, sizes, batch, effort);
  fill(&b, (uint64_t)b.samples);
  point **truth = malloc((size_t)batch * sizeof *truth);
  for (int64_t m = 0; m < batch; m++) {
    truth[m] = expected(&b, m); /* before: C2R destroys its input */
  }
  execute(&b);
  for (int64_t m = 0; m < batch; m++) {
    const double error = error_of(&b, b.out + m * b.out_step, truth[m]);
    worst = fmax(worst, error);
    if (!(error < tolerance)) {
      fail_msg("kind %d, sizes %ld %ld %ld, member %ld: error %g", (int)kind, (long)sizes[0],
               rank > 1 ? (long)sizes[1] : 0, rank > 2 ? (long)sizes[2] : 0, (long)m, error);
    }
    free(truth[m]);
  }
  free(truth);
  close_bed(&b);
}

static const int64_t lengths[] = {1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  15,
                                  16,  17,  25,  27,  30,  31,  49,  60,  61,  64,  77,  97,  98,  100,
                                  121, 128, 143, 210, 243, 256, 257, 334, 500, 509, 512, 600, 997, 1024};
enum { LENGTHS = (int)(sizeof lengths / sizeof *lengths) };

static void sum_rank_1(void **state) {
  (void)state;
  for (int i = 0; i < LENGTHS; i++) {
    for (int kind = KVOX_FFT_R2C; kind <= KVOX_FFT_BACKWARD; kind++) {
      check_against_sum((kvox_fft_kind)kind, 1, &lengths[i], i % 3 == 0 ? 3 : 1, KVOX_FFT_ESTIMATE);
    }
  }
  print_message("worst relative error %.2g\n", worst);
}

static void sum_rank_2_and_3(void **state) {
  (void)state;
  static const int64_t two[][2] = {{1, 7}, {7, 1}, {2, 2}, {12, 9}, {11, 13}, {16, 24}, {31, 8}, {5, 64}, {101, 3}};
  static const int64_t three[][3] = {{2, 3, 4}, {1, 6, 1}, {5, 1, 7}, {8, 8, 8}, {7, 11, 13}, {4, 10, 9}};
  for (int kind = KVOX_FFT_FORWARD; kind <= KVOX_FFT_BACKWARD; kind++) {
    for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
      check_against_sum((kvox_fft_kind)kind, 2, two[i], 1 + (int64_t)i % 2, KVOX_FFT_ESTIMATE);
    }
    for (size_t i = 0; i < sizeof three / sizeof *three; i++) {
      check_against_sum((kvox_fft_kind)kind, 3, three[i], 1 + (int64_t)i % 3, KVOX_FFT_ESTIMATE);
    }
  }
}

static void sum_measured(void **state) {
  (void)state;
  for (int kind = KVOX_FFT_R2C; kind <= KVOX_FFT_BACKWARD; kind++) {
    check_against_sum((kvox_fft_kind)kind, 1, (int64_t[]){96}, 4, KVOX_FFT_MEASURE);
  }
  check_against_sum(KVOX_FFT_FORWARD, 2, (int64_t[]){20, 21}, 2, KVOX_FFT_MEASURE);
}

/* There and back is n times the input, in every member of a batch. */
static void round_trip(void **state) {
  (void)state;
  for (int i = 0; i < LENGTHS; i++) {
    for (int real = 0; real < 2; real++) {
      bed there, back;
      open_bed(&there, real ? KVOX_FFT_R2C : KVOX_FFT_FORWARD, 1, &lengths[i], 5, KVOX_FFT_ESTIMATE);
      open_bed(&back, real ? KVOX_FFT_C2R : KVOX_FFT_BACKWARD, 1, &lengths[i], 5, KVOX_FFT_ESTIMATE);
      fill(&there, 77);
      execute(&there);
      memcpy(back.in, there.out, (size_t)there.out_floats * sizeof *there.out);
      execute(&back);
      const float scale = 1.0f / (float)lengths[i];
      for (int64_t m = 0; m < 5; m++) {
        double difference = 0, size = 0;
        for (int64_t k = 0; k < there.in_count; k++) {
          const double x = (double)there.in[m * there.in_step + k];
          const double d = (double)(scale * back.out[m * back.out_step + k]) - x;
          difference += d * d;
          size += x * x;
        }
        assert_true(sqrt(difference / size) < 2 * tolerance);
      }
      close_bed(&there);
      close_bed(&back);
    }
  }
}

/* A unit impulse at p becomes exp(-i 2 pi k p / n), amplitude 1 at every frequency. */
static void impulse(void **state) {
  (void)state;
  for (int i = 0; i < LENGTHS; i++) {
    const int64_t n = lengths[i], at = n / 3;
    bed b;
    open_bed(&b, KVOX_FFT_R2C, 1, &n, 1, KVOX_FFT_ESTIMATE);
    memset(b.in, 0, (size_t)n * sizeof *b.in);
    b.in[at] = 1;
    execute(&b);
    for (int64_t k = 0; k <= n / 2; k++) {
      const double angle = -two_pi * (double)(k * at % n) / (double)n;
      assert_true(fabs((double)b.out[2 * k] - cos(angle)) < 1e-6 && fabs((double)b.out[2 * k + 1] - sin(angle)) < 1e-6);
    }
    close_bed(&b);
  }
}

/* The transform of 2 x - 3 y is 2 X - 3 Y, and the energy is n times the input's (Parseval). */
static void linear_and_parseval(void **state) {
  (void)state;
  const int64_t sizes[2] = {18, 35};
  bed x, y, z;
  open_bed(&x, KVOX_FFT_FORWARD, 2, sizes, 1, KVOX_FFT_ESTIMATE);
  open_bed(&y, KVOX_FFT_FORWARD, 2, sizes, 1, KVOX_FFT_ESTIMATE);
  open_bed(&z, KVOX_FFT_FORWARD, 2, sizes, 1, KVOX_FFT_ESTIMATE);
  fill(&x, 1);
  fill(&y, 2);
  double in_energy = 0, out_energy = 0, difference = 0;
  for (int64_t i = 0; i < x.in_count; i++) {
    z.in[i] = 2 * x.in[i] - 3 * y.in[i];
    in_energy += (double)z.in[i] * (double)z.in[i];
  }
  execute(&x);
  execute(&y);
  execute(&z);
  for (int64_t i = 0; i < x.out_count; i++) {
    const double d = (double)z.out[i] - (2 * (double)x.out[i] - 3 * (double)y.out[i]);
    out_energy += (double)z.out[i] * (double)z.out[i];
    difference += d * d;
  }
  assert_true(fabs(out_energy / (in_energy * (double)x.samples) - 1) < 1e-6);
  assert_true(sqrt(difference / out_energy) < 3 * tolerance);
  close_bed(&x);
  close_bed(&y);
  close_bed(&z);
}

/* Two real rows in one complex row: each part is transformed, multiplied by a real even response, and comes back alone.
 */
static void two_rows_in_one(void **state) {
  (void)state;
  const int64_t n = 240;
  bed pair, pair_back, row, row_back;
  open_bed(&pair, KVOX_FFT_FORWARD, 1, &n, 1, KVOX_FFT_ESTIMATE);
  open_bed(&pair_back, KVOX_FFT_BACKWARD, 1, &n, 1, KVOX_FFT_ESTIMATE);
  open_bed(&row, KVOX_FFT_R2C, 1, &n, 2, KVOX_FFT_ESTIMATE);
  open_bed(&row_back, KVOX_FFT_C2R, 1, &n, 2, KVOX_FFT_ESTIMATE);
  fill(&row, 9);
  for (int64_t i = 0; i < n; i++) {
    pair.in[2 * i] = row.in[i];
    pair.in[2 * i + 1] = row.in[row.in_step + i];
  }
  execute(&pair);
  execute(&row);
  for (int64_t k = 0; k < n; k++) {
    const float response = (float)(k <= n / 2 ? k : n - k) / (float)(n * n);
    pair_back.in[2 * k] = pair.out[2 * k] * response;
    pair_back.in[2 * k + 1] = pair.out[2 * k + 1] * response;
    for (int64_t m = 0; m < 2 && k <= n / 2; m++) {
      row_back.in[m * row_back.in_step + 2 * k] = row.out[m * row.out_step + 2 * k] * response;
      row_back.in[m * row_back.in_step + 2 * k + 1] = row.out[m * row.out_step + 2 * k + 1] * response;
    }
  }
  execute(&pair_back);
  execute(&row_back);
  for (int64_t i = 0; i < n; i++) {
    /* Values of size 0.3. */
    assert_true(fabsf(pair_back.out[2 * i] - row_back.out[i]) < 3e-7f);
    assert_true(fabsf(pair_back.out[2 * i + 1] - row_back.out[row_back.out_step + i]) < 3e-7f);
  }
  close_bed(&pair);
  close_bed(&pair_back);
  close_bed(&row);
  close_bed(&row_back);
}

/* ---- one plan in many threads ---- */

enum { THREADS = 5, REPEATS = 50 };

typedef struct job {
  const bed *b;
  float *out;
  int differs;
} job;

static void *repeat(void *data) {
  job *j = data;
  const bed *b = j->b;
  const size_t in_bytes = (size_t)b->in_floats * sizeof(float), out_bytes = (size_t)b->out_floats * sizeof(float);
  float *in = aligned_alloc(64, (size_t)round_up((int64_t)in_bytes, 64));
  float *scratch = aligned_alloc(64, (size_t)round_up((int64_t)kvox_fft_scratch_bytes(b->plan) + 64, 64));
  for (int i = 0; i < REPEATS; i++) {
    memcpy(in, b->in, in_bytes);
    memcpy(j->out, b->out, out_bytes);
    memset(j->out, 0, (size_t)b->out_count * sizeof(float));
    kvox_fft_execute(b->plan, in, j->out, scratch);
    j->differs |= memcmp(j->out, b->out, out_bytes) != 0;
  }
  free(in);
  free(scratch);
  return NULL;
}

/* The same bits from any thread and any aligned array. */
static void concurrent_execution(void **state) {
  (void)state;
  static const int64_t sizes[] = {720, 509, 1024};
  for (int kind = KVOX_FFT_R2C; kind <= KVOX_FFT_BACKWARD; kind++) {
    for (int s = 0; s < 3; s++) {
      bed b;
      open_bed(&b, (kvox_fft_kind)kind, 1, &sizes[s], 2, KVOX_FFT_ESTIMATE);
      fill(&b, 5);
      float *before = array_of(&b, b.in_floats);
      memcpy(before, b.in, (size_t)b.in_floats * sizeof *before);
      execute(&b);
      memcpy(b.in, before, (size_t)b.in_floats * sizeof *before);
      pthread_t threads[THREADS];
      job jobs[THREADS];
      for (int t = 0; t < THREADS; t++) {
        jobs[t] = (job){.b = &b, .out = array_of(&b, b.out_floats)};
        assert_int_equal(pthread_create(&threads[t], NULL, repeat, &jobs[t]), 0);
      }
      for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        assert_false(jobs[t].differs);
        kvox_release(b.heap, jobs[t].out);
      }
      kvox_release(b.heap, before);
      close_bed(&b);
    }
  }
}

static void *plan_often(void *data) {
  (void)data;
  for (int i = 0; i < 20; i++) {
    const int64_t n = 30 + 2 * i;
    bed b;
    open_bed(&b, KVOX_FFT_R2C, 1, &n, 2, KVOX_FFT_ESTIMATE);
    fill(&b, 1);
    execute(&b);
    close_bed(&b);
  }
  return NULL;
}

static void concurrent_planning(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++) {
    assert_int_equal(pthread_create(&threads[t], NULL, plan_often, NULL), 0);
  }
  for (int t = 0; t < THREADS; t++) {
    pthread_join(threads[t], NULL);
  }
}

/* ---- what is refused ---- */

static void refuse(kvox_fft_layout layout, int32_t effort, kvox_status status, const char *words) {
  counter count = {0};
  kvox_heap *heap = heap_of(&count);
  kvox_fft_plan *plan = NULL;
  assert_int_equal(kvox_fft_plan_create(heap, &layout, effort, &plan), status);
  assert_null(plan);
  if (strstr(kvox_last_error(), words) == NULL) {
    fail_msg("'%s' does not say '%s'", kvox_last_error(), words);
  }
  kvox_heap_drop(heap);
  assert_int_equal(count.live, 0);
}

static void refused_layouts(void **state) {
  (void)state;
  const kvox_fft_layout good = {
      .kind = KVOX_FFT_R2C, .rank = 1, .sizes = {20}, .batch = 2, .real_step = 32, .complex_step = 16};
#define REFUSE(member, value, status, words)         \
  do {                                               \
    kvox_fft_layout wrong = good;                    \
    wrong.member = (value);                          \
    refuse(wrong, KVOX_FFT_ESTIMATE, status, words); \
  } while (0)
  REFUSE(kind, (kvox_fft_kind)4, KVOX_ERROR_ARGUMENT, "4 is no kind");
  REFUSE(rank, 0, KVOX_ERROR_ARGUMENT, "rank is 0");
  REFUSE(rank, 2, KVOX_ERROR_ARGUMENT, "rank is 2, must be from 1 to 1 for real");
  REFUSE(batch, 0, KVOX_ERROR_ARGUMENT, "batch is 0");
  REFUSE(batch, -3, KVOX_ERROR_ARGUMENT, "batch is -3");
  REFUSE(sizes[0], 0, KVOX_ERROR_ARGUMENT, "sizes[0] is 0");
  REFUSE(sizes[0], -1, KVOX_ERROR_ARGUMENT, "sizes[0] is -1");
  REFUSE(sizes[0], KVOX_FFT_MOST_SIZE + 1, KVOX_ERROR_ARGUMENT, "1073741824");
  REFUSE(real_step, 16, KVOX_ERROR_SIZE, "real_step is 16, a batch member has 20");
  REFUSE(real_step, 24, KVOX_ERROR_ARGUMENT, "multiple of 16");
  REFUSE(real_step, INT64_MIN, KVOX_ERROR_SIZE, "real_step");
  REFUSE(complex_step, 8, KVOX_ERROR_SIZE, "complex_step is 8, a batch member has 11");
  REFUSE(complex_step, 12, KVOX_ERROR_ARGUMENT, "multiple of 8");
  REFUSE(batch, INT64_MAX, KVOX_ERROR_SIZE, "has no size");
  REFUSE(batch, INT64_MAX / 100, KVOX_ERROR_SIZE, "2^63 - 1 bytes");
  refuse(good, 7, KVOX_ERROR_ARGUMENT, "effort 7");
  kvox_fft_layout huge = {.kind = KVOX_FFT_FORWARD, .rank = 3, .batch = 1};
  huge.sizes[0] = huge.sizes[1] = huge.sizes[2] = KVOX_FFT_MOST_SIZE;
  refuse(huge, KVOX_FFT_ESTIMATE, KVOX_ERROR_SIZE, "samples");
  huge.rank = 4;
  refuse(huge, KVOX_FFT_ESTIMATE, KVOX_ERROR_ARGUMENT, "rank is 4, must be from 1 to 3 for complex");
#undef REFUSE
  kvox_fft_plan_destroy(NULL);
}

/* Whichever allocation fails, the call says so and nothing is left behind. */
static void failing_allocation(void **state) {
  (void)state;
  static const int64_t sizes[] = {40, 46, 45, 23};
  for (int kind = KVOX_FFT_R2C; kind <= KVOX_FFT_BACKWARD; kind++) {
    for (int s = 0; s < 4; s++) {
      const kvox_fft_layout layout = {.kind = (kvox_fft_kind)kind, .rank = 1, .sizes = {sizes[s]}, .batch = 1};
      kvox_status status = KVOX_ERROR_MEMORY;
      for (int64_t nth = 2; status != KVOX_OK; nth++) {
        counter count = {.fail_at = nth};
        kvox_heap *heap = heap_of(&count);
        kvox_fft_plan *plan = NULL;
        status = kvox_fft_plan_create(heap, &layout, KVOX_FFT_ESTIMATE, &plan);
        if (status != KVOX_OK) {
          assert_int_equal(status, KVOX_ERROR_MEMORY);
          assert_null(plan);
          assert_non_null(strstr(kvox_last_error(), "out of memory"));
        }
        kvox_fft_plan_destroy(plan);
        kvox_heap_drop(heap);
        assert_int_equal(count.live, 0);
        assert_true(nth < 20);
      }
    }
  }
}

static void good_sizes(void **state) {
  (void)state;
  static const int64_t known[][2] = {{-5, 2},
                                     {0, 2},
                                     {1, 2},
                                     {2, 2},
                                     {3, 4},
                                     {7, 8},
                                     {25, 30},
                                     {1024, 1024},
                                     {1025, 1280},
                                     {1281, 1536},
                                     {1458, 1536},
                                     {1537, 1600},
                                     {1601, 1920},
                                     {1921, 2048},
                                     {KVOX_FFT_MOST_SIZE, KVOX_FFT_MOST_SIZE},
                                     {KVOX_FFT_MOST_SIZE + 1, 0},
                                     {INT64_MAX, 0}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    assert_int_equal(kvox_fft_good_size(known[i][0]), known[i][1]);
  }
  for (int64_t n = 1; n < 20000; n += 7) {
    const int64_t good = kvox_fft_good_size(n);
    assert_true(good >= n && good % 2 == 0 && good < 2 * n + 2);
    assert_int_equal(kvox_fft_good_size(good), good);
  }
}

static void provider(void **state) {
  (void)state;
  const char *name = kvox_fft_provider();
  assert_true(name == kvox_fft_provider());
  assert_true(strncmp(name, "fftw 3.", 7) == 0 || strcmp(name, "kissfft") == 0);
  print_message("%s\n", name);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sum_rank_1),
      cmocka_unit_test(sum_rank_2_and_3),
      cmocka_unit_test(sum_measured),
      cmocka_unit_test(round_trip),
      cmocka_unit_test(impulse),
      cmocka_unit_test(linear_and_parseval),
      cmocka_unit_test(two_rows_in_one),
      cmocka_unit_test(concurrent_execution),
      cmocka_unit_test(concurrent_planning),
      cmocka_unit_test(refused_layouts),
      cmocka_unit_test(failing_allocation),
      cmocka_unit_test(good_sizes),
      cmocka_unit_test(provider),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
