/* ISMRMRD's XML header (schema ismrmrd.xsd), read by expat. Elements that are not looked for are passed over. */
#include <expat.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/ismrmrd.h"

/* The root, at most; a name is shorter than any that is looked for. */
enum { MOST_DEPTH = 64, MOST_PATH = 160, MOST_TEXT = 128 };

/* Counters and sizes have 16 bits in ISMRMRD. */
enum { MOST_COUNT = 65535 };

enum { SIZE, LENGTH, LIMIT, COILS, FIELD, FACTOR, ECHO, WORD, IDENTIFIER, NAME, VALUE };

typedef struct leaf {
  const char *path; /* below the root */
  int kind;
  size_t offset; /* of the protocol's member */
} leaf;

#define AT(member) offsetof(kvox_mri_protocol, member)
#define SPACE(name, size, mm)                                                                                   \
  {"encoding/" name "/matrixSize/x", SIZE, AT(size[0])}, {"encoding/" name "/matrixSize/y", SIZE, AT(size[1])}, \
      {"encoding/" name "/matrixSize/z", SIZE, AT(size[2])},                                                    \
      {"encoding/" name "/fieldOfView_mm/x", LENGTH, AT(mm[0])},                                                \
      {"encoding/" name "/fieldOfView_mm/y", LENGTH, AT(mm[1])}, {                                              \
    "encoding/" name "/fieldOfView_mm/z", LENGTH, AT(mm[2])                                                     \
  }
#define COUNTER(name, counter)                                                         \
  {"encoding/encodingLimits/" name "/minimum", LIMIT, AT(limits[counter].first)},      \
      {"encoding/encodingLimits/" name "/maximum", LIMIT, AT(limits[counter].last)}, { \
    "encoding/encodingLimits/" name "/center", LIMIT, AT(limits[counter].center)       \
  }

/* The spaces first, which must all be there; then the limits, three a counter in the order of the counters. */
enum { SPACES = 12, LIMITS = SPACES + 3 * KVOX_MRI_COUNTERS };
static const leaf leaves[] = {
    SPACE("encodedSpace", encoded_size, encoded_mm),
    SPACE("reconSpace", image_size, image_mm),
    COUNTER("kspace_encoding_step_1", KVOX_MRI_STEP_1),
    COUNTER("kspace_encoding_step_2", KVOX_MRI_STEP_2),
    COUNTER("average", KVOX_MRI_AVERAGE),
    COUNTER("slice", KVOX_MRI_SLICE),
    COUNTER("contrast", KVOX_MRI_CONTRAST),
    COUNTER("phase", KVOX_MRI_PHASE),
    COUNTER("repetition", KVOX_MRI_REPETITION),
    COUNTER("set", KVOX_MRI_SET),
    COUNTER("segment", KVOX_MRI_SEGMENT),
    {"encoding/trajectory", WORD, AT(trajectory)},
    {"encoding/trajectoryDescription/identifier", IDENTIFIER, 0},
    {"encoding/trajectoryDescription/userParameterLong/name", NAME, 0},
    {"encoding/trajectoryDescription/userParameterLong/value", VALUE, 0},
    {"encoding/trajectoryDescription/userParameterDouble/name", NAME, 0},
    {"encoding/trajectoryDescription/userParameterDouble/value", VALUE, 0},
    {"encoding/parallelImaging/accelerationFactor/kspace_encoding_step_1", FACTOR, AT(acceleration[0])},
    {"encoding/parallelImaging/accelerationFactor/kspace_encoding_step_2", FACTOR, AT(acceleration[1])},
    {"acquisitionSystemInformation/systemFieldStrength_T", FIELD, AT(field_t)},
    {"acquisitionSystemInformation/receiverChannels", COILS, AT(coils)},
    {"sequenceParameters/TE", ECHO, 0},
};
enum { LEAVES = sizeof leaves / sizeof leaves[0] };

typedef struct reader {
  const kvox_io_file *file;
  XML_Parser parser;
  kvox_mri_protocol *protocol;
  kvox_status status; /* the first failure; nothing is looked at after it */
  int depth;          /* of open elements */
  int encodings;
  char path[MOST_PATH]; /* below the root; names that do not fit are not looked for */
  size_t ends[MOST_DEPTH + 1];
  const leaf *open; /* whose text is being collected */
  char text[MOST_TEXT];
  size_t text_used;
  uint64_t given; /* leaves, a bit each */
  char name[32];  /* of the open parameter of a trajectory */
  double value;
  bool has_value, conventional_epi;
  kvox_mri_ramps ramps;
} reader;

