/* ISMRMRD files in all the forms that HDF5 has for them, their headers, and what must be refused. */
#include <math.h>

#include "acquisitions.h"
#include "io/ismrmrd.h"

enum { COUNT = 13 };

static kvox_status open_raw(const char *name, kvox_io_mri **file) {
  *file = NULL;
  return kvox_io_mri_open(context, at(name), file);
}

/* ---- Readouts ---- */

static void assert_readout(const kvox_mri_readout *r, const acquisition *a, int number) {
  static const uint32_t uses[COUNT] = {KVOX_MRI_NOISE,
                                       KVOX_MRI_CALIBRATION,
                                       KVOX_MRI_CALIBRATION_AND_IMAGE,
                                       KVOX_MRI_REVERSE,
                                       KVOX_MRI_OTHER_USE,
                                       KVOX_MRI_PHASE_CORRECTION,
                                       0, /* 25: the last one */
                                       KVOX_MRI_OTHER_USE,
                                       KVOX_MRI_OTHER_USE,
                                       KVOX_MRI_OTHER_USE,
                                       KVOX_MRI_OTHER_USE,
                                       KVOX_MRI_OTHER_USE,
                                       KVOX_MRI_OTHER_USE};
  const acquisition_head *h = &a->head;
  assert_int_equal(r->flags, uses[number]);
  assert_int_equal(r->encoding, h->encoding);
  assert_int_equal(r->coils, h->coils);
  assert_int_equal(r->samples, h->samples);
  assert_int_equal(r->center_sample, h->center);
  assert_int_equal(r->discard_before, h->discard_before);
  assert_int_equal(r->discard_after, h->discard_after);
  assert_int_equal(r->trajectory_axes, h->axes);
  assert_true(r->sample_time_us == (double)h->time_us);
  for (int c = 0; c < KVOX_MRI_COUNTERS; c++) {
    assert_int_equal(r->counters[c], h->counters[c]);
  }
  for (int d = 0; d < 3; d++) {
    assert_true(r->position_mm[d] == (double)h->position[d]);
    assert_true(r->read_axis[d] == (double)h->read[d]);
    assert_true(r->phase_axis[d] == (double)h->phase[d]);
    assert_true(r->slice_axis[d] == 0);
  }
  assert_memory_equal(r->data, a->data.p, a->data.len * sizeof(float));
  assert_int_equal(r->trajectory != NULL, h->axes > 0);
  if (h->axes > 0) {
    assert_memory_equal(r->trajectory, a->trajectory.p, a->trajectory.len * sizeof(float));
  }
}

/* All readouts, forwards and backwards. */
static void assert_raw(const char *name, const raw *r) {
  kvox_io_mri *file = NULL;
  kvox_mri_readout readout;
  assert_ok(open_raw(name, &file));
  assert_int_equal(kvox_io_mri_readouts(file), r->count);
  for (int i = 0; i < 2 * r->count; i++) {
    const int number = i < r->count ? i : 2 * r->count - 1 - i;
    assert_ok(kvox_io_mri_read(file, number, &readout));
    assert_readout(&readout, &r->list[number], number);
  }
  kvox_io_mri_close(file);
}

static void all_forms(void **state) {
  (void)state;
  acquisition *list = make_acquisitions(COUNT, 7, 3);
  const raw forms[] = {{.chunk = 0},
                       {.fixed_xml = 1},
                       {.chunk = 5},
                       {.chunk = -1},
                       {.deflate = 1},
                       {.chunk = 4, .deflate = 1},
                       {.backwards = 1},
                       {.backwards = 1, .big_endian = 1, .chunk = 3},
                       {.doubled = "kspace_encode_step_1"},
                       {.doubled = "sample_time_us"},
                       {.newest = 1},
                       {.newest = 1, .chunk = 4, .deflate = 1, .backwards = 1},
                       {.newest = 1, .chunk = COUNT},
                       {.newest = 1, .chunk = -1, .fixed_xml = 1}};
  for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
    raw r = forms[f];
    r.xml = plain_xml;
    r.list = list;
    r.count = COUNT;
    put_raw(at("form.h5"), &r);
    assert_raw("form.h5", &r);
  }
  drop_acquisitions(list, COUNT);
}

