/* k-space of all coils to the magnitude image, beside what FFTW needs for those transforms alone (mri-3d, mri-2d). */
#include "bench.h"

typedef struct scene {
  kvox_context *context; /* with FFTW's MEASURE, as FFTW alone has it */
  kvox_mri_fourier *fourier;
  kvox_workspace *workspace;
  kvox_volume *kspace_memory, *magnitude_memory;
  kvox_array kspace, magnitude;
  kvox_bench_coils *fftw;
} scene;

/* Numbers that look like noise are as quick to transform as an object. */
static void fill(const kvox_array *kspace) {
  const int64_t *shape = kspace->shape;
  const int64_t count = 2 * shape[0] * shape[1] * shape[2] * shape[3];
  float *samples = kspace->data;
  uint32_t state = 1;
  for (int64_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    samples[i] = (float)(state >> 8) * 0x1p-24f - 0.5f;
  }
}

static kvox_status make(const kvox_bench *bench, const kvox_bench_case *what, scene *s) {
  const int64_t coils = what->views, size = what->size, slices = what->slices;
  kvox_context_options context;
  kvox_context_options_init(&context);
  context.threads = bench->threads;
  context.cpu_level = kvox_context_cpu_level(bench->context);
  context.backend = KVOX_BACKEND_CPU;
  context.fft_effort = KVOX_FFT_MEASURE;
  KVOX_BENCH_TRY(kvox_context_create(&context, &s->context));
  kvox_mri_fourier_options options;
  kvox_mri_fourier_options_init(&options);
  options.axes = what->columns == 3 ? KVOX_MRI_X | KVOX_MRI_Y | KVOX_MRI_Z : KVOX_MRI_X | KVOX_MRI_Y;
  options.kspace_size[0] = options.kspace_size[1] = size;
  options.kspace_size[2] = slices;
  KVOX_BENCH_TRY(kvox_mri_fourier_create(s->context, &options, &s->fourier));
  KVOX_BENCH_TRY(kvox_workspace_create(s->context, &s->workspace));
  KVOX_BENCH_TRY(
      kvox_bench_memory(s->context, KVOX_C64, (int64_t[]){coils * slices, size, size}, &s->kspace_memory, &s->kspace));
  KVOX_BENCH_TRY(kvox_array_init(&s->kspace, s->kspace.data, KVOX_C64, 4, (int64_t[]){coils, slices, size, size}));
  KVOX_BENCH_TRY(
      kvox_bench_memory(s->context, KVOX_F32, (int64_t[]){slices, size, size}, &s->magnitude_memory, &s->magnitude));
  s->fftw = kvox_bench_coils_create(bench, what, s->kspace.data);
  return s->fftw != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
}

static void drop(scene *s) {
  kvox_bench_coils_destroy(s->fftw);
  kvox_volume_destroy(s->kspace_memory);
  kvox_volume_destroy(s->magnitude_memory);
  kvox_workspace_destroy(s->workspace);
  kvox_mri_fourier_destroy(s->fourier);
  kvox_context_destroy(s->context);
}

static void report(const kvox_bench_case *what, const scene *s, const kvox_bench_series *total,
                   const kvox_bench_series fftw[KVOX_BENCH_COILS_WAYS], cJSON *result) {
  static const char *const names[KVOX_BENCH_COILS_WAYS] = {"coil_a_thread_in_place", "coil_a_thread_apart",
                                                           "threaded_in_place", "threaded_apart"};
  cJSON *seconds = kvox_bench_report(result, what, total);
  cJSON *alone = cJSON_AddObjectToObject(seconds, "fftw");
  int best = -1;
  for (int w = 0; w < KVOX_BENCH_COILS_WAYS; w++) {
    if (fftw[w].count > 0) {
      cJSON_AddNumberToObject(alone, names[w], kvox_bench_median(&fftw[w]));
      best = best < 0 || kvox_bench_median(&fftw[w]) < kvox_bench_median(&fftw[best]) ? w : best;
    }
  }
  const double median = kvox_bench_median(&fftw[best]), least = kvox_bench_least(&fftw[best]);
  cJSON_AddNumberToObject(alone, "median", median);
  cJSON_AddNumberToObject(alone, "least", least);
  cJSON_AddNumberToObject(result, "of_fftw", kvox_bench_median(total) / median);
  cJSON_AddNumberToObject(result, "of_fftw_least", kvox_bench_least(total) / least);
  cJSON_AddNumberToObject(
      result, "gbytes_per_s",
      1e-9 * (kvox_bench_bytes(&s->kspace) + kvox_bench_bytes(&s->magnitude)) / kvox_bench_median(total));
  kvox_memory_use use;
  if (kvox_mri_fourier_memory(s->fourier, &use) == KVOX_OK) {
    cJSON_AddNumberToObject(result, "workspace_bytes", (double)use.workspace);
  }
}

/* In turns, so that what else the machine does falls on both. */
kvox_status kvox_bench_mri_fourier(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  scene s = {.context = NULL};
  kvox_bench_series total = {0}, fftw[KVOX_BENCH_COILS_WAYS] = {{0}};
  kvox_status status = make(bench, what, &s);
  for (int run = -1; status == KVOX_OK && (run < 0 || kvox_bench_goes_on(&total, bench->runs)); run++) {
    fill(&s.kspace);
    const double begin = kvox_bench_now();
    status = kvox_mri_fourier_to_magnitude(s.fourier, s.workspace, &s.kspace, &s.magnitude);
    const double seconds = kvox_bench_now() - begin;
    for (int w = 0; w < KVOX_BENCH_COILS_WAYS; w++) {
      fill(&s.kspace);
      const double alone = kvox_bench_coils_run(s.fftw, w);
      if (run >= 0 && alone > 0) {
        kvox_bench_add(&fftw[w], alone);
      }
    }
    if (run >= 0) {
      kvox_bench_add(&total, seconds);
    }
  }
  if (status == KVOX_OK) {
    report(what, &s, &total, fftw, result);
  }
  drop(&s);
  return status;
}
