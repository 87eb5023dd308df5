/* Programs and kernels: built once, kept in memory; failures, threads, arguments. */
#include <pthread.h>

#include "programs.h"

static void test_embedded(void **state) {
  (void)state;
  for (const kvox_ocl_source *source = kvox_ocl_sources; source->name != NULL; source++) {
    char hex[65];
    kvox_hash hash;
    kvox_hash_start(&hash);
    kvox_hash_add(&hash, source->text, source->length);
    kvox_hash_end(&hash, hex);
    assert_string_equal(hex, source->sha256);
    assert_int_equal(source->text[source->length - 1], '\n');
    assert_non_null(strstr(source->text, "#pragma OPENCL FP_CONTRACT OFF"));
  }
}

static void test_memory(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  kvox_ocl *ocl = open_plainly(NULL);
  kvox_ocl_program *program[3];
  assert_ok(get_text(ocl, "-D VALUE=7", &program[0]));
  assert_ok(get_text(ocl, "-D VALUE=7", &program[1]));
  assert_int_equal(calls.sources, 1);
  assert_ptr_equal(program[0], program[1]);
  assert_ok(get_text(ocl, "-D VALUE=8", &program[2]));
  assert_int_equal(calls.sources, 2);
  assert_value(ocl, program[1], 7);
  assert_value(ocl, program[2], 8);
  for (int i = 0; i < 3; i++) {
    kvox_ocl_program_drop(program[i]);
  }
  /* Kept though nobody holds it; the same text by the other way in is the same program. */
  cl_program handle = NULL;
  assert_ok(kvox_ocl_build(ocl, "again", text, strlen(text), "-D VALUE=7", &handle));
  assert_int_equal(calls.sources, 2);
  calls.real.ReleaseProgram(handle);
  kvox_ocl_drop(ocl);
}

static void test_holds(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_ocl *ocl = open_device(&options, NULL);
  kvox_ocl_program *program = NULL;
  kvox_ocl_kernel *kernel = NULL;
  cl_program handle = NULL;
  assert_ok(get_text(ocl, "-D VALUE=1", &program));
  assert_ok(kvox_ocl_kernel_create(program, "fill", &kernel));
  assert_ok(kvox_ocl_build(ocl, "held", text, strlen(text), "-D VALUE=1", &handle));
  kvox_ocl_drop(ocl);
  kvox_ocl_program_drop(program);
  assert_true(kvox_ocl_kernel_largest_group(kernel) >= 1);
  kvox_ocl_kernel_destroy(kernel);
  failing_heap_destroy(heap); /* the kernel held all, and was the last */
  calls.real.ReleaseProgram(handle);
}

/* ---- As many as are kept ---- */

/* Programs here are never run, so that the compiler's time is saved. */
static cl_int CL_API_CALL pretend_to_build(cl_program program, cl_uint count, const cl_device_id *devices,
                                           const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
                                           void *data) {
  (void)program, (void)count, (void)devices, (void)options, (void)notify, (void)data;
  return CL_SUCCESS;
}

static kvox_ocl *open_without_compiler(const kvox_context_options *options) {
  kvox_ocl *ocl = open_device(options, NULL);
  assert_non_null(ocl);
  calls.counted.BuildProgram = pretend_to_build;
  return ocl;
}

static void get_value(kvox_ocl *ocl, int value, kvox_ocl_program **program) {
  char options[32];
  snprintf(options, sizeof options, "-D VALUE=%d", value);
  assert_ok(get_text(ocl, options, program));
}

/* How many of the programs `first` ... `last` had to be built. */
static int built_anew(kvox_ocl *ocl, int first, int last) {
  forget_calls();
  for (int value = first; value <= last; value++) {
    kvox_ocl_program *program = NULL;
    get_value(ocl, value, &program);
    kvox_ocl_program_drop(program);
  }
  return calls.sources;
}

/* Those asked for last stay, and those that somebody holds; the memory is bounded. */
static void test_bound(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  const int most = KVOX_OCL_MOST_PROGRAMS;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_ocl *ocl = open_without_compiler(&options);
  kvox_ocl_program *held = NULL;
  get_value(ocl, 0, &held);
  assert_int_equal(built_anew(ocl, 1, most - 1), most - 1);
  const int64_t full = heap->live;
  assert_int_equal(built_anew(ocl, 0, most - 1), 0);
  assert_int_equal(built_anew(ocl, 1, 1), 0);
  assert_int_equal(built_anew(ocl, most, most + 1), 2); /* in the places of 2 and 3 */
  assert_int_equal(built_anew(ocl, 4, most + 1), 0);
  assert_int_equal(built_anew(ocl, 0, 1), 0);
  assert_int_equal(built_anew(ocl, 2, 3), 2);
  assert_int_equal(built_anew(ocl, 1000, 1000 + 3 * most), 3 * most + 1);
  assert_int_equal(heap->live, full);
  assert_int_equal(built_anew(ocl, 0, 0), 0);
  kvox_ocl_program_drop(held);
  kvox_ocl_drop(ocl);
  failing_heap_destroy(heap);
}