/* Large readouts have heaps of their own, small ones share them: both are found, in any order, in little memory. */
static void little_memory(void **state) {
  (void)state;
  enum { MANY = 300 };
  const int samples[] = {1, 3, 600};
  for (int s = 0; s < 3; s++) {
    acquisition *list = make_acquisitions(MANY, samples[s], 2);
    for (int i = 0; i < MANY; i++) {
      list[i].head.flags = 0;
    }
    const raw r = {.xml = plain_xml, .list = list, .count = MANY};
    put_raw(at("many.mrd"), &r);
    failing_heap *heap = failing_heap_create();
    const kvox_context_options options = failing_heap_options(heap);
    kvox_context *counted = NULL;
    kvox_io_mri *file = NULL;
    kvox_mri_readout readout;
    assert_ok(kvox_context_create(&options, &counted));
    const int64_t before = heap->bytes, live = heap->live;
    assert_ok(kvox_io_mri_open(counted, at("many.mrd"), &file));
    /* 97 is coprime to 300: every readout once. */
    for (int i = 0; i < MANY; i++) {
      const int number = i * 97 % MANY;
      assert_ok(kvox_io_mri_read(file, number, &readout));
      assert_memory_equal(readout.data, list[number].data.p, list[number].data.len * sizeof(float));
    }
    /* One readout of three coils, an index of 24 bytes a readout, and what opening takes. */
    assert_true(heap->most_bytes - before <= 600 * 3 * 8 + 600 * 2 * 4 + 24 * MANY + 16384);
    kvox_io_mri_close(file);
    assert_int_equal(heap->live, live);
    kvox_context_destroy(counted);
    failing_heap_destroy(heap);
    drop_acquisitions(list, MANY);
  }
}

