/*
 * Contexts, programs, and the kernels made of them. Compilers take their time, and tests build the same programs a
 * thousand times: a program that was built once is kept, and so is the context that it belongs to. Callers see handles
 * of ours, so that they learn nothing of that.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

enum { MOST_KEPT = 64 };

/* What a handle of a program points to. */
typedef struct program {
  cl_program real;
  cl_context context;
  size_t bytes;
  unsigned char *text; /* or the binary */
} program;

static struct {
  pthread_mutex_t lock;
  cl_device_id device;
  cl_context context; /* of that device alone */
  int count;
  struct {
    program built;
    char *options;
  } programs[MOST_KEPT];
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static program *program_of(cl_program handle) { return (program *)(void *)handle; }

/* ---- Contexts ---- */

cl_context clCreateContext(const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
                           void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user,
                           cl_int *status) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_DEVICE_NOT_AVAILABLE, &error);
  if (cl == NULL) {
    return forward_refuse(status, error);
  }
  pthread_mutex_lock(&kept.lock);
  cl_context context = NULL;
  if (kept.context != NULL && count == 1 && devices[0] == kept.device && notify == NULL) {
    context = kept.context;
    error = cl->RetainContext(context);
  } else {
    context = cl->CreateContext(properties, count, devices, notify, user, &error);
    if (error == CL_SUCCESS && kept.context == NULL && count == 1 && notify == NULL &&
        cl->RetainContext(context) == CL_SUCCESS) {
      kept.context = context;
      kept.device = devices[0];
    }
  }
  pthread_mutex_unlock(&kept.lock);
  if (status != NULL) {
    *status = error;
  }
  return forward_made(FORWARD_CONTEXT, context, 0);
}

/* ---- Programs ---- */

/* Takes over `text`. */
static cl_program make_program(cl_context context, cl_program real, unsigned char *text, size_t bytes) {
  program *made = real != NULL ? malloc(sizeof *made) : NULL;
  if (made == NULL) {
    free(text);
    return NULL;
  }
  *made = (program){.real = real, .context = context, .bytes = bytes, .text = text};
  return forward_made(FORWARD_PROGRAM, made, 0);
}

/* All pieces of a source as one; each is followed by a byte that none has. */
static unsigned char *join(cl_uint count, const char **texts, const size_t *lengths, size_t *bytes) {
  unsigned char *all = NULL;
  *bytes = 0;
  for (cl_uint i = 0; i < count; i++) {
    const size_t length = lengths != NULL && lengths[i] != 0 ? lengths[i] : strlen(texts[i]);
    unsigned char *more = realloc(all, *bytes + length + 1);
    if (more == NULL) {
      break;
    }
    all = more;
    memcpy(all + *bytes, texts[i], length);
    all[*bytes + length] = 0xff;
    *bytes += length + 1;
  }
  return all;
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char **texts, const size_t *lengths,
                                     cl_int *status) {
  static const char *broken[] = {"#error told to fail\n"};
  cl_int error = CL_SUCCESS;
  size_t bytes = 0;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_HOST_MEMORY, &error);
  if (cl != NULL && !forward_uses(__func__, FORWARD_CONTEXT, context)) {
    error = CL_INVALID_CONTEXT;
  }
  if (error != CL_SUCCESS) {
    return forward_refuse(status, error);
  }
  if (forward_ordered().break_sources) {
    count = 1;
    texts = broken;
    lengths = NULL;
  }
  unsigned char *text = join(count, texts, lengths, &bytes);
  return make_program(context, cl->CreateProgramWithSource(context, count, texts, lengths, status), text, bytes);
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices,
                                     const size_t *lengths, const unsigned char **binaries, cl_int *statuses,
                                     cl_int *status) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_INVALID_BINARY, &error);
  if (cl != NULL && !forward_uses(__func__, FORWARD_CONTEXT, context)) {
    error = CL_INVALID_CONTEXT;
  }
  if (error != CL_SUCCESS) {
    return forward_refuse(status, error);
  }
  unsigned char *copy = count == 1 ? malloc(lengths[0]) : NULL;
  if (copy != NULL) {
    memcpy(copy, binaries[0], lengths[0]);
  }
  return make_program(context,
                      cl->CreateProgramWithBinary(context, count, devices, lengths, binaries, statuses, status), copy,
                      copy != NULL ? lengths[0] : 0);
}

