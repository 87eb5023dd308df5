/* Twix files as Siemens' scanners lay them out, byte for byte by the published descriptions. */
#ifndef KVOX_TESTS_IO_TWIX_FILES_H
#define KVOX_TESTS_IO_TWIX_FILES_H

#include "raw.h"

#define TWIX_BIT(n) (UINT64_C(1) << (n))

/* Counters, in the order of the file: line, average, slice, partition, echo, phase, repetition, set, segment. */
typedef struct twix_readout {
  uint64_t mask;
  int channels, samples;
  int counters[9];
  int cut[2];
  int center, center_line, center_partition;
  float position[3], quaternion[4];
  int sync_bytes; /* instead of samples, where the mask has bit 5 */
  uint32_t dma;   /* 0: as it should be */
} twix_readout;

typedef struct twix_file {
  bool vb;
  int measurements; /* of the table; those before the last have a header and an end. 0: 1 */
  bool no_lengths;
  int unused;              /* entries of the table after it */
  const char *yaps, *meas; /* NULL: no such text */
  const twix_readout *list;
  int count;
  bool no_end;
  int channel;      /* VB: its header has other samples; 0: none */
  int zeros_at_end; /* bytes that were never written */
} twix_file;

typedef struct twix_bytes {
  unsigned char *at;
  size_t size, room;
} twix_bytes;

static inline void twix_put(twix_bytes *b, const void *bytes, size_t count) {
  if (b->size + count > b->room) {
    b->room = 2 * (b->size + count);
    b->at = realloc(b->at, b->room);
    assert_non_null(b->at);
  }
  if (bytes != NULL) {
    memcpy(b->at + b->size, bytes, count);
  } else {
    memset(b->at + b->size, 0, count);
  }
  b->size += count;
}

static inline void twix_set(twix_bytes *b, size_t at, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) {
    b->at[at + (size_t)i] = (unsigned char)(value >> (8 * i));
  }
}

static inline void twix_number(twix_bytes *b, uint64_t value, int bytes) {
  twix_put(b, NULL, (size_t)bytes);
  twix_set(b, b->size - (size_t)bytes, value, bytes);
}

static inline void twix_float(twix_bytes *b, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  twix_number(b, bits, 4);
}

static inline void twix_text(twix_bytes *b, const char *name, const char *text) {
  twix_put(b, name, strlen(name) + 1);
  twix_number(b, strlen(text) + 1, 4);
  twix_put(b, text, strlen(text) + 1);
}

/* VB's header is never below 10000 bytes: that tells it from VD's. */
static inline void twix_header(twix_bytes *b, const twix_file *f) {
  const size_t begin = b->size;
  static char config[10001];
  memset(config, 'c', sizeof config - 1);
  twix_number(b, 0, 4);
  twix_number(b, 2u + (f->yaps != NULL) + (f->meas != NULL), 4);
  twix_text(b, "Config", f->vb ? config : "<Patient> Secret");
  twix_text(b, "Dicom", "Secret");
  if (f->meas != NULL) {
    twix_text(b, "Meas", f->meas);
  }
  if (f->yaps != NULL) {
    twix_text(b, "MeasYaps", f->yaps);
  }
  twix_put(b, NULL, (32 - b->size % 32) % 32);
  twix_set(b, begin, b->size - begin, 4);
}

/* One sample of readout i. */
static inline float twix_sample(int i, int channel, int sample, int part) {
  return (float)(1000 * i + 100 * channel + sample) + 0.5f * (float)part;
}

static inline size_t twix_dma(const twix_file *f, const twix_readout *r) {
  const size_t head = f->vb ? 128 : 192, channel = f->vb ? 128 : 32;
  if ((r->mask & (TWIX_BIT(0) | TWIX_BIT(5))) != 0) {
    return head + (size_t)r->sync_bytes;
  }
  return (f->vb ? 0 : head) + (size_t)r->channels * (channel + 8 * (size_t)r->samples);
}

