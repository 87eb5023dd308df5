/*
 * Memory of a stream: views that wait for their partner of the filter lie as line integrals, filtered ones in a ring
 * until a block of them is back-projected. What was pushed is gone, so that the ring has every row the volume needs.
 */
#ifndef KVOX_CT_STREAM_CUT_H
#define KVOX_CT_STREAM_CUT_H

#include "context/context.h"

typedef struct kvox_ct_stream_need {
  int64_t window; /* a view is taken when fewer than this many come before it from the first missing one on */
  int64_t views;
  uint64_t view_bytes; /* of a filtered view */
  uint64_t raw_bytes;  /* of a view as line integrals */
  uint64_t worker_bytes;
  int32_t workers; /* at most */
  uint64_t limit;  /* 0: `usual`, or the least */
  uint64_t usual;
  const char *name;
} kvox_ct_stream_need;

typedef struct kvox_ct_stream_cut {
  int64_t window;  /* 0: no stream */
  int64_t block;   /* views that are back-projected at once, at most; even */
  int64_t ring;    /* view v is filtered to place v % ring; even, or all views */
  int64_t waiting; /* views without their partner; there is room for one more, which meets its own */
  int32_t workers;
  uint64_t raw_bytes;
  uint64_t ring_bytes;  /* then come the raw views */
  uint64_t block_bytes; /* both */
} kvox_ct_stream_cut;

kvox_status kvox_ct_stream_cut_make(const kvox_ct_stream_need *need, kvox_ct_stream_cut *cut);

/* The place of the view at `index` of a run of views that begins at `place` of a ring of `places`; 0: no ring. */
static inline int64_t kvox_ct_ring_place(int64_t place, int64_t index, int64_t places) {
  const int64_t at = place + index;
  return places > 0 && at >= places ? at - places : at;
}

#endif
