#include "ocl/program.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/hash.h"

/*
 * What every program is built with, here alone. Nothing relaxed: no -cl-fast-relaxed-math, -cl-mad-enable,
 * -cl-denorms-are-zero. Division and square root are exact to the last bit where the device can, as they are on the
 * CPU.
 */
#define ALWAYS "-cl-std=CL1.2"
#define EXACT_DIVISION " -cl-fp32-correctly-rounded-divide-sqrt"

/* Of a build log, what a sentence has room for. */
enum { LOG_BYTES = 640, OPTIONS_BYTES = 160, NAME_BYTES = 64 };

/* One program of the cache in memory. */
struct kvox_ocl_program {
  kvox_ocl *ocl;
  kvox_ocl_program *next;
  int64_t holders;          /* guarded by the list's lock; with any it stays in the list */
  pthread_mutex_t building; /* guards `program`, NULL before it is built */
  cl_program program;
  char key[65];
};

struct kvox_ocl_programs {
  pthread_mutex_t lock;    /* guards the list */
  kvox_ocl_program *first; /* the last asked for; behind it the one before, and so on */
  int32_t count;
  char *folder; /* NULL: programs are kept in memory alone */
  const char *always;
  char device[65]; /* SHA-256 of what a built program depends on beside its source and options */
};

/* ---- What a program depends on ---- */

/* OpenCL gives a text whole or not at all: a longer one is left out. */
enum { TEXT_BYTES = 1024 };

static kvox_status add_device_text(const kvox_ocl *ocl, kvox_hash *hash, cl_device_info what) {
  char text[TEXT_BYTES] = "";
  const cl_int error = ocl->cl->GetDeviceInfo(ocl->device, what, sizeof text, text, NULL);
  if (error != CL_SUCCESS && error != CL_INVALID_VALUE) {
    return kvox_ocl_fail(ocl, "clGetDeviceInfo", error);
  }
  kvox_hash_add(hash, text, sizeof text);
  return KVOX_OK;
}

static kvox_status hash_device(const kvox_ocl *ocl, char hex[65]) {
  char text[TEXT_BYTES] = "";
  kvox_hash hash;
  kvox_hash_start(&hash);
  KVOX_TRY(add_device_text(ocl, &hash, CL_DEVICE_NAME));
  KVOX_TRY(add_device_text(ocl, &hash, CL_DEVICE_VERSION));
  KVOX_TRY(add_device_text(ocl, &hash, CL_DRIVER_VERSION));
  const cl_int error = ocl->cl->GetPlatformInfo(ocl->platform, CL_PLATFORM_VERSION, sizeof text, text, NULL);
  if (error != CL_SUCCESS && error != CL_INVALID_VALUE) {
    return kvox_ocl_fail(ocl, "clGetPlatformInfo", error);
  }
  kvox_hash_add(&hash, text, sizeof text);
  kvox_hash_add(&hash, kvox_version(), strlen(kvox_version()));
  kvox_hash_end(&hash, hex);
  return KVOX_OK;
}

