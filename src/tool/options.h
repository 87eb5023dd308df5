/* One table of options a verb: it parses, checks and prints its own help. */
#ifndef KVOX_TOOL_OPTIONS_H
#define KVOX_TOOL_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { KVOX_TOOL_MOST_NUMBERS = 6 };

/* Numbers of an option; count 0: not given. */
typedef struct kvox_tool_numbers {
  int32_t count;
  double values[KVOX_TOOL_MOST_NUMBERS];
} kvox_tool_numbers;

typedef enum kvox_tool_kind {
  KVOX_TOOL_FLAG,    /* int32_t, 1 when given */
  KVOX_TOOL_TEXT,    /* const char *, NULL: not given */
  KVOX_TOOL_CHOICE,  /* const char *, one of the names in `value`: "cpu|opencl|auto" */
  KVOX_TOOL_NUMBERS, /* kvox_tool_numbers */
  KVOX_TOOL_BYTES    /* uint64_t, 0: not given */
} kvox_tool_kind;

/* What NUMBERS must be. */
enum {
  KVOX_TOOL_WHOLE = 1,
  KVOX_TOOL_POSITIVE = 2,
  KVOX_TOOL_NOT_NEGATIVE = 4,
  KVOX_TOOL_AT_MOST_ONE = 8, /* in value */
  KVOX_TOOL_OR_SINGLE = 16   /* a single number stands for all */
};

typedef struct kvox_tool_option {
  const char *name; /* without its dashes; NULL ends the table */
  char letter;      /* 'o': also as -o; 0: none */
  kvox_tool_kind kind;
  const char *value; /* as the help shows it; NULL for a flag */
  const char *help;
  size_t offset; /* in the verb's struct of values */
  int32_t count; /* NUMBERS: how many, separated by commas */
  uint32_t rules;
} kvox_tool_option;

/* The options that every verb has; a verb's struct of values begins with them. */
typedef struct kvox_tool_common {
  int32_t json, quiet, help;
  const char *backend, *device, *program_cache, *cpu;
  kvox_tool_numbers threads;
  uint64_t memory;
  char **operands;
  int operand_count;
} kvox_tool_common;

struct kvox_tool_verb;

/* Fills `values` (zeroed before) from the arguments after the verb; operands are moved to the front of `arguments`.
 * Returns 0, or KVOX_TOOL_USAGE with the sentence printed. */
int kvox_tool_parse(const struct kvox_tool_verb *verb, int count, char **arguments, void *values);

/* The help of one verb. */
void kvox_tool_print_help(const struct kvox_tool_verb *verb, FILE *file);

/* "1,2.5" to numbers: NULL when `text` is exactly that, else what is wrong with it. */
const char *kvox_tool_parse_numbers(const char *text, int32_t count, uint32_t rules, kvox_tool_numbers *numbers);

/* The name in a list that is nearest to `word`, NULL when none is near: for "did you mean". */
const char *kvox_tool_nearest(const char *word, const char *const *names, size_t count);

#endif