/* More are held than are kept: all are good, and when they are let go their number falls again. */
static void test_bound_held(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  enum { MANY = KVOX_OCL_MOST_PROGRAMS + 20 };
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_ocl *ocl = open_without_compiler(&options);
  kvox_ocl_program *held[MANY];
  const int64_t empty = heap->live;
  for (int i = 0; i < MANY; i++) {
    get_value(ocl, i, &held[i]);
  }
  assert_int_equal(built_anew(ocl, 0, MANY - 1), 0);
  for (int i = 0; i < MANY; i++) {
    kvox_ocl_program_drop(held[i]);
  }
  assert_int_equal(built_anew(ocl, MANY, MANY), 1);
  assert_int_equal(heap->live, empty + KVOX_OCL_MOST_PROGRAMS);
  assert_int_equal(built_anew(ocl, MANY - KVOX_OCL_MOST_PROGRAMS + 1, MANY), 0);
  kvox_ocl_drop(ocl);
  failing_heap_destroy(heap);
}

static void test_range(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  static const struct {
    kvox_ocl_range range;
    uint32_t count, sizes[6];
  } cases[] = {
      {{{10}, {4}}, 10, {12, 1, 1, 4, 1, 1}},
      {{{1}, {0}}, 1, {1, 1, 1, 1, 1, 1}},
      {{{0}, {0}}, 1, {1, 1, 1, 1, 1, 1}},
      {{{5, 3, 2}, {2, 2, 1}}, 48, {6, 4, 2, 2, 2, 1}},
      {{{1, 1, 7}, {1, 1, 2}}, 7, {1, 1, 8, 1, 1, 2}},
      {{{3, 0, 5}, {0, 0, 0}}, 15, {3, 1, 5, 1, 1, 1}},
  };
  kvox_ocl *ocl = open_plainly(NULL);
  kvox_ocl_program *program = NULL;
  assert_ok(get_text(ocl, "-D VALUE=3", &program));
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    uint32_t words[WORDS], sizes[6];
    run_fill(ocl, program, &cases[i].range, cases[i].count, words, sizes);
    for (int d = 0; d < 6; d++) {
      assert_int_equal(sizes[d], cases[i].sizes[d]);
    }
    for (uint32_t w = 0; w < WORDS; w++) {
      assert_int_equal(words[w], w < cases[i].count ? w * 1000 + 3 : UINT32_MAX);
    }
  }
  kvox_ocl_program_drop(program);
  kvox_ocl_drop(ocl);
}

static void test_arguments(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  kvox_ocl *ocl = open_plainly(NULL);
  kvox_ocl_program *program = NULL;
  kvox_ocl_kernel *kernel = NULL;
  kvox_ocl_queue *queue = NULL;
  kvox_buffer *buffer = NULL;
  const uint64_t wide = 1;
  assert_fails(KVOX_ERROR_INTERNAL, "kernels/nothing.cl", kvox_ocl_program_get(ocl, "nothing", NULL, &program));
  assert_ok(get_text(ocl, "-D VALUE=3", &program));
  assert_fails(KVOX_ERROR_DEVICE, "CL_INVALID_KERNEL_NAME", kvox_ocl_kernel_create(program, "empty", &kernel));
  assert_fails(KVOX_ERROR_DEVICE, "kernel empty", kvox_ocl_kernel_create(program, "empty", &kernel));
  assert_ok(kvox_ocl_kernel_create(program, "fill", &kernel));
  assert_ok(kvox_ocl_queue_take(ocl, &queue));
  assert_ok(kvox_ocl_begin(queue));
  assert_ok(kvox_ocl_buffer_create(ocl, 64, "words", &buffer));
  /* A number of 8 bytes where the kernel takes 4. */
  const kvox_ocl_argument wrong[] = {KVOX_OCL_BUFFER(buffer), KVOX_OCL_VALUE(wide)};
  const kvox_ocl_range range = {.items = {1}}, endless = {.items = {UINT64_MAX}, .group = {16}};
  assert_fails(KVOX_ERROR_DEVICE, "argument 1 of kernel fill", kvox_ocl_run(queue, kernel, &range, wrong, 2));
  assert_fails(KVOX_ERROR_SIZE, "do not fit", kvox_ocl_run(queue, kernel, &endless, NULL, 0));
  kvox_ocl_queue_give_back(queue);
  kvox_buffer_destroy(buffer);
  kvox_ocl_kernel_destroy(kernel);
  kvox_ocl_program_drop(program);
  kvox_ocl_drop(ocl);
}

