/* Kvox: the context (devices, threads, allocator, log), workspaces, progress and cancellation. */
#ifndef KVOX_CONTEXT_H
#define KVOX_CONTEXT_H

#include <kvox/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Everything that calls share. A host may have any number of contexts in any number of threads; one context may be used
 * from several threads at once. Objects made with a context keep it alive, so that destroying it first is safe.
 */
typedef struct kvox_context kvox_context;

/* The instruction set of the CPU kernels. */
enum {
  KVOX_CPU_AUTO = 0,  /* the best that this machine has */
  KVOX_CPU_REF = 1,   /* the plain C oracle */
  KVOX_CPU_NEON = 2,  /* 64-bit ARM */
  KVOX_CPU_AVX2 = 3,  /* AVX2 with FMA */
  KVOX_CPU_AVX512 = 4 /* AVX-512 F, BW, DQ, VL */
};

enum {
  KVOX_BACKEND_AUTO = 0, /* an OpenCL GPU, or the OpenCL device that was named, when there is one; else the CPU */
  KVOX_BACKEND_CPU = 1,
  KVOX_BACKEND_OPENCL = 2
};

enum { KVOX_LOG_INFO = 1, KVOX_LOG_WARNING = 2 };

/* How hard the FFT library looks for its plan. MEASURE promises the same bits only for the same plan. */
enum { KVOX_FFT_ESTIMATE = 0, KVOX_FFT_MEASURE = 1 };

/* Returns `bytes` of memory aligned to `alignment` (a power of two), or NULL. Called from the thread that calls Kvox.
 */
typedef void *(*kvox_allocate_function)(void *user, size_t bytes, size_t alignment);

/* Takes back what the allocate function gave. May be called from another thread. Never called with NULL. */
typedef void (*kvox_release_function)(void *user, void *memory);

/* One sentence without a line end. Called from the thread that calls Kvox. */
typedef void (*kvox_log_function)(void *user, int32_t level, const char *text);

/* One piece of work: a host's parallel loop calls task(data, index) once for every index. */
typedef void (*kvox_task)(void *data, int64_t index);

/*
 * A host's own parallel loop: runs task(data, 0) ... task(data, count - 1), in any order, on any threads, and returns
 * when all are done. `count` never exceeds the context's thread limit.
 */
typedef void (*kvox_parallel_function)(void *user, int64_t count, kvox_task task, void *data);

/* Prepare with kvox_context_options_init; zero means "as usual" for every member. */
typedef struct kvox_context_options {
  size_t struct_size;
  int32_t threads;            /* most threads a call may use; 0: KVOX_THREADS, else one for each core */
  int32_t cpu_level;          /* KVOX_CPU_...; AUTO: KVOX_CPU=ref|neon|avx2|avx512, else the best */
  int32_t backend;            /* KVOX_BACKEND_...; AUTO: KVOX_BACKEND=cpu|opencl|auto, else the best */
  int32_t forbid_fallback;    /* 1: a plan that cannot have the context's backend fails instead of using the CPU */
  int32_t ignore_environment; /* 1: no environment variable is read */
  int32_t fft_effort;         /* KVOX_FFT_... */
  uint64_t memory_limit; /* bytes one execution may allocate beside the caller's arrays; 0: each plan's own default */
  kvox_allocate_function allocate; /* both or none; none: the C library */
  kvox_release_function release;
  void *allocator_user;
  kvox_log_function log; /* NULL: silence */
  void *log_user;
  kvox_parallel_function parallel; /* NULL: OpenMP */
  void *parallel_user;
  const char *device; /* which OpenCL device: "auto", "gpu", "cpu", "accelerator", a number as kvox_device_get counts,
                         or a part of its name or, where that fits none, of its platform's, capitals or not; NULL:
                         KVOX_DEVICE, else auto: the GPU with memory of its own and most of it, then any GPU,
                         accelerator, CPU. Of a type: the one with memory of its own and most of it */
  const char *program_cache; /* a folder where built OpenCL programs are kept; NULL: in memory alone */
  void *opencl_context; /* the host's own cl_context, of one device, and a cl_command_queue of it: both or none; both
                           are retained, and no other device is looked for */
  void *opencl_queue;
} kvox_context_options;

