/* RTK's XML, read by expat. Every element is known, or an error that names it with its line. */
#include <expat.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/rtk.h"

/* 2^17 views of RTK's usual 500 bytes; what is longer is no geometry. */
enum { MOST_BYTES = 1 << 26, MOST_VIEWS = 1 << 20, MOST_TEXT = 2048 };

/* The versions that RTK itself reads; they differ in what they may leave out. */
static const char *const versions[] = {"2", "3"};

/* Elements beside the nine parameters. */
enum { MATRIX = KVOX_IO_RTK_PARAMETERS, RADIUS, COLLIMATION, COLLIMATIONS = 4, LEAVES = COLLIMATION + COLLIMATIONS };

typedef struct reader {
  kvox_io_file *file;
  XML_Parser parser;
  kvox_status status; /* the first failure; nothing is looked at after it */
  int depth;          /* of open elements */
  int leaf;           /* the open leaf; -1: none */
  char text[MOST_TEXT];
  size_t text_used;
  unsigned given, given_before; /* leaves of this projection (or of the whole), and of the one before */
  bool in_projection, collimated;
  kvox_io_rtk_view whole, view; /* as given for all projections, and of the open one */
  double matrix[12];
  kvox_io_rtk_view *views; /* from the context's allocator */
  int64_t count, room;
} reader;

static const char *leaf_name(int leaf) {
  static const char *const others[] = {"Matrix",          "RadiusCylindricalDetector", "CollimationUInf",
                                       "CollimationUSup", "CollimationVInf",           "CollimationVSup"};
  return leaf < KVOX_IO_RTK_PARAMETERS ? kvox_io_rtk_names[leaf] : others[leaf - MATRIX];
}

static void fail(reader *r, kvox_status status, const char *format, ...) KVOX_PRINTF(3, 4);

/* With the line; the first failure stays. */
static void fail(reader *r, kvox_status status, const char *format, ...) {
  if (r->status != KVOX_OK) {
    return;
  }
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  r->status =
      kvox_io_file_fail(r->file, status, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(r->parser), text);
  XML_StopParser(r->parser, XML_FALSE);
}

/* ---- Numbers ---- */

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Exactly `count` decimal numbers between white space. */
static bool get_numbers(const char *text, double *numbers, int count) {
  for (int i = 0; i < count; i++) {
    while (is_space(*text)) {
      text++;
    }
    const size_t length = strspn(text, "+-.0123456789eE");
    const char *end = length > 0 ? kvox_extend_parse(text, &numbers[i]) : NULL;
    if (end != text + length || length == 0) {
      return false;
    }
    text = end;
  }
  while (is_space(*text)) {
    text++;
  }
  return *text == '\0';
}

static void take_parameter(reader *r, int leaf) {
  double value = 0;
  if (!get_numbers(r->text, &value, 1)) {
    fail(r, KVOX_ERROR_FORMAT, "%s is \"%.40s\", must be a number", leaf_name(leaf), r->text);
  } else if (leaf == RADIUS) {
    if (value != 0) {
      fail(r, KVOX_ERROR_UNSUPPORTED,
           "RadiusCylindricalDetector is not 0: the detector is an arc; this version reads flat alone");
    }
  } else if (leaf >= COLLIMATION) {
    /* Jaws that are open stand at the largest number, which RTK prints as a little more than that. */
    r->collimated |= fabs(value) < 1e300;
  } else if (!isfinite(value)) {
    fail(r, KVOX_ERROR_FORMAT, "%s is too large for a number", leaf_name(leaf));
  } else {
    (r->in_projection ? &r->view : &r->whole)->of[leaf] = value;
  }
}

static void take_leaf(reader *r) {
  const int leaf = r->leaf;
  r->text[r->text_used] = '\0';
  if (leaf != MATRIX) {
    take_parameter(r, leaf);
  } else if (!get_numbers(r->text, r->matrix, 12)) {
    fail(r, KVOX_ERROR_FORMAT, "Matrix must have 12 numbers");
  }
}

/* ---- Projections ---- */

