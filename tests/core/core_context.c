/* A context's options, the environment, what it reports, how long it lives. */
#include "context/context.h"

#include <omp.h>
#include <stdlib.h>

#include "failing_heap.h"
#include "kvox/kvox.h"

/* The variables of the run itself (a CPU level, say) are put aside, so that these tests set their own. */
static const char *const variables[] = {"KVOX_CPU", "KVOX_THREADS", "KVOX_BACKEND", "KVOX_DEVICE"};
enum { VARIABLES = sizeof variables / sizeof variables[0] };

static int clear_environment(void **state) {
  (void)state;
  for (int i = 0; i < VARIABLES; i++) {
    unsetenv(variables[i]);
  }
  return 0;
}

static kvox_context_options usual(void) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  return options;
}

/* Makes and destroys a context; its status. */
static kvox_status try(const kvox_context_options *options) {
  kvox_context *context = (kvox_context *)&context; /* a failed create must leave it alone */
  void *before = context;
  const kvox_status status = kvox_context_create(options, &context);
  if (status == KVOX_OK) {
    kvox_context_destroy(context);
  } else {
    assert_ptr_equal(context, before);
  }
  return status;
}

static void as_usual(void **state) {
  (void)state;
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(NULL, &context));
  assert_int_equal(kvox_context_threads(context), omp_get_num_procs());
  assert_int_equal(kvox_context_cpu_level(context), kvox_cpu_detected());
  kvox_device_info info;
  kvox_device_info_init(&info);
  const bool has_gpu = kvox_context_device(context, &info) == KVOX_OK;
  assert_int_equal(kvox_context_backend(context), has_gpu ? KVOX_BACKEND_OPENCL : KVOX_BACKEND_CPU);
  assert_true(!has_gpu || info.type == KVOX_DEVICE_GPU);
  kvox_context_destroy(context);
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_context_create(NULL, NULL));
}

static void struct_sizes(void **state) {
  (void)state;
  kvox_context_options options = usual();
  assert_int_equal(options.struct_size, sizeof options);
  options.struct_size = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "struct_size is 0", try(&options));
  options.struct_size = sizeof options.struct_size - 1;
  assert_fails(KVOX_ERROR_ARGUMENT, "struct_size is 7", try(&options));
  options.struct_size = SIZE_MAX; /* what an uninitialised struct may hold: nothing behind it may be read */
  assert_fails(KVOX_ERROR_ARGUMENT, "struct_size is", try(&options));

  /* An older program's shorter struct: what it does not have is as usual. */
  options = usual();
  options.threads = 3;
  options.fft_effort = 77; /* beyond what this struct_size covers */
  options.struct_size = offsetof(kvox_context_options, cpu_level);
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(&options, &context));
  assert_int_equal(kvox_context_threads(context), 3);
  kvox_context_destroy(context);
}

static void newer_structs(void **state) {
  (void)state;
  struct {
    kvox_context_options options;
    unsigned char tail[32];
  } newer;
  kvox_context_options_init_sized(&newer.options, sizeof newer);
  assert_int_equal(newer.options.struct_size, sizeof newer);
  assert_ok(try(&newer.options));
  for (size_t i = 0; i < sizeof newer.tail; i++) {
    newer.tail[i] = 1;
    assert_fails(KVOX_ERROR_UNSUPPORTED, "newer library", try(&newer.options));
    newer.tail[i] = 0;
  }
  kvox_context_options_init_sized(NULL, 100);
}

