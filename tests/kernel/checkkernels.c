/* Compares every variant of every stage that this machine can run with the plain oracle, and times them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/level.h"
#include "kernel/check.h"

extern const kvox_check_stage kvox_check_vec_operations, kvox_check_vec_log;
extern const kvox_check_stage kvox_check_correct_counts, kvox_check_correct_finite;
extern const kvox_check_stage kvox_check_filter_pack, kvox_check_filter_multiply, kvox_check_filter_unpack,
    kvox_check_filter_interleave;
extern const kvox_check_stage kvox_check_backproject_slice, kvox_check_backproject_stack, kvox_check_project_slice,
    kvox_check_project_stack;

static const kvox_check_stage *const stages[] = {
    &kvox_check_vec_operations,    &kvox_check_vec_log,           &kvox_check_correct_counts,
    &kvox_check_correct_finite,    &kvox_check_filter_pack,       &kvox_check_filter_multiply,
    &kvox_check_filter_unpack,     &kvox_check_filter_interleave, &kvox_check_backproject_slice,
    &kvox_check_backproject_stack, &kvox_check_project_slice,     &kvox_check_project_stack,
};
enum { STAGES = sizeof stages / sizeof stages[0] };

typedef struct settings {
  uint64_t seed;
  int64_t rounds;
  bool bench, list;
  int names;
  char **name;
} settings;

static const char usage[] =
    "usage: checkkernels [--list] [--bench] [--seed N] [--rounds N] [NAME ...]\n"
    "  compares each variant of the stages whose names contain a NAME (none: of all) with the oracle\n"
    "  --bench     prints nanoseconds an element and the ratio to the oracle instead\n"
    "  --seed N    of the first random shape (1); each further shape takes the next\n"
    "  --rounds N  random shapes of each variant (200)\n";

/* False: not a number. */
static bool read_number(const char *text, uint64_t *number) {
  char *end = NULL;
  *number = text != NULL ? strtoull(text, &end, 10) : 0;
  return text != NULL && end != text && *end == '\0';
}

static bool read_settings(int count, char **arguments, settings *s) {
  *s = (settings){.seed = 1, .rounds = 200};
  int i = 1;
  for (; i < count && strncmp(arguments[i], "--", 2) == 0; i++) {
    uint64_t number = 0;
    if (strcmp(arguments[i], "--bench") == 0) {
      s->bench = true;
    } else if (strcmp(arguments[i], "--list") == 0) {
      s->list = true;
    } else if (strcmp(arguments[i], "--seed") == 0 && read_number(arguments[i + 1], &number)) {
      s->seed = number;
      i++;
    } else if (strcmp(arguments[i], "--rounds") == 0 && read_number(arguments[i + 1], &number)) {
      s->rounds = (int64_t)number;
      i++;
    } else {
      fprintf(stderr, "checkkernels: %s\n%s", arguments[i], usage);
      return false;
    }
  }
  s->names = count - i;
  s->name = arguments + i;
  return true;
}

static bool is_asked_for(const settings *s, const char *stage) {
  for (int i = 0; i < s->names; i++) {
    if (strstr(stage, s->name[i]) != NULL) {
      return true;
    }
  }
  return s->names == 0;
}

/* One shape; false when the variant failed, which is printed. `*hash` is that of the other vector variants, 0: none. */
static bool compare_shape(const kvox_check_stage *stage, int32_t level, uint64_t seed, double *worst, uint64_t *hash) {
  kvox_check check = {.level = level, .random = seed, .hash = 0xcbf29ce484222325u};
  stage->compare(&check);
  kvox_check_finish(&check);
  if (*hash != 0 && *hash != check.hash) {
    kvox_check_fault(&check, "the bits differ from those of another vector variant");
  }
  *hash = check.hash;
  *worst = check.worst > *worst ? check.worst : *worst;
  if (check.fault[0] != '\0') {
    printf("FAILED\n  %s\n  again: checkkernels --seed %" PRIu64 " --rounds 1 %s\n", check.fault, seed, stage->name);
  }
  return check.fault[0] == '\0';
}

/* The number of variants that failed. */
static int compare_stage(const settings *s, const kvox_check_stage *stage) {
  int failed = 0;
  uint64_t *hashes = calloc((size_t)s->rounds + 1, sizeof *hashes);
  if (hashes == NULL) {
    printf("%-24s no memory for its rounds\n", stage->name);
    return 1;
  }
  for (int32_t level = KVOX_CPU_REF + 1; level <= KVOX_CPU_AVX512; level++) {
    if (!kvox_cpu_has(level)) {
      continue;
    }
    /* Named before it runs: a read beyond a guard ends the program. */
    printf("%-24s %-7s ", stage->name, kvox_cpu_level_name(level));
    fflush(stdout);
    double worst = 0;
    bool good = true;
    for (int64_t round = 0; good && round < s->rounds; round++) {
      good = compare_shape(stage, level, s->seed + (uint64_t)round, &worst, &hashes[round]);
    }
    if (good) {
      printf("ok: worst error %.2f of the bound, %s\n", worst, stage->bound);
    }
    failed += !good;
  }
  free(hashes);
  return failed;
}

static void bench_stage(const settings *s, const kvox_check_stage *stage) {
  double reference = 0;
  for (int32_t level = KVOX_CPU_REF; stage->bench != NULL && level <= KVOX_CPU_AVX512; level++) {
    if (!kvox_cpu_has(level)) {
      continue;
    }
    kvox_check check = {.level = level, .random = s->seed};
    stage->bench(&check);
    kvox_check_finish(&check);
    reference = level == KVOX_CPU_REF ? check.ns : reference;
    printf("%-24s %-7s %9.3f ns an element, %6.2f x the oracle's speed\n", stage->name, kvox_cpu_level_name(level),
           check.ns, reference / check.ns);
  }
}

int main(int count, char **arguments) {
  settings s;
  if (!read_settings(count, arguments, &s)) {
    return 2;
  }
  int failed = 0, chosen = 0;
  if (!s.list && !s.bench) {
    printf("seed %" PRIu64 ", %" PRId64 " random shapes of each variant\n", s.seed, s.rounds);
  }
  for (int i = 0; i < STAGES; i++) {
    if (!is_asked_for(&s, stages[i]->name)) {
      continue;
    }
    chosen++;
    if (s.list) {
      printf("%s\n", stages[i]->name);
    } else if (s.bench) {
      bench_stage(&s, stages[i]);
    } else {
      failed += compare_stage(&s, stages[i]);
    }
  }
  if (chosen == 0) {
    fprintf(stderr, "checkkernels: no stage has such a name; --list prints them\n");
    return 2;
  }
  if (kvox_cpu_detected() == KVOX_CPU_REF && !s.list) {
    printf("skipped: this machine runs the oracle alone\n");
  }
  return failed == 0 ? 0 : 1;
}
