#define _GNU_SOURCE /* dl_iterate_phdr */
#include "ocl/table.h"

#include <CL/cl_ext.h>
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/fail.h"

/* Opened once in a process and never closed: drivers leave threads and exit handlers behind. */
static struct {
  kvox_ocl_table table;
  pid_t process;
  kvox_status status;
  char reason[256];
} opencl;
static pthread_once_t opencl_once = PTHREAD_ONCE_INIT;

/* The program itself comes first; one that a dynamic linker loads names it. */
static int look_for_linker(struct dl_phdr_info *program, size_t size, void *found) {
  (void)size;
  for (int i = 0; i < program->dlpi_phnum; i++) {
    *(bool *)found |= program->dlpi_phdr[i].p_type == PT_INTERP;
  }
  return 1;
}

/* A wholly static program: glibc's dlopen would bring a second C library into it, which crashes. */
static bool is_static(void) {
  bool has_linker = false;
  dl_iterate_phdr(look_for_linker, &has_linker);
  return !has_linker;
}

/* POSIX gives functions as object pointers, which C does not convert. */
static bool find_entry(void *handle, const char *name, void *entry) {
  void *symbol = dlsym(handle, name);
  memcpy(entry, &symbol, sizeof symbol);
  return symbol != NULL;
}

/* The name of the first entry point that is not there, NULL when all are. */
static const char *fill_table(void *handle, kvox_ocl_table *table) {
#define KVOX_OCL_FIND(name)                            \
  if (!find_entry(handle, "cl" #name, &table->name)) { \
    return "cl" #name;                                 \
  }
  KVOX_OCL_ENTRY_POINTS(KVOX_OCL_FIND)
#undef KVOX_OCL_FIND
  return NULL;
}

static void open_library(void) {
  static const char *const names[] = {"libOpenCL.so.1", "libOpenCL.so"};
  opencl.process = getpid();
  opencl.status = KVOX_ERROR_DEVICE;
  if (is_static()) {
    snprintf(opencl.reason, sizeof opencl.reason, "this program is linked statically and cannot open one");
    return;
  }
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    void *handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    const char *lacks = handle != NULL ? fill_table(handle, &opencl.table) : NULL;
    if (handle != NULL && lacks == NULL) {
      opencl.status = KVOX_OK;
      return;
    }
    if (opencl.reason[0] == '\0' && lacks != NULL) {
      snprintf(opencl.reason, sizeof opencl.reason, "%s has no %s, which OpenCL 1.2 has", names[i], lacks);
    } else if (opencl.reason[0] == '\0') {
      const char *why = dlerror();
      snprintf(opencl.reason, sizeof opencl.reason, "%s", why != NULL ? why : names[i]);
    }
    if (handle != NULL) {
      dlclose(handle);
    }
  }
}

kvox_status kvox_ocl_table_get(const kvox_ocl_table **table) {
  pthread_once(&opencl_once, open_library);
  if (opencl.status != KVOX_OK) {
    return kvox_fail(opencl.status, "no OpenCL library: %s", opencl.reason);
  }
  if (opencl.process != getpid()) {
    return kvox_fail(KVOX_ERROR_DEVICE, "OpenCL was opened before this process was forked, and does not survive that");
  }
  *table = &opencl.table;
  return KVOX_OK;
}

static const char *error_name(cl_int error) {
#define NAME(code) \
  case code: return #code;
  switch (error) {
    NAME(CL_DEVICE_NOT_FOUND)
    NAME(CL_DEVICE_NOT_AVAILABLE)
    NAME(CL_COMPILER_NOT_AVAILABLE)
    NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE)
    NAME(CL_OUT_OF_RESOURCES)
    NAME(CL_OUT_OF_HOST_MEMORY)
    NAME(CL_PROFILING_INFO_NOT_AVAILABLE)
    NAME(CL_MEM_COPY_OVERLAP)
    NAME(CL_BUILD_PROGRAM_FAILURE)
    NAME(CL_MAP_FAILURE)
    NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET)
    NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
    NAME(CL_COMPILE_PROGRAM_FAILURE)
    NAME(CL_LINKER_NOT_AVAILABLE)
    NAME(CL_LINK_PROGRAM_FAILURE)
    NAME(CL_INVALID_VALUE)
    NAME(CL_INVALID_DEVICE_TYPE)
    NAME(CL_INVALID_PLATFORM)
    NAME(CL_INVALID_DEVICE)
    NAME(CL_INVALID_CONTEXT)
    NAME(CL_INVALID_QUEUE_PROPERTIES)
    NAME(CL_INVALID_COMMAND_QUEUE)
    NAME(CL_INVALID_HOST_PTR)
    NAME(CL_INVALID_MEM_OBJECT)
    NAME(CL_INVALID_BINARY)
    NAME(CL_INVALID_BUILD_OPTIONS)
    NAME(CL_INVALID_PROGRAM)
    NAME(CL_INVALID_PROGRAM_EXECUTABLE)
    NAME(CL_INVALID_KERNEL_NAME)
    NAME(CL_INVALID_KERNEL_DEFINITION)
    NAME(CL_INVALID_KERNEL)
    NAME(CL_INVALID_ARG_INDEX)
    NAME(CL_INVALID_ARG_VALUE)
    NAME(CL_INVALID_ARG_SIZE)
    NAME(CL_INVALID_KERNEL_ARGS)
    NAME(CL_INVALID_WORK_DIMENSION)
    NAME(CL_INVALID_WORK_GROUP_SIZE)
    NAME(CL_INVALID_WORK_ITEM_SIZE)
    NAME(CL_INVALID_GLOBAL_OFFSET)
    NAME(CL_INVALID_EVENT_WAIT_LIST)
    NAME(CL_INVALID_EVENT)
    NAME(CL_INVALID_OPERATION)
    NAME(CL_INVALID_BUFFER_SIZE)
    NAME(CL_INVALID_GLOBAL_WORK_SIZE)
    NAME(CL_INVALID_PROPERTY)
    NAME(CL_INVALID_COMPILER_OPTIONS)
    NAME(CL_INVALID_LINKER_OPTIONS)
    NAME(CL_PLATFORM_NOT_FOUND_KHR)
    case -9999: return "an error of NVIDIA's driver, mostly an access out of bounds";
    default: return "an error that OpenCL does not know";
  }
#undef NAME
}

kvox_status kvox_ocl_fail(const kvox_ocl *ocl, const char *call, cl_int error) {
  return kvox_fail(KVOX_ERROR_DEVICE, "OpenCL: %s failed with %s (%d)%s%s", call, error_name(error), (int)error,
                   ocl != NULL ? " on " : "", ocl != NULL ? ocl->info.name : "");
}
