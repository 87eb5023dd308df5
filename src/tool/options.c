#include "tool/options.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

#define COMMON(member) offsetof(kvox_tool_common, member)

static const kvox_tool_option common_options[] = {
    {"backend", 0, KVOX_TOOL_CHOICE, "auto|cpu|opencl", "where it is computed (auto)", COMMON(backend), 0, 0},
    {"device", 0, KVOX_TOOL_TEXT, "NAME", "OpenCL device: auto, gpu, cpu, accelerator, a number or a part of its name",
     COMMON(device), 0, 0},
    {"program-cache", 0, KVOX_TOOL_TEXT, "FOLDER", "keeps built OpenCL programs there", COMMON(program_cache), 0, 0},
    {"cpu", 0, KVOX_TOOL_CHOICE, "auto|ref|neon|avx2|avx512", "instruction set of the CPU (auto: the best)",
     COMMON(cpu), 0, 0},
    {"threads", 0, KVOX_TOOL_NUMBERS, "N", "most threads (one a core)", COMMON(threads), 1,
     KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE},
    {"memory", 0, KVOX_TOOL_BYTES, "LIMIT", "most scratch memory: 64MiB, 1G, 500MB, ...", COMMON(memory), 0, 0},
    {"json", 0, KVOX_TOOL_FLAG, NULL, "the report as one JSON object on standard output", COMMON(json), 0, 0},
    {"quiet", 0, KVOX_TOOL_FLAG, NULL, "no progress, no notes, no report for the eye", COMMON(quiet), 0, 0},
    {"help", 'h', KVOX_TOOL_FLAG, NULL, "this text", COMMON(help), 0, 0},
    {NULL, 0, KVOX_TOOL_FLAG, NULL, NULL, 0, 0, 0},
};

static int usage(const kvox_tool_verb *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int usage(const kvox_tool_verb *verb, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "kvox %s: ", verb->name);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return KVOX_TOOL_USAGE;
}

/* Levenshtein's distance between two short words; words beyond the table are far apart. */
static size_t distance(const char *a, const char *b) {
  enum { LONGEST = 40 };
  size_t row[LONGEST + 1];
  const size_t columns = strlen(b);
  if (strlen(a) > LONGEST || columns > LONGEST) {
    return SIZE_MAX;
  }
  for (size_t j = 0; j <= columns; j++) {
    row[j] = j;
  }
  for (size_t i = 0; a[i] != '\0'; i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < columns; j++) {
      const size_t replaced = diagonal + (a[i] != b[j]);
      const size_t moved = 1 + (row[j] < row[j + 1] ? row[j] : row[j + 1]);
      diagonal = row[j + 1];
      row[j + 1] = replaced < moved ? replaced : moved;
    }
  }
  return row[columns];
}

const char *kvox_tool_nearest(const char *word, const char *const *names, size_t count) {
  const char *best = NULL;
  size_t least = strlen(word) / 2 + 1; /* more than half the letters wrong is another word */
  for (size_t i = 0; i < count; i++) {
    const size_t d = distance(word, names[i]);
    if (d < least) {
      least = d;
      best = names[i];
    }
  }
  return best;
}

const char *kvox_tool_parse_numbers(const char *text, int32_t count, uint32_t rules, kvox_tool_numbers *numbers) {
  const char *at = text;
  numbers->count = 0;
  for (;;) {
    char *end = NULL;
    const double value = strtod(at, &end);
    if (end == at || (*end != ',' && *end != '\0')) {
      return "is not a number where one is due";
    }
    if (!isfinite(value)) {
      return "must be finite";
    }
    if ((rules & KVOX_TOOL_WHOLE) && (value != rint(value) || fabs(value) > 9007199254740992.0)) {
      return "must be whole";
    }
    if ((rules & KVOX_TOOL_POSITIVE) && value <= 0) {
      return "must be above 0";
    }
    if ((rules & KVOX_TOOL_NOT_NEGATIVE) && value < 0) {
      return "must not be negative";
    }
    if ((rules & KVOX_TOOL_AT_MOST_ONE) && value > 1) {
      return "must not be above 1";
    }
    if (numbers->count == count) {
      return "has too many numbers";
    }
    numbers->values[numbers->count++] = value;
    if (*end == '\0') {
      break;
    }
    at = end + 1;
  }
  if (numbers->count == 1 && count > 1 && (rules & KVOX_TOOL_OR_SINGLE)) {
    return NULL;
  }
  return numbers->count == count ? NULL : "has too few numbers";
}