static void fail(reader *r, kvox_status status, const char *format, ...) KVOX_PRINTF(3, 4);

/* With the line, and never with the text: the first failure stays. */
static void fail(reader *r, kvox_status status, const char *format, ...) {
  if (r->status != KVOX_OK) {
    return;
  }
  char text[384];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  r->status = kvox_io_file_fail(r->file, status, "line %lu of its XML header: %s",
                                (unsigned long)XML_GetCurrentLineNumber(r->parser), text);
  XML_StopParser(r->parser, XML_FALSE);
}

/* ---- Values ---- */

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* The text without white space around it. */
static char *trim(reader *r) {
  char *begin = r->text;
  r->text[r->text_used] = '\0';
  while (is_space(*begin)) {
    begin++;
  }
  for (size_t length = strlen(begin); length > 0 && is_space(begin[length - 1]); length--) {
    begin[length - 1] = '\0';
  }
  return begin;
}

/* A decimal number from `least` to `most`. */
static bool get_number(reader *r, double least, double most, double *number) {
  const char *text = trim(r);
  const size_t length = strspn(text, "+-.0123456789eE");
  const char *end = length > 0 ? kvox_extend_parse(text, number) : NULL;
  if (end == NULL || *end != '\0' || !(*number >= least && *number <= most)) {
    char a[32], b[32];
    fail(r, KVOX_ERROR_FORMAT, "%s must be a number from %s to %s", r->path, kvox_extend_format(least, 6, a, sizeof a),
         kvox_extend_format(most, 6, b, sizeof b));
    return false;
  }
  return true;
}

static bool get_whole(reader *r, double least, double *number) {
  if (!get_number(r, least, MOST_COUNT, number)) {
    return false;
  }
  if (*number != floor(*number)) {
    fail(r, KVOX_ERROR_FORMAT, "%s must be a whole number", r->path);
    return false;
  }
  return true;
}

static void take_trajectory(reader *r) {
  static const struct {
    const char *word;
    int32_t trajectory;
  } words[] = {{"cartesian", KVOX_MRI_CARTESIAN}, {"epi", KVOX_MRI_EPI},       {"radial", KVOX_MRI_RADIAL},
               {"goldenangle", KVOX_MRI_RADIAL},  {"spiral", KVOX_MRI_SPIRAL}, {"other", KVOX_MRI_OTHER}};
  const char *text = trim(r);
  for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
    if (strcmp(text, words[w].word) == 0) {
      r->protocol->trajectory = words[w].trajectory;
      return;
    }
  }
  fail(r, KVOX_ERROR_FORMAT, "trajectory must be cartesian, epi, radial, goldenangle, spiral or other");
}

static void take_echo(reader *r) {
  kvox_mri_protocol *p = r->protocol;
  double echo_ms = 0;
  if (!get_number(r, 0, 1e6, &echo_ms)) {
    return;
  }
  if (p->echoes == KVOX_MRI_MOST_ECHOES) {
    fail(r, KVOX_ERROR_UNSUPPORTED, "it has more than %d echo times", KVOX_MRI_MOST_ECHOES);
    return;
  }
  p->echo_ms[p->echoes++] = echo_ms;
}

/* A parameter of the trajectory, complete at its end: name and value come in either order. */
static void take_parameter(reader *r) {
  const struct {
    const char *name;
    double *time_us;
    int32_t *count;
  } known[] = {{"rampUpTime", &r->ramps.up_us, NULL},
               {"flatTopTime", &r->ramps.flat_us, NULL},
               {"rampDownTime", &r->ramps.down_us, NULL},
               {"acqDelayTime", &r->ramps.delay_us, NULL},
               {"dwellTime", &r->ramps.dwell_us, NULL},
               {"numSamples", NULL, &r->ramps.samples},
               {"numberOfNavigators", NULL, &r->ramps.navigators}};
  for (size_t k = 0; k < sizeof known / sizeof known[0] && r->has_value; k++) {
    if (strcmp(r->name, known[k].name) != 0) {
      continue;
    }
    const double most = known[k].time_us != NULL ? 1e9 : MOST_COUNT;
    if (!(r->value >= 0 && r->value <= most)) {
      fail(r, KVOX_ERROR_FORMAT, "%s must be a number from 0 to %s", known[k].name,
           known[k].time_us != NULL ? "1e9" : "65535");
    } else if (known[k].time_us != NULL) {
      *known[k].time_us = r->value;
    } else {
      *known[k].count = (int32_t)r->value;
    }
  }
}

