/* One readout that is not like the others, wherever it comes, costs itself: the scan goes on. */
#include "mri/scan.h"

static int warnings;
static char warning[512];

static void listen(void *user, int32_t level, const char *text) {
  (void)user;
  warnings += level == KVOX_LOG_WARNING;
  if (level == KVOX_LOG_WARNING) {
    snprintf(warning, sizeof warning, "%s", text);
  }
}

static kvox_context *listening(void) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.log = listen;
  options.backend = KVOX_BACKEND_CPU;
  assert_ok(kvox_context_create(&options, &context));
  warnings = 0;
  warning[0] = '\0';
  return context;
}

static void assert_warned(int count, const char *words) {
  if (warnings != count || strstr(warning, words) == NULL) {
    fail_msg("%d warnings, the last \"%s\"; must be %d with \"%s\"", warnings, warning, count, words);
  }
}

/* ---- Lines ---- */

/* Line `at` comes first with `less` samples or coils less than it should; then all lines. */
static void check_first_line(scan *s, int less_samples, int less_coils, bool announced) {
  kvox_context *context = listening();
  const kvox_mri_recon_options o = separate_coils();
  s->protocol.coils = announced ? s->coils : 0;
  kvox_mri_recon *recon = recon_of(context, s, &o);
  kvox_mri_readout r = scan_readout(s, 0, 0, 0, 2);
  r.samples -= less_samples;
  r.coils -= less_coils;
  assert_ok(kvox_mri_recon_push(recon, &r)); /* nothing tells yet */
  scan_push_all(s, recon);
  assert_warned(1, "the first line");
  int64_t lines;
  kvox_mri_recon_progress(recon, &lines, NULL);
  assert_int_equal(lines, s->protocol.encoded_size[1]);
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  scan_compare(s, &o, NULL, images, 2e-6);
  free(images);
  /* Once lines agree, another one is refused by itself. */
  r = scan_readout(s, 0, 0, 0, 3);
  r.samples--;
  assert_fails(KVOX_ERROR_SIZE, "samples, those before it", kvox_mri_recon_push(recon, &r));
  kvox_mri_recon_destroy(recon);
  kvox_context_destroy(context);
}

static void test_first_line(void **state) {
  (void)state;
  for (int how = 0; how < 8; how++) {
    scan s = scan_of(3, 16, 8, 1);
    if (how & 4) { /* an asymmetric echo, which no protocol announces */
      s.samples = 12;
      s.center = 4;
    }
    scan_fill(&s, 4);
    check_first_line(&s, how & 1 ? 3 : 0, how & 1 ? 0 : 1, (how & 2) != 0);
    scan_free(&s);
  }
}

/* A line that cannot be placed does not replace one that can. */
static void test_broken_second_line(void **state) {
  (void)state;
  kvox_context *context = listening();
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 16, 8, 1);
  s.samples = 12;
  s.center = 4;
  scan_fill(&s, 4);
  kvox_mri_recon *recon = recon_of(context, &s, &o);
  for (int32_t y = 0; y < 8; y++) {
    scan_push(&s, recon, 0, 0, 0, y);
    kvox_mri_readout r = scan_readout(&s, 0, 0, 0, y);
    r.samples = 11;
    r.center_sample = 10;
    assert_fails(y == 0 ? KVOX_ERROR_DATA : KVOX_ERROR_SIZE, "samples", kvox_mri_recon_push(recon, &r));
  }
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  scan_compare(&s, &o, NULL, images, 2e-6);
  assert_int_equal(warnings, 0);
  free(images);
  kvox_mri_recon_destroy(recon);
  kvox_context_destroy(context);
  scan_free(&s);
}

/* ---- Navigators ---- */

enum { COILS = 2, X = 16, SAMPLES = 12, Y = 12, NAVIGATORS = 3 };

