/* Transforms on a device against the defining sum in double, known spectra, and the CPU's provider. */
#include "fft/fft_ocl.h"

#include "../ocl/programs.h"
#include "bed.h"

/*
 * Relative error in the root mean square. Worst seen on PoCL: 6.2e-7, where Bluestein's convolution takes one transform
 * there and one back of up to four times the length.
 */
static const double tolerance = 1e-6;

static kvox_ocl *device;
static double worst;

static int open_it(void **state) {
  look_for_device(state);
  device = no_device ? NULL : open_plainly(NULL);
  return 0;
}

static int close_it(void **state) {
  (void)state;
  kvox_ocl_drop(device);
  return 0;
}

/* ---- One transform on the device, its arrays those of a bed ---- */

static kvox_buffer *copy_up(kvox_ocl_queue *queue, const float *floats, int64_t count) {
  kvox_buffer *buffer = NULL;
  assert_ok(kvox_ocl_buffer_create(device, (uint64_t)count * sizeof *floats, "a transform's array", &buffer));
  assert_ok(kvox_ocl_write(queue, buffer, 0, floats, (uint64_t)count * sizeof *floats));
  return buffer;
}

/* Transforms the bed's input into `out` of b->out_floats; only what is a sample of the result changes. */
static void run_with(kvox_fft_ocl *fft, const bed *b, bool in_place, float *out) {
  kvox_ocl_queue *queue = NULL;
  assert_ok(kvox_ocl_queue_take(device, &queue));
  assert_ok(kvox_ocl_begin(queue));
  for (int64_t i = 0; i < b->out_floats; i++) {
    out[i] = guard_value;
  }
  kvox_buffer *from = copy_up(queue, b->in, b->in_floats);
  kvox_buffer *to = in_place ? from : copy_up(queue, out, b->out_floats);
  assert_ok(kvox_fft_ocl_run(fft, queue, from, to));
  assert_ok(kvox_ocl_read(queue, to, 0, out, (uint64_t)b->out_floats * sizeof *out));
  if (!in_place && b->layout.kind != KVOX_FFT_C2R) { /* the input stays */
    float *after = malloc((size_t)b->in_floats * sizeof *after);
    assert_ok(kvox_ocl_read(queue, from, 0, after, (uint64_t)b->in_floats * sizeof *after));
    assert_memory_equal(after, b->in, (size_t)b->in_floats * sizeof *after);
    free(after);
  }
  assert_ok(kvox_ocl_finish(queue));
  kvox_ocl_queue_give_back(queue);
  kvox_buffer_destroy(from);
  if (!in_place) {
    kvox_buffer_destroy(to);
  }
  for (int64_t m = 0; m < b->layout.batch; m++) {
    check_guard(out, m * b->out_step + b->out_count, (m + 1) * b->out_step);
  }
  check_guard(out, b->out_floats - GUARD, b->out_floats);
}

static float *run(const bed *b, bool in_place) {
  float *out = malloc((size_t)b->out_floats * sizeof *out);
  kvox_fft_ocl *fft = NULL;
  assert_ok(kvox_fft_ocl_create(device, &b->layout, in_place, &fft));
  run_with(fft, b, in_place, out);
  kvox_fft_ocl_destroy(fft);
  return out;
}

static void judge(const bed *b, const char *against, int64_t member, double error) {
  worst = fmax(worst, error);
  if (!(error < tolerance)) {
    fail_msg("kind %d, sizes %ld %ld %ld, member %ld against %s: error %g", (int)b->layout.kind,
             (long)b->layout.sizes[0], (long)b->layout.sizes[1], (long)b->layout.sizes[2], (long)member, against,
             error);
  }
}

/* Against the CPU's provider, whose own error to the sum fft.c bounds. */
static void check_against_cpu(bed *b, const float *out) {
  execute(b);
  for (int64_t m = 0; m < b->layout.batch; m++) {
    const float *expect = b->out + m * b->out_step, *got = out + m * b->out_step;
    double difference = 0, size = 0;
    for (int64_t i = 0; i < b->out_count; i++) {
      difference += ((double)got[i] - (double)expect[i]) * ((double)got[i] - (double)expect[i]);
      size += (double)expect[i] * (double)expect[i];
    }
    judge(b, kvox_fft_provider(), m, sqrt(difference / size));
  }
}

