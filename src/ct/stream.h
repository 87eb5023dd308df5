/*
 * A stream inside. Pairs of views are filtered as soon as both partners are there, into a ring, from which blocks of
 * them are back-projected in order. How the ring is filled and emptied is the beam's way: fan, cone, or parallel.
 */
#ifndef KVOX_CT_STREAM_H
#define KVOX_CT_STREAM_H

#include "core/volume.h"
#include "ct/fbp.h"

typedef struct kvox_ct_stream_way kvox_ct_stream_way;

/* Rows as they are filtered, of which the volume sees those from `row` on. */
typedef struct kvox_ct_stream_rows {
  int64_t row, rows, columns;
  bool turned; /* they are the columns of what is pushed */
} kvox_ct_stream_rows;

struct kvox_ct_stream {
  kvox_ct_fbp_plan *plan;
  const kvox_ct_stream_way *way;
  const kvox_ct_stream_cut *cut;
  kvox_workspace *workspace; /* borrowed; NULL: given back */
  kvox_volume *volume;
  kvox_ct_stream_rows rows;
  int64_t next;     /* the first view that is missing */
  int64_t filtered; /* how many are */
  int64_t done;     /* views that are back-projected */
  bool finished;
  kvox_status broken; /* what a push came to that cannot be gone on from */
  double seconds;
  uint8_t arrived[]; /* of each view; 1: it waits for its partner, 2: it is filtered */
};

struct kvox_ct_stream_way {
  const kvox_ct_stream_cut *(*cut)(const kvox_ct_fbp_plan *plan);
  uint64_t (*bytes)(const kvox_ct_fbp_plan *plan); /* of the workspace */
  kvox_ct_stream_rows (*rows)(const kvox_ct_fbp_plan *plan);
  /* Whether the volume sees a row of these: slices may lie farther apart. NULL: all. */
  bool (*sees)(const kvox_ct_fbp_plan *plan, int64_t row);
  /* Whole pairs of views, or the last one, from rows into the ring; they do not pass its end. */
  kvox_status (*filter)(const kvox_ct_stream *stream, int64_t view, int64_t views, const kvox_ct_rows *rows);
  /* Adds views of the ring to the volume. */
  kvox_status (*backproject)(const kvox_ct_stream *stream, int64_t view, int64_t views);
};

extern const kvox_ct_stream_way kvox_ct_stream_diverging;
extern const kvox_ct_stream_way kvox_ct_stream_parallel;

#endif