static void wrong_options(void **state) {
  (void)state;
#define WRONG(status, words, change)            \
  do {                                          \
    kvox_context_options options = usual();     \
    options.change;                             \
    assert_fails(status, words, try(&options)); \
  } while (0)
  WRONG(KVOX_ERROR_ARGUMENT, "threads is -1", threads = -1);
  WRONG(KVOX_ERROR_ARGUMENT, "threads is 4097", threads = 4097);
  WRONG(KVOX_ERROR_ARGUMENT, "cpu_level -1", cpu_level = -1);
  WRONG(KVOX_ERROR_ARGUMENT, "cpu_level 5", cpu_level = 5);
  WRONG(KVOX_ERROR_ARGUMENT, "backend 3", backend = 3);
  WRONG(KVOX_ERROR_ARGUMENT, "backend -1", backend = -1);
  WRONG(KVOX_ERROR_ARGUMENT, "given together", opencl_context = &options);
  WRONG(KVOX_ERROR_ARGUMENT, "given together", opencl_queue = &options);
  WRONG(KVOX_ERROR_ARGUMENT, "fft_effort 2", fft_effort = 2);
  WRONG(KVOX_ERROR_ARGUMENT, "allocate and release", allocate = failing_heap_allocate);
  WRONG(KVOX_ERROR_ARGUMENT, "allocate and release", release = failing_heap_release);
  const int32_t other = kvox_cpu_detected() == KVOX_CPU_NEON ? KVOX_CPU_AVX2 : KVOX_CPU_NEON;
  WRONG(KVOX_ERROR_UNSUPPORTED, "this machine has", cpu_level = other);
}

static void environment(void **state) {
  (void)state;
  static const struct {
    const char *name, *value, *words;
  } wrong[] = {
      {"KVOX_CPU", "sse9", "KVOX_CPU is \"sse9\""},        {"KVOX_CPU", "AVX2", "KVOX_CPU is \"AVX2\""},
      {"KVOX_THREADS", "0", "KVOX_THREADS is \"0\""},      {"KVOX_THREADS", "-2", "KVOX_THREADS is \"-2\""},
      {"KVOX_THREADS", "2.5", "KVOX_THREADS is \"2.5\""},  {"KVOX_THREADS", "2,5", "KVOX_THREADS"},
      {"KVOX_THREADS", "nan", "KVOX_THREADS is \"nan\""},  {"KVOX_THREADS", "4 cores", "KVOX_THREADS"},
      {"KVOX_THREADS", "99999", "from 1 to 4096"},         {"KVOX_THREADS", "many", "KVOX_THREADS is \"many\""},
      {"KVOX_BACKEND", "cuda", "KVOX_BACKEND is \"cuda\""}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    setenv(wrong[i].name, wrong[i].value, 1);
    assert_fails(KVOX_ERROR_ARGUMENT, wrong[i].words, try(NULL));
    kvox_context_options options = usual();
    options.ignore_environment = 1;
    assert_ok(try(&options));
    clear_environment(NULL);
  }
  setenv("KVOX_BACKEND", "opencl", 1);
  setenv("KVOX_DEVICE", "no such device", 1);
  assert_fails(KVOX_ERROR_DEVICE, "OpenCL", try(NULL));
  setenv("KVOX_BACKEND", "cpu", 1);
  setenv("KVOX_THREADS", "3", 1);
  setenv("KVOX_CPU", "ref", 1);
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(NULL, &context));
  assert_int_equal(kvox_context_threads(context), 3);
  assert_int_equal(kvox_context_cpu_level(context), KVOX_CPU_REF);
  kvox_context_destroy(context);

  /* The host's word comes before the environment's. */
  kvox_context_options options = usual();
  options.threads = 2;
  options.cpu_level = kvox_cpu_detected();
  assert_ok(kvox_context_create(&options, &context));
  assert_int_equal(kvox_context_threads(context), 2);
  assert_int_equal(kvox_context_cpu_level(context), kvox_cpu_detected());
  kvox_context_destroy(context);

  /* Empty is unset. */
  for (int i = 0; i < VARIABLES; i++) {
    setenv(variables[i], "", 1);
  }
  assert_ok(try(NULL));
  clear_environment(NULL);
}

static void every_level_of_this_machine(void **state) {
  (void)state;
  for (int32_t level = KVOX_CPU_REF; level <= KVOX_CPU_AVX512; level++) {
    kvox_context_options options = usual();
    options.cpu_level = level;
    const int below = level == KVOX_CPU_AVX2 && kvox_cpu_detected() == KVOX_CPU_AVX512;
    const int has = level == KVOX_CPU_REF || level == kvox_cpu_detected() || below;
    assert_int_equal(try(&options), has ? KVOX_OK : KVOX_ERROR_UNSUPPORTED);
    setenv("KVOX_CPU", kvox_cpu_level_name(level), 1);
    assert_int_equal(try(NULL), has ? KVOX_OK : KVOX_ERROR_UNSUPPORTED);
    clear_environment(NULL);
  }
  assert_string_equal(kvox_cpu_level_name(-1), "?");
  assert_string_equal(kvox_cpu_level_name(99), "?");
}