static bool divides_exactly(const kvox_ocl *ocl) {
  cl_device_fp_config config = 0;
  return ocl->cl->GetDeviceInfo(ocl->device, CL_DEVICE_SINGLE_FP_CONFIG, sizeof config, &config, NULL) == CL_SUCCESS &&
         (config & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
}

/* The key in memory and in the folder. */
static void find_key(const struct kvox_ocl_programs *programs, const kvox_ocl_source *source, const char *options,
                     char key[65]) {
  kvox_hash hash;
  kvox_hash_start(&hash);
  kvox_hash_add(&hash, source->sha256, 64);
  kvox_hash_add(&hash, programs->device, 64);
  kvox_hash_add(&hash, programs->always, strlen(programs->always));
  kvox_hash_add(&hash, " ", 1);
  kvox_hash_add(&hash, options, strlen(options));
  kvox_hash_end(&hash, key);
}

/* ---- Opening and closing ---- */

kvox_status kvox_ocl_programs_create(kvox_ocl *ocl, const char *cache_folder) {
  kvox_status status = KVOX_OK;
  struct kvox_ocl_programs *made = kvox_allocate_zeros(ocl->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->always = divides_exactly(ocl) ? ALWAYS EXACT_DIVISION : ALWAYS;
  KVOX_TRY_CLEANUP(hash_device(ocl, made->device));
  if (cache_folder != NULL && cache_folder[0] != '\0') {
    made->folder = kvox_duplicate_text(ocl->heap, cache_folder);
    if (made->folder == NULL) {
      status = KVOX_ERROR_MEMORY;
      goto cleanup;
    }
  }
  if (pthread_mutex_init(&made->lock, NULL) != 0) {
    status = kvox_fail(KVOX_ERROR_MEMORY, "kvox_context_create: no mutex could be made");
    goto cleanup;
  }
  ocl->programs = made;
  return KVOX_OK;
cleanup:
  kvox_release(ocl->heap, made->folder);
  kvox_release(ocl->heap, made);
  return status;
}

static void destroy_list(const kvox_ocl *ocl, kvox_ocl_program *program) {
  for (kvox_ocl_program *next; program != NULL; program = next) {
    next = program->next;
    if (program->program != NULL) {
      ocl->cl->ReleaseProgram(program->program);
    }
    pthread_mutex_destroy(&program->building);
    kvox_release(ocl->heap, program);
  }
}

void kvox_ocl_programs_destroy(kvox_ocl *ocl) {
  struct kvox_ocl_programs *programs = ocl->programs;
  if (programs == NULL) {
    return;
  }
  destroy_list(ocl, programs->first);
  pthread_mutex_destroy(&programs->lock);
  kvox_release(ocl->heap, programs->folder);
  kvox_release(ocl->heap, programs);
  ocl->programs = NULL;
}

/* ---- Building ---- */

/* From the log's first error on, in one line: as much as fits. */
static void shorten_log(const char *log, char *line, size_t size) {
  const char *at = strstr(log, "error");
  at = at != NULL ? at : log;
  while (at > log && at[-1] != '\n') {
    at--;
  }
  size_t used = 0;
  for (; *at != '\0' && used + 1 < size; at++) {
    const bool blank = (unsigned char)*at <= ' ';
    if (!blank || (used > 0 && line[used - 1] != ' ')) {
      line[used++] = blank ? ' ' : *at;
    }
  }
  if (*at != '\0') { /* cut: no part of a character stays */
    while (used > 0 && ((unsigned char)line[used - 1] & 0xc0) == 0x80) {
      used--;
    }
    used -= used > 0 && ((unsigned char)line[used - 1] & 0x80) != 0;
  }
  used -= used > 0 && line[used - 1] == ' ';
  line[used] = '\0';
}

static kvox_status build_failed(const kvox_ocl *ocl, const char *name, const char *options, cl_program program,
                                cl_int error) {
  char line[LOG_BYTES] = "";
  size_t bytes = 0;
  char *log = NULL;
  if (ocl->cl->GetProgramBuildInfo(program, ocl->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) == CL_SUCCESS &&
      bytes > 1 && (log = kvox_allocate_zeros(ocl->heap, (uint64_t)bytes + 1)) != NULL &&
      ocl->cl->GetProgramBuildInfo(program, ocl->device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL) == CL_SUCCESS) {
    shorten_log(log, line, sizeof line);
  }
  kvox_release(ocl->heap, log);
  if (line[0] == '\0') {
    return kvox_ocl_fail(ocl, "clBuildProgram", error);
  }
  return kvox_fail(KVOX_ERROR_DEVICE, "OpenCL: program %.*s does not build on %s with \"%.*s\" (error %d): %s",
                   NAME_BYTES, name, ocl->info.name, OPTIONS_BYTES, options, (int)error, line);
}

/* `options` are the whole ones. */
static kvox_status build_from_source(const kvox_ocl *ocl, const kvox_ocl_source *source, const char *options,
                                     cl_program *built) {
  const char *text = source->text;
  cl_int error = CL_SUCCESS;
  cl_program program = ocl->cl->CreateProgramWithSource(ocl->context, 1, &text, &source->length, &error);
  if (program == NULL || error != CL_SUCCESS) {
    return kvox_ocl_fail(ocl, "clCreateProgramWithSource", error);
  }
  error = ocl->cl->BuildProgram(program, 1, &ocl->device, options, NULL, NULL);
  if (error != CL_SUCCESS) {
    const kvox_status status = build_failed(ocl, source->name, options, program, error);
    ocl->cl->ReleaseProgram(program);
    return status;
  }
  *built = program;
  return KVOX_OK;
}

/* False where the driver refuses it: drivers change under the same version, too. */
static bool build_from_binary(const kvox_ocl *ocl, const unsigned char *binary, size_t bytes, const char *options,
                              cl_program *built) {
  cl_int error = CL_SUCCESS, accepted = CL_SUCCESS;
  cl_program program =
      ocl->cl->CreateProgramWithBinary(ocl->context, 1, &ocl->device, &bytes, &binary, &accepted, &error);
  if (program == NULL || error != CL_SUCCESS) {
    return false;
  }
  if (accepted != CL_SUCCESS || ocl->cl->BuildProgram(program, 1, &ocl->device, options, NULL, NULL) != CL_SUCCESS) {
    ocl->cl->ReleaseProgram(program);
    return false;
  }
  *built = program;
  return true;
}

/* Which of the program's devices is ours: a host's context may have several. -1: none. */
static int64_t device_of_program(const kvox_ocl *ocl, cl_program program, cl_device_id *devices, cl_uint count) {
  if (ocl->cl->GetProgramInfo(program, CL_PROGRAM_DEVICES, count * sizeof *devices, devices, NULL) == CL_SUCCESS) {
    for (cl_uint i = 0; i < count; i++) {
      if (devices[i] == ocl->device) {
        return i;
      }
    }
  }
  return -1;
}

/* The program as the driver built it; false where it does not say. */
static bool get_binary(const kvox_ocl *ocl, cl_program program, unsigned char **binary, size_t *bytes) {
  bool good = false;
  cl_uint count = 0;
  if (ocl->cl->GetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof count, &count, NULL) != CL_SUCCESS) {
    return false;
  }
  cl_device_id *devices = kvox_allocate_array(ocl->heap, count, sizeof *devices);
  size_t *sizes = kvox_allocate_array(ocl->heap, count, sizeof *sizes);
  unsigned char **binaries = kvox_allocate_zeros(ocl->heap, count * sizeof *binaries);
  const int64_t ours = devices != NULL ? device_of_program(ocl, program, devices, count) : -1;
  *binary = NULL;
  if (ours >= 0 && sizes != NULL && binaries != NULL &&
      ocl->cl->GetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, count * sizeof *sizes, sizes, NULL) == CL_SUCCESS &&
      sizes[ours] > 0 && (*binary = kvox_allocate(ocl->heap, sizes[ours])) != NULL) {
    binaries[ours] = *binary; /* the others stay NULL: not asked for */
    *bytes = sizes[ours];
    good =
        ocl->cl->GetProgramInfo(program, CL_PROGRAM_BINARIES, count * sizeof *binaries, binaries, NULL) == CL_SUCCESS;
  }
  if (!good) {
    kvox_release(ocl->heap, *binary);
  }
  kvox_release(ocl->heap, binaries);
  kvox_release(ocl->heap, sizes);
  kvox_release(ocl->heap, devices);
  return good;
}