/* Three navigators and all lines, reversed by turns; `odd` navigators come with other lengths, -1: all of them. */
static float complex *epi_images(kvox_context *context, scan *s, int odd, int more, bool ramps, bool *saw) {
  kvox_mri_recon_options o = separate_coils();
  o.ghost = KVOX_MRI_GHOST_NAVIGATORS;
  s->protocol.trajectory = KVOX_MRI_EPI;
  s->protocol.ramps = (kvox_mri_ramps){.samples = SAMPLES, .up_us = ramps ? 10 : 0, .flat_us = ramps ? 20 : 0};
  s->protocol.ramps.down_us = s->protocol.ramps.up_us;
  s->protocol.ramps.dwell_us = ramps ? 3.3 : 0;
  kvox_mri_recon *recon = recon_of(context, s, &o);
  static float longer[2 * COILS * (SAMPLES + 8)];
  for (int n = 0; n < NAVIGATORS; n++) {
    s->flags = KVOX_MRI_PHASE_CORRECTION | (n % 2 == 1 ? KVOX_MRI_REVERSE : 0);
    kvox_mri_readout r = scan_readout(s, 0, 0, 0, Y / 2);
    const bool changed = odd < 0 || n < odd;
    if (changed) {
      memset(longer, 0, sizeof longer);
      r.samples += more;
      r.center_sample += more / 2;
      for (int c = 0; c < COILS; c++) {
        for (int i = 0; i < 2 * r.samples; i++) {
          const int from = i - more / 2 * 2;
          longer[c * 2 * r.samples + i] = from >= 0 && from < 2 * SAMPLES ? r.data[c * 2 * SAMPLES + from] : 0;
        }
      }
      r.data = longer;
    }
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
  for (int32_t y = 0; y < Y; y++) {
    s->flags = y % 2 == 1 ? KVOX_MRI_REVERSE : 0;
    scan_push(s, recon, 0, 0, 0, y);
  }
  s->flags = 0;
  *saw = strstr(kvox_mri_recon_provenance(recon), "\"navigators\":true") != NULL ||
         strstr(kvox_mri_recon_provenance(recon), "\"navigators\": true") != NULL;
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  kvox_mri_recon_destroy(recon);
  return images;
}

static void test_navigators(void **state) {
  (void)state;
  const size_t bytes = (size_t)(COILS * X * Y) * sizeof(float complex);
  bool saw;
  scan s = scan_of(COILS, X, Y, 1);
  s.samples = SAMPLES;
  s.center = SAMPLES / 2;
  scan_fill(&s, 9);
  for (int ramps = 0; ramps < 2; ramps++) {
    kvox_context *context = listening();
    float complex *usual = epi_images(context, &s, 0, 0, ramps != 0, &saw);
    assert_true(saw && warnings == 0);
    /* Longer ones, zeros at their ends: without ramps they tell the same; on ramps nobody knows when they began. */
    float complex *all = epi_images(context, &s, -1, 2, ramps != 0, &saw);
    assert_true(saw == (ramps == 0));
    if (ramps != 0) {
      assert_warned(1, "navigators that are not as long as lines");
    } else {
      assert_int_equal(warnings, 0);
      assert_memory_equal(usual, all, bytes);
    }
    warnings = 0;
    float complex *one = epi_images(context, &s, 1, 2, ramps != 0, &saw);
    assert_true(saw); /* by the other two */
    assert_int_equal(warnings, ramps);
    free(one);
    free(all);
    free(usual);
    kvox_context_destroy(context);
  }
  scan_free(&s);
}

/* Of lines no two of which are alike, and of navigators none of which fits, the log has one word. */
static void test_flood(void **state) {
  (void)state;
  kvox_context *context = listening();
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(3, 16, 8, 1);
  scan_fill(&s, 4);
  s.protocol.coils = 0;
  kvox_mri_recon *recon = recon_of(context, &s, &o);
  for (int32_t i = 0; i < 20; i++) {
    kvox_mri_readout r = scan_readout(&s, 0, 0, 0, i % 8);
    r.coils -= i % 2;
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
  assert_warned(1, "the first line, of 3 coils");
  kvox_mri_recon_destroy(recon);
  warnings = 0;
  s.protocol.trajectory = KVOX_MRI_EPI;
  recon = recon_of(context, &s, &o);
  for (int32_t i = 0; i < 20; i++) {
    kvox_mri_readout r = scan_readout(&s, 0, 0, 0, 4);
    r.flags = KVOX_MRI_PHASE_CORRECTION;
    r.coils--;
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
  scan_push(&s, recon, 0, 0, 0, 0);
  assert_warned(1, "a navigator is left out");
  kvox_mri_recon_destroy(recon);
  kvox_context_destroy(context);
  scan_free(&s);
}

/* ---- Noise ---- */

static void push_noise(kvox_mri_recon *recon, uint64_t *seed, int coils, int samples, double time_us,
                       kvox_status must) {
  static float complex data[NOISE_COILS * 400];
  make_noise(seed, 1, 400, data);
  const kvox_mri_readout r = {.flags = KVOX_MRI_NOISE,
                              .coils = coils,
                              .samples = samples,
                              .data = (const float *)data,
                              .sample_time_us = time_us};
  assert_int_equal(kvox_mri_recon_push(recon, &r), must);
}

/* The scan's images in SNR units, an odd noise readout before the others or none. */
static float complex *noise_images(kvox_context *context, scan *s, int odd_coils, int odd_samples, double odd_us) {
  kvox_mri_recon_options o = separate_coils();
  uint64_t seed = 5;
  o.snr_units = 1;
  kvox_mri_recon *recon = recon_of(context, s, &o);
  if (odd_coils > 0) {
    uint64_t other = 77;
    push_noise(recon, &other, odd_coils, odd_samples, odd_us, KVOX_OK);
  }
  for (int i = 0; i < 4; i++) {
    push_noise(recon, &seed, NOISE_COILS, 400, 5, KVOX_OK);
  }
  push_noise(recon, &seed, NOISE_COILS - 1, 400, 5, KVOX_ERROR_SIZE);
  push_noise(recon, &seed, NOISE_COILS, 400, 7, KVOX_ERROR_DATA);
  for (int32_t y = 0; y < s->protocol.encoded_size[1]; y++) {
    kvox_mri_readout r = scan_readout(s, 0, 0, 0, y);
    r.sample_time_us = 5;
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  kvox_mri_recon_destroy(recon);
  return images;
}

static void test_noise(void **state) {
  (void)state;
  scan s = scan_of(NOISE_COILS, 12, 10, 1);
  scan_fill(&s, 2);
  const size_t bytes = (size_t)(NOISE_COILS * 12 * 10) * sizeof(float complex);
  for (int told = 0; told < 2; told++) {
    kvox_context *context = listening();
    s.protocol.coils = told ? NOISE_COILS : 0;
    float complex *usual = noise_images(context, &s, 0, 0, 0);
    assert_int_equal(warnings, 0);
    for (int how = 0; how < 2; how++) {
      float complex *images = noise_images(context, &s, how == 0 ? 2 : NOISE_COILS, 300, how == 0 ? 5 : 9);
      assert_memory_equal(images, usual, bytes);
      assert_warned(how + 1, "the first noise readout");
      free(images);
    }
    free(usual);
    kvox_context_destroy(context);
  }
  /* Noise of other coils than the lines have whitens nothing. */
  kvox_context *context = listening();
  kvox_mri_recon_options o = separate_coils();
  uint64_t seed = 5;
  s.protocol.coils = 0;
  kvox_mri_recon *recon = recon_of(context, &s, &o);
  push_noise(recon, &seed, 2, 400, 0, KVOX_OK);
  push_noise(recon, &seed, 2, 400, 0, KVOX_OK);
  scan_push_all(&s, recon);
  assert_warned(1, "noise of 2 coils is left out, lines have 5");
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  scan_compare(&s, &o, NULL, images, 2e-6);
  free(images);
  kvox_mri_recon_destroy(recon);
  kvox_context_destroy(context);
  scan_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_line), cmocka_unit_test(test_broken_second_line),
                                     cmocka_unit_test(test_navigators), cmocka_unit_test(test_flood),
                                     cmocka_unit_test(test_noise)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
