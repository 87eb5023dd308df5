/* The devices of this machine: listed, opened, chosen by host and environment; a host's own context and queue. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fail.h"
#include "failing_heap.h"
#include "kvox/kvox.h"
#include "ocl/device.h"

#define SKIP_WITHOUT_DEVICE()                     \
  do {                                            \
    if (kvox_device_count() == 0) {               \
      printf("skipped: %s\n", kvox_last_error()); \
      return;                                     \
    }                                             \
  } while (0)

static kvox_context_options on_device(const char *device) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.ignore_environment = 1;
  options.backend = KVOX_BACKEND_OPENCL;
  options.device = device;
  return options;
}

/* The number of the first device that can be used, as text. */
static const char *some_device(void) {
  static char number[16];
  for (int32_t i = 0; i < kvox_device_count(); i++) {
    kvox_device_info info;
    kvox_device_info_init(&info);
    if (kvox_device_get(i, &info) == KVOX_OK && info.unusable[0] == '\0') {
      snprintf(number, sizeof number, "%d", (int)i);
      return number;
    }
  }
  return "none";
}

static void every_device_has_facts_and_can_be_opened(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  const int32_t count = kvox_device_count();
  kvox_device_info info, used;
  for (int32_t i = 0; i < count; i++) {
    kvox_device_info_init(&info);
    assert_ok(kvox_device_get(i, &info));
    assert_int_equal(info.struct_size, sizeof info);
    assert_int_equal(info.index, i);
    assert_true(info.name[0] != '\0' && info.platform[0] != '\0');
    assert_true(info.compute_units > 0 && info.largest_group > 0);
    assert_true(info.memory_bytes >= info.largest_buffer_bytes);
    if (info.unusable[0] != '\0') {
      continue;
    }
    assert_int_equal(strncmp(info.version, "OpenCL ", 7), 0);
    char number[16];
    snprintf(number, sizeof number, "%d", (int)i);
    const kvox_context_options options = on_device(number);
    kvox_context *context = NULL;
    assert_ok(kvox_context_create(&options, &context));
    assert_int_equal(kvox_context_backend(context), KVOX_BACKEND_OPENCL);
    kvox_device_info_init(&used);
    assert_ok(kvox_context_device(context, &used));
    assert_memory_equal(&used, &info, sizeof info);
    char text[2048];
    kvox_context_describe(context, text, sizeof text);
    assert_non_null(strstr(text, "\"backend\": \"opencl\""));
    assert_non_null(strstr(text, "its number is"));
    assert_non_null(strstr(text, info.driver));
    kvox_context_destroy(context);
  }
  assert_fails(KVOX_ERROR_ARGUMENT, "index is -1", kvox_device_get(-1, &info));
  assert_fails(KVOX_ERROR_ARGUMENT, "must be from 0 to", kvox_device_get(count, &info));
  assert_fails(KVOX_ERROR_ARGUMENT, "info is NULL", kvox_device_get(0, NULL));
  info.struct_size = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "struct_size is 0", kvox_device_get(0, &info));
}

/* An older program's shorter struct, and a newer one's longer. */
static void info_of_other_versions(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  struct {
    kvox_device_info info;
    unsigned char tail[16];
  } newer;
  memset(&newer, 7, sizeof newer);
  newer.info.struct_size = sizeof newer;
  assert_ok(kvox_device_get(0, &newer.info));
  assert_int_equal(newer.info.struct_size, sizeof newer);
  for (size_t i = 0; i < sizeof newer.tail; i++) {
    assert_int_equal(newer.tail[i], 0);
  }
  kvox_device_info older;
  memset(&older, 7, sizeof older);
  older.struct_size = offsetof(kvox_device_info, platform);
  assert_ok(kvox_device_get(0, &older));
  assert_string_equal(older.name, newer.info.name);
  assert_int_equal(older.platform[0], 7);
}

typedef struct heard {
  int warnings;
  char last[1024];
} heard;

static void listen(void *user, int32_t level, const char *text) {
  heard *h = user;
  h->warnings += level == KVOX_LOG_WARNING;
  snprintf(h->last, sizeof h->last, "%s", text);
}