static void test_build_failure(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  kvox_ocl *ocl = open_plainly(NULL);
  kvox_ocl_program *program = NULL;
  cl_program handle = NULL;
  static const char broken[] = "__kernel void f(__global float *a) {\n  a[0] = undeclared_name;\n}\n";
  char many[20000] = "";
  for (size_t used = 0; used + 64 < sizeof many; used = strlen(many)) {
    snprintf(many + used, sizeof many - used, "int f%zu(void) { return undeclared_%zu; }\n", used, used);
  }
  for (int i = 0; i < 2; i++) {
    assert_fails(KVOX_ERROR_DEVICE, "undeclared_name",
                 kvox_ocl_build(ocl, "broken", broken, strlen(broken), "-D SIZE=3", &handle));
    assert_non_null(strstr(kvox_last_error(), "program broken does not build on"));
    assert_non_null(strstr(kvox_last_error(), ocl->info.name));
    assert_non_null(strstr(kvox_last_error(), "-cl-std=CL1.2"));
    assert_non_null(strstr(kvox_last_error(), "-D SIZE=3"));
    assert_null(strchr(kvox_last_error(), '\n'));
    assert_int_equal(calls.sources, i + 1); /* a failure is not kept */
  }
  assert_fails(KVOX_ERROR_DEVICE, "undeclared_0", kvox_ocl_build(ocl, "many", many, strlen(many), NULL, &handle));
  assert_true(strlen(kvox_last_error()) < 1020); /* cut on purpose, not by the sentence's end */
  assert_null(handle);
  assert_ok(get_text(ocl, "-D VALUE=5", &program));
  assert_value(ocl, program, 5);
  kvox_ocl_program_drop(program);
  kvox_ocl_drop(ocl);
}

/* ---- Threads ---- */

enum { THREADS = 8 };

typedef struct job {
  kvox_ocl *ocl;
  pthread_barrier_t *start;
  uint64_t seed;
  char options[32];
  kvox_status status;
  kvox_ocl_program *program;
} job;

static void *get_in_thread(void *data) {
  job *own = data;
  pthread_barrier_wait(own->start);
  own->status = get_text(own->ocl, own->options, &own->program);
  return NULL;
}

/* `kinds` programs among the threads: each is built once. */
static void try_threads(int kinds) {
  kvox_ocl *ocl = open_plainly(NULL);
  pthread_t threads[THREADS];
  pthread_barrier_t start;
  job jobs[THREADS];
  pthread_barrier_init(&start, NULL, THREADS);
  for (int t = 0; t < THREADS; t++) {
    jobs[t] = (job){.ocl = ocl, .start = &start};
    snprintf(jobs[t].options, sizeof jobs[t].options, "-D VALUE=%d", t % kinds);
    assert_int_equal(pthread_create(&threads[t], NULL, get_in_thread, &jobs[t]), 0);
  }
  for (int t = 0; t < THREADS; t++) {
    pthread_join(threads[t], NULL);
  }
  for (int t = 0; t < THREADS; t++) {
    assert_ok(jobs[t].status);
    assert_ptr_equal(jobs[t].program, jobs[t % kinds].program);
    assert_value(ocl, jobs[t].program, (uint32_t)(t % kinds));
    kvox_ocl_program_drop(jobs[t].program);
  }
  assert_int_equal(calls.sources, kinds);
  pthread_barrier_destroy(&start);
  kvox_ocl_drop(ocl);
}

static void test_threads(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  try_threads(1);
  try_threads(3);
}

/* Programs come and go under those who use them. */
static void *get_many(void *data) {
  job *own = data;
  uint64_t seed = own->seed;
  for (int i = 0; i < 2 * KVOX_OCL_MOST_PROGRAMS; i++) {
    kvox_ocl_program *program = NULL;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    snprintf(own->options, sizeof own->options, "-D VALUE=%d", (int)((seed >> 40) % (2 * KVOX_OCL_MOST_PROGRAMS)));
    own->status = get_text(own->ocl, own->options, &program);
    if (own->status != KVOX_OK || kvox_ocl_program_handle(program) == NULL) {
      break;
    }
    kvox_ocl_program_drop(program);
  }
  return NULL;
}

static void test_bound_threads(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_ocl *ocl = open_without_compiler(&options);
  pthread_t threads[THREADS];
  job jobs[THREADS];
  for (int t = 0; t < THREADS; t++) {
    jobs[t] = (job){.ocl = ocl, .seed = (uint64_t)t, .status = KVOX_ERROR_INTERNAL};
    assert_int_equal(pthread_create(&threads[t], NULL, get_many, &jobs[t]), 0);
  }
  for (int t = 0; t < THREADS; t++) {
    pthread_join(threads[t], NULL);
    assert_ok(jobs[t].status);
  }
  assert_true(heap->live < KVOX_OCL_MOST_PROGRAMS + 2 * THREADS + 8);
  kvox_ocl_drop(ocl);
  heap->elsewhere = 0; /* asked for by threads on purpose */
  failing_heap_destroy(heap);
}

static void test_no_memory(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  assert_true(failing_heap_try(build_once, NULL) >= 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_embedded),   cmocka_unit_test(test_memory),        cmocka_unit_test(test_holds),
      cmocka_unit_test(test_range),      cmocka_unit_test(test_arguments),     cmocka_unit_test(test_build_failure),
      cmocka_unit_test(test_threads),    cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_bound),
      cmocka_unit_test(test_bound_held), cmocka_unit_test(test_bound_threads),
  };
  return cmocka_run_group_tests(tests, look_for_device, NULL);
}
