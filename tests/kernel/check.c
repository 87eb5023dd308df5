#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "kernel/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "context/workspace.h"

uint64_t kvox_check_bits(kvox_check *check) {
  uint64_t z = check->random += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

int64_t kvox_check_integer(kvox_check *check, int64_t low, int64_t high) {
  return low + (int64_t)(kvox_check_bits(check) % ((uint64_t)(high - low) + 1));
}

double kvox_check_real(kvox_check *check, double low, double high) {
  return low + (high - low) * ((double)(kvox_check_bits(check) >> 11) * 0x1p-53);
}

bool kvox_check_chance(kvox_check *check, double probability) { return kvox_check_real(check, 0, 1) < probability; }

/* One block: two forbidden pages with room between them, of which the memory is a part. */
typedef struct block {
  struct block *next;
  unsigned char *pages, *room, *memory;
  size_t pages_bytes, room_bytes, memory_bytes;
} block;

enum { FILL = 0xff };

static void give_up(const char *what) {
  perror(what);
  exit(3);
}

void *kvox_check_memory(kvox_check *check, size_t bytes) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  block *made = malloc(sizeof *made);
  if (made == NULL) {
    give_up("malloc");
  }
  made->memory_bytes = bytes;
  made->room_bytes = (bytes / page + 1) * page;
  made->pages_bytes = made->room_bytes + 2 * page;
  made->pages = mmap(NULL, made->pages_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (made->pages == MAP_FAILED) {
    give_up("mmap");
  }
  made->room = made->pages + page;
  if (mprotect(made->room, made->room_bytes, PROT_READ | PROT_WRITE) != 0) {
    give_up("mprotect");
  }
  memset(made->room, FILL, made->room_bytes);
  made->memory = kvox_check_chance(check, 0.5) ? made->room : made->room + made->room_bytes - bytes;
  made->next = check->guarded;
  check->guarded = made;
  return made->memory;
}

float *kvox_check_floats(kvox_check *check, int64_t count) {
  return kvox_check_memory(check, (size_t)count * sizeof(float));
}

static bool filled(const unsigned char *begin, const unsigned char *end) {
  while (begin < end && *begin == FILL) {
    begin++;
  }
  return begin == end;
}

void kvox_check_finish(kvox_check *check) {
  while (check->guarded != NULL) {
    block *done = check->guarded;
    const unsigned char *end = done->memory + done->memory_bytes;
    if (!filled(done->room, done->memory)) {
      kvox_check_fault(check, "wrote before an array of %zu bytes", done->memory_bytes);
    }
    if (!filled(end, done->room + done->room_bytes)) {
      kvox_check_fault(check, "wrote behind an array of %zu bytes", done->memory_bytes);
    }
    munmap(done->pages, done->pages_bytes);
    check->guarded = done->next;
    free(done);
  }
}

void kvox_check_shape(kvox_check *check, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(check->shape, sizeof check->shape, format, arguments);
  va_end(arguments);
}

void kvox_check_fault(kvox_check *check, const char *format, ...) {
  if (check->fault[0] != '\0') {
    return;
  }
  const int used = snprintf(check->fault, sizeof check->fault, "%s: ", check->shape);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(check->fault + used, sizeof check->fault - (size_t)used, format, arguments);
  va_end(arguments);
}

void kvox_check_value(kvox_check *check, const char *what, int64_t index, float got, double want, double bound) {
  /* The difference of two equal infinities is NaN. */
  const bool agree = (double)got == want || (isnan(got) && isnan(want));
  const double error = agree ? 0 : fabs((double)got - want);
  const double share = agree ? 0 : error / bound;
  if (share <= 1) {
    check->worst = fmax(check->worst, share);
    return;
  }
  check->worst = INFINITY;
  kvox_check_fault(check, "%s[%" PRId64 "] is %.9g, the oracle's %.9g: error %.3g, bound %.3g", what, index,
                   (double)got, want, error, bound);
}

double kvox_check_ulp(float x) {
  int exponent;
  frexp((double)x, &exponent);
  return ldexp(1, exponent > -125 ? exponent - 24 : -149);
}

void kvox_check_ulps(kvox_check *check, const char *what, int64_t count, const float *got, const float *want,
                     double ulps) {
  for (int64_t i = 0; i < count; i++) {
    kvox_check_value(check, what, i, got[i], (double)want[i], isfinite(want[i]) ? ulps * kvox_check_ulp(want[i]) : 0);
  }
}

void kvox_check_range(kvox_check *check, const char *what, int64_t count, const float *got, const float *want,
                      double share) {
  double range = 0;
  for (int64_t i = 0; i < count; i++) {
    const double size = fabs((double)want[i]);
    range = size > range ? size : range;
  }
  for (int64_t i = 0; i < count; i++) {
    kvox_check_value(check, what, i, got[i], (double)want[i], share * range);
  }
}

void kvox_check_same_bits(kvox_check *check, int64_t count, const float *values) {
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, values + i, sizeof bits);
    /* FNV-1a over words; a NaN's own bits are not promised. */
    check->hash = (check->hash ^ (isnan(values[i]) ? 0x7fc00000u : bits)) * 0x100000001b3u;
  }
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void kvox_check_time(kvox_check *check, void (*work)(void *data), void *data, int64_t elements) {
  enum { RUNS = 9 };
  static const double least_seconds = 0.01; /* of a run: far above the clock's grain */
  double seconds[RUNS];
  int64_t repeats = 1;
  for (int run = -1; run < RUNS;) {
    const double start = kvox_now();
    for (int64_t i = 0; i < repeats; i++) {
      work(data);
    }
    const double taken = kvox_now() - start;
    if (run < 0 && taken < least_seconds) {
      repeats *= 2;
      continue;
    }
    if (run >= 0) {
      seconds[run] = taken;
    }
    run++;
  }
  qsort(seconds, RUNS, sizeof *seconds, ascending);
  check->ns = 1e9 * seconds[RUNS / 2] / ((double)repeats * (double)elements);
}