static void odd_readouts(void **state) {
  (void)state;
  acquisition *list = make_acquisitions(COUNT, 7, 3);
  const raw r = {.xml = plain_xml, .list = list, .count = COUNT};
  kvox_io_mri *file = NULL;
  kvox_mri_readout readout = {.samples = 77};
  float *data = list[0].data.p;
  data[0] = NAN, data[1] = INFINITY;
  list[1].head.samples = 9;
  list[2].head.position[1] = NAN;
  list[3].head.read[0] = 3;
  list[4].head.axes = 3; /* its trajectory has two */
  list[5].head.samples = 0, list[5].data.len = 0;
  list[6].head.phase[1] = 1.001f;
  list[7].head.coils = 65535, list[7].head.samples = 65535;
  put_raw(at("odd.h5"), &r);
  assert_ok(open_raw("odd.h5", &file));
  assert_ok(kvox_io_mri_read(file, 0, &readout));
  assert_true(isnan(readout.data[0]) && isinf(readout.data[1]));
  readout.samples = 77;
  assert_fails(KVOX_ERROR_FORMAT, "odd.h5: readout 1: its head says 4 x 9 x 2 floats in \"data\", it has 56",
               kvox_io_mri_read(file, 1, &readout));
  assert_fails(KVOX_ERROR_DATA, "odd.h5: readout 2: head/position is not finite", kvox_io_mri_read(file, 2, &readout));
  assert_fails(KVOX_ERROR_DATA, "odd.h5: readout 3: head/read_dir is no unit", kvox_io_mri_read(file, 3, &readout));
  assert_fails(KVOX_ERROR_FORMAT, "in \"traj\", it has 14", kvox_io_mri_read(file, 4, &readout));
  assert_fails(KVOX_ERROR_FORMAT, "readout 7", kvox_io_mri_read(file, 7, &readout));
  assert_fails(KVOX_ERROR_ARGUMENT, "readout 13 is asked for, it has 13", kvox_io_mri_read(file, COUNT, &readout));
  assert_fails(KVOX_ERROR_ARGUMENT, "readout -1", kvox_io_mri_read(file, -1, &readout));
  assert_int_equal(readout.samples, 77);
  assert_ok(kvox_io_mri_read(file, 5, &readout));
  assert_true(readout.samples == 0 && readout.coils == 4 && readout.data != NULL);
  assert_ok(kvox_io_mri_read(file, 6, &readout));
  assert_close(hypot(readout.phase_axis[0], readout.phase_axis[1]), 1, 1e-12);
  /* Failures before leave the next ones as they were. */
  assert_ok(kvox_io_mri_read(file, 8, &readout));
  assert_readout(&readout, &list[8], 8);
  assert_fails(KVOX_ERROR_ARGUMENT, "readout is NULL", kvox_io_mri_read(file, 0, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "protocol is NULL", kvox_io_mri_protocol(file, NULL));
  kvox_io_mri_close(file);
  kvox_io_mri_close(NULL);
  assert_int_equal(kvox_io_mri_readouts(NULL), 0);
  drop_acquisitions(list, COUNT);
}

static void no_such_files(void **state) {
  (void)state;
  acquisition *list = make_acquisitions(2, 4, 1);
  const raw good = {.xml = plain_xml, .list = list, .count = 2};
  kvox_io_mri *file = NULL;
  const struct {
    raw r;
    kvox_status status;
    const char *words;
  } cases[] = {
      {{.no_data = 1, .xml = NULL}, KVOX_ERROR_FORMAT, "dataset/xml is missing"},
      {{.no_data = 1}, KVOX_ERROR_FORMAT, "dataset/data is missing"},
      {{.without = "data"}, KVOX_ERROR_FORMAT, "dataset/data has no data"},
      {{.without = "number_of_samples"}, KVOX_ERROR_FORMAT, "no head/number_of_samples"},
      {{.without = "kspace_encode_step_1"}, KVOX_ERROR_FORMAT, "no head/idx/kspace_encode_step_1"},
      {{.doubled = "flags"}, KVOX_ERROR_UNSUPPORTED, "head/flags in dataset/data is of a type"},
      {{.doubles = 1}, KVOX_ERROR_UNSUPPORTED, "traj in dataset/data is of a type"},
      {{.without = "position"}, KVOX_OK, ""},
      {{.without = "traj"}, KVOX_ERROR_FORMAT, "floats in \"traj\", it has 0"},
  };
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    kvox_mri_readout readout;
    raw r = cases[c].r;
    r.xml = c == 0 ? NULL : plain_xml;
    r.list = list, r.count = 2;
    put_raw(at("case.h5"), &r);
    kvox_status status = open_raw("case.h5", &file);
    /* The second one has a trajectory. */
    status = status == KVOX_OK ? kvox_io_mri_read(file, 1, &readout) : status;
    if (status != cases[c].status || (status != KVOX_OK && strstr(kvox_last_error(), cases[c].words) == NULL)) {
      fail_msg("case %zu: %s (%s)", c, kvox_status_string(status), kvox_last_error());
    }
    kvox_io_mri_close(file);
  }
  put_raw(at("file.raw"), &good);
  assert_fails(KVOX_ERROR_UNSUPPORTED, "file.raw: raw MRI data are read by the ending", open_raw("file.raw", &file));
  assert_fails(KVOX_ERROR_IO, "none.h5: it cannot be opened", open_raw("none.h5", &file));
  put_file("text.h5", "text", 4);
  assert_fails(KVOX_ERROR_FORMAT, "text.h5: it is no HDF5 file", open_raw("text.h5", &file));
  assert_fails(KVOX_ERROR_ARGUMENT, "path is NULL", kvox_io_mri_open(context, NULL, &file));
  assert_null(file);
  drop_acquisitions(list, 2);
}