static void check_in_place(const bed *b, const float *out) {
  if (b->layout.kind == KVOX_FFT_FORWARD || b->layout.kind == KVOX_FFT_BACKWARD) {
    float *same = run(b, true);
    assert_memory_equal(same, out, (size_t)b->out_floats * sizeof *out);
    free(same);
  }
}

/* All that one layout promises, in noise: the sum, the CPU's numbers, the same bits in place. */
static void check_layout(kvox_fft_kind kind, int32_t rank, const int64_t *sizes, int64_t batch) {
  bed b;
  open_bed(&b, kind, rank, sizes, batch, KVOX_FFT_ESTIMATE);
  fill(&b, (uint64_t)b.samples);
  float *out = run(&b, false);
  for (int64_t m = 0; m < batch; m++) {
    point *truth = expected(&b, m);
    judge(&b, "the sum", m, error_of(&b, out + m * b.out_step, truth));
    free(truth);
  }
  check_in_place(&b, out);
  check_against_cpu(&b, out); /* last: C2R destroys its input */
  free(out);
  close_bed(&b);
}

/* ---- Numbers ---- */

/* The kinds by turns: a device builds programs for each. */
static void sizes_to_64(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  for (int64_t n = 1; n <= 64; n++) {
    check_layout((kvox_fft_kind)((n + n / 4) % 4), 1, &n, n % 3 + 1);
  }
  print_message("worst relative error %.2g\n", worst);
}

static void every_kind(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  static const int64_t sizes[] = {1, 2, 45, 97, 1009, 1042};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    for (int kind = KVOX_FFT_R2C; kind <= KVOX_FFT_BACKWARD; kind++) {
      check_layout((kvox_fft_kind)kind, 1, &sizes[i], i % 2 == 0 ? 2 : 5);
    }
  }
  print_message("worst relative error %.2g\n", worst);
}

static void rank_2_and_3(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  static const int64_t two[][2] = {{1, 7}, {7, 1}, {1, 1}, {12, 9}, {101, 3}, {3, 521}, {521, 3}};
  static const int64_t three[][3] = {{1, 6, 1}, {5, 1, 7}, {8, 8, 8}, {7, 11, 13}, {521, 3, 2}, {2, 521, 3}};
  for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
    check_layout(i % 2 == 0 ? KVOX_FFT_FORWARD : KVOX_FFT_BACKWARD, 2, two[i], 1 + (int64_t)i % 3);
  }
  for (size_t i = 0; i < sizeof three / sizeof *three; i++) {
    check_layout(i % 2 == 0 ? KVOX_FFT_BACKWARD : KVOX_FFT_FORWARD, 3, three[i], 3 - (int64_t)i % 2);
  }
  print_message("worst relative error %.2g\n", worst);
}

/* ---- Long rows: their spectra are known of a few samples ---- */

enum { SPIKES = 3 };

/* Member m has SPIKES samples that are not 0, at places[] with the values of fill. */
static void keep_spikes(bed *b, int64_t m, int64_t places[SPIKES]) {
  const int step = b->layout.kind == KVOX_FFT_R2C ? 1 : 2;
  float *member = b->in + m * b->in_step;
  float kept[SPIKES][2] = {{0}};
  for (int s = 0; s < SPIKES; s++) {
    places[s] = (s * b->samples + m) / (2 * SPIKES) + (s > 0);
    memcpy(kept[s], member + step * places[s], (size_t)step * sizeof(float));
  }
  memset(member, 0, (size_t)b->in_count * sizeof *member);
  for (int s = 0; s < SPIKES; s++) {
    memcpy(member + step * places[s], kept[s], (size_t)step * sizeof(float));
  }
}