/* What RTK itself checks, to the same 0.001 or what 6 digits leave. */
static void check_matrix(reader *r) {
  double right[12];
  kvox_io_rtk_matrix(&r->view, right);
  for (int i = 0; i < 12; i++) {
    double largest = 0;
    for (int c = 0; c < 4; c++) {
      largest = fmax(largest, fabs(right[i / 4 * 4 + c]));
    }
    if (!(fabs(r->matrix[i] - right[i]) <= fmax(1e-3, 1e-6 * largest))) {
      fail(r, KVOX_ERROR_FORMAT,
           "the Matrix of projection %" PRId64 " contradicts its angles, distances and offsets; change both or neither",
           r->count);
      return;
    }
  }
}

/* RTK keeps a parameter from the projection before where it is left out; files that it writes never need that. */
static void check_given(reader *r) {
  const unsigned parameters = (1u << KVOX_IO_RTK_PARAMETERS) - 1;
  const unsigned changed = r->count > 0 ? (r->given ^ r->given_before) & parameters : 0;
  for (int p = 0; p < KVOX_IO_RTK_PARAMETERS; p++) {
    if ((changed >> p & 1) != 0) {
      fail(r, KVOX_ERROR_FORMAT,
           "%s stands in projection %" PRId64 ", not in %" PRId64 "; give it in all or before all",
           kvox_io_rtk_names[p], (r->given >> p & 1) != 0 ? r->count : r->count - 1,
           (r->given >> p & 1) != 0 ? r->count - 1 : r->count);
      return;
    }
  }
}

static void add_view(reader *r) {
  if (r->count == r->room) {
    const int64_t more = r->room == 0 ? 64 : 2 * r->room;
    kvox_io_rtk_view *larger = kvox_extend_allocate(r->file->context, (uint64_t)more * sizeof *larger);
    if (larger == NULL) {
      fail(r, KVOX_ERROR_MEMORY, "out of memory");
      return;
    }
    if (r->count > 0) {
      memcpy(larger, r->views, (size_t)r->count * sizeof *larger);
    }
    kvox_extend_release(r->file->context, r->views);
    r->views = larger;
    r->room = more;
  }
  r->views[r->count++] = r->view;
}

static void end_projection(reader *r) {
  check_given(r);
  if (r->status == KVOX_OK && (r->given >> MATRIX & 1) != 0) {
    check_matrix(r);
  }
  if (r->status == KVOX_OK) {
    add_view(r);
  }
  r->in_projection = false;
  r->given_before = r->given;
}

/* ---- expat's calls ---- */

static void start_root(reader *r, const char *name, const char **attributes) {
  const char *version = "";
  if (strcmp(name, "RTKThreeDCircularGeometry") != 0) {
    fail(r, KVOX_ERROR_FORMAT, "its element is <%.40s>, RTK's geometry is <RTKThreeDCircularGeometry>", name);
    return;
  }
  for (const char **a = attributes; *a != NULL; a += 2) {
    version = strcmp(a[0], "version") == 0 ? a[1] : version;
  }
  for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++) {
    if (strcmp(version, versions[v]) == 0) {
      return;
    }
  }
  fail(r, KVOX_ERROR_UNSUPPORTED, "its version is \"%.20s\"; 2 and 3 are read", version);
}

static void start_leaf(reader *r, const char *name) {
  int leaf = 0;
  while (leaf < LEAVES && strcmp(name, leaf_name(leaf)) != 0) {
    leaf++;
  }
  if (leaf == LEAVES) {
    fail(r, KVOX_ERROR_FORMAT, "<%.60s> is no element of RTK's geometry that is read here", name);
  } else if (r->in_projection ? leaf == RADIUS : leaf == MATRIX) {
    fail(r, KVOX_ERROR_FORMAT, "%s must stand %s a Projection", name, r->in_projection ? "before" : "in");
  } else if (!r->in_projection && r->count > 0) {
    fail(r, KVOX_ERROR_FORMAT, "%s follows a Projection; what is meant for all must stand before the first", name);
  } else if ((r->given >> leaf & 1) != 0) {
    fail(r, KVOX_ERROR_FORMAT, "%s is there twice", name);
  }
  r->given |= 1u << leaf;
  r->leaf = leaf;
  r->text_used = 0;
}

