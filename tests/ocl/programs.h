/* What tests of programs share: a device whose builds are counted, and a program that says how it was run. */
#ifndef KVOX_TESTS_OCL_PROGRAMS_H
#define KVOX_TESTS_OCL_PROGRAMS_H

#include <stdlib.h>

#include "core/hash.h"
#include "failing_heap.h"
#include "ocl/program.h"
#include "test.h"

/* ---- A device whose builds are counted ---- */

static struct {
  kvox_ocl_table real, counted;
  atomic_int sources, binaries, refused; /* programs built, taken from binaries, binaries not taken */
} calls;

static inline cl_program CL_API_CALL count_source(cl_context context, cl_uint count, const char **texts,
                                                  const size_t *lengths, cl_int *error) {
  atomic_fetch_add(&calls.sources, 1);
  return calls.real.CreateProgramWithSource(context, count, texts, lengths, error);
}

static inline cl_program CL_API_CALL count_binary(cl_context context, cl_uint count, const cl_device_id *devices,
                                                  const size_t *sizes, const unsigned char **binaries, cl_int *accepted,
                                                  cl_int *error) {
  cl_int result = CL_SUCCESS;
  cl_program program = calls.real.CreateProgramWithBinary(context, count, devices, sizes, binaries, accepted, &result);
  atomic_fetch_add(result == CL_SUCCESS && *accepted == CL_SUCCESS ? &calls.binaries : &calls.refused, 1);
  *error = result;
  return program;
}

static inline void forget_calls(void) {
  calls.sources = 0;
  calls.binaries = 0;
  calls.refused = 0;
}

/* A device as a context opens it, or NULL with the sentence printed where there is none. */
static inline kvox_ocl *open_device(const kvox_context_options *options, const char *folder) {
  const kvox_ocl_options device = {.device = getenv("KVOX_DEVICE"), .cache_folder = folder};
  char reason[256];
  kvox_heap *heap = NULL;
  kvox_ocl *ocl = NULL;
  assert_ok(kvox_heap_create(options, &heap));
  if (kvox_ocl_open(heap, &device, &ocl, reason, sizeof reason) == KVOX_OK) {
    calls.real = *ocl->cl;
    calls.counted = *ocl->cl;
    calls.counted.CreateProgramWithSource = count_source;
    calls.counted.CreateProgramWithBinary = count_binary;
    ocl->cl = &calls.counted;
  }
  kvox_heap_drop(heap);
  forget_calls();
  return ocl;
}

static bool no_device;

static inline int look_for_device(void **state) {
  (void)state;
  no_device = kvox_device_count() == 0;
  if (no_device) {
    printf("skipped: %s\n", kvox_last_error());
  }
  return 0;
}

#define SKIP_WITHOUT_DEVICE() \
  if (no_device) {            \
    skip();                   \
  }

static inline kvox_ocl *open_plainly(const char *folder) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  kvox_ocl *ocl = open_device(&options, folder);
  assert_non_null(ocl);
  return ocl;
}

/* ---- A program ---- */

/* Writes its own index and VALUE into words below `count`, and says how many work-items and groups there are. */
static const char text[] =
    "__kernel void fill(__global uint *words, const uint count, __global uint *sizes, __local uint *shared) {\n"
    "  const uint i = get_global_id(0) + get_global_size(0) * (get_global_id(1) + get_global_size(1) * "
    "get_global_id(2));\n"
    "  const uint l = get_local_id(0) + get_local_size(0) * (get_local_id(1) + get_local_size(1) * get_local_id(2));\n"
    "  shared[l] = i;\n"
    "  barrier(CLK_LOCAL_MEM_FENCE);\n"
    "  if (i < count) {\n"
    "    words[i] = shared[l] * 1000 + VALUE;\n"
    "  }\n"
    "  if (i == 0) {\n"
    "    for (int d = 0; d < 3; d++) {\n"
    "      sizes[d] = get_global_size(d);\n"
    "      sizes[3 + d] = get_local_size(d);\n"
    "    }\n"
    "  }\n"
    "}\n";