/* ---- Headers ---- */

static char logged[512];
static void keep_log(void *user, int32_t level, const char *text) {
  (void)user;
  (void)level;
  snprintf(logged, sizeof logged, "%s", text);
}

static kvox_status parse(kvox_context *of, const char *xml, kvox_mri_protocol *protocol) {
  const kvox_io_file file = kvox_io_file_in_memory(of, "file", "", 0);
  *protocol = (kvox_mri_protocol){0};
  return kvox_io_ismrmrd_parse(&file, xml, (int64_t)strlen(xml), protocol);
}

static void whole_header(void **state) {
  (void)state;
  static const char xml[] =
      "<?xml version=\"1.0\" encoding=\"utf-8\"?><i:ismrmrdHeader xmlns:i=\"http://www.ismrm.org/ISMRMRD\">"
      "<i:subjectInformation><i:patientName>Secret</i:patientName><i:patientID>Secret</i:patientID>"
      "</i:subjectInformation><acquisitionSystemInformation><systemVendor>V</systemVendor>"
      "<systemFieldStrength_T>1.494</systemFieldStrength_T><receiverChannels> 12 </receiverChannels>"
      "<coilLabel><coilNumber>0</coilNumber></coilLabel></acquisitionSystemInformation>"
      "<encoding><trajectory>epi</trajectory>" RAW_SPACES
      "<encodingLimits><kspace_encoding_step_0><minimum>0</minimum><maximum>7</maximum><center>4</center>"
      "</kspace_encoding_step_0><kspace_encoding_step_1><minimum>1</minimum><maximum>5</maximum><center>3</center>"
      "</kspace_encoding_step_1><slice><minimum>0</minimum><maximum>11</maximum><center>6</center></slice>"
      "<segment><minimum>0</minimum><maximum>1</maximum><center>0</center></segment></encodingLimits>"
      "<trajectoryDescription><identifier>ConventionalEPI</identifier>"
      "<userParameterLong><name>etl</name><value>80</value></userParameterLong>"
      "<userParameterLong><name>numberOfNavigators</name><value>3</value></userParameterLong>"
      "<userParameterLong><value>160</value><name>rampUpTime</name></userParameterLong>"
      "<userParameterLong><name>rampDownTime</name><value>150</value></userParameterLong>"
      "<userParameterDouble><name>flatTopTime</name><value>2.4e2</value></userParameterDouble>"
      "<userParameterLong><name>acqDelayTime</name><value>32</value></userParameterLong>"
      "<userParameterLong><name>numSamples</name><value>160</value></userParameterLong>"
      "<userParameterDouble><name>dwellTime</name><value>3.1</value></userParameterDouble><comment>c</comment>"
      "</trajectoryDescription><parallelImaging><accelerationFactor><kspace_encoding_step_1>2"
      "</kspace_encoding_step_1><kspace_encoding_step_2>1.5</kspace_encoding_step_2></accelerationFactor>"
      "<calibrationMode>embedded</calibrationMode></parallelImaging></encoding>"
      "<encoding><encodedSpace><matrixSize><x>99</x></matrixSize></encodedSpace><trajectory>spiral</trajectory>"
      "<trajectoryDescription><identifier>other</identifier><userParameterLong><name>rampUpTime</name><value>1</value>"
      "</userParameterLong></trajectoryDescription></encoding>"
      "<sequenceParameters><TR>100</TR><TE>4.92</TE><TE>7.38</TE></sequenceParameters>"
      "<userParameters><userParameterString><name>Secret</name><value>Secret</value></userParameterString>"
      "<userParameterLong><name>rampUpTime</name><value>7</value></userParameterLong></userParameters>"
      "</i:ismrmrdHeader>";
  kvox_context_options options;
  kvox_context *logging = NULL;
  kvox_mri_protocol p;
  kvox_context_options_init(&options);
  options.log = keep_log;
  assert_ok(kvox_context_create(&options, &logging));
  logged[0] = '\0';
  assert_ok(parse(logging, xml, &p));
  assert_string_equal(logged, "file: its header has 2 encodings; the protocol is the first");
  kvox_context_destroy(logging);
  assert_true(p.encoded_size[0] == 8 && p.encoded_size[1] == 6 && p.encoded_size[2] == 1);
  assert_true(p.image_size[0] == 4 && p.image_size[1] == 6 && p.image_size[2] == 1);
  assert_true(p.encoded_mm[0] == 400 && p.encoded_mm[1] == 200 && p.encoded_mm[2] == 5);
  assert_true(p.image_mm[0] == 200.5 && p.image_mm[1] == 200 && p.image_mm[2] == 5);
  const kvox_mri_limits limits[KVOX_MRI_COUNTERS] = {{1, 5, 3}, {0, 0, 0}, {0, 0, 0}, {0, 11, 6}, {0, 0, 0},
                                                     {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 1, 0}};
  assert_memory_equal(p.limits, limits, sizeof limits);
  assert_int_equal(p.trajectory, KVOX_MRI_EPI);
  assert_true(p.coils == 12 && p.field_t == 1.494);
  assert_true(p.echoes == 2 && p.echo_ms[0] == 4.92 && p.echo_ms[1] == 7.38);
  assert_true(p.acceleration[0] == 2 && p.acceleration[1] == 1.5);
  assert_true(p.ramps.up_us == 160 && p.ramps.flat_us == 240 && p.ramps.down_us == 150 && p.ramps.delay_us == 32);
  assert_true(p.ramps.dwell_us == 3.1 && p.ramps.samples == 160 && p.ramps.navigators == 3);
  /* Little said: all lines, no ramps, nothing known of the rest. */
  assert_ok(parse(context, plain_xml, &p));
  assert_true(p.limits[0].first == 0 && p.limits[0].last == 5 && p.limits[0].center == 3);
  assert_true(p.limits[1].last == 0 && p.coils == 0 && p.field_t == 0 && p.acceleration[0] == 0 && p.echoes == 0);
  assert_true(p.ramps.up_us == 0 && p.ramps.samples == 0 && p.trajectory == KVOX_MRI_CARTESIAN);
}

