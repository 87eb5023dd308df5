/*
 * The frame of checkkernels and checkdevice: random numbers, guarded memory, comparisons, timing. A stage's file
 * defines what to compare and what to time; the programs list the stages.
 */
#ifndef KVOX_TESTS_KERNEL_CHECK_H
#define KVOX_TESTS_KERNEL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvox/context.h"

/* One variant of one stage on one random shape, or in one timing. */
typedef struct kvox_check {
  int32_t level;         /* KVOX_CPU_...: the variant */
  kvox_context *context; /* on a device: the variant is its kernel, the oracle is timed without one */
  uint64_t random;       /* the state of the random numbers: the same for every variant */
  uint64_t hash;         /* of results that must have the same bits in every vector variant */
  double worst;          /* the largest error met, as a share of its bound */
  double ns;             /* an element, what kvox_check_time measured */
  double bytes;          /* that an element moves at least, for GB/s; 0: not told */
  char shape[128];       /* for reports: what kvox_check_shape was told */
  char fault[512];       /* the first failure; empty: none */
  void *guarded;         /* memory that is looked at and given back after the shape */
} kvox_check;

typedef struct kvox_check_stage {
  const char *name;
  const char *bound;                  /* in words */
  void (*compare)(kvox_check *check); /* one random shape: the variant against the oracle */
  void (*bench)(kvox_check *check);   /* ends with kvox_check_time; NULL: nothing to time */
} kvox_check_stage;

typedef struct kvox_check_variant {
  const char *name;
  int32_t level;
  kvox_context *context;
} kvox_check_variant;

typedef struct kvox_check_program {
  const char *name;
  int64_t rounds; /* unless it is told another number */
  const kvox_check_stage *const *stages;
  int32_t stage_count;
  const kvox_check_variant *variants; /* the first is the oracle */
  int32_t variant_count;
} kvox_check_program;

/* The whole of a program: its exit status. */
int kvox_check_run(const kvox_check_program *program, int count, char **arguments);

/* Splitmix64: the same numbers on every machine. Both ends are included. */
uint64_t kvox_check_bits(kvox_check *check);
int64_t kvox_check_integer(kvox_check *check, int64_t low, int64_t high);
double kvox_check_real(kvox_check *check, double low, double high);
bool kvox_check_chance(kvox_check *check, double probability);

/*
 * Memory between two pages that cannot be touched: at random it begins right after the first or ends right before the
 * second, and what is left on the other side must not change. Filled with bytes 0xff (NaN as floats). Aligned to 4
 * bytes where `bytes` is a multiple of 4, to 8 of 8, ..., to 64 of 64.
 */
void *kvox_check_memory(kvox_check *check, size_t bytes);
float *kvox_check_floats(kvox_check *check, int64_t count);

/* What the fault shall say about the shape. */
void kvox_check_shape(kvox_check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
void kvox_check_fault(kvox_check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One value: |got - want| <= bound. NaN agrees with NaN alone, an infinity with itself alone. */
void kvox_check_value(kvox_check *check, const char *what, int64_t index, float got, double want, double bound);
/* The unit in the last place of x. */
double kvox_check_ulp(float x);
/* |got - want| within `ulps` of those of `want`. */
void kvox_check_ulps(kvox_check *check, const char *what, int64_t count, const float *got, const float *want,
                     double ulps);
/* |got - want| <= share * the largest |want|. */
void kvox_check_range(kvox_check *check, const char *what, int64_t count, const float *got, const float *want,
                      double share);
/* These have the same bits in every vector variant. */
void kvox_check_same_bits(kvox_check *check, int64_t count, const float *values);

/* Times work(data), which handles `elements`: the median of several runs after a warm-up. */
void kvox_check_time(kvox_check *check, void (*work)(void *data), void *data, int64_t elements);

/* Of the frame: looks at the guards and gives the memory back. */
void kvox_check_finish(kvox_check *check);

#endif
