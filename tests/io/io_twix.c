/* Siemens' raw data: both layouts and what their headers say. */
#include <math.h>

#include "twix_files.h"

static const char yaps[] =
    "\n### ASCCONV BEGIN object=MrProtDataImpl@MrProtocolData version=51130001 ###\n"
    "tProtocolName\t = \t\"Secret lContrasts = 9\"\n"
    "sProtConsistencyInfo.flNominalB0\t = \t1.494\n"
    "sRXSPEC.alDwellTime[0]\t = \t5600\nsRXSPEC.alDwellTime[1]\t = \t12000\n"
    "lContrasts = 2\nalTE.__attribute__.size = 128\nalTE[0] = 4920\nalTE[1]\t=\t7380\nalTE[2] = 9000\n"
    "sSliceArray.asSlice[0].dThickness = 80\nsSliceArray.asSlice[0].dPhaseFOV = 150\n"
    "sSliceArray.asSlice[0].dReadoutFOV = 200.0\nsSliceArray.asSlice[1].dReadoutFOV = 77\n"
    "sKSpace.dPhaseOversamplingForDialog = 0.25\nsKSpace.dSliceOversamplingForDialog = 0.5\n"
    "sKSpace.lBaseResolution = 8\nsKSpace.lPhaseEncodingLines = 0xa\nsKSpace.lPartitions = 6\n"
    "sKSpace.lImagesPerSlab = 4\nsKSpace.ucDimension = 0x4\nsKSpace.ucTrajectory = 0x1\n"
    "sPat.lAccelFactPE = 2\nsPat.lAccelFact3D = 1\nsFastImaging.lEPIFactor = 1\r\n### ASCCONV END ###\n";

/* ---- Readouts ---- */

static const uint32_t uses[TWIX_COUNT] = {KVOX_MRI_NOISE,
                                          0,
                                          KVOX_MRI_PHASE_CORRECTION | KVOX_MRI_REVERSE,
                                          0,
                                          KVOX_MRI_REVERSE,
                                          KVOX_MRI_CALIBRATION,
                                          KVOX_MRI_CALIBRATION_AND_IMAGE,
                                          KVOX_MRI_OTHER_USE,
                                          KVOX_MRI_OTHER_USE,
                                          0,
                                          KVOX_MRI_OTHER_USE,
                                          KVOX_MRI_OTHER_USE,
                                          KVOX_MRI_PHASE_CORRECTION};

static bool is_sync(const twix_readout *r) { return (r->mask & TWIX_BIT(5)) != 0; }

static void assert_readout(const kvox_mri_readout *r, const twix_readout *t, int number) {
  /* The file's order is another one. */
  static const int places[KVOX_MRI_COUNTERS] = {0, 3, 1, 2, 4, 5, 6, 7, 8};
  assert_int_equal(r->coils, t->channels);
  assert_int_equal(r->samples, t->samples);
  assert_int_equal(r->center_sample, t->center);
  assert_true(r->discard_before == t->cut[0] && r->discard_after == t->cut[1]);
  assert_true(r->encoding == 0 && r->trajectory == NULL && r->trajectory_axes == 0);
  for (int c = 0; c < KVOX_MRI_COUNTERS; c++) {
    assert_int_equal(r->counters[c], t->counters[places[c]]);
  }
  for (int d = 0; d < 3; d++) {
    assert_true(r->position_mm[d] == (double)t->position[d]);
  }
  for (int i = 0; i < 2 * t->channels * t->samples; i++) {
    assert_true(r->data[i] == twix_sample(number, i / 2 / t->samples, i / 2 % t->samples, i % 2));
  }
}

