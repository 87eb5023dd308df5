/*
 * Siemens' raw data (twix, .dat), little-endian. A measurement is a header of texts, then readouts one after the other,
 * each with the headers that siemensraw.h (siemens_to_ismrmrd) and mdh_def.py (twixtools) describe. VD and VE: a table
 * of measurements at the begin of the file; a readout has a scan header and, before each coil's samples, a channel
 * header. VB: one measurement; each coil's samples have a whole header.
 */
#include "io/twix.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
  MOST_MEASUREMENTS = 64, /* entries of the table */
  ENTRIES_AT = 8,
  ENTRY_BYTES = 152,
  MOST_BUFFERS = 1024,
  MOST_NAME = 64,
  MOST_TEXT_BYTES = 1 << 26
};

typedef struct twix {
  bool vb;
  int64_t begin, data, end; /* of the measurement, of its first readout */
  int64_t *offsets;         /* of readouts with samples */
  int64_t count, room;
  double dwell_us;
  bool odd_segments_reversed;
  unsigned char *block; /* the readout that was read last */
  int64_t block_room;
} twix;

/* ---- The measurement ---- */

/* Where the next one begins, or the file's end. */
static int64_t end_of_entry(const kvox_io_file *file, const unsigned char *entries, int count, int64_t begin) {
  int64_t end = file->size;
  for (int e = 0; e < count; e++) {
    const uint64_t next = kvox_io_twix_little(entries + (int64_t)e * ENTRY_BYTES + 8, 8);
    if (next > (uint64_t)begin && next < (uint64_t)end) {
      end = (int64_t)next;
    }
  }
  return end;
}

/* The last measurement is what was asked for: those before are adjustments. Unused entries have no offset; lengths can
 * be missing. */
static kvox_status choose_entry(kvox_io_mri *mri, twix *s, int count) {
  unsigned char entries[MOST_MEASUREMENTS * ENTRY_BYTES];
  kvox_io_file *file = &mri->file;
  KVOX_TRY(kvox_io_file_read(file, entries, (int64_t)count * ENTRY_BYTES));
  int last = count - 1;
  while (last > 0 && kvox_io_twix_little(entries + (int64_t)last * ENTRY_BYTES + 8, 8) == 0) {
    last--;
  }
  const unsigned char *entry = entries + (int64_t)last * ENTRY_BYTES;
  const uint64_t begin = kvox_io_twix_little(entry + 8, 8), length = kvox_io_twix_little(entry + 16, 8),
                 size = (uint64_t)file->size;
  if (begin < ENTRIES_AT + (uint64_t)count * ENTRY_BYTES || begin > size || length > size - begin) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "it is truncated or no twix file: measurement %d must have %" PRIu64
                             " bytes from byte %" PRIu64 " on, it has %" PRIu64 " bytes",
                             last + 1, length, begin, size);
  }
  s->begin = (int64_t)begin;
  s->end = length > 0 ? (int64_t)(begin + length) : end_of_entry(file, entries, count, s->begin);
  if (last > 0) {
    kvox_extend_log(mri->context, KVOX_LOG_WARNING, "%.200s: it has %d measurements; the last one is read", file->name,
                    last + 1);
  }
  return KVOX_OK;
}

/* VB begins with the length of its header, VD and VE with a small number and how many measurements there are. */
static kvox_status find_measurement(kvox_io_mri *mri, twix *s) {
  unsigned char begin[ENTRIES_AT];
  kvox_io_file *file = &mri->file;
  KVOX_TRY(kvox_io_file_seek(file, 0));
  KVOX_TRY(kvox_io_file_read(file, begin, sizeof begin));
  const uint64_t first = kvox_io_twix_little(begin, 4), second = kvox_io_twix_little(begin + 4, 4);
  s->vb = first >= 10000;
  s->end = file->size;
  if (!s->vb && (second < 1 || second > MOST_MEASUREMENTS)) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "it is no twix file: the number of measurements must be 1 to %d, it is %" PRIu64,
                             MOST_MEASUREMENTS, second);
  }
  return s->vb ? KVOX_OK : choose_entry(mri, s, (int)second);
}

/* ---- Its header ---- */

/* The name of a buffer and its length, which end within the header. */
static kvox_status read_buffer(kvox_io_file *file, int64_t end, char name[MOST_NAME], int64_t *bytes) {
  unsigned char head[MOST_NAME + 4];
  const int64_t at = file->position, left = end - at;
  const int64_t length = left < (int64_t)sizeof head ? left : (int64_t)sizeof head;
  KVOX_TRY(kvox_io_file_read(file, head, length));
  const unsigned char *zero = memchr(head, 0, (size_t)(length < MOST_NAME ? length : MOST_NAME));
  const int64_t used = zero != NULL ? zero - head + 1 + 4 : length + 1;
  *bytes = used <= length ? (int64_t)kvox_io_twix_little(zero + 1, 4) : 0;
  if (used > length || *bytes > left - used) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "it is no twix file: the text at byte %" PRId64
                             " has no name, or more bytes than the "
                             "header of its measurement",
                             at);
  }
  memcpy(name, head, (size_t)(zero - head) + 1);
  return kvox_io_file_seek(file, at + used);
}