static void check_spikes(const bed *b, int64_t m, const int64_t places[SPIKES], const float *out) {
  const kvox_fft_kind kind = b->layout.kind;
  const int64_t n = b->samples;
  const double sign = kind == KVOX_FFT_R2C || kind == KVOX_FFT_FORWARD ? -1 : 1;
  const int in_step = kind == KVOX_FFT_R2C ? 1 : 2, out_step = kind == KVOX_FFT_C2R ? 1 : 2;
  const float *member = b->in + m * b->in_step;
  double difference = 0, size = 0;
  for (int64_t k = 0; k < b->out_count / out_step; k++) {
    point sum = {0, 0};
    for (int s = 0; s < SPIKES; s++) {
      const double angle = sign * two_pi * (double)(k * places[s] % n) / (double)n;
      const double re = (double)member[in_step * places[s]];
      const double im = in_step == 2 ? (double)member[2 * places[s] + 1] : 0;
      const double twice = kind == KVOX_FFT_C2R && places[s] > 0 && 2 * places[s] != n ? 2 : 1; /* and its mirror */
      sum.re += twice * (re * cos(angle) - im * sin(angle));
      sum.im += twice * (re * sin(angle) + im * cos(angle));
    }
    const double re = (double)out[k * out_step] - sum.re;
    const double im = out_step == 2 ? (double)out[k * out_step + 1] - sum.im : 0;
    difference += re * re + im * im;
    size += sum.re * sum.re + (out_step == 2 ? sum.im * sum.im : 0);
  }
  judge(b, "known spectra", m, sqrt(difference / size));
}

/* The energy of the spectrum is n times that of the samples (Parseval). */
static void check_energy(const bed *b, int64_t m, const float *out) {
  double energies[2] = {0, 0};
  for (int64_t i = 0; i < b->in_count; i++) {
    energies[0] += (double)b->in[m * b->in_step + i] * (double)b->in[m * b->in_step + i];
    energies[1] += (double)out[m * b->out_step + i] * (double)out[m * b->out_step + i];
  }
  assert_close(energies[1] / (energies[0] * (double)b->samples), 1, 1e-6);
}

/* Powers of two, products and primes, in one kernel and in several. */
static void long_rows(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  static const int64_t sizes[] = {2048, 4096, 4099, 6000, 8192, 16384, 16418, 32768, 45045, 65536, 65537};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const kvox_fft_kind kind = (kvox_fft_kind)((i + i / 4) % 4);
    bed b;
    open_bed(&b, kind, 1, &sizes[i], 3, KVOX_FFT_ESTIMATE);
    fill(&b, i + 1);
    int64_t places[SPIKES];
    keep_spikes(&b, 1, places);
    float *out = run(&b, false);
    check_spikes(&b, 1, places, out + b.out_step);
    if (kind == KVOX_FFT_FORWARD || kind == KVOX_FFT_BACKWARD) {
      check_energy(&b, 0, out);
    }
    check_in_place(&b, out);
    check_against_cpu(&b, out);
    free(out);
    close_bed(&b);
  }
  print_message("worst relative error %.2g\n", worst);
}

/* ---- The same bits ---- */

/* A member has the bits that it has alone, whichever it is of however many. */
static void any_member(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  static const int64_t sizes[] = {60, 61, 64, 8232}, batches[] = {2, 32};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const kvox_fft_kind kind = (kvox_fft_kind)(s % 4);
    bed one;
    open_bed(&one, kind, 1, &sizes[s], 1, KVOX_FFT_ESTIMATE);
    fill(&one, 3);
    float *alone = run(&one, false);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
      bed b;
      open_bed(&b, kind, 1, &sizes[s], batches[i], KVOX_FFT_ESTIMATE);
      fill(&b, 4);
      for (int64_t m = (int64_t)i; m < batches[i]; m += 3) {
        memcpy(b.in + m * b.in_step, one.in, (size_t)one.in_count * sizeof *one.in);
      }
      float *out = run(&b, false);
      for (int64_t m = (int64_t)i; m < batches[i]; m += 3) {
        assert_memory_equal(out + m * b.out_step, alone, (size_t)one.out_count * sizeof *alone);
      }
      free(out);
      close_bed(&b);
    }
    free(alone);
    close_bed(&one);
  }
}

enum { THREADS = 2, REPEATS = 20 };

typedef struct job {
  const bed *b;
  const float *expect;
  pthread_t thread;
} job;

static void *transform_often(void *data) {
  const job *j = data;
  float *out = malloc((size_t)j->b->out_floats * sizeof *out);
  for (int i = 0; i < REPEATS; i++) {
    kvox_fft_ocl *fft = NULL;
    assert_ok(kvox_fft_ocl_create(device, &j->b->layout, false, &fft));
    run_with(fft, j->b, false, out);
    run_with(fft, j->b, false, out);
    assert_memory_equal(out, j->expect, (size_t)j->b->out_floats * sizeof *out);
    kvox_fft_ocl_destroy(fft);
  }
  free(out);
  return NULL;
}

