/* Regridding and ghosts on an OpenCL device: against the CPU, for any place, layout and limit. */
#include "mri/places.h"

#include "kvox/mri_epi.h"

/* Of the range: the same sums in the same order, but for the oracle's (KVOX_CPU_LEVEL=reference), in double. */
static const double tolerance = 1e-5;

static const kvox_mri_ramps trapezoid = {.up_us = 100, .flat_us = 160, .down_us = 100, .delay_us = 30, .dwell_us = 2};
static const kvox_mri_ramps none = {.dwell_us = 2};

/* ---- Ramps ---- */

typedef struct lines_case {
  int64_t samples, size; /* of a line */
  int32_t rank;
  int64_t shape[6]; /* of lines, the last axis left out */
} lines_case;

static const lines_case cases[] = {
    {150, 96, 1, {0}}, {150, 150, 2, {19}}, {61, 33, 3, {3, 8}}, {128, 300, 4, {2, 3, 17}}, {90, 71, 5, {2, 1, 5, 9}}};
enum { CASES = sizeof cases / sizeof cases[0] };

static int64_t shape_of(const lines_case *c, int64_t last, int64_t *shape) {
  memcpy(shape, c->shape, (size_t)(c->rank - 1) * sizeof *shape);
  shape[c->rank - 1] = last;
  return count_of(c->rank, shape);
}

static kvox_mri_ramp *ramp_of(kvox_context *context, const lines_case *c, bool is_flat) {
  kvox_mri_ramp *ramp = NULL;
  assert_ok(
      kvox_mri_ramp_create(context, is_flat ? &none : &trapezoid, c->samples, is_flat ? c->samples : c->size, &ramp));
  return ramp;
}

static void regrid(kvox_context *context, const lines_case *c, bool is_flat, int32_t reversed, int from, int to,
                   float complex *samples, float complex *out) {
  uint64_t seed = 3;
  int64_t shape[6], grid[6];
  kvox_mri_ramp *ramp = ramp_of(context, c, is_flat);
  shape_of(c, c->samples, shape);
  shape_of(c, is_flat ? c->samples : c->size, grid);
  placed in = place_values(context, from, &seed, KVOX_C64, c->rank, shape, samples);
  placed result = place(context, to, &seed, KVOX_C64, c->rank, grid);
  assert_ok(kvox_mri_ramp_apply(ramp, NULL, reversed, &in.array, &result.array));
  take_away(&in, NULL);
  take_away(&result, out);
  kvox_mri_ramp_destroy(ramp);
}

static void regrids_as_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  double worst = 0;
  for (size_t i = 0; i < CASES; i++) {
    const lines_case *c = &cases[i];
    uint64_t seed = i;
    int64_t shape[6];
    float complex *samples = random_samples(&seed, shape_of(c, c->samples, shape));
    for (int flat = 0; flat < 2; flat++) {
      const int64_t count = shape_of(c, flat ? c->samples : c->size, shape);
      float complex *want = calloc((size_t)count, sizeof *want), *got = calloc((size_t)count, sizeof *got);
      for (int32_t reversed = 0; reversed < 2; reversed++) {
        regrid(both->cpu, c, flat == 1, reversed, HOST, HOST, samples, want);
        for (int p = 0; p < PLACES; p++) {
          regrid(both->device, c, flat == 1, reversed, places[p], places[(p + reversed) % PLACES], samples, got);
          worst = fmax(worst, difference_of(2 * count, got, want));
        }
        /* Lines of a few at a time, and of none more than fit. */
        kvox_context *tight = context_of(KVOX_BACKEND_OPENCL, 2 * 8 * (uint64_t)(c->samples + c->size) + 4 * 64);
        regrid(tight, c, flat == 1, reversed, HOST, HOST | LOOSE, samples, want);
        assert_memory_equal(got, want, (size_t)count * sizeof *got);
        kvox_context_destroy(tight);
      }
      free(want);
      free(got);
    }
    free(samples);
  }
  printf("regridding there differs from the CPU by %.2g of the range\n", worst);
  assert_true(worst <= tolerance);
}

static void regrids_in_place(void **state) {
  SIDES_OR_SKIP(state);
  const lines_case *c = &cases[1];
  uint64_t seed = 8;
  int64_t shape[6];
  const int64_t count = shape_of(c, c->samples, shape);
  float complex *samples = random_samples(&seed, count), *want = calloc((size_t)count, sizeof *want);
  float complex *got = calloc((size_t)count, sizeof *got);
  for (int flat = 0; flat < 2; flat++) {
    regrid(both->device, c, flat == 1, 1, HOST, HOST, samples, want);
    for (int p = 0; p < PLACES; p++) {
      kvox_mri_ramp *ramp = ramp_of(both->device, c, flat == 1);
      placed lines = place_values(both->device, places[p], &seed, KVOX_C64, c->rank, shape, samples);
      assert_ok(kvox_mri_ramp_apply(ramp, NULL, 1, &lines.array, &lines.array));
      take_away(&lines, got);
      assert_memory_equal(got, want, (size_t)count * sizeof *got);
      const float complex was = samples[3 * 150 + 41];
      samples[3 * 150 + 41] = NAN;
      lines = place_values(both->device, places[p], &seed, KVOX_C64, c->rank, shape, samples);
      assert_fails(KVOX_ERROR_DATA, "sample 41 of line 3",
                   kvox_mri_ramp_apply(ramp, NULL, 1, &lines.array, &lines.array));
      take_away(&lines, NULL);
      samples[3 * 150 + 41] = was;
      kvox_mri_ramp_destroy(ramp);
    }
  }
  free(samples);
  free(want);
  free(got);
}

