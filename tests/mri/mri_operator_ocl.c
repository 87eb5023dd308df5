/* Operators on an OpenCL device: each part and a whole measurement against the CPU, their adjoints, any place. */
#include "mri/places.h"

/* Of the range: VkFFT and the CPU's transform are each within some 1e-6, products round once. */
static const double tolerance = 1e-5;

enum { COILS = 3, NZ = 4, NY = 9, NX = 14, LEADING = 2 };
static const int64_t maps_shape[4] = {COILS, NZ, NY, NX}, leading[1] = {LEADING};
static const int64_t image_shape[4] = {LEADING, NZ, NY, NX}, coils_shape[5] = {LEADING, COILS, NZ, NY, NX};

typedef struct parts {
  kvox_context *context;
  placed maps, factors; /* of the operators, as long as they live */
} parts;

static parts open_parts(kvox_context *context, int where) {
  uint64_t seed = 11, layout = 5;
  const int64_t factors_shape[3] = {NZ, 1, NX};
  parts p = {.context = context};
  float complex *maps = random_samples(&seed, count_of(4, maps_shape));
  float complex *factors = random_samples(&seed, count_of(3, factors_shape));
  p.maps = place_values(context, where, &layout, KVOX_C64, 4, maps_shape, maps);
  p.factors = place_values(context, where, &layout, KVOX_C64, 3, factors_shape, factors);
  free(maps);
  free(factors);
  return p;
}

static void close_parts(parts *p) {
  take_away(&p->maps, NULL);
  take_away(&p->factors, NULL);
}

static kvox_mri_operator *make_fourier(const parts *p) {
  kvox_mri_fourier_options options;
  kvox_mri_operator *made = NULL;
  kvox_mri_fourier_options_init(&options);
  const int64_t sizes[3] = {NX, NY, NZ}, coils[2] = {LEADING, COILS};
  memcpy(options.kspace_size, sizes, sizeof sizes);
  assert_ok(kvox_mri_operator_create_fourier(p->context, &options, 2, coils, &made));
  return made;
}

/* Two thirds of ky, x; all z at once. */
static kvox_mri_operator *make_sampling(const parts *p, bool gather) {
  uint8_t taken[NY * NX];
  kvox_array mask;
  kvox_mri_operator *made = NULL;
  for (int i = 0; i < NY * NX; i++) {
    taken[i] = i % 3 != 1 && i / NX != 4;
  }
  mask = array_of(taken, KVOX_U8, 2, (const int64_t[]){NY, NX});
  assert_ok(gather ? kvox_mri_operator_create_gather(p->context, 5, coils_shape, &mask, &made)
                   : kvox_mri_operator_create_sampling(p->context, 5, coils_shape, &mask, &made));
  return made;
}

enum { SENSE, TRANSFORM, SAMPLING, GATHER, CROP, PAD, MODULATION, RAMP, SCALE, MEASUREMENT, NORMAL, KINDS };

static kvox_mri_operator *make(const parts *p, int kind) {
  static const int64_t cropped[4] = {LEADING, NZ + 1, NY - 2, NX};
  static const double shift[4] = {0, 0.3, -1.25, 4};
  kvox_mri_operator *made = NULL;
  switch (kind) {
    case SENSE: assert_ok(kvox_mri_operator_create_coils(p->context, &p->maps.array, 1, leading, &made)); break;
    case TRANSFORM: return make_fourier(p);
    case SAMPLING: return make_sampling(p, false);
    case GATHER: return make_sampling(p, true);
    case CROP: assert_ok(kvox_mri_operator_create_crop(p->context, 4, image_shape, cropped, &made)); break;
    case PAD: assert_ok(kvox_mri_operator_create_crop(p->context, 4, cropped, image_shape, &made)); break;
    case MODULATION:
      assert_ok(kvox_mri_operator_create_modulation(p->context, 4, image_shape, &p->factors.array, &made));
      break;
    case RAMP: assert_ok(kvox_mri_operator_create_phase_ramp(p->context, 4, image_shape, shift, &made)); break;
    case SCALE: assert_ok(kvox_mri_operator_create_scale(p->context, 4, image_shape, 0.5, -2, &made)); break;
    case MEASUREMENT: /* of an image that is smaller, its phase turned */
      made = chained(make(p, SCALE), make(p, PAD));
      made = chained(make(p, RAMP), chained(make(p, MODULATION), made));
      return chained(make(p, GATHER), chained(make(p, TRANSFORM), chained(make(p, SENSE), made)));
    default: {
      kvox_mri_operator *there = make(p, MEASUREMENT), *back = NULL;
      assert_ok(kvox_mri_operator_create_adjoint(there, &back));
      return chained(back, there);
    }
  }
  return made;
}

typedef struct shapes {
  int32_t in_rank, out_rank;
  int64_t in[8], out[8];
} shapes;

static shapes shapes_of(const kvox_mri_operator *operation) {
  shapes s;
  assert_ok(kvox_mri_operator_shape(operation, &s.in_rank, s.in, &s.out_rank, s.out));
  return s;
}

/* Returns the result; of arrays at these places. */
static float complex *apply(kvox_context *context, const kvox_mri_operator *operation, bool adjoint, int from, int to,
                            float complex *samples) {
  const shapes s = shapes_of(operation);
  uint64_t seed = 21;
  const int32_t rank = adjoint ? s.in_rank : s.out_rank;
  const int64_t *shape = adjoint ? s.in : s.out;
  placed in =
      place_values(context, from, &seed, KVOX_C64, adjoint ? s.out_rank : s.in_rank, adjoint ? s.out : s.in, samples);
  placed out = place(context, to, &seed, KVOX_C64, rank, shape);
  float complex *result = malloc((size_t)count_of(rank, shape) * sizeof *result);
  assert_ok(adjoint ? kvox_mri_operator_adjoint(operation, NULL, &in.array, &out.array)
                    : kvox_mri_operator_forward(operation, NULL, &in.array, &out.array));
  take_away(&in, NULL);
  take_away(&out, result);
  return result;
}