static void several_threads(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  static const int64_t sizes[THREADS] = {1009, 1000};
  bed beds[THREADS];
  float *expect[THREADS];
  job jobs[THREADS];
  for (int t = 0; t < THREADS; t++) {
    open_bed(&beds[t], KVOX_FFT_FORWARD, 1, &sizes[t], 3, KVOX_FFT_ESTIMATE);
    fill(&beds[t], 5);
    expect[t] = run(&beds[t], false);
  }
  for (int t = 0; t < THREADS; t++) {
    jobs[t] = (job){.b = &beds[t], .expect = expect[t]};
    assert_int_equal(pthread_create(&jobs[t].thread, NULL, transform_often, &jobs[t]), 0);
  }
  for (int t = 0; t < THREADS; t++) {
    pthread_join(jobs[t].thread, NULL);
    free(expect[t]);
    close_bed(&beds[t]);
  }
}

/* ---- What it takes ---- */

/* The second transform of a layout, and the same in place, take the programs of the first. */
static void builds_once(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  static const int64_t sizes[] = {96, 97, 8208, 1};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    kvox_fft_layout layout = {.kind = KVOX_FFT_FORWARD, .rank = 1, .sizes = {sizes[i]}, .batch = 11};
    layout.complex_step = 8 * sizes[i];
    kvox_fft_ocl *first = NULL, *second = NULL, *third = NULL;
    forget_calls();
    assert_ok(kvox_fft_ocl_create(device, &layout, false, &first));
    assert_int_equal(calls.sources > 0, sizes[i] > 1);
    forget_calls();
    assert_ok(kvox_fft_ocl_create(device, &layout, false, &second));
    assert_ok(kvox_fft_ocl_create(device, &layout, true, &third));
    assert_int_equal(calls.sources, 0);
    kvox_fft_ocl_destroy(first);
    kvox_fft_ocl_destroy(second);
    kvox_fft_ocl_destroy(third);
  }
}

/* Tables alone where one kernel does it; a temporary array as large as the batch, and more, where several do. */
static void need(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  kvox_fft_layout layout = {
      .kind = KVOX_FFT_FORWARD, .rank = 1, .sizes = {512}, .batch = 64, .real_step = 512, .complex_step = 512};
  uint64_t bytes = 0, again = 0;
  forget_calls();
  assert_ok(kvox_fft_ocl_need(device, &layout, &bytes));
  assert_true(bytes > 0 && bytes < 64 * 512);
  layout.sizes[0] = layout.complex_step = 1 << 17;
  assert_ok(kvox_fft_ocl_need(device, &layout, &bytes));
  assert_true(bytes >= ((uint64_t)64 << 20) && bytes < ((uint64_t)70 << 20));
  layout.kind = KVOX_FFT_R2C; /* as complex rows, in place but for the temporary array */
  layout.real_step = 1 << 17;
  assert_ok(kvox_fft_ocl_need(device, &layout, &again));
  assert_true(again == bytes + ((uint64_t)64 << 20));
  layout = (kvox_fft_layout){.kind = KVOX_FFT_BACKWARD, .rank = 3, .sizes = {1, 1, 1}, .batch = 1};
  assert_ok(kvox_fft_ocl_need(device, &layout, &bytes));
  assert_true(bytes == 0);
  assert_int_equal(calls.sources, 0);
}

/* ---- What is refused ---- */

static void refused(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  kvox_fft_layout layout = {
      .kind = KVOX_FFT_R2C, .rank = 1, .sizes = {20}, .batch = 2, .real_step = 32, .complex_step = 16};
  kvox_fft_ocl *fft = NULL;
  uint64_t bytes = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "in place", kvox_fft_ocl_create(device, &layout, true, &fft));
  layout.batch = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "batch is 0", kvox_fft_ocl_create(device, &layout, false, &fft));
  assert_fails(KVOX_ERROR_ARGUMENT, "batch is 0", kvox_fft_ocl_need(device, &layout, &bytes));
  assert_null(fft);
  layout.kind = KVOX_FFT_FORWARD;
  layout.batch = 1;
  layout.sizes[0] = 1000003; /* a prime */
  assert_ok(kvox_fft_ocl_need(device, &layout, &bytes));
  layout.sizes[0] = ((int64_t)1 << 24) + 1;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "16777217", kvox_fft_ocl_need(device, &layout, &bytes));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "16777217", kvox_fft_ocl_create(device, &layout, true, &fft));
  kvox_fft_ocl_destroy(NULL);
}