/* Puts the program that was built of the same before in its place. */
static bool take_kept(const kvox_ocl_table *cl, program *p, const char *options) {
  bool found = false;
  pthread_mutex_lock(&kept.lock);
  for (int i = 0; i < kept.count && !found; i++) {
    const program *built = &kept.programs[i].built;
    found = p->text != NULL && built->context == p->context && built->bytes == p->bytes &&
            memcmp(built->text, p->text, p->bytes) == 0 && strcmp(kept.programs[i].options, options) == 0 &&
            cl->RetainProgram(built->real) == CL_SUCCESS;
    if (found) {
      cl->ReleaseProgram(p->real);
      p->real = built->real;
    }
  }
  pthread_mutex_unlock(&kept.lock);
  return found;
}

static void keep(const kvox_ocl_table *cl, const program *p, const char *options) {
  pthread_mutex_lock(&kept.lock);
  unsigned char *text =
      kept.count < MOST_KEPT && p->context == kept.context && p->text != NULL ? malloc(p->bytes) : NULL;
  char *words = text != NULL ? strdup(options) : NULL;
  if (words != NULL && cl->RetainProgram(p->real) == CL_SUCCESS) {
    memcpy(text, p->text, p->bytes);
    kept.programs[kept.count].built = *p;
    kept.programs[kept.count].built.text = text;
    kept.programs[kept.count++].options = words;
  } else {
    free(words);
    free(text);
  }
  pthread_mutex_unlock(&kept.lock);
}

cl_int clBuildProgram(cl_program handle, cl_uint count, const cl_device_id *devices, const char *options,
                      void(CL_CALLBACK *notify)(cl_program, void *), void *user) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_BUILD_PROGRAM_FAILURE, &error);
  if (cl == NULL) {
    return error;
  }
  if (!forward_uses(__func__, FORWARD_PROGRAM, handle)) {
    return CL_INVALID_PROGRAM;
  }
  program *p = program_of(handle);
  const char *words = options != NULL ? options : "";
  if (take_kept(cl, p, words)) {
    return CL_SUCCESS;
  }
  error = cl->BuildProgram(p->real, count, devices, options, notify, user);
  if (error == CL_SUCCESS) {
    keep(cl, p, words);
  }
  return error;
}

cl_int clGetProgramInfo(cl_program handle, cl_program_info name, size_t size, void *value, size_t *needed) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl == NULL) {
    return error;
  }
  return forward_uses(__func__, FORWARD_PROGRAM, handle)
             ? cl->GetProgramInfo(program_of(handle)->real, name, size, value, needed)
             : CL_INVALID_PROGRAM;
}

cl_int clGetProgramBuildInfo(cl_program handle, cl_device_id device, cl_program_build_info name, size_t size,
                             void *value, size_t *needed) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl == NULL) {
    return error;
  }
  return forward_uses(__func__, FORWARD_PROGRAM, handle)
             ? cl->GetProgramBuildInfo(program_of(handle)->real, device, name, size, value, needed)
             : CL_INVALID_PROGRAM;
}

cl_int clRetainProgram(cl_program handle) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl == NULL) {
    return error;
  }
  return forward_hold(__func__, FORWARD_PROGRAM, handle) ? CL_SUCCESS : CL_INVALID_PROGRAM;
}

cl_int clReleaseProgram(cl_program handle) {
  const kvox_ocl_table *cl = NULL;
  const cl_int error = forward_gate_release(__func__, &cl);
  const int64_t holds = forward_release(__func__, FORWARD_PROGRAM, handle);
  if (holds < 0) {
    return CL_INVALID_PROGRAM;
  }
  if (holds == 0) {
    program *p = program_of(handle);
    cl->ReleaseProgram(p->real);
    free(p->text);
    free(p);
  }
  return error;
}

cl_kernel clCreateKernel(cl_program handle, const char *name, cl_int *status) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl != NULL && !forward_uses(__func__, FORWARD_PROGRAM, handle)) {
    error = CL_INVALID_PROGRAM;
  }
  if (error != CL_SUCCESS) {
    return forward_refuse(status, error);
  }
  return forward_made(FORWARD_KERNEL, cl->CreateKernel(program_of(handle)->real, name, status), 0);
}