static void tells_its_memory(void **state) {
  SIDES_OR_SKIP(state);
  kvox_memory_use memory;
  kvox_mri_ramp *ramp = ramp_of(both->device, &cases[0], false), *cpu = ramp_of(both->cpu, &cases[0], false);
  assert_ok(kvox_mri_ramp_memory(ramp, &memory));
  assert_int_equal(memory.device, 2 * 150 * 96 * sizeof(float));
  assert_ok(kvox_mri_ramp_memory(cpu, &memory));
  assert_int_equal(memory.device, 0);
  const int64_t from[1] = {150}, to[1] = {96};
  uint64_t seed = 1;
  placed in = place(both->device, DEVICE, &seed, KVOX_C64, 1, from);
  placed out = place(both->device, DEVICE, &seed, KVOX_C64, 1, to);
  assert_fails(KVOX_ERROR_ARGUMENT, "computes on the CPU", kvox_mri_ramp_apply(cpu, NULL, 0, &in.array, &out.array));
  take_away(&in, NULL);
  take_away(&out, NULL);
  kvox_mri_ramp_destroy(ramp);
  kvox_mri_ramp_destroy(cpu);
}

/* ---- Ghosts ---- */

static const struct {
  int32_t rank;
  int64_t shape[6]; /* .., coil, z, y, x */
} hybrids[] = {{4, {1, 1, 2, 1}}, {4, {3, 1, 33, 300}}, {5, {2, 4, 3, 17, 65}}, {6, {2, 1, 5, 2, 8, 31}}};

static void take_off(kvox_context *context, size_t i, bool in_place, int from, int to, float complex *samples,
                     float complex *out) {
  uint64_t seed = 4;
  kvox_mri_ghost ghosts[8];
  uint8_t reversed[64];
  for (int c = 0; c < 8; c++) {
    ghosts[c] = (kvox_mri_ghost){0.3 - 0.1 * c, 0.02 + 0.001 * c, 1e-4 * c};
  }
  for (int y = 0; y < 64; y++) {
    reversed[y] = (y % 2 == 1) != (y > 9);
  }
  const int32_t rank = hybrids[i].rank;
  placed in = place_values(context, from, &seed, KVOX_C64, rank, hybrids[i].shape, samples);
  placed result = place(context, to, &seed, KVOX_C64, rank, hybrids[i].shape);
  assert_ok(kvox_mri_ghost_apply(context, NULL, ghosts, reversed, &in.array, in_place ? &in.array : &result.array));
  take_away(&in, in_place ? out : NULL);
  take_away(&result, in_place ? NULL : out);
}

static void takes_ghosts_off_as_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  double worst = 0;
  for (size_t i = 0; i < sizeof hybrids / sizeof *hybrids; i++) {
    uint64_t seed = i;
    const int64_t count = count_of(hybrids[i].rank, hybrids[i].shape), *last = hybrids[i].shape + hybrids[i].rank - 1;
    float complex *samples = random_samples(&seed, count), *want = calloc((size_t)count, sizeof *want);
    float complex *got = calloc((size_t)count, sizeof *got);
    take_off(both->cpu, i, false, HOST, HOST, samples, want);
    for (int p = 0; p < PLACES; p++) {
      take_off(both->device, i, p % 3 == 1, places[p], places[(p + 1) % PLACES], samples, got);
      worst = fmax(worst, difference_of(2 * count, got, want));
    }
    kvox_context *tight = context_of(KVOX_BACKEND_OPENCL, (uint64_t)(*last * 5 * 16 + 4 * count / *last));
    take_off(tight, i, false, HOST, HOST | LOOSE, samples, want);
    assert_memory_equal(got, want, (size_t)count * sizeof *got);
    kvox_context_destroy(tight);
    free(samples);
    free(want);
    free(got);
  }
  printf("ghosts there differ from the CPU by %.2g of the range\n", worst);
  assert_true(worst <= tolerance);
}

static void names_what_is_not_finite(void **state) {
  SIDES_OR_SKIP(state);
  enum { SAMPLE = (((1 * 4 + 2) * 3 + 1) * 17 + 6) * 65 + 60 };
  const kvox_mri_ghost ghosts[4] = {{0}};
  const uint8_t reversed[17] = {0, 1, 0, 1};
  uint64_t seed = 2;
  float complex *samples = random_samples(&seed, count_of(5, hybrids[2].shape));
  samples[SAMPLE] = INFINITY;
  for (int p = 0; p < PLACES; p++) {
    placed in = place_values(both->device, places[p], &seed, KVOX_C64, 5, hybrids[2].shape, samples);
    assert_fails(KVOX_ERROR_DATA, "volume 1, coil 2 at z 1, y 6, x 60",
                 kvox_mri_ghost_apply(both->device, NULL, ghosts, reversed, &in.array, &in.array));
    take_away(&in, NULL);
  }
  free(samples);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(regrids_as_the_cpu), cmocka_unit_test(regrids_in_place),
                                     cmocka_unit_test(tells_its_memory), cmocka_unit_test(takes_ghosts_off_as_the_cpu),
                                     cmocka_unit_test(names_what_is_not_finite)};
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
