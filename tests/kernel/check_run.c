/* What check programs have in common: options, rounds, reports. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/check.h"

typedef struct settings {
  uint64_t seed;
  int64_t rounds;
  bool bench, list;
  int names;
  char **name;
} settings;

static const char usage[] =
    "usage: %s [--list] [--bench] [--seed N] [--rounds N] [NAME ...]\n"
    "  compares each variant of the stages whose names contain a NAME (none: of all) with the oracle\n"
    "  --bench     prints nanoseconds an element and the ratio to the oracle instead\n"
    "  --seed N    of the first random shape (1); each further shape takes the next\n"
    "  --rounds N  random shapes of each variant (%" PRId64 ")\n";

/* False: not a number. */
static bool read_number(const char *text, uint64_t *number) {
  char *end = NULL;
  *number = text != NULL ? strtoull(text, &end, 10) : 0;
  return text != NULL && end != text && *end == '\0';
}

static bool read_settings(const kvox_check_program *program, int count, char **arguments, settings *s) {
  *s = (settings){.seed = 1, .rounds = program->rounds};
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
      fprintf(stderr, "%s: %s\n", program->name, arguments[i]);
      fprintf(stderr, usage, program->name, program->rounds);
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
static bool compare_shape(const kvox_check_program *program, const kvox_check_stage *stage,
                          const kvox_check_variant *variant, uint64_t seed, double *worst, uint64_t *hash) {
  kvox_check check = {
      .level = variant->level, .context = variant->context, .random = seed, .hash = 0xcbf29ce484222325u};
  stage->compare(&check);
  kvox_check_finish(&check);
  if (*hash != 0 && *hash != check.hash) {
    kvox_check_fault(&check, "the bits differ from those of another vector variant");
  }
  *hash = check.hash;
  *worst = check.worst > *worst ? check.worst : *worst;
  if (check.fault[0] != '\0') {
    printf("FAILED\n  %s\n  again: %s --seed %" PRIu64 " --rounds 1 %s\n", check.fault, program->name, seed,
           stage->name);
  }
  return check.fault[0] == '\0';
}

/* The number of variants that failed. */
static int compare_stage(const kvox_check_program *program, const settings *s, const kvox_check_stage *stage) {
  int failed = 0;
  uint64_t *hashes = calloc((size_t)s->rounds + 1, sizeof *hashes);
  if (hashes == NULL) {
    printf("%-24s no memory for its rounds\n", stage->name);
    return 1;
  }
  for (int32_t v = 1; v < program->variant_count; v++) {
    const kvox_check_variant *variant = &program->variants[v];
    /* Named before it runs: a read beyond a guard ends the program. */
    printf("%-24s %-7s ", stage->name, variant->name);
    fflush(stdout);
    double worst = 0;
    bool good = true;
    for (int64_t round = 0; good && round < s->rounds; round++) {
      good = compare_shape(program, stage, variant, s->seed + (uint64_t)round, &worst, &hashes[round]);
    }
    if (good) {
      printf("ok: worst error %.2f of the bound, %s\n", worst, stage->bound);
    }
    failed += !good;
  }
  free(hashes);
  return failed;
}

static void bench_stage(const kvox_check_program *program, const settings *s, const kvox_check_stage *stage) {
  double reference = 0;
  for (int32_t v = 0; stage->bench != NULL && v < program->variant_count; v++) {
    const kvox_check_variant *variant = &program->variants[v];
    kvox_check check = {.level = variant->level, .context = variant->context, .random = s->seed};
    stage->bench(&check);
    kvox_check_finish(&check);
    reference = v == 0 ? check.ns : reference;
    printf("%-24s %-7s %9.3f ns an element, %6.2f x the oracle's speed", stage->name, variant->name, check.ns,
           reference / check.ns);
    if (check.bytes > 0) {
      printf(", %6.2f GB/s", check.bytes / check.ns);
    }
    printf("%s%s\n", check.fault[0] != '\0' ? ": FAILED: " : "", check.fault);
  }
}

int kvox_check_run(const kvox_check_program *program, int count, char **arguments) {
  settings s;
  if (!read_settings(program, count, arguments, &s)) {
    return 2;
  }
  int failed = 0, chosen = 0;
  if (!s.list && !s.bench) {
    printf("seed %" PRIu64 ", %" PRId64 " random shapes of each variant\n", s.seed, s.rounds);
  }
  for (int32_t i = 0; i < program->stage_count; i++) {
    const kvox_check_stage *stage = program->stages[i];
    if (!is_asked_for(&s, stage->name)) {
      continue;
    }
    chosen++;
    if (s.list) {
      printf("%s\n", stage->name);
    } else if (s.bench) {
      bench_stage(program, &s, stage);
    } else {
      failed += compare_stage(program, &s, stage);
    }
  }
  if (chosen == 0) {
    fprintf(stderr, "%s: no stage has such a name; --list prints them\n", program->name);
    return 2;
  }
  return failed == 0 ? 0 : 1;
}