static inline void twix_scan_header(twix_bytes *b, const twix_file *f, const twix_readout *r, int channel) {
  const int samples = f->vb && channel > 0 && channel == f->channel ? r->samples + 1 : r->samples;
  const size_t begin = b->size;
  twix_number(b, r->dma != 0 ? r->dma : twix_dma(f, r), 4);
  twix_put(b, NULL, f->vb ? 16 : 36);
  twix_number(b, r->mask, 8);
  twix_number(b, (uint64_t)samples, 2);
  twix_number(b, (uint64_t)r->channels, 2);
  for (int c = 0; c < 14; c++) {
    twix_number(b, c < 9 ? (uint64_t)r->counters[c] : 7, 2);
  }
  twix_number(b, (uint64_t)r->cut[0], 2);
  twix_number(b, (uint64_t)r->cut[1], 2);
  twix_number(b, (uint64_t)r->center, 2);
  twix_put(b, NULL, 10);
  twix_number(b, (uint64_t)r->center_line, 2);
  twix_number(b, (uint64_t)r->center_partition, 2);
  twix_put(b, NULL, f->vb ? 16 : 0);
  for (int d = 0; d < 3; d++) {
    twix_float(b, r->position[d]);
  }
  for (int d = 0; d < 4; d++) {
    twix_float(b, r->quaternion[d]);
  }
  twix_put(b, NULL, (f->vb ? 128 : 192) - (b->size - begin));
}

static inline void twix_put_readout(twix_bytes *b, const twix_file *f, const twix_readout *r, int number) {
  if (!f->vb || (r->mask & (TWIX_BIT(0) | TWIX_BIT(5))) != 0) {
    twix_scan_header(b, f, r, 0);
  }
  if ((r->mask & (TWIX_BIT(0) | TWIX_BIT(5))) != 0) {
    twix_put(b, NULL, (size_t)r->sync_bytes);
    return;
  }
  for (int c = 0; c < r->channels; c++) {
    if (f->vb) {
      twix_scan_header(b, f, r, c);
    } else {
      twix_put(b, NULL, 32);
    }
    for (int s = 0; s < 2 * r->samples; s++) {
      twix_float(b, twix_sample(number, c, s / 2, s % 2));
    }
  }
}

static inline void twix_measurement(twix_bytes *b, const twix_file *f, int count) {
  const twix_readout end = {.mask = TWIX_BIT(0), .sync_bytes = 160};
  twix_header(b, f);
  for (int i = 0; i < count; i++) {
    twix_put_readout(b, f, &f->list[i], i);
  }
  if (!f->no_end) {
    twix_put_readout(b, f, &end, 0);
  }
  twix_put(b, NULL, (size_t)f->zeros_at_end);
}

/* Free `at`. */
static inline twix_bytes twix_make(const twix_file *f) {
  const int measurements = f->measurements > 0 ? f->measurements : 1;
  twix_bytes b = {NULL, 0, 0};
  if (f->vb) {
    twix_measurement(&b, f, f->count);
    return b;
  }
  twix_number(&b, 0, 4);
  twix_number(&b, (uint64_t)(measurements + f->unused), 4);
  twix_put(&b, NULL, 152 * (size_t)(measurements + f->unused));
  for (int m = 0; m < measurements; m++) {
    const size_t begin = b.size, entry = 8 + 152 * (size_t)m;
    twix_measurement(&b, f, m == measurements - 1 ? f->count : 0);
    twix_set(&b, entry + 8, begin, 8);
    twix_set(&b, entry + 16, f->no_lengths ? 0 : b.size - begin, 8);
    memcpy(b.at + entry + 24, "Secret", 6);
  }
  return b;
}

static inline void twix_put_file(const char *name, const twix_file *f) {
  twix_bytes b = twix_make(f);
  put_file(name, b.at, b.size);
  free(b.at);
}

/* ---- What tests share ---- */

