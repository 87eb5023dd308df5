#include "cpu/level.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char *const names[] = {"auto", "ref", "neon", "avx2", "avx512"};
enum { LEVELS = sizeof names / sizeof names[0] };

const char *kvox_cpu_level_name(int32_t level) { return level >= 0 && level < LEVELS ? names[level] : "?"; }

int32_t kvox_cpu_level_by_name(const char *name) {
  for (int32_t level = 0; level < LEVELS; level++) {
    if (strcmp(name, names[level]) == 0) {
      return level;
    }
  }
  return -1;
}

#if defined(__x86_64__)

/* Intel SDM vol. 1, 13.3 and 14.7: bits of CPUID and of XCR0, the register states that the system saves. */
enum {
  LEAF1_ECX_FMA = 1 << 12,
  LEAF1_ECX_OSXSAVE = 1 << 27,
  LEAF1_ECX_AVX = 1 << 28,
  LEAF7_EBX_AVX2 = 1 << 5,
  XCR0_AVX = 0x06,
  XCR0_AVX512 = 0xe6
};
/* AVX-512 F, DQ, BW, VL. */
static const unsigned leaf7_ebx_avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;

static unsigned saved_states(void) {
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static int32_t detect(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & LEAF1_ECX_OSXSAVE) || !(c & LEAF1_ECX_AVX) || !(c & LEAF1_ECX_FMA)) {
    return KVOX_CPU_REF;
  }
  const unsigned states = saved_states();
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & LEAF7_EBX_AVX2) || (states & XCR0_AVX) != XCR0_AVX) {
    return KVOX_CPU_REF;
  }
  const int wide = (b & leaf7_ebx_avx512) == leaf7_ebx_avx512 && (states & XCR0_AVX512) == XCR0_AVX512;
  return wide ? KVOX_CPU_AVX512 : KVOX_CPU_AVX2;
}

#elif defined(__aarch64__)

static int32_t detect(void) { return KVOX_CPU_NEON; /* part of the 64-bit architecture */ }

#else

static int32_t detect(void) { return KVOX_CPU_REF; }

#endif

int32_t kvox_cpu_detected(void) { return detect(); }

int kvox_cpu_has(int32_t level) {
  const int32_t best = detect();
  return level == KVOX_CPU_REF || level == best || (level == KVOX_CPU_AVX2 && best == KVOX_CPU_AVX512);
}