static void XMLCALL start(void *user, const char *name, const char **attributes) {
  reader *r = user;
  r->depth++;
  if (r->status != KVOX_OK) {
    return;
  }
  if (r->leaf >= 0) {
    fail(r, KVOX_ERROR_FORMAT, "<%.60s> stands within %s, which holds numbers alone", name, leaf_name(r->leaf));
  } else if (r->depth == 1) {
    start_root(r, name, attributes);
  } else if (r->depth == 2 && strcmp(name, "Projection") == 0) {
    if (r->count == MOST_VIEWS) {
      fail(r, KVOX_ERROR_FORMAT, "it has more than %d projections", MOST_VIEWS);
    }
    r->in_projection = true;
    r->view = r->whole;
    r->given = 0;
  } else {
    start_leaf(r, name);
  }
}

static void XMLCALL end(void *user, const char *name) {
  reader *r = user;
  (void)name;
  r->depth--;
  if (r->status != KVOX_OK) {
    return;
  }
  if (r->leaf >= 0) {
    take_leaf(r);
    r->leaf = -1;
  } else if (r->in_projection) {
    end_projection(r);
  }
}

static void XMLCALL characters(void *user, const char *text, int length) {
  reader *r = user;
  for (int i = 0; i < length && r->status == KVOX_OK; i++) {
    if (r->leaf < 0) {
      if (!is_space(text[i])) {
        fail(r, KVOX_ERROR_FORMAT, "text stands between its elements");
      }
    } else if (r->text_used + 1 == MOST_TEXT) {
      fail(r, KVOX_ERROR_FORMAT, "%s is longer than its numbers can be", leaf_name(r->leaf));
    } else {
      r->text[r->text_used++] = text[i];
    }
  }
}

/* Entities have no use in numbers, but can grow without bounds. */
static void XMLCALL entity(void *user, const char *name, int is_parameter, const char *value, int length,
                           const char *base, const char *system, const char *public, const char *notation) {
  (void)name, (void)is_parameter, (void)value, (void)length, (void)base, (void)system, (void)public, (void)notation;
  fail(user, KVOX_ERROR_FORMAT, "it declares entities, which no geometry needs");
}

static void XMLCALL skipped(void *user, const char *name, int is_parameter) {
  (void)is_parameter;
  fail(user, KVOX_ERROR_FORMAT, "the entity \"%.40s\" means nothing", name);
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
  if (r->status == KVOX_OK && r->count == 0) {
    fail(r, KVOX_ERROR_FORMAT, "it has no Projection");
  }
  return r->status;
}

kvox_status kvox_io_rtk_parse(kvox_io_file *file, kvox_io_rtk_view **views, int64_t *count) {
  reader r = {.file = file, .leaf = -1};
  kvox_status status = KVOX_OK;
  if (file->size > MOST_BYTES) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it has %" PRId64 " bytes, a geometry has at most %d", file->size,
                             MOST_BYTES);
  }
  char *text = kvox_extend_allocate(file->context, (uint64_t)file->size + 1);
  if (text == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY_CLEANUP(kvox_io_file_read(file, text, file->size));
  r.parser = XML_ParserCreate(NULL);
  if (r.parser == NULL) {
    status = kvox_io_file_fail(file, KVOX_ERROR_MEMORY, "out of memory");
    goto cleanup;
  }
  status = parse(&r, text, file->size);
  if (status == KVOX_OK && r.collimated) {
    kvox_extend_log(file->context, KVOX_LOG_WARNING,
                    "%.200s: some projections were collimated; what lies behind the jaws is taken as it was measured",
                    file->name);
  }
cleanup:
  if (r.parser != NULL) {
    XML_ParserFree(r.parser);
  }
  if (status != KVOX_OK) {
    kvox_extend_release(file->context, r.views);
    r.views = NULL;
  }
  kvox_extend_release(file->context, text);
  *views = r.views;
  *count = r.count;
  return status;
}
