/* An EPI scan of one slice from a raw file: its lines and navigators, in the order and place they belong. */
#ifndef KVOX_TESTS_MRI_EPI_SCAN_H
#define KVOX_TESTS_MRI_EPI_SCAN_H

#include "kvox/io_mri.h"
#include "support.h"

enum { SCAN_COILS = 2, SCAN_SAMPLES = 160, SCAN_LINES = 80, SCAN_NAVIGATORS = 3 };

typedef struct epi_scan {
  kvox_mri_protocol protocol;
  uint8_t reversed[SCAN_LINES], navigator_reversed[SCAN_NAVIGATORS];
  float complex lines[SCAN_LINES][SCAN_COILS][SCAN_SAMPLES]; /* as they were measured */
  float complex navigators[SCAN_NAVIGATORS][SCAN_COILS][SCAN_SAMPLES];
} epi_scan;

/* False, with a printed reason, where there is no data. */
static inline bool epi_scan_read(kvox_context *context, const char *name, epi_scan *scan) {
  char path[4096];
  const char *root = getenv("KVOX_DATA");
  if (root == NULL) {
    printf("skipped: %s, because KVOX_DATA is not set\n", name);
    return false;
  }
  snprintf(path, sizeof path, "%s/mri/%s", root, name);
  kvox_io_mri *file = NULL;
  assert_ok(kvox_io_mri_open(context, path, &file));
  assert_ok(kvox_io_mri_protocol(file, &scan->protocol));
  int navigators = 0, lines = 0;
  for (int64_t i = 0; i < kvox_io_mri_readouts(file); i++) {
    kvox_mri_readout r;
    assert_ok(kvox_io_mri_read(file, i, &r));
    if ((r.flags & (KVOX_MRI_NOISE | KVOX_MRI_OTHER_USE)) != 0) {
      continue;
    }
    assert_int_equal(r.coils, SCAN_COILS);
    assert_int_equal(r.samples, SCAN_SAMPLES);
    const uint8_t reversed = (r.flags & KVOX_MRI_REVERSE) != 0;
    if ((r.flags & KVOX_MRI_PHASE_CORRECTION) != 0) {
      assert_true(navigators < SCAN_NAVIGATORS);
      scan->navigator_reversed[navigators] = reversed;
      memcpy(scan->navigators[navigators++], r.data, sizeof scan->navigators[0]);
    } else {
      const int32_t y = r.counters[KVOX_MRI_STEP_1];
      assert_in_range(y, 0, SCAN_LINES - 1);
      scan->reversed[y] = reversed;
      memcpy(scan->lines[y], r.data, sizeof scan->lines[0]);
      lines++;
    }
  }
  assert_int_equal(navigators, SCAN_NAVIGATORS);
  assert_int_equal(lines, SCAN_LINES);
  kvox_io_mri_close(file);
  return true;
}

#endif
