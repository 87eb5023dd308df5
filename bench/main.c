/* kvox_bench [--json] [--backend cpu|opencl] [--device X] [--threads N] [--cpu LEVEL] [--runs N] [--list] [NAME ...] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static kvox_status machine_alone(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  (void)what;
  cJSON_AddItemToObject(result, "machine", kvox_bench_machine_json(&bench->machine));
  return KVOX_OK;
}

static const kvox_bench_case cases[] = {
    {"machine", "copy bandwidth, multiply-add peak, loads from the caches", machine_alone, 0, 0, 0, 0},
    {"ct-stack", "64 slices of 512 x 512 from 720 views", kvox_bench_ct_fbp, 512, 64, 720, 729},
    {"ct-slice", "one slice of 512 x 512 from 720 views", kvox_bench_ct_fbp, 512, 1, 720, 729},
    {"ct-large", "one slice of 2500 x 2500 from 2880 views", kvox_bench_ct_fbp, 2500, 1, 2880, 3541},
    {"ct-fdk", "256 x 256 x 256 from 360 cone beam views of 512 x 512", kvox_bench_ct_fdk, 256, 256, 360, 512},
    {"ct-fan", "one slice of 512 x 512 from 720 fan beam views", kvox_bench_ct_fan, 512, 1, 720, 729},
    {"ct-fdk-large", "512 x 512 x 512 from 720 views of 1024 x 1024", kvox_bench_ct_fdk, 512, 512, 720, 1024},
    {"ct-rabbit", "512 x 512 x 512 from 496 views of 1248 x 960, u16", kvox_bench_ct_rabbit, 512, 512, 496, 1248},
    {"ct-rabbit-matrices", "the same C-arm as it sags", kvox_bench_ct_rabbit_matrices, 512, 512, 496, 1248},
    {"ct-stream", "the same pushed view by view, in turns with all at once", kvox_bench_ct_stream, 256, 256, 360, 512},
    {"ct-oracle", "one slice, in turns with the CPU oracle on all cores", kvox_bench_ct_oracle, 512, 1, 720, 729},
    {"ct-filter", "the ramp filter of the stack, beside FFTW", kvox_bench_ct_filter, 512, 64, 720, 729},
    {"ct-project", "the operator A on 16 slices", kvox_bench_ct_project, 512, 16, 720, 729},
    {"ct-backproject", "its adjoint", kvox_bench_ct_backproject, 512, 16, 720, 729},
    {"ct-project-cone", "Joseph's projector, 256 x 256 x 256 to 90 cone beam views of 512 x 512",
     kvox_bench_ct_project_cone, 256, 256, 90, 512},
    {"ct-backproject-cone", "its adjoint", kvox_bench_ct_backproject_cone, 256, 256, 90, 512},
    {"ct-project-arm", "the same projector, views of an arm that sags", kvox_bench_ct_project_arm, 256, 256, 90, 512},
    {"ct-backproject-arm", "its adjoint", kvox_bench_ct_backproject_arm, 256, 256, 90, 512},
    {"ct-project-fan", "the same of a fan beam, 256 slices", kvox_bench_ct_project_fan, 256, 256, 90, 512},
    {"ct-backproject-fan", "its adjoint", kvox_bench_ct_backproject_fan, 256, 256, 90, 512},
    {"ct-correct", "u16 counts of the stack to line integrals", kvox_bench_ct_correct, 512, 64, 720, 729},
    {"mri-3d", "256 x 256 x 256 of 8 coils to the magnitude, beside FFTW", kvox_bench_mri_fourier, 256, 256, 8, 3},
    {"mri-2d", "32 slices of 512 x 512 of 16 coils, the same", kvox_bench_mri_fourier, 512, 32, 16, 2},
    {"mri-live", "256 x 256 from 256 readouts of 8 coils: the last one to the image", kvox_bench_mri_live, 256, 1, 256,
     512},
    {"mri-live-adaptive", "the same with Walsh's combination", kvox_bench_mri_live_adaptive, 256, 1, 256, 512},
    {"mri-live-homodyne", "the same of 6/8 of k-space, homodyne", kvox_bench_mri_live_homodyne, 256, 1, 256, 512},
    {"mri-unwrap", "a phase of 256 x 256 x 256 voxels with noise", kvox_bench_mri_unwrap, 256, 256, 0, 0},
};
enum { CASES = sizeof cases / sizeof cases[0], DONE = 0, FAILED = 1, USAGE = 2 };

typedef struct request {
  int json, list, runs, threads;
  const char *cpu, *backend, *device;
  int asked[CASES], any;
} request;

static int usage(const char *sentence, const char *word) {
  fprintf(stderr, "kvox_bench: %s%s\n", sentence, word);
  fputs(
      "usage: kvox_bench [--json] [--backend cpu|opencl] [--device X] [--threads N] [--cpu ref|neon|avx2|avx512] "
      "[--runs N] [--list] [NAME ...]\n",
      stderr);
  return USAGE;
}

static int parse_whole(const char *text, int most, int *value) {
  char *end;
  const long number = text != NULL ? strtol(text, &end, 10) : 0;
  *value = (int)number;
  return number >= 1 && number <= most && *end == '\0';
}

static int parse_name(request *r, const char *name) {
  for (int c = 0; c < CASES; c++) {
    if (strcmp(cases[c].name, name) == 0) {
      r->asked[c] = r->any = 1;
      return DONE;
    }
  }
  return usage("no such case or option (--list tells the cases): ", name);
}

static int is_backend(const char *word) {
  return word != NULL && (strcmp(word, "cpu") == 0 || strcmp(word, "opencl") == 0);
}

static int parse(int count, char **words, request *r) {
  for (int i = 1; i < count; i++) {
    const char *word = words[i], *next = i + 1 < count ? words[i + 1] : NULL;
    int status = DONE;
    if (strcmp(word, "--json") == 0) {
      r->json = 1;
    } else if (strcmp(word, "--list") == 0) {
      r->list = 1;
    } else if (strcmp(word, "--threads") == 0) {
      status = parse_whole(next, 4096, &r->threads) ? DONE : usage("--threads takes 1 to 4096", "");
      i++;
    } else if (strcmp(word, "--runs") == 0) {
      status = parse_whole(next, KVOX_BENCH_MOST_RUNS, &r->runs) ? DONE : usage("--runs takes 1 to 99", "");
      i++;
    } else if (strcmp(word, "--cpu") == 0) {
      r->cpu = next;
      status = next != NULL ? DONE : usage("--cpu takes the name of a level", "");
      i++;
    } else if (strcmp(word, "--backend") == 0) {
      r->backend = next;
      status = is_backend(next) ? DONE : usage("--backend takes cpu or opencl", "");
      i++;
    } else if (strcmp(word, "--device") == 0) {
      r->device = next;
      status = next != NULL ? DONE : usage("--device takes a type, a number or a part of a name", "");
      i++;
    } else {
      status = parse_name(r, word);
    }
    if (status != DONE) {
      return status;
    }
  }
  return DONE;
}

static int level_by_name(const char *name) {
  for (int level = KVOX_CPU_REF; level <= KVOX_CPU_AVX512; level++) {
    if (strcmp(kvox_cpu_level_name(level), name) == 0) {
      return level;
    }
  }
  return -1;
}

static cJSON *describe(const kvox_context *context) {
  char text[2048];
  kvox_context_describe(context, text, sizeof text);
  cJSON *json = cJSON_Parse(text);
  return json != NULL ? json : cJSON_CreateObject();
}

static int run_cases(const kvox_bench *bench, const request *r, cJSON *list) {
  for (int c = 0; c < CASES; c++) {
    if (r->any && !r->asked[c]) {
      continue;
    }
    cJSON *result = cJSON_CreateObject();
    cJSON_AddItemToArray(list, result);
    cJSON_AddStringToObject(result, "name", cases[c].name);
    if (cases[c].run(bench, &cases[c], result) != KVOX_OK) {
      fprintf(stderr, "kvox_bench: %s: %s\n", cases[c].name, kvox_last_error());
      return FAILED;
    }
    if (!r->json) {
      kvox_bench_print(result);
    }
  }
  return DONE;
}

static int run(const request *r) {
  kvox_bench bench = {.runs = r->runs};
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.threads = r->threads;
  const int opencl = r->device != NULL || (r->backend != NULL && strcmp(r->backend, "opencl") == 0);
  options.backend = opencl ? KVOX_BACKEND_OPENCL : KVOX_BACKEND_CPU;
  options.device = r->device;
  options.forbid_fallback = 1;
  options.cpu_level = r->cpu != NULL ? level_by_name(r->cpu) : KVOX_CPU_AUTO;
  if (options.cpu_level < 0) {
    return usage("--cpu takes ref, neon, avx2 or avx512, not ", r->cpu);
  }
  if (kvox_context_create(&options, &bench.context) != KVOX_OK) {
    fprintf(stderr, "kvox_bench: %s\n", kvox_last_error());
    return FAILED;
  }
  bench.threads = kvox_context_threads(bench.context);
  int status = FAILED;
  cJSON *report = cJSON_CreateObject();
  cJSON_AddItemToObject(report, "context", describe(bench.context));
  cJSON *list = cJSON_AddArrayToObject(report, "cases");
  if (!r->json) {
    const char *device =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItem(report, "context"), "device"));
    printf("device: %s\n", device != NULL ? device : "");
  }
  if (!kvox_bench_measure_machine(bench.threads, kvox_context_cpu_level(bench.context), &bench.machine)) {
    fputs("kvox_bench: no memory to measure the machine with\n", stderr);
  } else {
    status = run_cases(&bench, r, list);
  }
  if (status == DONE && r->json) {
    char *text = cJSON_Print(report);
    puts(text != NULL ? text : "");
    cJSON_free(text);
  }
  cJSON_Delete(report);
  kvox_context_destroy(bench.context);
  return status;
}

int main(int count, char **words) {
  request r = {.runs = 5};
  const int status = parse(count, words, &r);
  if (status != DONE) {
    return status;
  }
  if (r.list) {
    for (int c = 0; c < CASES; c++) {
      printf("%-20s %s\n", cases[c].name, cases[c].summary);
    }
    return DONE;
  }
  return run(&r);
}