#define ENCODING(more) "<ismrmrdHeader><encoding>" RAW_SPACES more "</encoding></ismrmrdHeader>"

static void broken_headers(void **state) {
  (void)state;
  static const struct {
    const char *xml, *words;
  } cases[] = {
      {"", "no XML"},
      {"<a/>", "its element is <a>"},
      {"<ismrmrdHeader/>", "encodedSpace lacks a matrixSize"},
      {"<ismrmrdHeader>", "no XML"},
      {ENCODING("") "<b/>", "no XML"},
      {ENCODING("<trajectory>zigzag</trajectory>"), "trajectory must be cartesian"},
      {ENCODING("<encodedSpace><matrixSize><x>0</x></matrixSize></encodedSpace>"),
       "encoding/encodedSpace/matrixSize/x must be a number from 1 to 65535"},
      {ENCODING("<encodedSpace><matrixSize><y>1.5</y></matrixSize></encodedSpace>"), "must be a whole number"},
      {ENCODING("<encodedSpace><matrixSize><y>1e9</y></matrixSize></encodedSpace>"), "from 1 to 65535"},
      {ENCODING("<encodedSpace><matrixSize><y>1 2</y></matrixSize></encodedSpace>"), "must be a number"},
      {ENCODING("<encodedSpace><matrixSize><y></y></matrixSize></encodedSpace>"), "must be a number"},
      {ENCODING("<encodedSpace><matrixSize><y>1<z/></y></matrixSize></encodedSpace>"), "<z> stands within"},
      {ENCODING("<reconSpace><fieldOfView_mm><z>nan</z></fieldOfView_mm></reconSpace>"), "must be a number"},
      {ENCODING("<reconSpace><fieldOfView_mm><z>-1</z></fieldOfView_mm></reconSpace>"), "must be a number"},
      {ENCODING("<encodingLimits><slice><minimum>3</minimum><maximum>2</maximum><center>2</center></slice>"
                "</encodingLimits>"),
       "must have minimum, maximum"},
      {ENCODING("<encodingLimits><slice><minimum>3</minimum></slice></encodingLimits>"), "must have minimum, maximum"},
      {ENCODING("<encodingLimits><slice><minimum>-1</minimum></slice></encodingLimits>"), "from 0 to 65535"},
      {ENCODING("<trajectoryDescription><userParameterLong><name>rampUpTime</name><value>-3</value>"
                "</userParameterLong></trajectoryDescription>"),
       "rampUpTime must be"},
      {"<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]>" ENCODING("<trajectory>&c;</trajectory>"),
       "declares entities"},
      {"<!DOCTYPE a [<!ENTITY % b SYSTEM \"file:///etc/passwd\">%b;]>" ENCODING(""), "declares entities"},
      {"<!DOCTYPE a SYSTEM \"b.dtd\">" ENCODING("<trajectory>&c;</trajectory>"), "entity that means nothing"},
  };
  kvox_mri_protocol p;
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    if (parse(context, cases[c].xml, &p) != KVOX_ERROR_FORMAT || strstr(kvox_last_error(), cases[c].words) == NULL) {
      fail_msg("case %zu: %s", c, kvox_last_error());
    }
    assert_int_equal(strncmp(kvox_last_error(), "file: line ", 11), 0);
  }
  /* Deep, long, and many. */
  static char text[1 << 16];
  strcpy(text, "<ismrmrdHeader>");
  for (int i = 0; i < 100; i++) {
    strcat(text, "<encoding>");
  }
  assert_fails(KVOX_ERROR_UNSUPPORTED, "deeper than 64", parse(context, text, &p));
  strcpy(text, "<ismrmrdHeader><");
  memset(text + 16, 'a', 9000);
  strcpy(text + 9016, "/><encoding><trajectory>");
  memset(text + strlen(text), 'b', 9000);
  assert_fails(KVOX_ERROR_FORMAT, "encoding/trajectory is longer", parse(context, text, &p));
  memset(text, 0, sizeof text);
  strcpy(text, "<ismrmrdHeader><sequenceParameters>");
  for (int i = 0; i <= KVOX_MRI_MOST_ECHOES; i++) {
    strcat(text, "<TE>1</TE>");
  }
  assert_fails(KVOX_ERROR_UNSUPPORTED, "more than 64 echo times", parse(context, text, &p));
}