static void refused_buffers(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  const kvox_fft_layout layout = {.kind = KVOX_FFT_FORWARD, .rank = 1, .sizes = {20}, .batch = 2, .complex_step = 32};
  const uint64_t enough = (32 + 20) * 8;
  kvox_fft_ocl *fft = NULL;
  kvox_ocl_queue *queue = NULL;
  kvox_buffer *buffers[3] = {NULL, NULL, NULL};
  assert_ok(kvox_fft_ocl_create(device, &layout, false, &fft));
  assert_ok(kvox_ocl_queue_take(device, &queue));
  assert_ok(kvox_ocl_begin(queue));
  for (int i = 0; i < 3; i++) {
    assert_ok(kvox_ocl_buffer_create(device, i < 2 ? enough : enough - 1, "an array", &buffers[i]));
  }
  assert_ok(kvox_fft_ocl_run(fft, queue, buffers[0], buffers[1]));
  assert_fails(KVOX_ERROR_ARGUMENT, "out of place", kvox_fft_ocl_run(fft, queue, buffers[0], buffers[0]));
  assert_fails(KVOX_ERROR_SIZE, "must have 416", kvox_fft_ocl_run(fft, queue, buffers[0], buffers[2]));
  assert_fails(KVOX_ERROR_SIZE, "must have 416", kvox_fft_ocl_run(fft, queue, buffers[2], buffers[1]));
  assert_ok(kvox_ocl_finish(queue));
  kvox_ocl_queue_give_back(queue);
  kvox_fft_ocl_destroy(fft);
  for (int i = 0; i < 3; i++) {
    kvox_buffer_destroy(buffers[i]);
  }
}

/* ---- No memory ---- */

/* Whichever allocation fails, those inside VkFFT too, the call says so and all comes back. */
static void failing_allocation(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  static const int64_t sizes[] = {60, 97, 16384};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const kvox_fft_layout layout = {.kind = KVOX_FFT_C2R, .rank = 1, .sizes = {sizes[s]}, .batch = 1};
    failing_heap *heap = failing_heap_create();
    const kvox_context_options options = failing_heap_options(heap);
    kvox_ocl *ocl = open_device(&options, NULL);
    kvox_status status = KVOX_ERROR_MEMORY;
    int64_t first = 1, tried = 0;
    for (; status != KVOX_OK; first += 1 + first / 16, tried++) {
      const int64_t live = heap->live;
      kvox_fft_ocl *fft = NULL;
      heap->fail_at = heap->calls + first;
      status = kvox_fft_ocl_create(ocl, &layout, false, &fft);
      heap->fail_at = 0;
      if (status != KVOX_OK) {
        assert_int_equal(status, KVOX_ERROR_MEMORY);
        assert_non_null(strstr(kvox_last_error(), "memory"));
        assert_null(fft);
        assert_true(heap->live >= live && heap->live < live + 16); /* programs that were built stay, and queues */
      }
      kvox_fft_ocl_destroy(fft);
    }
    print_message("size %d: %d allocations failed of some %d\n", (int)sizes[s], (int)tried, (int)first);
    kvox_ocl_drop(ocl);
    failing_heap_destroy(heap);
  }
}

static void provider(void **state) {
  (void)state;
  assert_true(kvox_fft_ocl_provider() == kvox_fft_ocl_provider());
  assert_string_equal(kvox_fft_ocl_provider(), "vkfft 1.2.26");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_to_64),
      cmocka_unit_test(every_kind),
      cmocka_unit_test(rank_2_and_3),
      cmocka_unit_test(long_rows),
      cmocka_unit_test(any_member),
      cmocka_unit_test(several_threads),
      cmocka_unit_test(builds_once),
      cmocka_unit_test(need),
      cmocka_unit_test(refused),
      cmocka_unit_test(refused_buffers),
      cmocka_unit_test(failing_allocation),
      cmocka_unit_test(provider),
  };
  return cmocka_run_group_tests(tests, open_it, close_it);
}
