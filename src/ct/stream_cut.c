#include "ct/stream_cut.h"

#include "core/size.h"

/* The volume is read and written once a block: with this many views that is a small part, and with more of them a push
 * that completes a block takes longer. */
enum { MOST_BLOCK = 64 };

/* Places that blocks of so many views need: the views behind a block may come while it is not complete. */
static int64_t ring_of(int64_t block, int64_t window, int64_t all) {
  return kvox_min_i64(kvox_round_up(block + window - 1, 2), all);
}

kvox_status kvox_ct_stream_cut_make(const kvox_ct_stream_need *need, kvox_ct_stream_cut *cut) {
  const int64_t all = need->views + need->views % 2, window = kvox_min_i64(need->window, need->views);
  int64_t whole = 0;
  if (need->view_bytes > INT64_MAX / 4 || need->raw_bytes > INT64_MAX / 4 ||
      !kvox_multiply(all + 2, (int64_t)(need->view_bytes + need->raw_bytes), &whole) || whole > INT64_MAX / 2) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: the views of a stream have more than 2^62 bytes", need->name);
  }
  *cut = (kvox_ct_stream_cut){.window = window, .workers = need->workers, .raw_bytes = need->raw_bytes};
  cut->waiting = kvox_min_i64(window / 2 + 1, all / 2);
  const uint64_t raw = (uint64_t)(cut->waiting + 1) * need->raw_bytes + 2 * KVOX_ALIGNMENT;
  const uint64_t views = (uint64_t)ring_of(2, window, all) * need->view_bytes + raw, least = views + need->worker_bytes;
  const uint64_t allowed = need->limit != 0 ? need->limit : need->usual > least ? need->usual : least;
  if (allowed < least) {
    return kvox_fail_limit(need->name, allowed, least);
  }
  while (cut->workers > 1 && (uint64_t)cut->workers * need->worker_bytes + views > allowed) {
    cut->workers--;
  }
  const uint64_t room = (allowed - (uint64_t)cut->workers * need->worker_bytes - raw) / need->view_bytes;
  const int64_t places = room < (uint64_t)all ? (int64_t)(room - room % 2) : all;
  const int64_t block = places == all ? all : (places - (window - 1)) / 2 * 2;
  cut->block = kvox_min_i64(block, MOST_BLOCK);
  cut->ring = ring_of(cut->block, window, all);
  cut->ring_bytes = (uint64_t)kvox_round_up(cut->ring * (int64_t)need->view_bytes, KVOX_ALIGNMENT);
  cut->block_bytes =
      (uint64_t)kvox_round_up((int64_t)cut->ring_bytes + (cut->waiting + 1) * (int64_t)need->raw_bytes, KVOX_ALIGNMENT);
  return KVOX_OK;
}
