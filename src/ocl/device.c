#include "ocl/device.h"

#include <CL/cl_ext.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"

kvox_status kvox_ocl_devices(const kvox_ocl_table **table, kvox_ocl_list *list) {
  enum { MOST_PLATFORMS = 32 };
  cl_platform_id platforms[MOST_PLATFORMS];
  cl_uint platform_count = 0;
  list->count = 0;
  KVOX_TRY(kvox_ocl_table_get(table));
  const kvox_ocl_table *cl = *table;
  const cl_int error = cl->GetPlatformIDs(MOST_PLATFORMS, platforms, &platform_count);
  if (error == CL_PLATFORM_NOT_FOUND_KHR || (error == CL_SUCCESS && platform_count == 0)) {
    return kvox_fail(KVOX_ERROR_DEVICE, "no OpenCL platform: the library is there, but no driver is installed");
  }
  if (error != CL_SUCCESS) {
    return kvox_ocl_fail(NULL, "clGetPlatformIDs", error);
  }
  cl_int failure = CL_SUCCESS;
  for (cl_uint p = 0; p < platform_count && p < MOST_PLATFORMS; p++) {
    cl_device_id devices[KVOX_OCL_MOST_DEVICES];
    const cl_uint room = (cl_uint)(KVOX_OCL_MOST_DEVICES - list->count);
    cl_uint count = 0;
    const cl_int status =
        room > 0 ? cl->GetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, room, devices, &count) : CL_DEVICE_NOT_FOUND;
    if (status != CL_SUCCESS) {
      failure = status != CL_DEVICE_NOT_FOUND ? status : failure;
      continue; /* a platform whose device is away does not take the others with it */
    }
    for (cl_uint d = 0; d < count && d < room; d++) {
      list->places[list->count++] = (kvox_ocl_place){.platform = platforms[p], .device = devices[d]};
    }
  }
  if (list->count == 0 && failure != CL_SUCCESS) {
    return kvox_ocl_fail(NULL, "clGetDeviceIDs", failure);
  }
  return list->count > 0
             ? KVOX_OK
             : kvox_fail(KVOX_ERROR_DEVICE, "no OpenCL device: %u platforms, none has one", (unsigned)platform_count);
}

/* One question to a device after the other; the first failure sticks. */
typedef struct question {
  const kvox_ocl_table *cl;
  kvox_ocl_place place;
  const char *call; /* what error is of */
  cl_int error;
} question;

static void ask(question *q, cl_device_info what, void *answer, size_t size) {
  if (q->error == CL_SUCCESS) {
    q->error = q->cl->GetDeviceInfo(q->place.device, what, size, answer, NULL);
  }
}

static uint64_t ask_ulong(question *q, cl_device_info what) {
  cl_ulong answer = 0;
  ask(q, what, &answer, sizeof answer);
  return answer;
}

static uint32_t ask_uint(question *q, cl_device_info what) {
  cl_uint answer = 0;
  ask(q, what, &answer, sizeof answer);
  return answer;
}

static bool ask_bool(question *q, cl_device_info what) {
  cl_bool answer = CL_FALSE;
  ask(q, what, &answer, sizeof answer);
  return answer != CL_FALSE;
}

/* Without the spaces that some drivers put at either end; control characters become spaces. */
static void tidy(const char *from, char *to, size_t size) {
  from += strspn(from, " ");
  snprintf(to, size, "%s", from);
  for (size_t i = 0; to[i] != '\0'; i++) {
    to[i] = (unsigned char)to[i] < ' ' ? ' ' : to[i];
  }
  for (size_t end = strlen(to); end > 0 && to[end - 1] == ' '; end--) {
    to[end - 1] = '\0';
  }
}

/* OpenCL gives a text whole or not at all: longer than this one it is left empty. */
enum { LONGEST_TEXT = 1024 };

static void ask_text(question *q, cl_device_info what, char *text, size_t size) {
  char whole[LONGEST_TEXT] = "";
  const cl_int error = q->error;
  ask(q, what, whole, sizeof whole);
  q->error = q->error == CL_INVALID_VALUE ? error : q->error;
  whole[sizeof whole - 1] = '\0';
  tidy(whole, text, size);
}

static void ask_platform(question *q, cl_platform_info what, char *text, size_t size) {
  char whole[LONGEST_TEXT] = "";
  if (q->error == CL_SUCCESS) {
    const cl_int error = q->cl->GetPlatformInfo(q->place.platform, what, sizeof whole, whole, NULL);
    q->error = error == CL_INVALID_VALUE ? CL_SUCCESS : error;
    q->call = q->error != CL_SUCCESS ? "clGetPlatformInfo" : q->call;
  }
  whole[sizeof whole - 1] = '\0';
  tidy(whole, text, size);
}