/* From the folder where it is there, else from its source, and then into the folder. */
static kvox_status build(const kvox_ocl *ocl, const kvox_ocl_source *source, const char *own_options, const char *key,
                         cl_program *built) {
  const struct kvox_ocl_programs *programs = ocl->programs;
  const size_t room = strlen(programs->always) + strlen(own_options) + 2;
  kvox_status status = KVOX_OK;
  unsigned char *binary = NULL;
  size_t bytes = 0;
  bool found = false;
  const kvox_sentence before = kvox_sentence_keep();
  char *options = kvox_allocate(ocl->heap, room);
  if (options == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  snprintf(options, room, "%s %s", programs->always, own_options);
  if (programs->folder != NULL && kvox_ocl_cache_read(ocl->heap, programs->folder, key, &binary, &bytes)) {
    found = build_from_binary(ocl, binary, bytes, options, built);
    kvox_release(ocl->heap, binary);
  }
  if (!found) {
    KVOX_TRY_CLEANUP(build_from_source(ocl, source, options, built));
    if (programs->folder != NULL && get_binary(ocl, *built, &binary, &bytes)) {
      kvox_ocl_cache_write(ocl->heap, programs->folder, key, binary, bytes);
      kvox_release(ocl->heap, binary);
    }
  }
  kvox_sentence_put_back(&before); /* for the folder there may have been no memory, which does not matter */
cleanup:
  kvox_release(ocl->heap, options);
  return status;
}

/* ---- The cache in memory ---- */

/* The next four: with the list locked. */

static kvox_ocl_program *take_out(struct kvox_ocl_programs *programs, kvox_ocl_program **link) {
  kvox_ocl_program *program = *link;
  *link = program->next;
  programs->count--;
  return program;
}

static void put_first(struct kvox_ocl_programs *programs, kvox_ocl_program *program) {
  program->next = programs->first;
  programs->first = program;
  programs->count++;
}

static kvox_ocl_program *take_out_key(struct kvox_ocl_programs *programs, const char *key) {
  kvox_ocl_program **link = &programs->first;
  while (*link != NULL && strcmp((*link)->key, key) != 0) {
    link = &(*link)->next;
  }
  return *link != NULL ? take_out(programs, link) : NULL;
}

/* Makes room for one more: those that nobody has asked for for longest, of those that nobody holds, as a list. */
static kvox_ocl_program *take_out_oldest(struct kvox_ocl_programs *programs) {
  kvox_ocl_program *out = NULL;
  while (programs->count >= KVOX_OCL_MOST_PROGRAMS) {
    kvox_ocl_program **oldest = NULL;
    for (kvox_ocl_program **link = &programs->first; *link != NULL; link = &(*link)->next) {
      oldest = (*link)->holders == 0 ? link : oldest;
    }
    if (oldest == NULL) {
      break;
    }
    kvox_ocl_program *taken = take_out(programs, oldest);
    taken->next = out;
    out = taken;
  }
  return out;
}

static kvox_status create(kvox_ocl *ocl, const char *key, kvox_ocl_program **program) {
  kvox_ocl_program *made = kvox_allocate_zeros(ocl->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  if (pthread_mutex_init(&made->building, NULL) != 0) {
    kvox_release(ocl->heap, made);
    return kvox_fail(KVOX_ERROR_MEMORY, "no mutex could be made for a program");
  }
  made->ocl = ocl;
  memcpy(made->key, key, sizeof made->key);
  *program = made;
  return KVOX_OK;
}

/* The program of this key, held; new and not yet built where it is not in memory. */
static kvox_status find_or_add(kvox_ocl *ocl, const char *key, kvox_ocl_program **program) {
  struct kvox_ocl_programs *programs = ocl->programs;
  kvox_status status = KVOX_OK;
  kvox_ocl_program *oldest = NULL;
  pthread_mutex_lock(&programs->lock);
  kvox_ocl_program *found = take_out_key(programs, key);
  if (found == NULL) {
    status = create(ocl, key, &found);
    oldest = status == KVOX_OK ? take_out_oldest(programs) : NULL;
  }
  if (status == KVOX_OK) {
    found->holders++;
    put_first(programs, found);
  }
  pthread_mutex_unlock(&programs->lock);
  destroy_list(ocl, oldest); /* kernels that were made of them keep what the driver has */
  *program = found;
  return status;
}

static void let_go(kvox_ocl_program *program) {
  struct kvox_ocl_programs *programs = program->ocl->programs;
  pthread_mutex_lock(&programs->lock);
  program->holders--;
  pthread_mutex_unlock(&programs->lock);
}

/* Built by the first who asks; others of the same program wait for it, those of other programs do not. A failed build
 * leaves it unbuilt: the next who asks tries again. */
kvox_status kvox_ocl_program_of(kvox_ocl *ocl, const kvox_ocl_source *source, const char *options,
                                kvox_ocl_program **program) {
  char key[65];
  kvox_ocl_program *found = NULL;
  kvox_status status = KVOX_OK;
  options = options != NULL ? options : "";
  find_key(ocl->programs, source, options, key);
  KVOX_TRY(find_or_add(ocl, key, &found));
  pthread_mutex_lock(&found->building);
  if (found->program == NULL) {
    status = build(ocl, source, options, key, &found->program);
  }
  pthread_mutex_unlock(&found->building);
  if (status != KVOX_OK) {
    let_go(found);
    return status;
  }
  kvox_ocl_hold(ocl);
  *program = found;
  return KVOX_OK;
}

kvox_status kvox_ocl_program_get(kvox_ocl *ocl, const char *name, const char *options, kvox_ocl_program **program) {
  const kvox_ocl_source *source = kvox_ocl_sources;
  while (source->name != NULL && strcmp(source->name, name) != 0) {
    source++;
  }
  if (source->name == NULL) {
    return kvox_fail(KVOX_ERROR_INTERNAL, "there is no program kernels/%.*s.cl", NAME_BYTES, name);
  }
  return kvox_ocl_program_of(ocl, source, options, program);
}

void kvox_ocl_program_drop(kvox_ocl_program *program) {
  if (program != NULL) {
    kvox_ocl *ocl = program->ocl;
    let_go(program);
    kvox_ocl_drop(ocl);
  }
}

kvox_status kvox_ocl_build(kvox_ocl *ocl, const char *name, const char *source, size_t length, const char *options,
                           cl_program *program) {
  char sha256[65];
  kvox_hash hash;
  kvox_ocl_program *found = NULL;
  kvox_hash_start(&hash);
  kvox_hash_add(&hash, source, length);
  kvox_hash_end(&hash, sha256);
  const kvox_ocl_source whole = {name, source, length, sha256};
  KVOX_TRY(kvox_ocl_program_of(ocl, &whole, options, &found));
  const cl_int error = ocl->cl->RetainProgram(found->program);
  const kvox_status status = error == CL_SUCCESS ? KVOX_OK : kvox_ocl_fail(ocl, "clRetainProgram", error);
  *program = status == KVOX_OK ? found->program : NULL;
  kvox_ocl_program_drop(found);
  return status;
}

kvox_ocl *kvox_ocl_program_device(const kvox_ocl_program *program) { return program->ocl; }

cl_program kvox_ocl_program_handle(const kvox_ocl_program *program) { return program->program; }