static void auto_falls_back_and_opencl_fails(void **state) {
  (void)state;
  kvox_context *context = NULL;
  heard log = {0};
  kvox_context_options options = on_device("no such device");
  options.log = listen;
  options.log_user = &log;
  assert_fails(KVOX_ERROR_DEVICE, "OpenCL", kvox_context_create(&options, &context));
  assert_int_equal(log.warnings, 0);
  kvox_fail(KVOX_ERROR_DATA, "earlier");
  options.backend = KVOX_BACKEND_AUTO;
  assert_ok(kvox_context_create(&options, &context));
  assert_string_equal(kvox_last_error(), "earlier");
  assert_int_equal(kvox_context_backend(context), KVOX_BACKEND_CPU);
  assert_int_equal(log.warnings, 1); /* a device that was named is missed */
  assert_non_null(strstr(log.last, "computing on the CPU: "));
  kvox_device_info info;
  kvox_device_info_init(&info);
  assert_fails(KVOX_ERROR_DEVICE, "computes on the CPU", kvox_context_device(context, &info));
  kvox_context_destroy(context);
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_context_device(NULL, &info));
}

static void the_environment_names_the_device(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  char text[2048];
  kvox_context *context = NULL;
  kvox_context_options options;
  kvox_context_options_init(&options);
  setenv("KVOX_DEVICE", some_device(), 1);
  assert_ok(kvox_context_create(&options, &context)); /* auto: a device that was named is taken, GPU or not */
  kvox_context_describe(context, text, sizeof text);
  assert_non_null(strstr(text, "\"backend\": \"opencl\""));
  assert_non_null(strstr(text, "asked for by KVOX_DEVICE: its number is"));
  kvox_context_destroy(context);

  setenv("KVOX_BACKEND", "cpu", 1); /* which names no device */
  assert_ok(kvox_context_create(&options, &context));
  assert_int_equal(kvox_context_backend(context), KVOX_BACKEND_CPU);
  kvox_context_destroy(context);
  setenv("KVOX_BACKEND", "opencl", 1);
  setenv("KVOX_DEVICE", "no such device", 1);
  assert_fails(KVOX_ERROR_DEVICE, "no such device", kvox_context_create(&options, &context));
  options.device = some_device(); /* the host's word comes before the environment's */
  assert_ok(kvox_context_create(&options, &context));
  kvox_context_destroy(context);
  options.device = NULL;
  options.ignore_environment = 1;
  assert_ok(kvox_context_create(&options, &context));
  kvox_context_destroy(context);
  unsetenv("KVOX_DEVICE");
  unsetenv("KVOX_BACKEND");
}

static void *make_context(void *data) {
  const kvox_context_options options = on_device(data);
  kvox_context *context = NULL;
  const kvox_status status = kvox_context_create(&options, &context);
  kvox_context_destroy(context);
  return status == KVOX_OK ? NULL : "failed";
}

static void contexts_in_several_threads_at_once(void **state) {
  (void)state;
  enum { THREADS = 8 };
  pthread_t threads[THREADS];
  SKIP_WITHOUT_DEVICE();
  char number[16];
  snprintf(number, sizeof number, "%s", some_device());
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, make_context, number), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    void *complaint = NULL;
    assert_int_equal(pthread_join(threads[i], &complaint), 0);
    assert_null(complaint);
  }
}

static kvox_status create(const kvox_context_options *given, void *data) {
  kvox_context_options options = *given;
  kvox_context *context = NULL;
  options.backend = KVOX_BACKEND_OPENCL;
  options.device = data;
  options.program_cache = "a folder that is not there";
  const kvox_status status = kvox_context_create(&options, &context);
  kvox_context_destroy(context);
  return status;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  char number[16];
  snprintf(number, sizeof number, "%s", some_device());
  assert_true(failing_heap_try(create, number) >= 3); /* heap, device, context */
}