/* "OpenCL 1.2 ..." and later ones. */
static bool is_recent(const char *version) {
  unsigned major = 0, minor = 0;
  const char *at = strncmp(version, "OpenCL ", 7) == 0 ? version + 7 : "";
  for (; *at >= '0' && *at <= '9' && major < 1000; at++) {
    major = 10 * major + (unsigned)(*at - '0');
  }
  for (at += *at == '.'; *at >= '0' && *at <= '9' && minor < 1000; at++) {
    minor = 10 * minor + (unsigned)(*at - '0');
  }
  return major > 1 || (major == 1 && minor >= 2);
}

static void judge(question *q, kvox_device_info *info) {
  char profile[32];
  ask_text(q, CL_DEVICE_PROFILE, profile, sizeof profile);
  const uint32_t bits = ask_uint(q, CL_DEVICE_ADDRESS_BITS);
  const char *wrong = !ask_bool(q, CL_DEVICE_AVAILABLE)            ? "it is not available"
                      : !ask_bool(q, CL_DEVICE_COMPILER_AVAILABLE) ? "it has no compiler"
                      : !ask_bool(q, CL_DEVICE_ENDIAN_LITTLE)      ? "it is big-endian"
                      : strcmp(profile, "FULL_PROFILE") != 0       ? "it has the embedded profile alone"
                      : bits != 32 && bits != 64                   ? "its addresses have neither 32 nor 64 bits"
                                                                   : "";
  snprintf(info->unusable, sizeof info->unusable, "%s", wrong);
  if (info->unusable[0] == '\0' && !is_recent(info->version)) {
    snprintf(info->unusable, sizeof info->unusable, "it has %.40s, OpenCL 1.2 is the least", info->version);
  }
}

kvox_status kvox_ocl_describe(const kvox_ocl_table *cl, kvox_ocl_place place, kvox_device_info *info) {
  question q = {.cl = cl, .place = place, .call = "clGetDeviceInfo", .error = CL_SUCCESS};
  cl_device_type type = 0;
  size_t group = 0;
  cl_device_fp_config doubles = 0;
  ask(&q, CL_DEVICE_TYPE, &type, sizeof type);
  ask(&q, CL_DEVICE_MAX_WORK_GROUP_SIZE, &group, sizeof group);
  if (q.error == CL_SUCCESS) {
    info->type = type & CL_DEVICE_TYPE_GPU           ? KVOX_DEVICE_GPU
                 : type & CL_DEVICE_TYPE_ACCELERATOR ? KVOX_DEVICE_ACCELERATOR
                 : type & CL_DEVICE_TYPE_CPU         ? KVOX_DEVICE_CPU
                                                     : KVOX_DEVICE_OTHER;
  }
  info->largest_group = group;
  info->compute_units = (int32_t)ask_uint(&q, CL_DEVICE_MAX_COMPUTE_UNITS);
  ask_text(&q, CL_DEVICE_NAME, info->name, sizeof info->name);
  ask_platform(&q, CL_PLATFORM_NAME, info->platform, sizeof info->platform);
  ask_text(&q, CL_DEVICE_VERSION, info->version, sizeof info->version);
  ask_text(&q, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
  info->memory_bytes = ask_ulong(&q, CL_DEVICE_GLOBAL_MEM_SIZE);
  info->largest_buffer_bytes = ask_ulong(&q, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  info->local_memory_bytes = ask_ulong(&q, CL_DEVICE_LOCAL_MEM_SIZE);
  info->shares_host_memory = ask_bool(&q, CL_DEVICE_HOST_UNIFIED_MEMORY);
  judge(&q, info);
  if (q.error != CL_SUCCESS) {
    return kvox_ocl_fail(NULL, q.call, q.error);
  }
  /* Of devices below OpenCL 1.2 without the extension this question is unknown. */
  info->has_double =
      cl->GetDeviceInfo(place.device, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof doubles, &doubles, NULL) == CL_SUCCESS &&
      doubles != 0;
  return KVOX_OK;
}

int32_t kvox_device_count(void) {
  const kvox_ocl_table *cl = NULL;
  kvox_ocl_list list;
  return kvox_ocl_devices(&cl, &list) == KVOX_OK ? list.count : 0;
}

kvox_status kvox_device_get(int32_t index, kvox_device_info *info) {
  const kvox_ocl_table *cl = NULL;
  kvox_ocl_list list;
  KVOX_REQUIRE(info);
  KVOX_TRY(kvox_ocl_devices(&cl, &list));
  if (index < 0 || index >= list.count) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: index is %" PRId32 ", must be from 0 to %" PRId32, __func__, index,
                     list.count - 1);
  }
  kvox_device_info facts = {.struct_size = sizeof facts, .index = index};
  KVOX_TRY(kvox_ocl_describe(cl, list.places[index], &facts));
  return kvox_options_store(&facts, sizeof facts, info, "kvox_device_info");
}