static void take_leaf(reader *r) {
  void *member = (char *)r->protocol + r->open->offset;
  double number = 0;
  r->given |= UINT64_C(1) << (r->open - leaves);
  switch (r->open->kind) {
    case SIZE:
      if (get_whole(r, 1, &number)) {
        *(int64_t *)member = (int64_t)number;
      }
      return;
    case LENGTH:
      if (get_number(r, 1e-6, 1e6, &number)) {
        *(double *)member = number;
      }
      return;
    case LIMIT:
    case COILS:
      if (get_whole(r, 0, &number)) {
        *(int32_t *)member = (int32_t)number;
      }
      return;
    case FIELD:
    case FACTOR:
      if (get_number(r, 0, 1e4, &number)) {
        *(double *)member = number;
      }
      return;
    case ECHO: take_echo(r); return;
    case WORD: take_trajectory(r); return;
    case IDENTIFIER: r->conventional_epi = strcmp(trim(r), "ConventionalEPI") == 0; return;
    case NAME: snprintf(r->name, sizeof r->name, "%.31s", trim(r)); return;
    default: r->has_value = get_number(r, -1e300, 1e300, &r->value); return;
  }
}

/* ---- expat's calls ---- */

/* A name may have the prefix of a namespace. */
static const char *local_name(const char *name) {
  const char *colon = strrchr(name, ':');
  return colon != NULL ? colon + 1 : name;
}

/* Adds a name to the path; where it does not fit, one that nothing is found by. */
static void push(reader *r, const char *name) {
  const size_t used = r->ends[r->depth - 1], length = strlen(name);
  if (used + length + 2 > sizeof r->path) {
    name = "?";
  }
  const bool full = used + strlen(name) + 2 > sizeof r->path;
  r->ends[r->depth] =
      full ? used : used + (size_t)snprintf(r->path + used, sizeof r->path - used, "%s%s", used > 0 ? "/" : "", name);
}

static void start_element(reader *r, const char *name) {
  if (strcmp(r->path, "encoding") == 0) {
    r->encodings++;
  } else if (strncmp(r->path, "encoding/trajectoryDescription/userParameter", 44) == 0 && strcmp(name, "name") != 0 &&
             strcmp(name, "value") != 0) {
    r->name[0] = '\0';
    r->has_value = false;
  }
  if (r->encodings > 1 && strncmp(r->path, "encoding/", 9) == 0) {
    return;
  }
  for (size_t l = 0; l < LEAVES; l++) {
    if (strcmp(r->path, leaves[l].path) == 0) {
      r->open = &leaves[l];
      r->text_used = 0;
    }
  }
}

static void XMLCALL start(void *user, const char *full_name, const char **attributes) {
  reader *r = user;
  const char *name = local_name(full_name);
  (void)attributes;
  if (r->status != KVOX_OK) {
    return;
  }
  if (r->depth == MOST_DEPTH) {
    fail(r, KVOX_ERROR_UNSUPPORTED, "its elements lie deeper than %d", MOST_DEPTH);
    return;
  }
  if (r->depth++ == 0) {
    if (strcmp(name, "ismrmrdHeader") != 0) {
      fail(r, KVOX_ERROR_FORMAT, "its element is <%.40s>, ISMRMRD's is <ismrmrdHeader>", name);
    }
    r->ends[1] = 0;
    return;
  }
  if (r->open != NULL) {
    fail(r, KVOX_ERROR_FORMAT, "<%.40s> stands within %s", name, r->path);
    return;
  }
  push(r, name);
  start_element(r, name);
}

