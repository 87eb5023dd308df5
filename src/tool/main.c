/* kvox: the command. Finds the verb, parses its options, makes the context, runs it, prints its report. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool/progress.h"
#include "tool/report.h"
#include "tool/tool.h"

static const kvox_tool_verb *const verbs[] = {&kvox_tool_info, &kvox_tool_phantom, &kvox_tool_ct,
                                              &kvox_tool_mri,  &kvox_tool_compare, &kvox_tool_bench};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static void print_sentence(const char *verb, const char *kind, const char *format, va_list arguments) {
  kvox_tool_progress_clear();
  fprintf(stderr, "kvox %s: %s", verb, kind);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
}

int kvox_tool_refuse(const kvox_tool *tool, int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_sentence(tool->verb, "", format, arguments);
  va_end(arguments);
  return code;
}

void kvox_tool_note(const kvox_tool *tool, const char *format, ...) {
  if (!tool->common->quiet) {
    va_list arguments;
    va_start(arguments, format);
    print_sentence(tool->verb, "note: ", format, arguments);
    va_end(arguments);
  }
}

/* What a user of the command can do about it, where the library names its own options. */
static const char *remedy_of(kvox_status status, const char *sentence) {
  if (status == KVOX_ERROR_MEMORY_LIMIT) {
    return " (the limit is set by --memory)";
  }
  if (status == KVOX_ERROR_GEOMETRY && strstr(sentence, "arc is too short") != NULL) {
    return " (--allow-short-arc takes it all the same)";
  }
  if (strstr(sentence, "snr_units wants the noise") != NULL) {
    return " (--noise edges or --noise-file RAW tell it)";
  }
  if (status == KVOX_ERROR_FORMAT && strstr(sentence, "truncated") != NULL) {
    return " (copy it again from where it is whole)";
  }
  return "";
}

/* The sentence without the name of the function that it begins with: a user has called none. */
static const char *without_function(const char *sentence) {
  const size_t name = strspn(sentence, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return strncmp(sentence, "kvox_", 5) == 0 && strncmp(sentence + name, ": ", 2) == 0 ? sentence + name + 2 : sentence;
}

const char *kvox_tool_last_sentence(void) { return without_function(kvox_last_error()); }

int kvox_tool_check(const kvox_tool *tool, kvox_status status, const char *about) {
  if (status == KVOX_OK) {
    return KVOX_TOOL_DONE;
  }
  if (status == KVOX_ERROR_CANCELLED) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "interrupted, nothing was written; run it again for a result");
  }
  const char *sentence = kvox_tool_last_sentence();
  sentence = sentence[0] != '\0' ? sentence : kvox_status_string(status);
  const char *remedy = remedy_of(status, sentence);
  if (about == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s%s", sentence, remedy);
  }
  /* A reader leads with the file's name; the user gets the path back. */
  const char *slash = strrchr(about, '/');
  const char *name = slash != NULL ? slash + 1 : about;
  const size_t length = strlen(name);
  if (length > 0 && strncmp(sentence, name, length) == 0 && sentence[length] == ':') {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s%s%s", about, sentence + length, remedy);
  }
  return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s: %s%s", about, sentence, remedy);
}

double kvox_tool_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void on_log(void *user, int32_t level, const char *text) {
  const kvox_tool *tool = user;
  if (level >= KVOX_LOG_WARNING) {
    kvox_tool_note(tool, "%s", without_function(text));
  }
}

/* The index of `word` in names separated by '|'; the parser has made sure that it is one. */
static int32_t choice(const char *names, const char *word) {
  int32_t index = 0;
  const char *at = names;
  const size_t length = word != NULL ? strlen(word) : 0;
  while (word != NULL && !(strncmp(at, word, length) == 0 && (at[length] == '|' || at[length] == '\0'))) {
    at = strchr(at, '|');
    if (at == NULL) {
      return 0;
    }
    at++;
    index++;
  }
  return index;
}