#define TWIX_2D                                                                                                 \
  "sKSpace.lBaseResolution = 4\nsKSpace.lPhaseEncodingLines = 4\nsSliceArray.asSlice[0].dThickness = 5\n"       \
  "sSliceArray.asSlice[0].dPhaseFOV = 100\nsSliceArray.asSlice[0].dReadoutFOV = 100\nsKSpace.ucDimension = 2\n" \
  "sKSpace.lPartitions = 32\n"

static const char twix_epi[] =
    "<XProtocol> { <ParamMap.\"YAPS\"> { \"alRegridRampupTime\" <ParamString.\"tPatientName\"> { \"Secret\" }\n"
    "<ParamLong.\"alRegridRampupTime\"> \n {\n 160 0 \n}\n<ParamLong.\"alRegridRampdownTime\">  { 150 0 }\n"
    "<ParamLong.\"alRegridFlattopTime\"> { \"MEAS.other\" }\n<ParamLong.\"alRegridFlattopTime\">{240}\n"
    "<ParamLong.\"alRegridDelaySamplesTime\"> { 32 }\n<ParamDouble.\"aflRegridADCDuration\"> { <Precision> 6 "
    "24.000000 0.0 }\n<ParamDouble.\"flReadoutOSFactor\"> { }\n<ParamDouble.\"flReadoutOSFactor\"> { <Precision> 16 "
    "\n 2.0 } } }";

static char logged[1024];
static inline void keep_log(void *user, int32_t level, const char *text) {
  (void)user;
  (void)level;
  strncat(logged, text, sizeof logged - strlen(logged) - 1);
  strncat(logged, "\n", sizeof logged - strlen(logged) - 1);
}

/* Opens with a log that begins empty. */
static inline kvox_status open_logged(const char *name, kvox_io_mri **file) {
  kvox_context_options options;
  kvox_context *logging = NULL;
  kvox_context_options_init(&options);
  options.log = keep_log;
  logged[0] = '\0';
  *file = NULL;
  assert_ok(kvox_context_create(&options, &logging));
  const kvox_status status = kvox_io_mri_open(logging, at(name), file);
  kvox_context_destroy(logging); /* an open file holds it */
  return status;
}

enum { TWIX_COUNT = 13 };

/* Readouts of all uses, with packets between them that are none. */
static const twix_readout twix_all[TWIX_COUNT] = {
    {.mask = TWIX_BIT(25), .channels = 3, .samples = 9},
    {.mask = TWIX_BIT(5), .sync_bytes = 64},
    {.mask = TWIX_BIT(3) | TWIX_BIT(21) | TWIX_BIT(24) | TWIX_BIT(1),
     .channels = 3,
     .samples = 5,
     .counters = {2, 0, 0, 0, 0, 0, 0, 0, 1}},
    {.mask = TWIX_BIT(3),
     .channels = 3,
     .samples = 7,
     .counters = {1, 2, 3, 4, 5, 6, 7, 8, 9},
     .cut = {1, 2},
     .center = 3,
     .center_line = 2,
     .center_partition = 1,
     .position = {1.5f, -2.5f, 1e3f},
     .quaternion = {1, 0, 0, 0}},
    {.mask = TWIX_BIT(24), .channels = 3, .samples = 7, .counters = {4, 2, 3, 4, 5, 6, 7, 8, 9}},
    {.mask = TWIX_BIT(22), .channels = 3, .samples = 7},
    {.mask = TWIX_BIT(22) | TWIX_BIT(23), .channels = 3, .samples = 7, .counters = {2, 2, 0, 4, 5, 6, 7, 8, 9}},
    {.mask = TWIX_BIT(1), .channels = 2, .samples = 7},
    {.mask = TWIX_BIT(2), .channels = 1, .samples = 1},
    {.mask = TWIX_BIT(5), .sync_bytes = 0},
    {.mask = TWIX_BIT(14), .channels = 3, .samples = 7},
    {.mask = TWIX_BIT(15) | TWIX_BIT(51), .channels = 3, .samples = 7},
    {.mask = TWIX_BIT(39) | TWIX_BIT(62), .channels = 3, .samples = 7, .dma = 12345},
};

#endif