/* It names the patient: it is here for no longer than its numbers are looked for. */
static kvox_status read_text(kvox_io_file *file, int64_t bytes, bool yaps, kvox_io_twix_text *numbers) {
  if (bytes > MOST_TEXT_BYTES) {
    return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED,
                             "a text of its header has %" PRId64 " bytes, at most %d are read", bytes, MOST_TEXT_BYTES);
  }
  char *text = kvox_extend_allocate(file->context, (uint64_t)bytes + 1);
  if (text == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = kvox_io_file_read(file, text, bytes);
  if (status == KVOX_OK) {
    for (int64_t i = 0; i < bytes; i++) {
      text[i] = text[i] != '\0' ? text[i] : ' ';
    }
    text[bytes] = '\0';
    status = (yaps ? kvox_io_twix_yaps : kvox_io_twix_meas)(file, text, numbers);
  }
  memset(text, 0, (size_t)bytes);
  kvox_extend_release(file->context, text);
  return status;
}

static kvox_status read_header(kvox_io_file *file, twix *s, kvox_io_twix_text *numbers) {
  unsigned char begin[8];
  bool yaps = false, meas = false;
  if (s->end - s->begin < (int64_t)sizeof begin) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is truncated: its measurement has no header");
  }
  KVOX_TRY(kvox_io_file_seek(file, s->begin));
  KVOX_TRY(kvox_io_file_read(file, begin, sizeof begin));
  const int64_t bytes = (int64_t)kvox_io_twix_little(begin, 4), buffers = (int64_t)kvox_io_twix_little(begin + 4, 4);
  if (bytes < (int64_t)sizeof begin || bytes > s->end - s->begin || buffers > MOST_BUFFERS) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "it is truncated or no twix file: a header of %" PRId64 " bytes with %" PRId64
                             " texts does not fit a measurement of %" PRId64 " bytes",
                             bytes, buffers, s->end - s->begin);
  }
  s->data = s->begin + bytes;
  for (int64_t b = 0; b < buffers && !(yaps && meas); b++) {
    char name[MOST_NAME];
    int64_t length = 0;
    KVOX_TRY(read_buffer(file, s->data, name, &length));
    const int64_t next = file->position + length;
    const bool is_yaps = strcmp(name, "MeasYaps") == 0, is_meas = strcmp(name, "Meas") == 0;
    if ((is_yaps && !yaps) || (is_meas && !meas)) {
      KVOX_TRY(read_text(file, length, is_yaps, numbers));
    }
    yaps = yaps || is_yaps;
    meas = meas || is_meas;
    KVOX_TRY(kvox_io_file_seek(file, next));
  }
  return yaps ? KVOX_OK
              : kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is no twix file: its header has no text MeasYaps");
}

/* ---- The index ---- */

/* What a walk through the readouts sees besides where they lie. */
typedef struct walk {
  kvox_io_twix_found found;
  bool marked;         /* its end is */
  int64_t reversed;    /* readouts with that flag */
  int32_t navigators;  /* just before here */
  int64_t same, other; /* lines of an image, of the same segment as the one before and, 0 or 1, of the other */
  int32_t last[KVOX_MRI_COUNTERS];
} walk;

static bool makes_image(uint32_t use) {
  return (use & (KVOX_MRI_NOISE | KVOX_MRI_CALIBRATION | KVOX_MRI_PHASE_CORRECTION | KVOX_MRI_OTHER_USE)) == 0;
}

static void look(walk *w, const kvox_io_twix_scan *r) {
  const uint32_t use = kvox_io_twix_use(r);
  kvox_io_twix_found *f = &w->found;
  w->reversed += (use & KVOX_MRI_REVERSE) != 0;
  if (!makes_image(use)) {
    w->navigators = (use & KVOX_MRI_PHASE_CORRECTION) != 0 ? w->navigators + 1 : 0;
    return;
  }
  if (f->images == 0) {
    f->coils = r->channels;
    f->samples = r->samples;
    f->navigators = w->navigators;
    for (int c = 0; c < KVOX_MRI_COUNTERS; c++) {
      f->limits[c] = (kvox_mri_limits){r->counters[c], r->counters[c], 0};
    }
    f->limits[KVOX_MRI_STEP_1].center = r->center_line;
    f->limits[KVOX_MRI_STEP_2].center = r->center_partition;
  } else {
    bool same_image = true;
    for (int c = KVOX_MRI_STEP_2; c <= KVOX_MRI_SET; c++) {
      same_image = same_image && w->last[c] == r->counters[c];
    }
    const bool other = w->last[KVOX_MRI_SEGMENT] + r->counters[KVOX_MRI_SEGMENT] == 1;
    w->other += same_image && other;
    w->same += same_image && !other;
  }
  for (int c = 0; c < KVOX_MRI_COUNTERS; c++) {
    kvox_mri_limits *limits = &f->limits[c];
    limits->first = r->counters[c] < limits->first ? r->counters[c] : limits->first;
    limits->last = r->counters[c] > limits->last ? r->counters[c] : limits->last;
  }
  memcpy(w->last, r->counters, sizeof w->last);
  w->navigators = 0;
  f->images++;
}