static int open_context(kvox_tool *tool) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  /* In the order of KVOX_BACKEND_... and KVOX_CPU_... */
  options.backend = choice("auto|cpu|opencl", tool->common->backend);
  options.cpu_level = choice("auto|ref|neon|avx2|avx512", tool->common->cpu);
  options.threads = tool->common->threads.count > 0 && tool->common->threads.values[0] <= INT32_MAX
                        ? (int32_t)tool->common->threads.values[0]
                        : (tool->common->threads.count > 0 ? INT32_MAX : 0);
  options.device = tool->common->device;
  if (options.device != NULL && strcmp(options.device, "auto") != 0 && options.backend == KVOX_BACKEND_AUTO) {
    options.backend = KVOX_BACKEND_OPENCL; /* who names a device wants no other */
  }
  options.program_cache = tool->common->program_cache;
  options.forbid_fallback = options.backend != KVOX_BACKEND_AUTO;
  options.memory_limit = tool->common->memory;
  options.log = on_log;
  options.log_user = tool;
  return kvox_tool_check(tool, kvox_context_create(&options, &tool->context), NULL);
}

static int run(const kvox_tool_verb *verb, int count, char **arguments) {
  kvox_tool tool = {.verb = verb->name, .started = kvox_tool_now()};
  void *values = calloc(1, verb->values_size);
  if (values == NULL) {
    fprintf(stderr, "kvox: out of memory\n");
    return KVOX_TOOL_FAILED;
  }
  tool.common = values;
  int code = kvox_tool_parse(verb, count, arguments, values);
  if (code == KVOX_TOOL_DONE && tool.common->help) {
    kvox_tool_print_help(verb, stdout);
    goto cleanup;
  }
  if (code != KVOX_TOOL_DONE || (code = open_context(&tool)) != KVOX_TOOL_DONE) {
    goto cleanup;
  }
  kvox_tool_progress_start(!tool.common->quiet);
  tool.report = cJSON_CreateObject();
  cJSON_AddStringToObject(tool.report, "verb", tool.verb);
  code = verb->run(&tool, values);
  kvox_tool_progress_clear();
  if (code == KVOX_TOOL_DONE) {
    code = kvox_tool_report_print(&tool);
  }
cleanup:
  cJSON_Delete(tool.report);
  kvox_context_destroy(tool.context);
  free(values);
  return code;
}

static void print_overview(FILE *file) {
  fprintf(file, "usage: kvox VERB [options]\n\nTurns what a scanner measures into pictures.\n\nverbs:\n");
  for (size_t i = 0; i < VERBS; i++) {
    const int line = (int)strcspn(verbs[i]->summary, "\n");
    fprintf(file, "  %-10s%.*s\n", verbs[i]->name, line, verbs[i]->summary);
  }
  fprintf(file, "\nkvox VERB --help tells the options of a verb, kvox --version the version.\n");
}

static int unknown_verb(const char *word) {
  const char *names[VERBS];
  for (size_t i = 0; i < VERBS; i++) {
    names[i] = verbs[i]->name;
  }
  const char *near = kvox_tool_nearest(word, names, VERBS);
  const char *kind = word[0] == '-' ? "option" : "verb";
  if (near != NULL) {
    fprintf(stderr, "kvox: unknown %s %s, did you mean %s? (kvox --help lists all)\n", kind, word, near);
  } else {
    fprintf(stderr, "kvox: unknown %s %s (kvox --help lists all)\n", kind, word);
  }
  return KVOX_TOOL_USAGE;
}

/* What was printed on standard output may still fail to arrive: a full disk, a closed pipe. */
static int finish(int code) {
  if (fflush(stdout) != 0 && code == KVOX_TOOL_DONE) {
    fprintf(stderr, "kvox: standard output cannot be written; give it a file or a pipe with room\n");
    return KVOX_TOOL_FAILED;
  }
  return code;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    print_overview(stderr);
    return KVOX_TOOL_USAGE;
  }
  const char *word = argv[1];
  const int help = strcmp(word, "help") == 0;
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (help && argc == 2)) {
    print_overview(stdout);
    return finish(KVOX_TOOL_DONE);
  }
  if (strcmp(word, "--version") == 0) {
    printf("kvox %s\n", kvox_version());
    return finish(KVOX_TOOL_DONE);
  }
  word = help ? argv[2] : word;
  for (size_t i = 0; i < VERBS; i++) {
    if (strcmp(word, verbs[i]->name) == 0) {
      if (help) {
        kvox_tool_print_help(verbs[i], stdout);
        return finish(KVOX_TOOL_DONE);
      }
      return finish(run(verbs[i], argc - 2, argv + 2));
    }
  }
  return unknown_verb(word);
}
