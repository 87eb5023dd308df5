/* Which device: auto, a type, a number, a part of a name. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "ocl/device.h"

enum { ANY_TYPE = 0 };

/* Where auto looks first. */
static int rank_of_type(int32_t type) {
  switch (type) {
    case KVOX_DEVICE_GPU: return 3;
    case KVOX_DEVICE_ACCELERATOR: return 2;
    case KVOX_DEVICE_CPU: return 1;
    default: return 0;
  }
}

/* Whether a is the better choice: by type, then with memory of its own, then with more of it. */
static bool is_better(const kvox_device_info *a, const kvox_device_info *b) {
  const int types = rank_of_type(a->type) - rank_of_type(b->type);
  const int own = b->shares_host_memory - a->shares_host_memory;
  return types != 0 ? types > 0 : own != 0 ? own > 0 : a->memory_bytes > b->memory_bytes;
}

/* A device that does not even answer is listed, and never chosen. */
static void describe(const kvox_ocl_table *cl, kvox_ocl_place place, kvox_device_info *info) {
  *info = (kvox_device_info){.struct_size = sizeof *info};
  if (kvox_ocl_describe(cl, place, info) != KVOX_OK) {
    snprintf(info->unusable, sizeof info->unusable, "%s", kvox_last_error());
  }
}

/* "0 NAME (gpu), 1 NAME (cpu, it has no compiler)", cut where there is no more room. */
static void write_list(const kvox_ocl_table *cl, const kvox_ocl_list *list, char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (int32_t i = 0; i < list->count && used < size; i++) {
    kvox_device_info info;
    describe(cl, list->places[i], &info);
    const bool usable = info.unusable[0] == '\0';
    const int more = snprintf(text + used, size - used, "%s%" PRId32 " \"%s\" (%s%s%s)", i > 0 ? ", " : "", i,
                              info.name, kvox_device_type_name(info.type), usable ? "" : ", ", info.unusable);
    used += more > 0 ? (size_t)more : 0;
  }
}

static kvox_status refuse(const kvox_ocl_table *cl, const kvox_ocl_list *list, kvox_status status, const char *what) {
  char all[640];
  write_list(cl, list, all, sizeof all);
  return kvox_fail(status, "%s; what there is: %s", what, all);
}

static const char *noun(int32_t type, bool several) {
  static const char *const one[] = {"device", "GPU", "CPU device", "accelerator"};
  static const char *const many[] = {"devices", "GPUs", "CPU devices", "accelerators"};
  const int32_t at = type >= KVOX_DEVICE_GPU && type <= KVOX_DEVICE_ACCELERATOR ? type : ANY_TYPE;
  return several ? many[at] : one[at];
}

static bool is_candidate(const kvox_ocl_table *cl, const kvox_ocl_list *list, int32_t index, int32_t type,
                         kvox_device_info *info) {
  describe(cl, list->places[index], info);
  return info->unusable[0] == '\0' && (type == ANY_TYPE || info->type == type);
}

static kvox_status choose_best(const kvox_ocl_table *cl, const kvox_ocl_list *list, int32_t type, int32_t *index,
                               char *reason, size_t size) {
  kvox_device_info info, best = {.struct_size = sizeof best};
  char unusable[sizeof info.unusable] = "";
  int32_t chosen = -1, alike = 0;
  for (int32_t i = 0; i < list->count; i++) {
    if (is_candidate(cl, list, i, type, &info) && (chosen < 0 || is_better(&info, &best))) {
      best = info;
      chosen = i;
    } else if (info.unusable[0] != '\0' && (type == ANY_TYPE || info.type == type || info.type == ANY_TYPE)) {
      memcpy(unusable, info.unusable, sizeof unusable);
    }
  }
  if (chosen < 0) {
    char what[224];
    snprintf(what, sizeof what, "no OpenCL %s that can be used%s%s%s", noun(type, false),
             unusable[0] != '\0' ? " (" : "", unusable, unusable[0] != '\0' ? ")" : "");
    snprintf(reason, size, "%s", unusable); /* that there was one */
    return refuse(cl, list, KVOX_ERROR_DEVICE, what);
  }
  for (int32_t i = 0; i < list->count; i++) {
    alike += is_candidate(cl, list, i, best.type, &info);
  }
  if (list->count == 1) {
    snprintf(reason, size, "the only device");
  } else if (alike == 1) {
    snprintf(reason, size, "the only %s", noun(best.type, false));
  } else {
    snprintf(reason, size, "of %" PRId32 " %s the one with most memory of its own", alike, noun(best.type, true));
  }
  *index = chosen;
  return KVOX_OK;
}