/* "64M", "64MiB" (powers of 1024), "64MB" (powers of 1000), "4096". 0: not a size. */
static uint64_t parse_bytes(const char *text) {
  static const char prefixes[] = "KMGT";
  char *end = NULL;
  double value = strtod(text, &end);
  if (end == text || !(value > 0)) {
    return 0;
  }
  const char upper = *end == 'k' ? 'K' : *end;
  const char *prefix = upper != '\0' ? strchr(prefixes, upper) : NULL;
  if (prefix != NULL) {
    const double base = strcmp(end + 1, "B") == 0 ? 1000 : 1024;
    value *= pow(base, (double)(prefix - prefixes + 1));
    end += strcmp(end + 1, "iB") == 0 ? 3 : base == 1000 ? 2 : 1;
  } else if (strcmp(end, "B") == 0) {
    end++;
  }
  /* 2^62 bytes: more than any machine has, and still exact as a signed size. */
  return *end == '\0' && value >= 1 && value <= 4611686018427387904.0 ? (uint64_t)value : 0;
}

static int is_choice(const char *names, const char *text) {
  const size_t length = strlen(text);
  for (const char *at = names; at != NULL; at = strchr(at, '|')) {
    at += *at == '|';
    if (strncmp(at, text, length) == 0 && (at[length] == '|' || at[length] == '\0')) {
      return 1;
    }
  }
  return 0;
}

static int store(const kvox_tool_verb *verb, const kvox_tool_option *option, const char *text, void *values) {
  char *place = (char *)values + option->offset;
  const char *wrong = NULL;
  switch (option->kind) {
    case KVOX_TOOL_FLAG: *(int32_t *)(void *)place = 1; return 0;
    case KVOX_TOOL_TEXT:
      *(const char **)(void *)place = text;
      return text[0] != '\0' ? 0
                             : usage(verb, "option --%s has an empty value, must be %s", option->name, option->value);
    case KVOX_TOOL_CHOICE:
      *(const char **)(void *)place = text;
      return is_choice(option->value, text)
                 ? 0
                 : usage(verb, "option --%s is \"%s\", must be one of %s", option->name, text, option->value);
    case KVOX_TOOL_BYTES: {
      const uint64_t bytes = parse_bytes(text);
      *(uint64_t *)(void *)place = bytes;
      return bytes != 0 ? 0
                        : usage(verb, "option --%s is \"%s\", must be a size above 0 such as 64MiB, 1G or 500MB",
                                option->name, text);
    }
    case KVOX_TOOL_NUMBERS:
      wrong = kvox_tool_parse_numbers(text, option->count, option->rules, (kvox_tool_numbers *)(void *)place);
      break;
  }
  return wrong == NULL
             ? 0
             : usage(verb, "option --%s is \"%s\": it %s (expected %s)", option->name, text, wrong, option->value);
}

/* The option of this name (of `length` letters), or of this letter where name is NULL. */
static const kvox_tool_option *find(const kvox_tool_verb *verb, const char *name, size_t length, char letter) {
  const kvox_tool_option *const tables[] = {verb->options, common_options};
  for (size_t t = 0; t < 2; t++) {
    for (const kvox_tool_option *option = tables[t]; option->name != NULL; option++) {
      if (name != NULL ? strlen(option->name) == length && memcmp(option->name, name, length) == 0
                       : option->letter == letter) {
        return option;
      }
    }
  }
  return NULL;
}