static double complex inner(int64_t count, const float complex *a, const float complex *b) {
  double complex sum = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += conj((double complex)a[i]) * (double complex)b[i];
  }
  return sum;
}

/* <A x, y> = <x, A^H y>, as a part of their sizes. */
static double unlike_adjoint(int64_t ins, int64_t outs, const float complex *x, const float complex *y,
                             const float complex *ax, const float complex *ahy) {
  const double size = sqrt(creal(inner(outs, ax, ax)) * creal(inner(outs, y, y)));
  return cabs(inner(outs, ax, y) - inner(ins, x, ahy)) / size;
}

static void agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  double worst = 0, worst_pair = 0;
  for (int kind = 0; kind < KINDS; kind++) {
    parts host = open_parts(both->cpu, HOST);
    kvox_mri_operator *truth = make(&host, kind);
    const shapes s = shapes_of(truth);
    const int64_t ins = count_of(s.in_rank, s.in), outs = count_of(s.out_rank, s.out);
    uint64_t seed = 40;
    float complex *x = random_samples(&seed, ins), *y = random_samples(&seed, outs);
    float complex *ax = apply(both->cpu, truth, false, HOST, HOST, x),
                  *ahy = apply(both->cpu, truth, true, HOST, HOST, y);
    for (int p = 0; p < PLACES; p++) {
      parts there = open_parts(both->device, places[p]);
      kvox_mri_operator *operation = make(&there, kind);
      const int to = places[(p + kind) % PLACES];
      float complex *got = apply(both->device, operation, false, places[p], to, x);
      float complex *back = apply(both->device, operation, true, to, places[p], y);
      worst = fmax(worst, fmax(difference_of(2 * outs, got, ax), difference_of(2 * ins, back, ahy)));
      worst_pair = fmax(worst_pair, unlike_adjoint(ins, outs, x, y, got, back));
      if (!(worst <= tolerance && worst_pair <= tolerance)) {
        fail_msg("kind %d, place %d: %g, as a pair %g", kind, places[p], worst, worst_pair);
      }
      free(got);
      free(back);
      kvox_mri_operator_destroy(operation);
      close_parts(&there);
    }
    free(x);
    free(y);
    free(ax);
    free(ahy);
    kvox_mri_operator_destroy(truth);
    close_parts(&host);
  }
  printf("the device differs from the CPU by at most %.2g of the range; adjoints by %.2g\n", worst, worst_pair);
}

static void tells_memory_and_stages(void **state) {
  SIDES_OR_SKIP(state);
  parts p = open_parts(both->device, HOST);
  kvox_mri_operator *operation = make(&p, MEASUREMENT);
  const shapes s = shapes_of(operation);
  kvox_memory_use memory;
  kvox_workspace *workspace = NULL;
  uint64_t seed = 4;
  assert_ok(kvox_mri_operator_memory(operation, &memory));
  assert_true(memory.device > 0);
  assert_int_equal(memory.workspace, 0);
  assert_ok(kvox_workspace_create(both->device, &workspace));
  float complex *x = random_samples(&seed, count_of(s.in_rank, s.in));
  placed in = place_values(both->device, DEVICE, &seed, KVOX_C64, s.in_rank, s.in, x);
  placed out = place(both->device, DEVICE, &seed, KVOX_C64, s.out_rank, s.out);
  for (int i = 0; i < 2; i++) {
    assert_ok(kvox_mri_operator_forward(operation, workspace, &in.array, &out.array));
  }
  const char *const stages[] = {"crop", "modulation", "coils", "fourier", "sampling"};
  for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
    bool met = false;
    for (int32_t n = 0; n < kvox_workspace_stage_count(workspace); n++) {
      met = met || strcmp(kvox_workspace_stage_name(workspace, n), stages[i]) == 0;
    }
    assert_true(met);
  }
  assert_int_equal(kvox_workspace_bytes(workspace), 0);
  take_away(&in, NULL);
  take_away(&out, NULL);
  free(x);
  kvox_workspace_destroy(workspace);
  kvox_mri_operator_destroy(operation);
  close_parts(&p);
}

static void refuses_what_is_wrong(void **state) {
  SIDES_OR_SKIP(state);
  parts p = open_parts(both->device, DEVICE);
  kvox_mri_operator *operation = make(&p, SENSE), *strange = NULL;
  uint64_t seed = 4;
  float complex *x = random_samples(&seed, count_of(4, image_shape));
  x[((1 * NZ + 2) * NY + 3) * NX + 5] = NAN;
  placed in = place_values(both->device, DEVICE, &seed, KVOX_C64, 4, image_shape, x);
  placed out = place(both->device, HOST, &seed, KVOX_C64, 5, coils_shape);
  assert_fails(KVOX_ERROR_DATA, "(1, 0, 2, 3, 5) is NaN or infinite",
               kvox_mri_operator_forward(operation, NULL, &in.array, &out.array));
  assert_fails(KVOX_ERROR_ARGUMENT, "computes on the CPU",
               kvox_mri_operator_create_coils(both->cpu, &p.maps.array, 0, NULL, &strange));
  take_away(&in, NULL);
  take_away(&out, NULL);
  free(x);
  kvox_mri_operator_destroy(operation);
  close_parts(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_cpu), cmocka_unit_test(tells_memory_and_stages),
                                     cmocka_unit_test(refuses_what_is_wrong)};
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