static void all_readouts(void **state) {
  (void)state;
  for (int vb = 0; vb < 2; vb++) {
    const twix_file f = {.vb = vb == 1, .yaps = yaps, .meas = twix_epi, .list = twix_all, .count = TWIX_COUNT};
    kvox_io_mri *file = NULL;
    kvox_mri_readout r;
    twix_put_file("all.dat", &f);
    assert_ok(open_logged("all.dat", &file));
    assert_string_equal(logged, "");
    assert_int_equal(kvox_io_mri_readouts(file), TWIX_COUNT - 2);
    /* Forwards and backwards. */
    for (int pass = 0; pass < 2; pass++) {
      int index = pass == 0 ? 0 : TWIX_COUNT - 3;
      for (int i = 0; i < TWIX_COUNT; i++) {
        const int number = pass == 0 ? i : TWIX_COUNT - 1 - i;
        if (is_sync(&twix_all[number])) {
          continue;
        }
        assert_ok(kvox_io_mri_read(file, index, &r));
        assert_int_equal(r.flags, uses[number]);
        assert_readout(&r, &twix_all[number], number);
        index += pass == 0 ? 1 : -1;
      }
    }
    assert_ok(kvox_io_mri_read(file, 0, &r));
    assert_close(r.sample_time_us, vb == 1 ? 1e6 / 9 / 130 : 853.3, 1e-9);
    assert_ok(kvox_io_mri_read(file, 2, &r));
    assert_true(r.sample_time_us == 5.6);
    assert_fails(KVOX_ERROR_ARGUMENT, "readout 11 is asked for, it has 11", kvox_io_mri_read(file, 11, &r));
    kvox_io_mri_close(file);
  }
}

/* Rotations whose axes are known, and a general one by its three defining products. */
static void directions(void **state) {
  (void)state;
  const float h = 0.70710678f;
  static const double axes[][9] = {
      /* phase, read, slice, as the file means them: the other way round by our transform */
      {1, 0, 0, 0, 1, 0, 0, 0, 1},
      {1, 0, 0, 0, 0, 1, 0, -1, 0},
      {0, 0, -1, 0, 1, 0, 1, 0, 0},
      {0, 1, 0, -1, 0, 0, 0, 0, 1},
  };
  const twix_readout list[] = {{.channels = 1, .samples = 1, .quaternion = {1, 0, 0, 0}},
                               {.channels = 1, .samples = 1, .quaternion = {h, h, 0, 0}},
                               {.channels = 1, .samples = 1, .quaternion = {h, 0, h, 0}},
                               {.channels = 1, .samples = 1, .quaternion = {h, 0, 0, h}},
                               {.channels = 1, .samples = 1, .quaternion = {-0.5f, 0.1f, 0.7f, -0.5f}},
                               {.channels = 1, .samples = 1},
                               {.channels = 1, .samples = 1, .quaternion = {1, 1, 0, 0}},
                               {.channels = 1, .samples = 1, .quaternion = {NAN, 0, 0, 0}},
                               {.channels = 1, .samples = 1, .position = {0, INFINITY, 0}}};
  const twix_file f = {.yaps = yaps, .list = list, .count = 9};
  kvox_io_mri *file = NULL;
  kvox_mri_readout r;
  twix_put_file("axes.dat", &f);
  assert_ok(open_logged("axes.dat", &file));
  for (int i = 0; i < 5; i++) {
    assert_ok(kvox_io_mri_read(file, i, &r));
    for (int d = 0; d < 3; d++) {
      const int e = (d + 1) % 3, g = (d + 2) % 3;
      assert_close(r.read_axis[e] * r.phase_axis[g] - r.read_axis[g] * r.phase_axis[e], r.slice_axis[d], 1e-12);
      assert_true(i == 4 ||
                  (fabs(r.phase_axis[d] + axes[i][d]) < 1e-6 && fabs(r.read_axis[d] + axes[i][3 + d]) < 1e-6 &&
                   fabs(r.slice_axis[d] + axes[i][6 + d]) < 1e-6));
    }
    assert_close(hypot(hypot(r.read_axis[0], r.read_axis[1]), r.read_axis[2]), 1, 1e-12);
  }
  assert_ok(kvox_io_mri_read(file, 5, &r));
  assert_true(r.read_axis[0] == 0 && r.phase_axis[1] == 0 && r.slice_axis[2] == 0);
  assert_fails(KVOX_ERROR_DATA, "axes.dat: readout 6: its quaternion is no rotation", kvox_io_mri_read(file, 6, &r));
  assert_fails(KVOX_ERROR_DATA, "readout 7: its quaternion", kvox_io_mri_read(file, 7, &r));
  assert_fails(KVOX_ERROR_DATA, "readout 8: its position is not finite", kvox_io_mri_read(file, 8, &r));
  kvox_io_mri_close(file);
}