static void XMLCALL end(void *user, const char *full_name) {
  reader *r = user;
  const char *name = local_name(full_name);
  if (r->status != KVOX_OK) {
    return;
  }
  if (r->open != NULL) {
    take_leaf(r);
    r->open = NULL;
  } else if (r->encodings == 1 && strncmp(name, "userParameter", 13) == 0) {
    take_parameter(r);
    r->has_value = false;
  }
  r->depth--;
  r->path[r->ends[r->depth]] = '\0';
}

static void XMLCALL characters(void *user, const char *text, int length) {
  reader *r = user;
  for (int i = 0; i < length && r->status == KVOX_OK && r->open != NULL; i++) {
    if (r->text_used + 1 == MOST_TEXT) {
      fail(r, KVOX_ERROR_FORMAT, "%s is longer than it can be", r->path);
    } else {
      r->text[r->text_used++] = text[i];
    }
  }
}

/* Entities have no use in a header, but can grow without bounds. */
static void XMLCALL entity(void *user, const char *name, int is_parameter, const char *value, int length,
                           const char *base, const char *system, const char *public, const char *notation) {
  (void)name, (void)is_parameter, (void)value, (void)length, (void)base, (void)system, (void)public, (void)notation;
  fail(user, KVOX_ERROR_FORMAT, "it declares entities, which no header needs");
}

static void XMLCALL skipped(void *user, const char *name, int is_parameter) {
  (void)name, (void)is_parameter;
  fail(user, KVOX_ERROR_FORMAT, "it has an entity that means nothing");
}

/* ---- The whole ---- */

/* Limits that are not given: all lines and partitions of the encoded space, and one of everything else. */
static void check(reader *r) {
  static const char *const names[] = {"encodedSpace", "reconSpace"};
  kvox_mri_protocol *p = r->protocol;
  for (int i = 0; i < SPACES; i++) {
    if ((r->given >> i & 1) == 0) {
      fail(r, KVOX_ERROR_FORMAT, "%s lacks a matrixSize or fieldOfView_mm", names[i / 6]);
    }
  }
  for (int c = 0; c < KVOX_MRI_COUNTERS; c++) {
    const unsigned given = (unsigned)(r->given >> (SPACES + 3 * c) & 7);
    kvox_mri_limits *limits = &p->limits[c];
    if (given == 0 && c <= KVOX_MRI_STEP_2) {
      const int32_t size = (int32_t)p->encoded_size[c + 1];
      *limits = (kvox_mri_limits){.first = 0, .last = size - 1, .center = size / 2};
    } else if ((given != 0 && given != 7) || limits->first > limits->last) {
      fail(r, KVOX_ERROR_FORMAT, "limits %d of encodingLimits must have minimum, maximum (not below it) and center",
           c + 1);
    }
  }
  if (r->conventional_epi) {
    p->ramps = r->ramps;
  }
}

static kvox_status parse(reader *r, const char *text, int64_t bytes) {
  XML_SetUserData(r->parser, r);
  XML_SetElementHandler(r->parser, start, end);
  XML_SetCharacterDataHandler(r->parser, characters);
  XML_SetEntityDeclHandler(r->parser, entity);
  XML_SetSkippedEntityHandler(r->parser, skipped);
  const enum XML_Status parsed = XML_Parse(r->parser, text, (int)bytes, 1);
  if (r->status == KVOX_OK && parsed != XML_STATUS_OK) {
    const enum XML_Error error = XML_GetErrorCode(r->parser);
    fail(r, error == XML_ERROR_NO_MEMORY ? KVOX_ERROR_MEMORY : KVOX_ERROR_FORMAT, "it is no XML: %s",
         XML_ErrorString(error));
  }
  if (r->status == KVOX_OK) {
    check(r);
  }
  return r->status;
}

kvox_status kvox_io_ismrmrd_parse(const kvox_io_file *file, const char *text, int64_t bytes,
                                  kvox_mri_protocol *protocol) {
  reader r = {.file = file, .protocol = protocol, .parser = XML_ParserCreate(NULL)};
  if (r.parser == NULL) {
    return kvox_io_file_fail(file, KVOX_ERROR_MEMORY, "out of memory");
  }
  const kvox_status status = parse(&r, text, bytes);
  XML_ParserFree(r.parser);
  if (status == KVOX_OK && r.encodings > 1) {
    kvox_extend_log(file->context, KVOX_LOG_WARNING, "%.200s: its header has %d encodings; the protocol is the first",
                    file->name, r.encodings);
  }
  return status;
}
