#include <inttypes.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

#include "context/backend.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "cpu/level.h"
#include "fft/fft_ocl.h"

/* More threads than any machine has: a larger number is a mistake. */
enum { MOST_THREADS = 4096 };

void kvox_context_options_init_sized(kvox_context_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

static kvox_status choose_threads(kvox_context *context, const kvox_context_options *options) {
  int32_t threads = options->threads;
  const char *value = kvox_context_environment(options, "KVOX_THREADS");
  if (threads == 0 && value != NULL) {
    double number = 0;
    const char *end = kvox_parse_number(value, &number);
    if (end == NULL || *end != '\0' || !(number >= 1 && number <= MOST_THREADS) || number != (int32_t)number) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "KVOX_THREADS is \"%.40s\", must be a whole number from 1 to %d", value,
                       MOST_THREADS);
    }
    threads = (int32_t)number;
  }
  if (threads == 0) {
    threads = omp_get_num_procs();
  }
  if (threads < 1 || threads > MOST_THREADS) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "options: threads is %" PRId32 ", must be from 0 to %d", threads,
                     MOST_THREADS);
  }
  context->threads = (kvox_threads){
      .limit = threads, .process = getpid(), .host = options->parallel, .host_user = options->parallel_user};
  return KVOX_OK;
}

static kvox_status choose_cpu(kvox_context *context, const kvox_context_options *options) {
  int32_t level = options->cpu_level;
  const char *value = kvox_context_environment(options, "KVOX_CPU");
  if (level == KVOX_CPU_AUTO && value != NULL) {
    level = kvox_cpu_level_by_name(value);
    if (level < 0) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "KVOX_CPU is \"%.40s\", must be auto, ref, neon, avx2 or avx512", value);
    }
  }
  if (level == KVOX_CPU_AUTO) {
    level = kvox_cpu_detected();
  }
  if (level < KVOX_CPU_REF || level > KVOX_CPU_AVX512) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "options: cpu_level %" PRId32 " is no level", level);
  }
  if (!kvox_cpu_has(level)) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "CPU level %s was asked for, this machine has %s",
                     kvox_cpu_level_name(level), kvox_cpu_level_name(kvox_cpu_detected()));
  }
  context->cpu_level = level;
  return KVOX_OK;
}

kvox_status kvox_context_create(const kvox_context_options *options, kvox_context **context) {
  KVOX_REQUIRE(context);
  kvox_context_options known = {.struct_size = sizeof known};
  if (options != NULL) {
    KVOX_TRY(kvox_options_load(&known, sizeof known, options, "kvox_context_options"));
  }
  if (known.fft_effort != KVOX_FFT_ESTIMATE && known.fft_effort != KVOX_FFT_MEASURE) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "options: fft_effort %" PRId32 " is neither ESTIMATE nor MEASURE",
                     known.fft_effort);
  }
  kvox_context chosen = {.fft_effort = known.fft_effort,
                         .memory_limit = known.memory_limit,
                         .forbid_fallback = known.forbid_fallback != 0};
  KVOX_TRY(choose_threads(&chosen, &known));
  KVOX_TRY(choose_cpu(&chosen, &known));
  KVOX_TRY(kvox_heap_create(&known, &chosen.heap));
  kvox_context *made = NULL;
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(kvox_context_choose_backend(&chosen, &known));
  made = kvox_allocate(chosen.heap, sizeof *made);
  if (made == NULL) {
    status = KVOX_ERROR_MEMORY;
    goto cleanup;
  }
  memcpy(made, &chosen, sizeof *made);
  atomic_init(&made->holders, 1);
  *context = made;
  return KVOX_OK;
cleanup:
  kvox_ocl_drop(chosen.ocl);
  kvox_heap_drop(chosen.heap);
  return status;
}

kvox_context *kvox_context_hold(kvox_context *context) {
  atomic_fetch_add_explicit(&context->holders, 1, memory_order_relaxed);
  return context;
}

void kvox_context_destroy(kvox_context *context) {
  if (context != NULL && atomic_fetch_sub_explicit(&context->holders, 1, memory_order_acq_rel) == 1) {
    kvox_heap *heap = context->heap;
    kvox_ocl_drop(context->ocl);
    kvox_release(heap, context);
    kvox_heap_drop(heap);
  }
}

int32_t kvox_context_threads(const kvox_context *context) { return context != NULL ? context->threads.limit : 0; }

int32_t kvox_context_cpu_level(const kvox_context *context) {
  return context != NULL ? context->cpu_level : KVOX_CPU_REF;
}

int32_t kvox_context_backend(const kvox_context *context) {
  return context != NULL ? context->backend : KVOX_BACKEND_CPU;
}

void kvox_context_write_provenance(const kvox_context *context, bool on_device, kvox_text *json) {
  const kvox_device_info *device = on_device ? kvox_ocl_info(context->ocl) : NULL;
  kvox_json_string(json, "kvox", kvox_version());
  kvox_json_string(json, "backend", on_device ? "opencl" : "cpu");
  kvox_json_string(json, "cpu_level", kvox_cpu_level_name(context->cpu_level));
  kvox_json_string(json, "device", on_device ? device->name : "host");
  if (on_device) {
    kvox_json_string(json, "platform", device->platform);
    kvox_json_string(json, "driver", device->driver);
  }
  kvox_json_string(json, "fft", on_device ? kvox_fft_ocl_provider() : kvox_fft_provider());
  kvox_json_string(json, "fft_effort", context->fft_effort == KVOX_FFT_MEASURE ? "measure" : "estimate");
}

size_t kvox_context_describe(const kvox_context *context, char *text, size_t size) {
  kvox_text json;
  if (context == NULL) {
    return kvox_text_copy("", text, size);
  }
  kvox_text_start(&json, context->heap);
  kvox_json_open(&json, NULL, '{');
  kvox_context_write_provenance(context, context->ocl != NULL, &json);
  kvox_json_string(&json, "backend_reason", context->backend_reason);
  kvox_json_string(&json, "cpu_detected", kvox_cpu_level_name(kvox_cpu_detected()));
  kvox_json_integer(&json, "threads", context->threads.limit);
  kvox_json_bool(&json, "host_threads", context->threads.host != NULL);
  kvox_json_number(&json, "memory_limit", (double)context->memory_limit);
  kvox_json_close(&json, '}');
  const size_t length = kvox_text_copy(json.status == KVOX_OK ? json.bytes : "", text, size);
  kvox_text_release(&json);
  return length;
}