/* Every channel of VB has a header; they agree. */
static void vb_channels(void **state) {
  (void)state;
  const twix_readout list[] = {{.channels = 3, .samples = 2}};
  twix_file f = {.vb = true, .yaps = yaps, .list = list, .count = 1, .channel = 2};
  kvox_io_mri *file = NULL;
  kvox_mri_readout r;
  twix_put_file("vb.dat", &f);
  assert_ok(open_logged("vb.dat", &file));
  assert_fails(KVOX_ERROR_FORMAT, "vb.dat: readout 0: its first coil has 2 samples of 3 coils, coil 2 has 3 of 3",
               kvox_io_mri_read(file, 0, &r));
  kvox_io_mri_close(file);
}

/* ---- Measurements ---- */

static void measurements(void **state) {
  (void)state;
  const twix_readout list[] = {{.channels = 1, .samples = 4}, {.channels = 1, .samples = 4, .counters = {1}}};
  const twix_file forms[] = {{.measurements = 3},
                             {.no_lengths = true},
                             {.measurements = 2, .no_lengths = true},
                             {.measurements = 2, .unused = 4, .no_lengths = true},
                             {.no_end = true},
                             {.no_end = true, .no_lengths = true},
                             {.no_end = true, .zeros_at_end = 512},
                             {.vb = true, .no_end = true},
                             {.vb = true, .zeros_at_end = 40},
                             {.zeros_at_end = 40}};
  static const char *const words[] = {"many.dat: it has 3 measurements; the last one is read\n",
                                      "",
                                      "many.dat: it has 2 measurements; the last one is read\n",
                                      "many.dat: it has 2 measurements; the last one is read\n",
                                      "many.dat: it ends without a mark of its end, as if broken off\n",
                                      "many.dat: it ends without a mark of its end, as if broken off\n",
                                      "many.dat: it ends without a mark of its end, as if broken off\n",
                                      "many.dat: it ends without a mark of its end, as if broken off\n",
                                      "",
                                      ""};
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    twix_file f = forms[i];
    kvox_io_mri *file = NULL;
    kvox_mri_readout r;
    f.yaps = yaps, f.list = list, f.count = 2;
    twix_put_file("many.dat", &f);
    assert_ok(open_logged("many.dat", &file));
    assert_string_equal(logged, words[i]);
    assert_int_equal(kvox_io_mri_readouts(file), 2);
    assert_ok(kvox_io_mri_read(file, 1, &r));
    assert_readout(&r, &list[1], 1);
    kvox_io_mri_close(file);
  }
}

/* Readouts are not kept: one of them and 8 bytes for where each lies, of which three times as much while the list
 * grows. The header's text is gone. */