static kvox_status add(kvox_context *context, twix *s, int64_t offset) {
  if (s->count == s->room) {
    const int64_t room = s->room > 0 ? 2 * s->room : 64;
    int64_t *grown = kvox_extend_allocate(context, (uint64_t)room * sizeof *grown);
    if (grown == NULL) {
      return KVOX_ERROR_MEMORY;
    }
    if (s->count > 0) {
      memcpy(grown, s->offsets, (size_t)s->count * sizeof *grown);
    }
    kvox_extend_release(context, s->offsets);
    s->offsets = grown;
    s->room = room;
  }
  s->offsets[s->count++] = offset;
  return KVOX_OK;
}

/* One packet at *at, which moves on to the next one, or *at_end: the last one, or bytes that nothing was written to. */
static kvox_status walk_packet(kvox_io_mri *mri, twix *s, walk *w, int64_t *at, bool *at_end) {
  unsigned char head[KVOX_IO_TWIX_SCAN_BYTES];
  kvox_io_file *file = &mri->file;
  KVOX_TRY(kvox_io_file_seek(file, *at));
  if (s->end - *at < kvox_io_twix_head_bytes(s->vb)) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "it is truncated: at byte %" PRId64 " there must be the header of a readout", *at);
  }
  KVOX_TRY(kvox_io_file_read(file, head, kvox_io_twix_head_bytes(s->vb)));
  const kvox_io_twix_scan r = kvox_io_twix_parse_scan(s->vb, head);
  w->marked = kvox_io_twix_has_bit(&r, KVOX_IO_TWIX_LAST);
  *at_end = w->marked || (r.dma_bytes == 0 && r.channels == 0 && r.samples == 0);
  if (*at_end) {
    return KVOX_OK;
  }
  const bool sampled = !kvox_io_twix_has_bit(&r, KVOX_IO_TWIX_SIGNALS) && r.channels > 0 && r.samples > 0;
  const int64_t bytes = sampled ? kvox_io_twix_scan_bytes(s->vb, &r) : r.dma_bytes;
  if (bytes < kvox_io_twix_head_bytes(s->vb) || bytes > s->end - *at) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "it is truncated or broken: what is at byte %" PRId64 " must have %" PRId64
                             " bytes, up to the measurement's end there are %" PRId64,
                             *at, bytes, s->end - *at);
  }
  if (sampled) {
    KVOX_TRY(add(mri->context, s, *at));
    look(w, &r);
  }
  *at += bytes;
  return KVOX_OK;
}

static kvox_status walk_readouts(kvox_io_mri *mri, twix *s, walk *w) {
  bool at_end = false;
  int64_t at = s->data;
  while (!at_end && at < s->end) {
    KVOX_TRY(walk_packet(mri, s, w, &at, &at_end));
  }
  if (!w->marked) {
    kvox_extend_log(mri->context, KVOX_LOG_WARNING, "%.200s: it ends without a mark of its end, as if broken off",
                    mri->file.name);
  }
  return KVOX_OK;
}

/* ---- Opening ---- */