/* Every header cut short is refused. What it names is in no sentence. */
static void cut_headers(void **state) {
  (void)state;
  static const char xml[] =
      "<ismrmrdHeader><subjectInformation><patientName>Secret</patientName></subjectInformation>"
      "<encoding>" RAW_SPACES "<trajectory>Secret</trajectory></encoding></ismrmrdHeader>";
  const kvox_io_file file = kvox_io_file_in_memory(context, "file", "", 0);
  for (size_t length = 0; length <= strlen(xml); length++) {
    kvox_mri_protocol p = {0};
    assert_int_equal(kvox_io_ismrmrd_parse(&file, xml, (int64_t)length, &p), KVOX_ERROR_FORMAT);
    assert_null(strstr(kvox_last_error(), "Secret"));
  }
}

/* ---- Broken files ---- */

/* Opens and reads all; what is read can be looked at. */
static kvox_status read_all(kvox_context *of, const void *bytes, size_t size) {
  const kvox_io_file memory = kvox_io_file_in_memory(of, "file", bytes, (int64_t)size);
  kvox_io_mri *file = NULL;
  kvox_mri_readout r;
  kvox_status status = kvox_io_mri_load(&kvox_io_ismrmrd_format, &memory, &file), first = KVOX_OK;
  const int64_t count = status == KVOX_OK ? kvox_io_mri_readouts(file) : 0;
  for (int64_t i = 0; i < count && i < 100; i++) {
    status = kvox_io_mri_read(file, i, &r);
    first = first == KVOX_OK ? status : first;
    double sum = 0;
    for (int64_t s = 0; status == KVOX_OK && s < 2 * (int64_t)r.samples * r.coils; s++) {
      sum += (double)r.data[s];
    }
    assert_false(sum == 1234.5678);
  }
  kvox_io_mri_close(file);
  return first != KVOX_OK ? first : status;
}