static void little_memory(void **state) {
  (void)state;
  enum { MANY = 500, TEXT = 300000 };
  twix_readout *list = calloc(MANY, sizeof *list);
  char *text = malloc(TEXT + sizeof yaps);
  assert_true(list != NULL && text != NULL);
  memset(text, ' ', TEXT);
  memcpy(text + TEXT, yaps, sizeof yaps);
  for (int i = 0; i < MANY; i++) {
    list[i] = (twix_readout){.channels = 4, .samples = 100};
  }
  const twix_file f = {.yaps = text, .list = list, .count = MANY};
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *counted = NULL;
  kvox_io_mri *file = NULL;
  kvox_mri_readout r;
  twix_put_file("big.dat", &f);
  assert_ok(kvox_context_create(&options, &counted));
  const int64_t before = heap->bytes, live = heap->live;
  assert_ok(kvox_io_mri_open(counted, at("big.dat"), &file));
  assert_true(heap->most_bytes - before <= TEXT + (int64_t)sizeof yaps + 3 * 8 * MANY + 8192);
  assert_true(heap->bytes - before <= 2 * 8 * MANY + 8192);
  heap->most_bytes = heap->bytes;
  for (int i = 0; i < MANY; i++) {
    assert_ok(kvox_io_mri_read(file, i * 97 % MANY, &r));
    assert_readout(&r, &list[0], i * 97 % MANY);
  }
  assert_true(heap->most_bytes - before <= 4 * (32 + 800) + 192 + 2 * 8 * MANY + 8192);
  kvox_io_mri_close(file);
  assert_int_equal(heap->live, live);
  kvox_context_destroy(counted);
  failing_heap_destroy(heap);
  free(text);
  free(list);
}

/* ---- Protocols ---- */

static kvox_mri_protocol protocol_of(const char *of_yaps, const char *meas, const twix_readout *list, int count) {
  const twix_file f = {.yaps = of_yaps, .meas = meas, .list = list, .count = count};
  kvox_io_mri *file = NULL;
  kvox_mri_protocol p;
  twix_put_file("protocol.dat", &f);
  assert_ok(open_logged("protocol.dat", &file));
  assert_ok(kvox_io_mri_protocol(file, &p));
  kvox_io_mri_close(file);
  return p;
}