static kvox_status open_file(kvox_io_mri *mri) {
  kvox_io_twix_text text = {{0}, {0}};
  walk w = {.reversed = 0};
  twix *s = kvox_extend_allocate(mri->context, sizeof *s);
  if (s == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  *s = (twix){.vb = false};
  mri->state = s;
  KVOX_TRY(find_measurement(mri, s));
  KVOX_TRY(read_header(&mri->file, s, &text));
  KVOX_TRY(walk_readouts(mri, s, &w));
  KVOX_TRY(kvox_io_twix_protocol(&mri->file, &text, &w.found, &mri->protocol));
  s->dwell_us = text.numbers[KVOX_IO_TWIX_DWELL_NS] / 1000;
  mri->readouts = s->count;
  /* Scanners count the lines of an EPI that are measured backwards as segment 1; some files say no more than that. */
  if (mri->protocol.trajectory == KVOX_MRI_EPI && w.reversed == 0 && w.other > 0 && w.same == 0) {
    s->odd_segments_reversed = true;
    kvox_extend_log(mri->context, KVOX_LOG_WARNING,
                    "%.200s: no line is flagged as reversed; those of segment 1 are taken as that", mri->file.name);
  }
  return KVOX_OK;
}

static void close_file(kvox_io_mri *mri) {
  twix *s = mri->state;
  if (s == NULL) {
    return;
  }
  kvox_extend_release(mri->context, s->offsets);
  kvox_extend_release(mri->context, s->block);
  kvox_extend_release(mri->context, s);
  mri->state = NULL;
}

/* ---- Reading ---- */

/* No header says how densely noise is sampled: siemens_to_ismrmrd's rule, 130 Hz a sample. */
static double sample_time_us(const twix *s, uint32_t use, int32_t samples) {
  if ((use & KVOX_MRI_NOISE) == 0) {
    return s->dwell_us;
  }
  return s->vb ? 1e6 / samples / 130 : floor(76800.0 / samples) / 10;
}

static kvox_status make_room(kvox_context *context, twix *s, int64_t bytes) {
  if (bytes <= s->block_room) {
    return KVOX_OK;
  }
  kvox_extend_release(context, s->block);
  s->block = kvox_extend_allocate(context, (uint64_t)bytes);
  s->block_room = s->block != NULL ? bytes : 0;
  return s->block != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
}

/* Samples of all coils move together over their headers. VB's headers must agree. */
static kvox_status pack_channels(const kvox_io_file *file, const twix *s, int64_t index, const kvox_io_twix_scan *r) {
  const int64_t stride = kvox_io_twix_channel_bytes(s->vb, r), samples = (int64_t)r->samples * 8;
  for (int32_t c = 0; c < r->channels; c++) {
    const unsigned char *from = s->block + (s->vb ? 0 : KVOX_IO_TWIX_SCAN_BYTES) + c * stride;
    if (s->vb) {
      const kvox_io_twix_scan of_channel = kvox_io_twix_parse_scan(s->vb, from);
      if (of_channel.samples != r->samples || of_channel.channels != r->channels) {
        return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                                 "readout %" PRId64 ": its first coil has %" PRId32 " samples of %" PRId32
                                 " coils, coil %" PRId32 " has %" PRId32 " of %" PRId32,
                                 index, r->samples, r->channels, c, of_channel.samples, of_channel.channels);
      }
    }
    memmove(s->block + c * samples, from + (stride - samples), (size_t)samples);
  }
  if (kvox_io_big_endian()) {
    kvox_io_swap_bytes(s->block, sizeof(float), r->channels * samples);
  }
  return KVOX_OK;
}

static kvox_status read_readout(kvox_io_mri *mri, int64_t index, kvox_mri_readout *readout) {
  twix *s = mri->state;
  kvox_io_file *file = &mri->file;
  const int64_t at = s->offsets[index];
  unsigned char head[KVOX_IO_TWIX_SCAN_BYTES];
  KVOX_TRY(kvox_io_file_seek(file, at));
  KVOX_TRY(kvox_io_file_read(file, head, kvox_io_twix_head_bytes(s->vb)));
  const kvox_io_twix_scan r = kvox_io_twix_parse_scan(s->vb, head);
  const int64_t bytes = kvox_io_twix_scan_bytes(s->vb, &r);
  /* As when it was indexed, unless the file was written since. */
  if (r.channels < 1 || r.samples < 1 || bytes > s->end - at) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "readout %" PRId64 " changed since the file was opened", index);
  }
  KVOX_TRY(make_room(mri->context, s, bytes));
  KVOX_TRY(kvox_io_file_seek(file, at));
  KVOX_TRY(kvox_io_file_read(file, s->block, bytes));
  KVOX_TRY(pack_channels(file, s, index, &r));
  readout->flags = kvox_io_twix_use(&r);
  if (s->odd_segments_reversed && r.counters[KVOX_MRI_SEGMENT] == 1) {
    readout->flags |= KVOX_MRI_REVERSE;
  }
  memcpy(readout->counters, r.counters, sizeof readout->counters);
  readout->coils = r.channels;
  readout->samples = r.samples;
  readout->center_sample = r.center_sample;
  readout->discard_before = r.discard_before;
  readout->discard_after = r.discard_after;
  readout->data = (const float *)(const void *)s->block;
  readout->sample_time_us = sample_time_us(s, readout->flags, r.samples);
  return kvox_io_twix_axes(file, index, &r, readout);
}

const kvox_io_mri_format kvox_io_twix_format = {
    .extensions = {".dat"},
    .open = open_file,
    .read = read_readout,
    .close = close_file,
};
