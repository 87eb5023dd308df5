#include "context/backend.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"

const char *kvox_context_environment(const kvox_context_options *options, const char *name) {
  const char *value = options->ignore_environment ? NULL : getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

static kvox_status wanted_backend(const kvox_context_options *options, int32_t *backend, const char **asked) {
  static const char *const names[] = {"auto", "cpu", "opencl"};
  const char *value = kvox_context_environment(options, "KVOX_BACKEND");
  *backend = options->backend;
  *asked = "asked for";
  if (*backend < KVOX_BACKEND_AUTO || *backend > KVOX_BACKEND_OPENCL) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "options: backend %" PRId32 " is no backend", *backend);
  }
  if (*backend != KVOX_BACKEND_AUTO || value == NULL) {
    return KVOX_OK;
  }
  *asked = "asked for by KVOX_BACKEND";
  for (int32_t i = 0; i < 3; i++) {
    if (strcmp(value, names[i]) == 0) {
      *backend = i;
      return KVOX_OK;
    }
  }
  return kvox_fail(KVOX_ERROR_ARGUMENT, "KVOX_BACKEND is \"%.40s\", must be auto, cpu or opencl", value);
}

static bool is_named(const char *device) { return device != NULL && device[0] != '\0' && strcmp(device, "auto") != 0; }

static void set_reason(kvox_context *context, const char *asked, const char *why) {
  snprintf(context->backend_reason, sizeof context->backend_reason, "%s%s%s", asked, asked[0] != '\0' ? ": " : "", why);
}

/* `asked` says who asked for OpenCL or its device, in words; empty: nobody. */
static kvox_status open_device(kvox_context *context, const kvox_context_options *options, bool is_auto,
                               const char *device, const char *asked) {
  const kvox_ocl_options wanted = {.device = device,
                                   .gpu_alone = is_auto,
                                   .cache_folder = options->program_cache,
                                   .context = options->opencl_context,
                                   .queue = options->opencl_queue};
  char why[128] = "";
  const kvox_sentence before = kvox_sentence_keep();
  const kvox_status status = kvox_ocl_open(context->heap, &wanted, &context->ocl, why, sizeof why);
  if (status == KVOX_OK) {
    context->backend = KVOX_BACKEND_OPENCL;
    set_reason(context, asked, why);
  } else if (is_auto && status == KVOX_ERROR_DEVICE) {
    context->backend = KVOX_BACKEND_CPU;
    set_reason(context, "", kvox_last_error());
    /* That a machine has no GPU is no news; that the one it has, or the one that was meant, cannot be had, is. */
    if (asked[0] != '\0' || why[0] != '\0') {
      kvox_log(context->heap, KVOX_LOG_WARNING, "computing on the CPU: %s", context->backend_reason);
    }
  } else {
    return status;
  }
  kvox_sentence_put_back(&before);
  return KVOX_OK;
}

kvox_status kvox_context_choose_backend(kvox_context *context, const kvox_context_options *options) {
  int32_t backend = KVOX_BACKEND_AUTO;
  const char *asked = NULL;
  KVOX_TRY(wanted_backend(options, &backend, &asked));
  if ((options->opencl_context == NULL) != (options->opencl_queue == NULL)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "options: opencl_context and opencl_queue must be given together, or neither");
  }
  if (backend == KVOX_BACKEND_CPU) {
    context->backend = KVOX_BACKEND_CPU;
    set_reason(context, "", asked);
    return KVOX_OK;
  }
  const bool is_auto = backend == KVOX_BACKEND_AUTO;
  const char *device = options->device;
  asked = is_auto && !is_named(device) ? "" : is_named(device) ? "asked for" : asked;
  if (device == NULL || device[0] == '\0') {
    device = kvox_context_environment(options, "KVOX_DEVICE");
    asked = is_named(device) ? "asked for by KVOX_DEVICE" : asked;
  }
  if (options->opencl_context != NULL) {
    asked = "asked for";
  }
  return open_device(context, options, is_auto, device, asked);
}

bool kvox_context_falls_back(const kvox_context *context, kvox_status status, const char *what,
                             const kvox_sentence *before) {
  const bool is_device = status == KVOX_ERROR_DEVICE || status == KVOX_ERROR_UNSUPPORTED;
  if (context->ocl == NULL || context->forbid_fallback || !is_device) {
    return false;
  }
  kvox_log(context->heap, KVOX_LOG_WARNING, "%s: computing on the CPU: %s", what, kvox_last_error());
  kvox_sentence_put_back(before);
  return true;
}

kvox_status kvox_context_device(const kvox_context *context, kvox_device_info *info) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(info);
  if (context->ocl == NULL) {
    return kvox_fail(KVOX_ERROR_DEVICE, "%s: the context computes on the CPU (%s)", __func__, context->backend_reason);
  }
  const kvox_device_info *facts = kvox_ocl_info(context->ocl);
  return kvox_options_store(facts, sizeof *facts, info, "kvox_device_info");
}