static void protocols(void **state) {
  (void)state;
  /* A slab of which partial Fourier left out lines: the centre is what the readouts say. */
  const twix_readout slab[] = {
      {.mask = TWIX_BIT(25), .channels = 2, .samples = 64, .counters = {99}, .center_line = 9},
      {.channels = 5, .samples = 16, .counters = {7, 0, 0, 2}, .center_line = 3, .center_partition = 2},
      {.channels = 5, .samples = 16, .counters = {2, 1, 0, 5, 1}, .center_line = 3, .center_partition = 2},
      {.mask = TWIX_BIT(22), .channels = 5, .samples = 16, .counters = {0, 0, 8, 0}}};
  kvox_mri_protocol p = protocol_of(yaps, NULL, slab, 4);
  assert_true(p.encoded_size[0] == 16 && p.encoded_size[1] == 10 && p.encoded_size[2] == 6);
  assert_true(p.image_size[0] == 8 && p.image_size[1] == 6 && p.image_size[2] == 4);
  assert_true(p.encoded_mm[0] == 400 && p.encoded_mm[1] == 187.5 && p.encoded_mm[2] == 120);
  assert_true(p.image_mm[0] == 200 && p.image_mm[1] == 150 && p.image_mm[2] == 80);
  assert_true(p.coils == 5 && p.field_t == 1.494 && p.trajectory == KVOX_MRI_CARTESIAN);
  assert_true(p.echoes == 2 && p.echo_ms[0] == 4.92 && p.echo_ms[1] == 7.38);
  assert_true(p.acceleration[0] == 2 && p.acceleration[1] == 1);
  const kvox_mri_limits limits[KVOX_MRI_COUNTERS] = {{2, 7, 3}, {2, 5, 2}, {0, 1, 0}, {0, 0, 0}, {0, 1, 0},
                                                     {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}};
  assert_memory_equal(p.limits, limits, sizeof limits);
  assert_true(p.ramps.up_us == 0 && p.ramps.navigators == 0);
  /* EPI: navigators before the first line, ramps from the other text, the dwell time from the ADC's. */
  const twix_readout epi[] = {
      {.mask = TWIX_BIT(21), .channels = 2, .samples = 8},
      {.mask = TWIX_BIT(25), .channels = 2, .samples = 8},
      {.mask = TWIX_BIT(21), .channels = 2, .samples = 8},
      {.mask = TWIX_BIT(21), .channels = 2, .samples = 8},
      {.mask = TWIX_BIT(24), .channels = 2, .samples = 8, .center_line = 2, .center_partition = 16},
      {.channels = 2, .samples = 8, .counters = {1}}};
  p = protocol_of(TWIX_2D, twix_epi, epi, 6);
  assert_true(p.trajectory == KVOX_MRI_EPI && p.ramps.navigators == 2);
  assert_true(p.ramps.up_us == 160 && p.ramps.flat_us == 240 && p.ramps.down_us == 150 && p.ramps.delay_us == 32);
  assert_true(p.ramps.dwell_us == 3 && p.ramps.samples == 8);
  assert_true(p.encoded_size[2] == 1 && p.limits[1].center == 0 && p.limits[0].center == 2 && p.image_mm[2] == 5);
  assert_true(p.echoes == 0 && p.field_t == 0 && p.acceleration[0] == 0);
  /* Nothing but noise: all lines. Radial and others by their numbers. */
  p = protocol_of(TWIX_2D "sKSpace.ucTrajectory = 2\n", NULL, slab, 1);
  assert_true(p.limits[0].last == 3 && p.limits[0].center == 2 && p.coils == 0 && p.trajectory == KVOX_MRI_RADIAL);
  assert_int_equal(protocol_of(TWIX_2D "sKSpace.ucTrajectory = 0x4\n", NULL, slab, 1).trajectory, KVOX_MRI_SPIRAL);
  assert_int_equal(protocol_of(TWIX_2D "sKSpace.ucTrajectory = 8\n", NULL, slab, 1).trajectory, KVOX_MRI_OTHER);
  assert_int_equal(protocol_of(TWIX_2D "sFastImaging.lEPIFactor = 5", NULL, slab, 1).trajectory, KVOX_MRI_EPI);
}

/* Lines that go back and forth are told by their segments where no flag tells it, and only there. */
static void missing_flags(void **state) {
  (void)state;
  twix_readout list[7] = {{.mask = TWIX_BIT(21), .counters = {3, 0, 0, 0, 0, 0, 0, 0, 1}}};
  const twix_file f = {.yaps = TWIX_2D "sFastImaging.lEPIFactor = 3\n", .list = list, .count = 7};
  kvox_io_mri *file = NULL;
  kvox_mri_readout r;
  for (int form = 0; form < 3; form++) {
    for (int i = 0; i < 7; i++) {
      list[i].channels = 1, list[i].samples = 2;
      if (i > 0) {
        /* Two trains of three lines: the second begins as the first does. */
        list[i].counters[0] = (i - 1) % 3;
        list[i].counters[2] = (i - 1) / 3;
        list[i].counters[8] = (i - 1) % 3 == 1;
      }
    }
    list[3].mask = form == 1 ? TWIX_BIT(24) : 0;
    list[3].counters[8] = form == 2 ? 1 : 0;
    twix_put_file("flags.dat", &f);
    assert_ok(open_logged("flags.dat", &file));
    assert_string_equal(
        logged, form == 0 ? "flags.dat: no line is flagged as reversed; those of segment 1 are taken as that\n" : "");
    for (int i = 0; i < 7; i++) {
      const bool reversed = form == 0 ? list[i].counters[8] == 1 : list[i].mask == TWIX_BIT(24);
      assert_ok(kvox_io_mri_read(file, i, &r));
      assert_int_equal((r.flags & KVOX_MRI_REVERSE) != 0, reversed);
    }
    kvox_io_mri_close(file);
  }
}

/* ---- Measured files ---- */