/* Drivers have threads, which a fork does not copy. */
static void a_forked_child_computes_on_the_cpu(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  kvox_context_options options = on_device(some_device());
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    kvox_context *context = NULL;
    int code = kvox_context_create(&options, &context) == KVOX_ERROR_DEVICE ? 0 : 1;
    code |= strstr(kvox_last_error(), "forked") != NULL ? 0 : 2;
    options.backend = KVOX_BACKEND_AUTO;
    code |= kvox_context_create(&options, &context) == KVOX_OK ? 0 : 4;
    code |= kvox_context_backend(context) == KVOX_BACKEND_CPU ? 0 : 8;
    _exit(code);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- A host's own context and queue ---- */

typedef struct host {
  const kvox_ocl_table *cl;
  cl_context context;
  cl_command_queue queue;
} host;

static host open_host(kvox_ocl_place place) {
  host h = {.cl = NULL};
  cl_int error = 0;
  assert_ok(kvox_ocl_table_get(&h.cl));
  h.context = h.cl->CreateContext(NULL, 1, &place.device, NULL, NULL, &error);
  assert_int_equal(error, CL_SUCCESS);
  h.queue = h.cl->CreateCommandQueue(h.context, place.device, 0, &error);
  assert_int_equal(error, CL_SUCCESS);
  return h;
}

static void close_host(host *h) {
  assert_int_equal(h->cl->ReleaseCommandQueue(h->queue), CL_SUCCESS);
  assert_int_equal(h->cl->ReleaseContext(h->context), CL_SUCCESS);
}

static cl_uint references(const host *h) {
  cl_uint context = 0, queue = 0;
  assert_int_equal(h->cl->GetContextInfo(h->context, CL_CONTEXT_REFERENCE_COUNT, sizeof context, &context, NULL), 0);
  assert_int_equal(h->cl->GetCommandQueueInfo(h->queue, CL_QUEUE_REFERENCE_COUNT, sizeof queue, &queue, NULL), 0);
  return 1000 * context + queue;
}

static void a_host_s_own_context_and_queue(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  const kvox_ocl_table *cl = NULL;
  kvox_ocl_list list;
  assert_ok(kvox_ocl_devices(&cl, &list));
  const kvox_ocl_place place = list.places[strtol(some_device(), NULL, 10)];
  host one = open_host(place), two = open_host(place);
  const cl_uint before = references(&one);
  kvox_context *context = NULL;
  kvox_context_options options = on_device("no such device"); /* not looked at */
  for (int32_t backend = KVOX_BACKEND_AUTO; backend <= KVOX_BACKEND_OPENCL; backend += KVOX_BACKEND_OPENCL) {
    options.backend = backend;
    options.opencl_context = one.context;
    options.opencl_queue = one.queue;
    assert_ok(kvox_context_create(&options, &context));
    assert_int_equal(kvox_context_backend(context), KVOX_BACKEND_OPENCL);
    kvox_device_info info;
    kvox_device_info_init(&info);
    assert_ok(kvox_context_device(context, &info));
    assert_int_equal(info.index, -1);
    char text[2048];
    kvox_context_describe(context, text, sizeof text);
    assert_non_null(strstr(text, "the host's own context and queue"));
    kvox_context_destroy(context);
    assert_int_equal(references(&one), before);

    options.opencl_queue = two.queue;
    assert_fails(KVOX_ERROR_ARGUMENT, "opencl_queue is not one of opencl_context",
                 kvox_context_create(&options, &context));
    options.opencl_queue = NULL;
    assert_fails(KVOX_ERROR_ARGUMENT, "given together", kvox_context_create(&options, &context));
    options.opencl_context = NULL;
    options.opencl_queue = one.queue;
    assert_fails(KVOX_ERROR_ARGUMENT, "given together", kvox_context_create(&options, &context));
    assert_int_equal(references(&one), before);
  }

  /* Retained: the host may let go first. */
  options.opencl_context = one.context;
  assert_ok(kvox_context_create(&options, &context));
  close_host(&one);
  kvox_context_destroy(context);
  close_host(&two);
}

/* POCL_DEVICES="pthread basic" makes two devices of one. */
static void a_host_s_context_of_several_devices(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE();
  const kvox_ocl_table *cl = NULL;
  kvox_ocl_list list;
  assert_ok(kvox_ocl_devices(&cl, &list));
  if (list.count < 2 || list.places[0].platform != list.places[1].platform) {
    printf("skipped: no platform with two devices\n");
    return;
  }
  const cl_device_id devices[2] = {list.places[0].device, list.places[1].device};
  cl_int error = 0;
  host both = {.cl = cl, .context = cl->CreateContext(NULL, 2, devices, NULL, NULL, &error)};
  assert_int_equal(error, CL_SUCCESS);
  both.queue = cl->CreateCommandQueue(both.context, devices[1], 0, &error);
  assert_int_equal(error, CL_SUCCESS);
  kvox_context *context = NULL;
  kvox_context_options options = on_device(NULL);
  options.opencl_context = both.context;
  options.opencl_queue = both.queue;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "opencl_context has 2 devices", kvox_context_create(&options, &context));
  close_host(&both);
}

int main(void) {
  unsetenv("KVOX_BACKEND");
  unsetenv("KVOX_DEVICE");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_device_has_facts_and_can_be_opened), cmocka_unit_test(info_of_other_versions),
      cmocka_unit_test(auto_falls_back_and_opencl_fails),         cmocka_unit_test(the_environment_names_the_device),
      cmocka_unit_test(contexts_in_several_threads_at_once),      cmocka_unit_test(a_host_s_own_context_and_queue),
      cmocka_unit_test(a_host_s_context_of_several_devices),      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(a_forked_child_computes_on_the_cpu),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