static char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter; }

/* Whether `part` occurs in `text`; ASCII letters are alike in both cases, whatever the locale. */
static bool has_part(const char *text, const char *part) {
  for (; *text != '\0'; text++) {
    size_t i = 0;
    while (part[i] != '\0' && lower(text[i]) == lower(part[i])) {
      i++;
    }
    if (part[i] == '\0') {
      return true;
    }
  }
  return false;
}

/* What is wrong with the device that was meant, as a sentence. */
static kvox_status check_usable(const kvox_ocl_table *cl, const kvox_ocl_list *list, int32_t index) {
  kvox_device_info info;
  describe(cl, list->places[index], &info);
  return info.unusable[0] == '\0' ? KVOX_OK
                                  : kvox_fail(KVOX_ERROR_DEVICE, "OpenCL device %" PRId32 " \"%s\" cannot be used: %s",
                                              index, info.name, info.unusable);
}

static kvox_status choose_number(const kvox_ocl_table *cl, const kvox_ocl_list *list, const char *digits,
                                 int32_t *index, char *reason, size_t size) {
  int32_t number = 0;
  for (const char *at = digits; *at != '\0' && number < list->count; at++) {
    number = 10 * number + (*at - '0');
  }
  if (number >= list->count) {
    char what[96];
    snprintf(what, sizeof what, "OpenCL device %.20s was asked for", digits);
    return refuse(cl, list, KVOX_ERROR_DEVICE, what);
  }
  KVOX_TRY(check_usable(cl, list, number));
  snprintf(reason, size, "its number is %" PRId32, number);
  *index = number;
  return KVOX_OK;
}

/* The device of that name, or where no name fits, of that platform. */
static kvox_status choose_name(const kvox_ocl_table *cl, const kvox_ocl_list *list, const char *wanted, int32_t *index,
                               char *reason, size_t size) {
  int32_t named = 0, first_named = -1, housed = 0, first_housed = -1;
  for (int32_t i = 0; i < list->count; i++) {
    kvox_device_info info;
    describe(cl, list->places[i], &info);
    if (has_part(info.name, wanted)) {
      first_named = named++ == 0 ? i : first_named;
    }
    if (has_part(info.platform, wanted)) {
      first_housed = housed++ == 0 ? i : first_housed;
    }
  }
  const int32_t fitting = named > 0 ? named : housed;
  if (fitting != 1) {
    char what[160];
    snprintf(what, sizeof what,
             fitting == 0 ? "OpenCL device \"%.60s\" was asked for"
                          : "OpenCL device \"%.60s\" was asked for, which fits several (a number tells which)",
             wanted);
    return refuse(cl, list, fitting == 0 ? KVOX_ERROR_DEVICE : KVOX_ERROR_ARGUMENT, what);
  }
  const int32_t chosen = named > 0 ? first_named : first_housed;
  KVOX_TRY(check_usable(cl, list, chosen));
  snprintf(reason, size, "its %s has \"%.60s\"", named > 0 ? "name" : "platform's name", wanted);
  *index = chosen;
  return KVOX_OK;
}

static bool is_word(const char *text, const char *word) { return strlen(text) == strlen(word) && has_part(text, word); }

kvox_status kvox_ocl_choose(const kvox_ocl_table *cl, const kvox_ocl_list *list, const char *wanted, bool gpu_alone,
                            int32_t *index, char *reason, size_t size) {
  if (wanted == NULL || wanted[0] == '\0' || is_word(wanted, "auto")) {
    return choose_best(cl, list, gpu_alone ? KVOX_DEVICE_GPU : ANY_TYPE, index, reason, size);
  }
  for (int32_t type = KVOX_DEVICE_GPU; type <= KVOX_DEVICE_ACCELERATOR; type++) {
    if (is_word(wanted, kvox_device_type_name(type))) {
      return choose_best(cl, list, type, index, reason, size);
    }
  }
  return wanted[strspn(wanted, "0123456789")] == '\0' ? choose_number(cl, list, wanted, index, reason, size)
                                                      : choose_name(cl, list, wanted, index, reason, size);
}
