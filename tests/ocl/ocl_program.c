/* Programs and kernels: both caches, failures, arguments. The device is KVOX_DEVICE's, else the best there is. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "failing_heap.h"
#include "kvox/extend.h"
#include "ocl/program.h"
#include "test.h"

/* ---- A device whose builds are counted ---- */

static struct {
  kvox_ocl_table real, counted;
  atomic_int sources, binaries, refused; /* programs built, taken from binaries, binaries not taken */
} calls;

static cl_program CL_API_CALL count_source(cl_context context, cl_uint count, const char **texts, const size_t *lengths,
                                           cl_int *error) {
  atomic_fetch_add(&calls.sources, 1);
  return calls.real.CreateProgramWithSource(context, count, texts, lengths, error);
}

static cl_program CL_API_CALL count_binary(cl_context context, cl_uint count, const cl_device_id *devices,
                                           const size_t *sizes, const unsigned char **binaries, cl_int *accepted,
                                           cl_int *error) {
  cl_int result = CL_SUCCESS;
  cl_program program = calls.real.CreateProgramWithBinary(context, count, devices, sizes, binaries, accepted, &result);
  atomic_fetch_add(result == CL_SUCCESS && *accepted == CL_SUCCESS ? &calls.binaries : &calls.refused, 1);
  *error = result;
  return program;
}

static void forget_calls(void) {
  calls.sources = 0;
  calls.binaries = 0;
  calls.refused = 0;
}

