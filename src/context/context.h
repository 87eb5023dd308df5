/* The context: what every area's calls share. */
#ifndef KVOX_CONTEXT_CONTEXT_H
#define KVOX_CONTEXT_CONTEXT_H

#include "core/fail.h"
#include "core/heap.h"
#include "core/text.h"
#include "cpu/parallel.h"
#include "ocl/ocl.h"

/* What an execution takes beside the caller's arrays when nobody sets a limit and it can do with that. */
#define KVOX_USUAL_MEMORY ((uint64_t)64 << 20)

struct kvox_context {
  kvox_heap *heap;
  atomic_int holders;
  kvox_threads threads;
  int32_t cpu_level;
  int32_t backend;
  int32_t fft_effort;
  uint64_t memory_limit;
  bool forbid_fallback;
  kvox_ocl *ocl; /* the device, where the backend is OpenCL */
  char backend_reason[512];
};

kvox_context *kvox_context_hold(kvox_context *context);

/*
 * Whether a plan whose making on the device came to `status` is made on the CPU instead: never where the caller forbade
 * it, or the caller's own arguments are at fault. It is logged, with the device's sentence; `what` opens it. The
 * thread's sentence is then `before` again.
 */
bool kvox_context_falls_back(const kvox_context *context, kvox_status status, const char *what,
                             const kvox_sentence *before);

/* The members that every provenance begins with: version, backend, CPU level, device, FFT provider. `on_device`: of a
 * plan that runs there. */
void kvox_context_write_provenance(const kvox_context *context, bool on_device, kvox_text *json);

#endif