/* The same samples, counters and flags as the files that others made of them. */
static void measured(void **state) {
  (void)state;
  static const char *const names[][2] = {{"mri/siemens_ve_gre.dat", "mri/gre_phantom_2ch.h5"},
                                         {"mri/siemens_ve_epi.dat", "mri/epi_phantom_2ch.h5"}};
  /* By the header's sSliceArray.asSlice[0].sNormal and sPosition. */
  static const double normal[] = {6.58423e-9, 0.0383878015, 0.9992629886};
  static const double position[] = {-2.58969998377, 53.9224264395, -53.9994745263};
  for (int f = 0; f < 2; f++) {
    char path[600];
    const char *found = real_data(names[f][0]);
    if (found == NULL) {
      continue;
    }
    snprintf(path, sizeof path, "%s", found);
    kvox_io_mri *file = NULL, *other = NULL;
    kvox_mri_protocol p, q;
    kvox_mri_readout r, t;
    assert_ok(kvox_io_mri_open(context, path, &file));
    assert_ok(kvox_io_mri_protocol(file, &p));
    assert_true(p.image_mm[2] == 4 && p.echoes == 1 && p.echo_ms[0] == (f == 0 ? 3 : 27));
    assert_close(p.field_t, 2.89362, 1e-5);
    assert_int_equal(kvox_io_mri_readouts(file), f == 0 ? 160 : 83);
    const bool both = kvox_io_mri_open(context, real_data(names[f][1]), &other) == KVOX_OK;
    if (both) {
      assert_ok(kvox_io_mri_protocol(other, &q));
      assert_memory_equal(p.encoded_size, q.encoded_size, sizeof p.encoded_size);
      assert_memory_equal(p.image_size, q.image_size, sizeof p.image_size);
      assert_memory_equal(p.encoded_mm, q.encoded_mm, 2 * sizeof p.encoded_mm[0]);
      assert_memory_equal(p.image_mm, q.image_mm, 2 * sizeof p.image_mm[0]);
      assert_memory_equal(p.limits, q.limits, 2 * sizeof p.limits[0]);
      assert_memory_equal(&p.ramps, &q.ramps, sizeof p.ramps);
      assert_true(p.trajectory == q.trajectory && p.coils == q.coils);
    } else {
      printf("skipped: the comparison with ISMRMRD, because %s\n", kvox_last_error());
    }
    for (int64_t i = 0; i < kvox_io_mri_readouts(file); i++) {
      double offcentre = 0;
      assert_ok(kvox_io_mri_read(file, i, &r));
      assert_true(r.sample_time_us == (f == 0 ? 11.6 : 3.1));
      for (int d = 0; d < 3; d++) {
        /* The file has floats. */
        assert_close(-r.slice_axis[d], normal[d], 1e-6);
        assert_close(r.position_mm[d], position[d], 1e-5);
        offcentre -= r.read_axis[d] * r.position_mm[d];
      }
      /* The sign of the read axis: EPI's headers say by how much its readouts are off centre. */
      assert_close(offcentre, 2.5896997, 1e-5);
      if (!both) {
        continue;
      }
      assert_ok(kvox_io_mri_read(other, i, &t));
      assert_int_equal(r.flags, t.flags);
      assert_memory_equal(r.counters, t.counters, sizeof r.counters);
      assert_true(r.coils == t.coils && r.samples == t.samples && r.center_sample == t.center_sample);
      assert_memory_equal(r.data, t.data, (size_t)(2 * r.coils * r.samples) * sizeof(float));
    }
    kvox_io_mri_close(file);
    kvox_io_mri_close(other);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_readouts),  cmocka_unit_test(directions),    cmocka_unit_test(vb_channels),
      cmocka_unit_test(measurements),  cmocka_unit_test(little_memory), cmocka_unit_test(protocols),
      cmocka_unit_test(missing_flags), cmocka_unit_test(measured),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
