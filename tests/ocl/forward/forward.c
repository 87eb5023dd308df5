/* Orders, counts, and the objects that live. */
#include "forward.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

enum { MOST_OBJECTS = 4096 };

static struct {
  pthread_mutex_t lock;
  forward_orders orders;
  forward_account account;
  uint64_t serial;
  int64_t count;
  forward_object objects[MOST_OBJECTS];
  bool lost;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- The real library ---- */

static forward_real real;
static bool found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_library(void) {
  const char *const places[] = {getenv("FORWARD_OPENCL"),
                                FORWARD_OPENCL_PATH,
                                "/usr/lib/x86_64-linux-gnu/libOpenCL.so.1",
                                "/usr/lib/aarch64-linux-gnu/libOpenCL.so.1",
                                "/usr/lib64/libOpenCL.so.1",
                                "/usr/local/lib/libOpenCL.so.1",
                                "/usr/lib/libOpenCL.so.1"};
  void *library = NULL;
  for (size_t i = 0; i < sizeof places / sizeof places[0] && library == NULL; i++) {
    library = places[i] != NULL && places[i][0] == '/' ? dlopen(places[i], RTLD_NOW | RTLD_LOCAL) : NULL;
  }
  found = library != NULL;
#define LOOK_UP(name)                                         \
  {                                                           \
    void *symbol = found ? dlsym(library, "cl" #name) : NULL; \
    found = symbol != NULL;                                   \
    memcpy(&real.cl.name, &symbol, sizeof symbol);            \
  }
  KVOX_OCL_ENTRY_POINTS(LOOK_UP)
#undef LOOK_UP
  void *symbol = found ? dlsym(library, "clEnqueueMarkerWithWaitList") : NULL;
  found = symbol != NULL;
  memcpy(&real.EnqueueMarkerWithWaitList, &symbol, sizeof symbol);
}

const forward_real *forward_library(void) {
  pthread_once(&once, open_library);
  return found ? &real : NULL;
}

bool forward_has_library(void) { return forward_library() != NULL; }

/* ---- Orders and counts ---- */

void forward_order(const forward_orders *orders) {
  pthread_mutex_lock(&state.lock);
  state.orders = *orders;
  state.account = (forward_account){.bytes = state.account.bytes, .most_bytes = state.account.bytes};
  state.lost = false;
  pthread_mutex_unlock(&state.lock);
}

forward_orders forward_ordered(void) {
  pthread_mutex_lock(&state.lock);
  const forward_orders orders = state.orders;
  pthread_mutex_unlock(&state.lock);
  return orders;
}

void forward_look(forward_account *account) {
  pthread_mutex_lock(&state.lock);
  *account = state.account;
  for (int64_t i = 0; i < state.count; i++) {
    account->live[state.objects[i].kind]++;
    account->mapped += state.objects[i].mapped;
  }
  pthread_mutex_unlock(&state.lock);
}

static void note_failure(const char *name) {
  if (state.account.failed++ == 0) {
    snprintf(state.account.first, sizeof state.account.first, "%s", name);
  }
}

static void complain(const char *name, const char *what) {
  if (state.account.wrong++ == 0) {
    snprintf(state.account.complaint, sizeof state.account.complaint, "%s: %s (call %lld)", name, what,
             (long long)state.account.calls);
  }
}

/* A device that is lost runs nothing any more: what is under way there must not touch memory later. */
static void lose_device(void) {
  if (state.lost) {
    return;
  }
  state.lost = true;
  for (int64_t i = 0; i < state.count; i++) {
    if (state.objects[i].kind == FORWARD_QUEUE) {
      real.cl.Finish(state.objects[i].handle);
    }
  }
}

static cl_int count_call(const char *name, cl_int plausible) {
  const forward_orders *o = &state.orders;
  const int64_t n = ++state.account.calls;
  const bool gone = o->fail_at > 0 && o->fail_after && n >= o->fail_at;
  const bool named = o->fail_call != NULL && strcmp(o->fail_call, name) == 0;
  if (!gone && !named && n != o->fail_at) {
    return CL_SUCCESS;
  }
  if (gone) {
    lose_device();
  }
  note_failure(name);
  return o->error != 0 ? o->error : plausible;
}

const kvox_ocl_table *forward_gate(const char *name, cl_int plausible, cl_int *error) {
  const forward_real *library = forward_library();
  pthread_mutex_lock(&state.lock);
  *error = library != NULL ? count_call(name, plausible) : CL_DEVICE_NOT_AVAILABLE;
  pthread_mutex_unlock(&state.lock);
  return *error == CL_SUCCESS ? &library->cl : NULL;
}

cl_int forward_gate_release(const char *name, const kvox_ocl_table **cl) {
  cl_int error = CL_SUCCESS;
  forward_gate(name, CL_OUT_OF_RESOURCES, &error);
  *cl = &real.cl;
  return error;
}

/* ---- Objects ---- */

static forward_object *look_up(forward_kind kind, const void *handle) {
  for (int64_t i = state.count - 1; i >= 0; i--) {
    if (state.objects[i].handle == handle && state.objects[i].kind == kind) {
      return &state.objects[i];
    }
  }
  return NULL;
}

void forward_add(forward_kind kind, void *handle, uint64_t bytes) {
  pthread_mutex_lock(&state.lock);
  if (state.count == MOST_OBJECTS) {
    complain("forward_add", "more objects live than can be watched");
  } else {
    forward_object *object = &state.objects[state.count++];
    memset(object, 0, sizeof *object);
    object->handle = handle;
    object->kind = kind;
    object->serial = ++state.serial;
    object->holds = 1;
    object->bytes = bytes;
    state.account.bytes += bytes;
    if (state.account.bytes > state.account.most_bytes) {
      state.account.most_bytes = state.account.bytes;
    }
  }
  pthread_mutex_unlock(&state.lock);
}

bool forward_uses(const char *name, forward_kind kind, const void *handle) {
  static const char *const kinds[] = {"context", "queue", "memory", "program", "kernel", "event"};
  char what[80];
  pthread_mutex_lock(&state.lock);
  const bool lives = look_up(kind, handle) != NULL;
  if (!lives) {
    snprintf(what, sizeof what, "%s %p does not live", kinds[kind], handle);
    complain(name, what);
  }
  pthread_mutex_unlock(&state.lock);
  return lives;
}

bool forward_hold(const char *name, forward_kind kind, const void *handle) {
  if (!forward_uses(name, kind, handle)) {
    return false;
  }
  pthread_mutex_lock(&state.lock);
  look_up(kind, handle)->holds++;
  pthread_mutex_unlock(&state.lock);
  return true;
}

int64_t forward_release(const char *name, forward_kind kind, const void *handle) {
  if (!forward_uses(name, kind, handle)) {
    return -1;
  }
  pthread_mutex_lock(&state.lock);
  forward_object *object = look_up(kind, handle);
  const int64_t holds = --object->holds;
  if (holds == 0) {
    if (object->mapped != 0) {
      complain(name, "memory is released while it is mapped");
    }
    state.account.bytes -= object->bytes;
    *object = state.objects[--state.count];
  }
  pthread_mutex_unlock(&state.lock);
  return holds;
}

void *forward_made(forward_kind kind, void *handle, uint64_t bytes) {
  if (handle != NULL) {
    forward_add(kind, handle, bytes);
  }
  return handle;
}

void *forward_refuse(cl_int *where, cl_int error) {
  if (where != NULL) {
    *where = error;
  }
  return NULL;
}

bool forward_has_room(uint64_t bytes) {
  pthread_mutex_lock(&state.lock);
  const uint64_t most = state.orders.most_bytes;
  const bool room = most == 0 || (bytes <= most && state.account.bytes <= most - bytes);
  if (!room) {
    note_failure("clCreateBuffer");
  }
  pthread_mutex_unlock(&state.lock);
  return room;
}

void forward_set_argument(const void *kernel, cl_uint index, size_t size, const void *value) {
  void *handle = NULL;
  if (index >= FORWARD_MOST_ARGUMENTS) {
    return;
  }
  if (size == sizeof handle && value != NULL) {
    memcpy(&handle, value, sizeof handle);
  }
  pthread_mutex_lock(&state.lock);
  forward_object *object = look_up(FORWARD_KERNEL, kernel);
  const forward_object *memory = handle != NULL ? look_up(FORWARD_MEMORY, handle) : NULL;
  if (object != NULL) {
    object->arguments[index].handle = memory != NULL ? handle : NULL;
    object->arguments[index].serial = memory != NULL ? memory->serial : 0;
  }
  pthread_mutex_unlock(&state.lock);
}

bool forward_uses_arguments(const char *name, const void *kernel) {
  bool live = true;
  pthread_mutex_lock(&state.lock);
  const forward_object *object = look_up(FORWARD_KERNEL, kernel);
  for (int i = 0; object != NULL && i < FORWARD_MOST_ARGUMENTS; i++) {
    const void *handle = object->arguments[i].handle;
    const forward_object *memory = handle != NULL ? look_up(FORWARD_MEMORY, handle) : NULL;
    if (handle != NULL && (memory == NULL || memory->serial != object->arguments[i].serial)) {
      complain(name, "an argument of the kernel is memory that was released");
      live = false;
    }
  }
  pthread_mutex_unlock(&state.lock);
  return live;
}

bool forward_map(const char *name, const void *memory, int change) {
  pthread_mutex_lock(&state.lock);
  forward_object *object = look_up(FORWARD_MEMORY, memory);
  const bool fine = object != NULL && object->mapped + change >= 0;
  if (fine) {
    object->mapped += change;
  } else {
    complain(name, "memory is unmapped that is not mapped");
  }
  pthread_mutex_unlock(&state.lock);
  return fine;
}

/* ---- Commands ---- */

cl_int forward_command(const char *name, cl_uint count, const cl_event *events, bool has_event) {
  cl_int error = CL_SUCCESS;
  for (cl_uint i = 0; i < count; i++) {
    if (!forward_uses(name, FORWARD_EVENT, events[i])) {
      return CL_INVALID_EVENT_WAIT_LIST;
    }
    error = forward_event_error(events[i]) != CL_SUCCESS ? CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST : error;
  }
  pthread_mutex_lock(&state.lock);
  state.account.queued += !has_event;
  if (++state.account.commands == state.orders.fail_command_at) {
    note_failure(name);
    error = state.orders.error != 0 ? state.orders.error : CL_OUT_OF_RESOURCES;
  }
  pthread_mutex_unlock(&state.lock);
  return error;
}

void forward_set_event_error(const void *event, cl_int error) {
  pthread_mutex_lock(&state.lock);
  forward_object *object = look_up(FORWARD_EVENT, event);
  if (object != NULL) {
    object->error = error;
  }
  pthread_mutex_unlock(&state.lock);
}

cl_int forward_event_error(const void *event) {
  pthread_mutex_lock(&state.lock);
  const forward_object *object = look_up(FORWARD_EVENT, event);
  const cl_int error = object != NULL ? object->error : CL_SUCCESS;
  pthread_mutex_unlock(&state.lock);
  return error;
}