/* A failure of the right kind with the file's name, everything given back, and never much memory. */
static void assert_judged(failing_heap *heap, kvox_context *counted, const unsigned char *bytes, size_t size,
                          const char *what, size_t where) {
  const int64_t live = heap->live, before = heap->bytes;
  heap->most_bytes = before;
  /* A copy of just that size, so that a sanitizer sees a read beyond it. */
  unsigned char *copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  const kvox_status status = read_all(counted, copy, size);
  free(copy);
  if ((status != KVOX_OK && status != KVOX_ERROR_FORMAT && status != KVOX_ERROR_UNSUPPORTED &&
       status != KVOX_ERROR_DATA) ||
      (status != KVOX_OK && strncmp(kvox_last_error(), "file: ", 6) != 0)) {
    fail_msg("%s at %zu: %s (%s)", what, where, kvox_status_string(status), kvox_last_error());
  }
  assert_int_equal(heap->live, live);
  /* Object headers, the index, a chunk and its filters: each at most the file. */
  if (heap->most_bytes - before > 16 * (int64_t)size + 65536) {
    fail_msg("%s at %zu: %lld bytes", what, where, (long long)(heap->most_bytes - before));
  }
}

static void broken_files(void **state) {
  (void)state;
  acquisition *list = make_acquisitions(3, 4, 1);
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *counted = NULL;
  assert_ok(kvox_context_create(&options, &counted));
  for (int form = 0; form < 3; form++) {
    const raw r = {.xml = plain_xml, .list = list, .count = 3, .deflate = form == 1, .newest = form == 2};
    size_t size = 0;
    put_raw(at("broken.h5"), &r);
    unsigned char *bytes = get_file("broken.h5", &size), kept[8];
    assert_ok(read_all(counted, bytes, size));
    for (size_t length = 0; length < size; length += length < 256 || length + 256 > size ? 1 : 13) {
      assert_judged(heap, counted, bytes, length, "cut", length);
      assert_int_equal(read_all(counted, bytes, length), KVOX_ERROR_FORMAT);
    }
    for (size_t i = 0; i + 8 <= size; i++) {
      memcpy(kept, bytes + i, 8);
      bytes[i] ^= (unsigned char)(1u << (i % 8));
      assert_judged(heap, counted, bytes, size, "a bit", i);
      bytes[i] = (unsigned char)~kept[0];
      assert_judged(heap, counted, bytes, size, "a byte", i);
      bytes[i] = kept[0];
      if (i % 4 == 0) {
        memset(bytes + i, 0xff, 8);
        assert_judged(heap, counted, bytes, size, "all ones", i);
        bytes[i + 7] = 0x7f;
        assert_judged(heap, counted, bytes, size, "the largest", i);
        memcpy(bytes + i, kept, 8);
      }
    }
    free(bytes);
  }
  kvox_context_destroy(counted);
  failing_heap_destroy(heap);
  drop_acquisitions(list, 3);
}

static void failing_allocations(void **state) {
  (void)state;
  acquisition *list = make_acquisitions(3, 4, 1);
  const raw r = {.xml = plain_xml, .list = list, .count = 3, .chunk = 2, .deflate = 1};
  char path[400];
  snprintf(path, sizeof path, "%s", at("heap.h5"));
  put_raw(path, &r);
  assert_true(failing_heap_try(open_and_read, path) >= 10);
  drop_acquisitions(list, 3);
}