static int unknown_option(const kvox_tool_verb *verb, const char *argument, const char *name, size_t length) {
  enum { MOST = 64 };
  const kvox_tool_option *const tables[] = {verb->options, common_options};
  const char *names[MOST];
  size_t count = 0;
  char word[48];
  snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), name);
  for (size_t t = 0; t < 2; t++) {
    for (const kvox_tool_option *option = tables[t]; option->name != NULL && count < MOST; option++) {
      names[count++] = option->name;
    }
  }
  const char *near = kvox_tool_nearest(word, names, count);
  if (near != NULL) {
    return usage(verb, "unknown option %s, did you mean --%s? (kvox %s --help lists all)", argument, near, verb->name);
  }
  return usage(verb, "unknown option %s (kvox %s --help lists all)", argument, verb->name);
}

/* "--size" and "-o" do where a value is due, "-1.5", "-.5" and "-" do not. */
static int looks_like_option(const char *text) {
  return text[0] == '-' && text[1] != '\0' && strchr("0123456789.", text[1]) == NULL;
}

/* Takes the option at arguments[*at] and its value, moving *at to the last one used. */
static int take_option(const kvox_tool_verb *verb, int count, char **arguments, int *at, void *values) {
  const char *argument = arguments[*at];
  const int is_long = argument[1] == '-';
  const char *name = argument + (is_long ? 2 : 1);
  const char *equals = is_long ? strchr(name, '=') : NULL;
  const size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
  const kvox_tool_option *option = is_long ? find(verb, name, length, 0) : find(verb, NULL, 0, name[0]);
  if (option == NULL || (!is_long && option->kind == KVOX_TOOL_FLAG && name[1] != '\0')) {
    return unknown_option(verb, argument, name, length);
  }
  if (option->kind == KVOX_TOOL_FLAG) {
    return equals == NULL ? store(verb, option, "", values)
                          : usage(verb, "option --%s takes no value, got \"%s\"", option->name, equals + 1);
  }
  if (equals != NULL) {
    return store(verb, option, equals + 1, values);
  }
  if (!is_long && name[1] != '\0') {
    return store(verb, option, name + 1, values);
  }
  if (*at + 1 >= count || looks_like_option(arguments[*at + 1])) {
    return usage(verb, "option %s needs a value: %s", argument, option->value);
  }
  return store(verb, option, arguments[++*at], values);
}

int kvox_tool_parse(const kvox_tool_verb *verb, int count, char **arguments, void *values) {
  kvox_tool_common *common = values;
  int only_operands = 0;
  common->operands = arguments;
  for (int at = 0; at < count; at++) {
    char *argument = arguments[at];
    if (!only_operands && strcmp(argument, "--") == 0) {
      only_operands = 1;
    } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
      const int code = take_option(verb, count, arguments, &at, values);
      if (code != 0 || common->help) {
        return code;
      }
    } else {
      arguments[common->operand_count++] = argument;
    }
  }
  if (common->operand_count > verb->most_operands) {
    return usage(verb, "one argument too many: \"%s\" (usage: kvox %s %s)", arguments[verb->most_operands], verb->name,
                 verb->operands);
  }
  if (common->operand_count < verb->least_operands) {
    return usage(verb, "an argument is missing (usage: kvox %s %s)", verb->name, verb->operands);
  }
  return 0;
}

static void print_options(const kvox_tool_option *option, FILE *file) {
  for (; option->name != NULL; option++) {
    char left[80];
    char letter[8] = "";
    if (option->letter != 0) {
      snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name, option->value != NULL ? " " : "",
             option->value != NULL ? option->value : "");
    const int fits = strlen(left) < 30;
    fprintf(file, "  %-30s%s%s\n", left, fits ? "" : "\n                                ", option->help);
  }
}

void kvox_tool_print_help(const kvox_tool_verb *verb, FILE *file) {
  fprintf(file, "usage: kvox %s %s\n\n%s\n", verb->name, verb->operands, verb->summary);
  if (verb->options->name != NULL) {
    fprintf(file, "\noptions:\n");
    print_options(verb->options, file);
  }
  fprintf(file, "\noptions of every verb:\n");
  print_options(common_options, file);
}
