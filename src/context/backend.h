/* The choice of a context's backend. */
#ifndef KVOX_CONTEXT_BACKEND_H
#define KVOX_CONTEXT_BACKEND_H

#include "context/context.h"

/* The value of an environment variable, NULL when unset, empty or to be ignored. */
const char *kvox_context_environment(const kvox_context_options *options, const char *name);

/* Sets backend, ocl and backend_reason of a context that has its heap. On failure there is nothing to give back. */
kvox_status kvox_context_choose_backend(kvox_context *context, const kvox_context_options *options);

#endif