/* ---- Measured files ---- */

static void measured(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int readouts, coils, samples, lines, trajectory, navigators, reversed;
  } files[] = {{"mri/gre_phantom_2ch.h5", 160, 2, 320, 160, KVOX_MRI_CARTESIAN, 0, 0},
               {"mri/epi_phantom_2ch.h5", 83, 2, 160, 80, KVOX_MRI_EPI, 3, 42},
               {"mri/sphere_32ch.h5", 64, 32, 64, 64, KVOX_MRI_CARTESIAN, 0, 0}};
  for (int f = 0; f < 3; f++) {
    const char *path = real_data(files[f].name);
    if (path == NULL) {
      continue;
    }
    kvox_io_mri *file = NULL;
    kvox_mri_protocol p;
    int navigators = 0, reversed = 0, lines[160] = {0};
    double energy = 0;
    assert_ok(kvox_io_mri_open(context, path, &file));
    assert_ok(kvox_io_mri_protocol(file, &p));
    assert_int_equal(kvox_io_mri_readouts(file), files[f].readouts);
    assert_int_equal(p.trajectory, files[f].trajectory);
    assert_true(p.coils == files[f].coils && p.field_t == 2.89);
    assert_true(p.encoded_size[0] == files[f].samples && p.encoded_size[1] == files[f].lines);
    assert_true(p.limits[0].first == 0 && p.limits[0].last == files[f].lines - 1);
    for (int i = 0; i < files[f].readouts; i++) {
      kvox_mri_readout r;
      assert_ok(kvox_io_mri_read(file, i, &r));
      assert_true(r.coils == files[f].coils && r.samples == files[f].samples);
      assert_int_equal(r.center_sample, r.samples / 2);
      navigators += (r.flags & KVOX_MRI_PHASE_CORRECTION) != 0;
      reversed += (r.flags & KVOX_MRI_REVERSE) != 0;
      assert_in_range(r.counters[KVOX_MRI_STEP_1], 0, files[f].lines - 1);
      lines[r.counters[KVOX_MRI_STEP_1]] += (r.flags & KVOX_MRI_PHASE_CORRECTION) == 0;
      for (int s = 0; s < 2 * r.coils * r.samples; s++) {
        energy += (double)r.data[s] * (double)r.data[s];
      }
      if (f == 1 && i == 0) {
        /* As h5dump prints it, to 6 digits. */
        assert_close((double)r.data[0], -1.02683e-05, 1e-10);
        assert_close(r.sample_time_us, 3.1, 1e-6);
      }
    }
    for (int line = 0; line < files[f].lines; line++) {
      assert_int_equal(lines[line], 1);
    }
    assert_true(navigators == files[f].navigators && reversed == files[f].reversed);
    assert_true(energy > 0 && isfinite(energy));
    assert_true(f != 1 || (p.ramps.up_us == 160 && p.ramps.dwell_us == 3.1 && p.ramps.navigators == 3));
    kvox_io_mri_close(file);
  }
}

int main(void) {
  const kvox_io_file file = kvox_io_file_in_memory(NULL, "file", "", 0);
  kvox_mri_protocol p = {0};
  if (kvox_io_ismrmrd_parse(&file, plain_xml, (int64_t)strlen(plain_xml), &p) == KVOX_ERROR_UNSUPPORTED) {
    printf("skipped: ISMRMRD, because this build has no expat\n");
    return 0;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_forms),     cmocka_unit_test(little_memory), cmocka_unit_test(odd_readouts),
      cmocka_unit_test(no_such_files), cmocka_unit_test(whole_header),  cmocka_unit_test(broken_headers),
      cmocka_unit_test(cut_headers),   cmocka_unit_test(broken_files),  cmocka_unit_test(failing_allocations),
      cmocka_unit_test(measured),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