static inline kvox_ocl_source source_of(const char *name, const char *source, char sha256[65]) {
  kvox_hash hash;
  kvox_hash_start(&hash);
  kvox_hash_add(&hash, source, strlen(source));
  kvox_hash_end(&hash, sha256);
  return (kvox_ocl_source){name, source, strlen(source), sha256};
}

static inline kvox_status get_text(kvox_ocl *ocl, const char *options, kvox_ocl_program **program) {
  char sha256[65];
  const kvox_ocl_source source = source_of("fill", text, sha256);
  return kvox_ocl_program_of(ocl, &source, options, program);
}

enum { WORDS = 64 };

/* Runs `fill` on WORDS words of all ones. */
static inline void run_fill(kvox_ocl *ocl, kvox_ocl_program *program, const kvox_ocl_range *range, uint32_t count,
                            uint32_t words[WORDS], uint32_t sizes[6]) {
  kvox_ocl_kernel *kernel = NULL;
  kvox_ocl_queue *queue = NULL;
  kvox_buffer *buffers[2] = {NULL, NULL};
  assert_ok(kvox_ocl_kernel_create(program, "fill", &kernel));
  assert_true(kvox_ocl_kernel_largest_group(kernel) >= 1);
  assert_ok(kvox_ocl_buffer_create(ocl, WORDS * sizeof *words, "words", &buffers[0]));
  assert_ok(kvox_ocl_buffer_create(ocl, 6 * sizeof *sizes, "sizes", &buffers[1]));
  assert_ok(kvox_ocl_queue_take(ocl, &queue));
  assert_ok(kvox_ocl_begin(queue));
  assert_ok(kvox_ocl_fill(queue, buffers[0], 0, WORDS * sizeof *words, UINT32_MAX));
  uint64_t group = 1;
  for (int d = 0; d < 3; d++) {
    group *= range->group[d] > 0 ? range->group[d] : 1;
  }
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(buffers[0]), KVOX_OCL_VALUE(count),
                                         KVOX_OCL_BUFFER(buffers[1]), KVOX_OCL_LOCAL(group * sizeof(uint32_t))};
  assert_ok(kvox_ocl_run(queue, kernel, range, arguments, 4));
  assert_ok(kvox_ocl_read(queue, buffers[0], 0, words, WORDS * sizeof *words));
  assert_ok(kvox_ocl_read(queue, buffers[1], 0, sizes, 6 * sizeof *sizes));
  assert_ok(kvox_ocl_finish(queue));
  kvox_ocl_queue_give_back(queue);
  kvox_buffer_destroy(buffers[0]);
  kvox_buffer_destroy(buffers[1]);
  kvox_ocl_kernel_destroy(kernel);
}

static inline void assert_value(kvox_ocl *ocl, kvox_ocl_program *program, uint32_t value) {
  const kvox_ocl_range range = {.items = {WORDS}, .group = {8}};
  uint32_t words[WORDS], sizes[6];
  run_fill(ocl, program, &range, WORDS, words, sizes);
  for (uint32_t i = 0; i < WORDS; i++) {
    assert_int_equal(words[i], i * 1000 + value);
  }
}

/* Opens a device, builds, makes a kernel; for failing_heap_try. `data` is the cache's folder. */
static inline kvox_status build_once(const kvox_context_options *options, void *data) {
  const kvox_ocl_options device = {.device = getenv("KVOX_DEVICE"), .cache_folder = data};
  char reason[256];
  kvox_heap *heap = NULL;
  kvox_ocl *ocl = NULL;
  kvox_ocl_program *program = NULL;
  kvox_ocl_kernel *kernel = NULL;
  kvox_status status = kvox_heap_create(options, &heap);
  if (status != KVOX_OK) {
    return status;
  }
  status = kvox_ocl_open(heap, &device, &ocl, reason, sizeof reason);
  if (status == KVOX_OK) {
    status = get_text(ocl, "-D VALUE=2", &program);
  }
  if (status == KVOX_OK) {
    status = kvox_ocl_kernel_create(program, "fill", &kernel);
  }
  kvox_ocl_kernel_destroy(kernel);
  kvox_ocl_program_drop(program);
  kvox_ocl_drop(ocl);
  kvox_heap_drop(heap);
  return status;
}

#endif