/* A device as a context opens it, or NULL with the sentence printed where there is none. */
static kvox_ocl *open_device(const kvox_context_options *options, const char *folder) {
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

static int look_for_device(void **state) {
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

static kvox_ocl *open_plainly(const char *folder) {
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

static kvox_ocl_source source_of(const char *name, const char *source, char sha256[65]) {
  kvox_hash hash;
  kvox_hash_start(&hash);
  kvox_hash_add(&hash, source, strlen(source));
  kvox_hash_end(&hash, sha256);
  return (kvox_ocl_source){name, source, strlen(source), sha256};
}

static kvox_status get_text(kvox_ocl *ocl, const char *options, kvox_ocl_program **program) {
  char sha256[65];
  const kvox_ocl_source source = source_of("fill", text, sha256);
  return kvox_ocl_program_of(ocl, &source, options, program);
}

enum { WORDS = 64 };

/* Runs `fill` on WORDS words of all ones. */
static void run_fill(kvox_ocl *ocl, kvox_ocl_program *program, const kvox_ocl_range *range, uint32_t count,
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

static void assert_value(kvox_ocl *ocl, kvox_ocl_program *program, uint32_t value) {
  const kvox_ocl_range range = {.items = {WORDS}, .group = {8}};
  uint32_t words[WORDS], sizes[6];
  run_fill(ocl, program, &range, WORDS, words, sizes);
  for (uint32_t i = 0; i < WORDS; i++) {
    assert_int_equal(words[i], i * 1000 + value);
  }
}

/* ---- Tests ---- */

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

/* ---- The folder ---- */

static char folder[] = "/tmp/kvox-programs.XXXXXX", file[sizeof folder + 128];

/* How many entries the folder has; the last one's path in `file`. */
static int list_folder(void) {
  int count = 0;
  DIR *open_folder = opendir(folder);
  assert_non_null(open_folder);
  for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
    if (entry->d_name[0] != '.') {
      snprintf(file, sizeof file, "%s/%.100s", folder, entry->d_name);
      count++;
    }
  }
  closedir(open_folder);
  return count;
}

static void clear_folder(void) {
  while (list_folder() > 0) {
    if (unlink(file) != 0) {
      assert_int_equal(rmdir(file), 0);
    }
  }
}

static int make_folder(void **state) {
  (void)state;
  memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
  return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
  (void)state;
  clear_folder();
  return rmdir(folder);
}

/* The program works, whatever the folder holds, and was built from so many sources and binaries. */
static void assert_built(const char *where, int sources, int binaries) {
  kvox_ocl *ocl = open_plainly(where);
  kvox_ocl_program *program = NULL;
  assert_ok(get_text(ocl, "-D VALUE=9", &program));
  assert_int_equal(calls.sources, sources);
  assert_int_equal(calls.binaries, binaries);
  assert_value(ocl, program, 9);
  kvox_ocl_program_drop(program);
  kvox_ocl_drop(ocl);
}

static void test_folder(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  assert_built(NULL, 1, 0);
  assert_built("", 1, 0);
  assert_int_equal(list_folder(), 0);
  assert_built(folder, 1, 0);
  assert_int_equal(list_folder(), 1);
  assert_non_null(strstr(file, ".kvoxcl"));
  struct stat before, after;
  assert_int_equal(stat(file, &before), 0);
  assert_int_equal(before.st_mode & 077, 0); /* nobody else's */
  assert_built(folder, 0, 1);
  assert_int_equal(list_folder(), 1);
  assert_int_equal(stat(file, &after), 0);
  assert_int_equal(after.st_ino, before.st_ino); /* what is good stays as it is */
  assert_int_equal(after.st_mtime, before.st_mtime);
}

static unsigned char *read_file(size_t *bytes) {
  struct stat facts;
  const int from = open(file, O_RDONLY);
  assert_true(from >= 0 && fstat(from, &facts) == 0);
  unsigned char *data = malloc((size_t)facts.st_size);
  assert_non_null(data);
  *bytes = (size_t)facts.st_size;
  assert_int_equal(read(from, data, *bytes), facts.st_size);
  close(from);
  return data;
}

static void write_file(const unsigned char *data, size_t bytes) {
  const int to = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(to >= 0);
  assert_int_equal(write(to, data, bytes), (ssize_t)bytes);
  close(to);
}

/* Whatever is in the file's place: it is built anew, and the file is whole again where it can be. */
static void test_damage(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  assert_built(folder, 1, 0);
  assert_int_equal(list_folder(), 1);
  size_t bytes = 0;
  unsigned char *good = read_file(&bytes);
  /* One byte wrong: magic and its version, key, hash, size, first and last of the program. */
  const size_t at[] = {0, 7, 8, 71, 72, 135, 136, 151, 152, bytes - 1};
  for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
    good[at[i]] ^= 1;
    write_file(good, bytes);
    good[at[i]] ^= 1;
    assert_built(folder, 1, 0);
    assert_built(folder, 0, 1);
  }
  const size_t lengths[] = {0, 1, 151, 152, 153, bytes / 2, bytes - 1};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    write_file(good, lengths[i]);
    assert_built(folder, 1, 0);
    assert_built(folder, 0, 1);
  }
  unsigned char *longer = calloc(1, bytes + 1);
  assert_non_null(longer);
  memcpy(longer, good, bytes);
  write_file(longer, bytes + 1);
  assert_built(folder, 1, 0);
  assert_built(folder, 0, 1);
  free(longer);
  free(good);
  assert_int_equal(list_folder(), 1);
}

/* A file that is whole in itself, whose program is none: the driver refuses it. */
static void test_refused(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  assert_built(folder, 1, 0);
  assert_int_equal(list_folder(), 1);
  kvox_context_options options;
  kvox_heap *heap = NULL;
  char key[65];
  kvox_context_options_init(&options);
  assert_ok(kvox_heap_create(&options, &heap));
  snprintf(key, sizeof key, "%.64s", file + strlen(folder) + 1);
  kvox_ocl_cache_write(heap, folder, key, (const unsigned char *)"no program", 10);
  unsigned char *back = NULL;
  size_t bytes = 0;
  assert_true(kvox_ocl_cache_read(heap, folder, key, &back, &bytes));
  assert_int_equal(bytes, 10);
  assert_memory_equal(back, "no program", 10);
  kvox_release(heap, back);
  kvox_heap_drop(heap);
  assert_built(folder, 1, 0);
  assert_int_equal(calls.refused, 1);
  assert_built(folder, 0, 1);
}

static void count_warnings(void *user, int32_t level, const char *sentence) {
  if (level == KVOX_LOG_WARNING) {
    assert_non_null(strstr(sentence, "could not be kept in"));
    ++*(int *)user;
  }
}

/* Nothing can be kept: the work is done, a warning says so, no call fails. */
static void assert_warned(const char *where) {
  int warnings = 0;
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.log = count_warnings;
  options.log_user = &warnings;
  kvox_ocl *ocl = open_device(&options, where);
  kvox_ocl_program *program = NULL;
  assert_non_null(ocl);
  assert_ok(get_text(ocl, "-D VALUE=9", &program));
  assert_int_equal(warnings, 1);
  assert_value(ocl, program, 9);
  kvox_ocl_program_drop(program);
  kvox_ocl_drop(ocl);
}

static void test_unwritable(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  char missing[sizeof folder + 16];
  snprintf(missing, sizeof missing, "%s/missing", folder);
  assert_warned(missing);
  assert_warned("/dev/null");
  assert_int_equal(list_folder(), 0);
  assert_built(folder, 1, 0);
  assert_int_equal(list_folder(), 1);
  unlink(file);
  assert_int_equal(mkdir(file, 0700), 0); /* a folder in the file's place */
  assert_warned(folder);
  assert_int_equal(list_folder(), 1);
  assert_int_equal(rmdir(file), 0);
  assert_int_equal(mkfifo(file, 0600), 0); /* which nobody writes: reading would wait for ever */
  assert_built(folder, 1, 0);
  assert_built(folder, 0, 1);
}

/* ---- Memory ---- */

static kvox_status build_once(const kvox_context_options *options, void *data) {
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

static void test_no_memory(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  assert_true(failing_heap_try(build_once, NULL) >= 5);
}

/* With a folder the caches' own scratch may be refused: then the program is built, or not kept. Nothing leaks. */
static void test_no_memory_for_folder(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  bool done = false;
  for (int64_t fail_at = 1; !done; fail_at++) {
    failing_heap *heap = failing_heap_create();
    heap->fail_at = fail_at;
    const kvox_context_options options = failing_heap_options(heap);
    const kvox_status status = build_once(&options, folder);
    assert_true(status == KVOX_OK || status == KVOX_ERROR_MEMORY);
    done = heap->calls < fail_at && fail_at % 2 == 0; /* odd ones begin with an empty folder */
    failing_heap_destroy(heap);
    if (fail_at % 2 == 0) {
      clear_folder();
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_embedded),
      cmocka_unit_test(test_memory),
      cmocka_unit_test(test_holds),
      cmocka_unit_test(test_range),
      cmocka_unit_test(test_arguments),
      cmocka_unit_test(test_build_failure),
      cmocka_unit_test(test_threads),
      cmocka_unit_test_setup_teardown(test_folder, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_damage, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_refused, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_unwritable, make_folder, remove_folder),
      cmocka_unit_test(test_no_memory),
      cmocka_unit_test_setup_teardown(test_no_memory_for_folder, make_folder, remove_folder),
  };
  return cmocka_run_group_tests(tests, look_for_device, NULL);
}