/* Sets the size and zeroes the rest. */
#define kvox_context_options_init(options) kvox_context_options_init_sized((options), sizeof(kvox_context_options))
KVOX_API void kvox_context_options_init_sized(kvox_context_options *options, size_t struct_size);

/*
 * Makes a context. `options` may be NULL. A CPU level that this machine lacks is KVOX_ERROR_UNSUPPORTED, a value that
 * means nothing, or a name that fits several devices, KVOX_ERROR_ARGUMENT. Where backend OPENCL was asked for and there
 * is no such device it is KVOX_ERROR_DEVICE; AUTO takes the CPU then, and logs a warning where a device was asked for,
 * or is there but cannot be opened.
 */
KVOX_API kvox_status kvox_context_create(const kvox_context_options *options, kvox_context **context);

/* Gives up the caller's hold; NULL is fine. */
KVOX_API void kvox_context_destroy(kvox_context *context);

KVOX_API int32_t kvox_context_threads(const kvox_context *context);   /* the thread limit in force */
KVOX_API int32_t kvox_context_cpu_level(const kvox_context *context); /* KVOX_CPU_..., never AUTO */
KVOX_API int32_t kvox_context_backend(const kvox_context *context);   /* KVOX_BACKEND_..., never AUTO */

/* The best level this machine has, whatever masks it; "ref", "avx2", ... for a level. Constant strings. */
KVOX_API int32_t kvox_cpu_detected(void);
KVOX_API const char *kvox_cpu_level_name(int32_t level);

/*
 * What was chosen and why, as JSON (version, CPU level detected and used, threads, backend and the reason for it, FFT
 * provider). Writes at most `size` bytes, always ended by 0, and returns the length that the whole text has.
 */
KVOX_API size_t kvox_context_describe(const kvox_context *context, char *text, size_t size);

/* Memory of a plan, in bytes. Fixed: it does not grow. */
typedef struct kvox_memory_use {
  uint64_t plan;      /* held by the plan as long as it lives */
  uint64_t workspace; /* held by a workspace that has executed it */
  uint64_t device;    /* on the device: for each execution that runs at once, kept until the plan ends */
} kvox_memory_use;

/*
 * What one execution needs beside the caller's arrays: scratch memory, the progress function, the seconds of each
 * stage. It grows when a larger plan first uses it, so that a second execution of the same plan allocates nothing. One
 * thread at a time. Where a call takes a workspace, NULL means a temporary one.
 */
typedef struct kvox_workspace kvox_workspace;

KVOX_API kvox_status kvox_workspace_create(kvox_context *context, kvox_workspace **workspace);
KVOX_API void kvox_workspace_destroy(kvox_workspace *workspace);

/* Told how much is done, 0 to 1, never backwards, on the thread that called. Not zero cancels: the call returns
 * KVOX_ERROR_CANCELLED and its outputs hold no meaning. */
typedef int32_t (*kvox_progress_function)(void *user, double fraction);
KVOX_API void kvox_workspace_set_progress(kvox_workspace *workspace, kvox_progress_function progress, void *user);

/* Bytes of scratch it holds now. */
KVOX_API uint64_t kvox_workspace_bytes(const kvox_workspace *workspace);

/* The stages of the last execution, in order; the seconds are those of the wall clock, on a device those that it
 * worked, and there are none where a host's own queue takes no times. NULL and 0 beyond the last. */
KVOX_API int32_t kvox_workspace_stage_count(const kvox_workspace *workspace);
KVOX_API const char *kvox_workspace_stage_name(const kvox_workspace *workspace, int32_t stage);
KVOX_API double kvox_workspace_stage_seconds(const kvox_workspace *workspace, int32_t stage);

#ifdef __cplusplus
}
#endif

#endif