static void describes(void **state) {
  (void)state;
  kvox_context_options options = usual();
  options.threads = 5;
  options.cpu_level = KVOX_CPU_REF;
  options.backend = KVOX_BACKEND_CPU;
  options.memory_limit = UINT64_C(1) << 40;
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(&options, &context));
  char text[4096], part[16];
  const size_t length = kvox_context_describe(context, text, sizeof text);
  assert_int_equal(length, strlen(text));
  assert_non_null(strstr(text, "\"kvox\": \"0.1.0\""));
  assert_non_null(strstr(text, "\"cpu_level\": \"ref\""));
  assert_non_null(strstr(text, "\"threads\": 5"));
  assert_non_null(strstr(text, "\"memory_limit\": 1099511627776"));
  assert_non_null(strstr(text, "\"backend\": \"cpu\""));
  assert_non_null(strstr(text, "\"backend_reason\": \"asked for\""));
  assert_non_null(strstr(text, "\"device\": \"host\""));
  assert_non_null(strstr(text, "\"fft\": \""));
  assert_int_equal(text[0], '{');
  assert_int_equal(text[length - 1], '}');
  assert_int_equal(kvox_context_describe(context, part, sizeof part), length);
  assert_memory_equal(part, text, sizeof part - 1);
  assert_int_equal(part[sizeof part - 1], '\0');
  assert_int_equal(kvox_context_describe(context, NULL, 0), length);
  assert_int_equal(kvox_context_describe(context, NULL, 100), length);
  assert_int_equal(kvox_context_describe(NULL, part, sizeof part), 0);
  kvox_context_destroy(context);
  options.memory_limit = UINT64_MAX; /* no limit, and no negative one */
  assert_ok(kvox_context_create(&options, &context));
  kvox_context_describe(context, text, sizeof text);
  assert_non_null(strstr(text, "\"memory_limit\": 1.8446744073709552e+19"));
  kvox_context_destroy(context);
}

/* Objects keep what they need of a context that its owner gave up. */
static void destroyed_first(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *context = NULL;
  kvox_workspace *workspace = NULL;
  kvox_volume *volume = NULL;
  kvox_grid grid;
  assert_ok(kvox_grid_init(&grid, (int64_t[]){2, 2, 2}, (double[]){1, 1, 1}, NULL));
  assert_ok(kvox_context_create(&options, &context));
  assert_ok(kvox_workspace_create(context, &workspace));
  assert_ok(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  kvox_context_destroy(context);
  assert_int_equal(kvox_workspace_bytes(workspace), 0);
  assert_ok(kvox_volume_set_provenance(volume, "{}"));
  kvox_workspace_destroy(workspace);
  assert_ok(kvox_volume_set_provenance(volume, "{\"still\": \"there\"}"));
  kvox_volume_destroy(volume);
  failing_heap_destroy(heap);
}

static void nothing_given(void **state) {
  (void)state;
  kvox_workspace *workspace = NULL;
  assert_int_equal(kvox_context_threads(NULL), 0);
  assert_int_equal(kvox_context_cpu_level(NULL), KVOX_CPU_REF);
  assert_int_equal(kvox_context_backend(NULL), KVOX_BACKEND_CPU);
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_workspace_create(NULL, &workspace));
  kvox_workspace_set_progress(NULL, NULL, NULL);
  assert_int_equal(kvox_workspace_bytes(NULL), 0);
  assert_int_equal(kvox_workspace_stage_count(NULL), 0);
  assert_null(kvox_workspace_stage_name(NULL, 0));
  assert_true(kvox_workspace_stage_seconds(NULL, 0) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_usual),      cmocka_unit_test(struct_sizes),    cmocka_unit_test(newer_structs),
      cmocka_unit_test(wrong_options), cmocka_unit_test(environment),     cmocka_unit_test(every_level_of_this_machine),
      cmocka_unit_test(describes),     cmocka_unit_test(destroyed_first), cmocka_unit_test(nothing_given)};
  return cmocka_run_group_tests(tests, clear_environment, NULL);
}
