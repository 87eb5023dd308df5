/* RTK's XML that is hostile or wrong: a sentence with the file's name and line, nothing lost. */
#include "files.h"

#define OPEN "<?xml version=\"1.0\"?>\n<!DOCTYPE RTKGEOMETRY>\n<RTKThreeDCircularGeometry version=\"3\">\n"
#define CLOSE "</RTKThreeDCircularGeometry>\n"
#define DISTANCES                                              \
  "<SourceToIsocenterDistance>500</SourceToIsocenterDistance>" \
  "<SourceToDetectorDistance>1000</SourceToDetectorDistance>\n"
#define VIEW(angle) "<Projection><GantryAngle>" angle "</GantryAngle></Projection>\n"

static kvox_status load_with_size(kvox_context *of, const char *text, size_t size, kvox_ct_geometry **geometry) {
  kvox_io_detector detector;
  kvox_io_detector_init(&detector);
  detector.rows = 4;
  detector.columns = 6;
  detector.column_pitch_mm = detector.row_pitch_mm = 1;
  kvox_io_file file = kvox_io_file_in_memory(of, "file", text, (int64_t)size);
  *geometry = NULL;
  return kvox_io_load_rtk_geometry(&file, &detector, geometry);
}

static kvox_status load(const char *text, kvox_ct_geometry **geometry) {
  return load_with_size(context, text, strlen(text), geometry);
}

static bool without_expat(void) {
  kvox_ct_geometry *geometry = NULL;
  const bool absent = load("<", &geometry) == KVOX_ERROR_UNSUPPORTED;
  if (absent) {
    printf("skipped: this build reads no XML\n");
  }
  return absent;
}

/* What is optional may be absent, version 2 is read, open jaws and a flat detector say nothing. */
static void accepts(void **state) {
  (void)state;
  static const char *const texts[] = {
      OPEN DISTANCES VIEW("0") VIEW("-390.5") CLOSE,
      "<RTKThreeDCircularGeometry version='2'>" DISTANCES VIEW("\n 1e1\t") CLOSE,
      OPEN DISTANCES
      "<RadiusCylindricalDetector>0</RadiusCylindricalDetector>"
      "<CollimationUInf>1.79769313486232e+308</CollimationUInf>" VIEW("0") CLOSE,
      OPEN "<Projection/>" CLOSE, /* all are 0: one parallel view */
      OPEN DISTANCES
      "<!-- a comment --><Projection><GantryAngle>1<!-- -->5</GantryAngle>"
      "<CollimationVSup>50</CollimationVSup></Projection>" CLOSE,
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !without_expat(); i++) {
    kvox_ct_geometry *geometry = NULL;
    const kvox_status status = load(texts[i], &geometry);
    if (status != KVOX_OK) {
      fail_msg("%s: %s", texts[i], kvox_last_error());
    }
    assert_true(kvox_ct_geometry_is_circular(geometry));
    kvox_ct_geometry_destroy(geometry);
  }
}

static void mistakes(void **state) {
  (void)state;
  static const struct {
    const char *text;
    kvox_status status;
    const char *words;
  } cases[] = {
      {"", KVOX_ERROR_FORMAT, "no XML"},
      {"{}", KVOX_ERROR_FORMAT, "no XML"},
      {"<a/>", KVOX_ERROR_FORMAT, "<a>, RTK's geometry is"},
      {"<RTKThreeDCircularGeometry/>", KVOX_ERROR_UNSUPPORTED, "version is \"\""},
      {"<RTKThreeDCircularGeometry version=\"1\"/>", KVOX_ERROR_UNSUPPORTED, "version is \"1\""},
      {OPEN CLOSE, KVOX_ERROR_FORMAT, "no Projection"},
      {OPEN DISTANCES VIEW("0") "\n", KVOX_ERROR_FORMAT, "no element found"},
      {OPEN DISTANCES VIEW("0") CLOSE "<b/>", KVOX_ERROR_FORMAT, "junk after"},
      {OPEN DISTANCES VIEW("") CLOSE, KVOX_ERROR_FORMAT, "GantryAngle is \"\""},
      {OPEN DISTANCES VIEW("nan") CLOSE, KVOX_ERROR_FORMAT, "line 5: GantryAngle is \"nan\", must be a number"},
      {OPEN DISTANCES VIEW("0x10") CLOSE, KVOX_ERROR_FORMAT, "GantryAngle is \"0x10\""},
      {OPEN DISTANCES VIEW("1e999") CLOSE, KVOX_ERROR_FORMAT, "GantryAngle is too large"},
      {OPEN DISTANCES VIEW("1 2") CLOSE, KVOX_ERROR_FORMAT, "GantryAngle is \"1 2\""},
      {OPEN DISTANCES VIEW("1-2") CLOSE, KVOX_ERROR_FORMAT, "GantryAngle is \"1-2\""},
      {OPEN DISTANCES VIEW("<b/>") CLOSE, KVOX_ERROR_FORMAT, "<b> stands within GantryAngle"},
      {OPEN DISTANCES DISTANCES VIEW("0") CLOSE, KVOX_ERROR_FORMAT, "SourceToIsocenterDistance is there twice"},
      {OPEN DISTANCES "<Projection><GantryAngle>0</GantryAngle><GantryAngle>0</GantryAngle></Projection>" CLOSE,
       KVOX_ERROR_FORMAT, "GantryAngle is there twice"},
      {OPEN VIEW("0") DISTANCES CLOSE, KVOX_ERROR_FORMAT, "follows a Projection"},
      {OPEN DISTANCES "<GantryAngel>0</GantryAngel>" CLOSE, KVOX_ERROR_FORMAT, "<GantryAngel> is no element"},
      {OPEN DISTANCES "<Projection><Projection/></Projection>" CLOSE, KVOX_ERROR_FORMAT, "<Projection> is no element"},
      {OPEN DISTANCES "<Matrix>1</Matrix>" CLOSE, KVOX_ERROR_FORMAT, "Matrix must stand in a Projection"},
      {OPEN DISTANCES "<Projection><RadiusCylindricalDetector>0</RadiusCylindricalDetector></Projection>" CLOSE,
       KVOX_ERROR_FORMAT, "RadiusCylindricalDetector must stand before"},
      {OPEN "<RadiusCylindricalDetector>1536</RadiusCylindricalDetector>" CLOSE, KVOX_ERROR_UNSUPPORTED,
       "the detector is an arc"},
      {OPEN DISTANCES "0.5" VIEW("0") CLOSE, KVOX_ERROR_FORMAT, "text stands between"},
      {OPEN DISTANCES VIEW("0") "<Projection/>" CLOSE, KVOX_ERROR_FORMAT,
       "GantryAngle stands in projection 0, not in 1"},
      {OPEN DISTANCES "<Projection/>" VIEW("0") CLOSE, KVOX_ERROR_FORMAT,
       "GantryAngle stands in projection 1, not in 0"},
      {OPEN "<Projection><SourceToDetectorDistance>0</SourceToDetectorDistance></Projection><Projection>"
            "<SourceToDetectorDistance>9</SourceToDetectorDistance></Projection>" CLOSE,
       KVOX_ERROR_FORMAT, "is 0 (a parallel beam) in projection 0 and not in 1"},
      {OPEN DISTANCES "<Projection><GantryAngle>0</GantryAngle><Matrix>1 2 3</Matrix></Projection>" CLOSE,
       KVOX_ERROR_FORMAT, "Matrix must have 12 numbers"},
      {OPEN DISTANCES "<Projection><GantryAngle>0</GantryAngle>"
                      "<Matrix>-1000 0 0 0 0 -1000 0 0 0 0 1 -501</Matrix></Projection>" CLOSE,
       KVOX_ERROR_FORMAT, "the Matrix of projection 0 contradicts"},
      {OPEN "<SourceToDetectorDistance>1000</SourceToDetectorDistance>" VIEW("0") CLOSE, KVOX_ERROR_ARGUMENT,
       "file: geometry: "}, /* the source in the isocentre */
      /* Entities: declared, of a file, undefined. */
      {"<!DOCTYPE a [<!ENTITY b \"5\">]><RTKThreeDCircularGeometry version=\"3\">" DISTANCES VIEW("&b;") CLOSE,
       KVOX_ERROR_FORMAT, "declares entities"},
      {"<!DOCTYPE a [<!ENTITY b SYSTEM \"/etc/passwd\">]><RTKThreeDCircularGeometry version=\"3\">" VIEW("&b;") CLOSE,
       KVOX_ERROR_FORMAT, "declares entities"},
      {"<!DOCTYPE a [<!ENTITY % b \"c\"> %b;]><RTKThreeDCircularGeometry version=\"3\">" VIEW("0") CLOSE,
       KVOX_ERROR_FORMAT, "declares entities"},
      {"<!DOCTYPE a SYSTEM \"b\"><RTKThreeDCircularGeometry version=\"3\">" VIEW("&c;") CLOSE, KVOX_ERROR_FORMAT,
       "the entity \"c\" means nothing"},
      {OPEN VIEW("&c;") CLOSE, KVOX_ERROR_FORMAT, "undefined entity"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0] && !without_expat(); i++) {
    kvox_ct_geometry *geometry = NULL;
    const kvox_status status = load(cases[i].text, &geometry);
    if (status != cases[i].status || strstr(kvox_last_error(), cases[i].words) == NULL ||
        strncmp(kvox_last_error(), "file: ", 6) != 0) {
      fail_msg("%s: %s (%s)", cases[i].text, kvox_status_string(status), kvox_last_error());
    }
    assert_null(geometry);
  }
}

/* Long texts, many projections, sizes beyond any geometry. */
static void sizes(void **state) {
  (void)state;
  kvox_ct_geometry *geometry = NULL;
  if (without_expat()) {
    return;
  }
  enum { MANY = 1 << 20 };
  char *text = malloc(sizeof OPEN + 14 * (MANY + 16));
  assert_non_null(text);
  size_t used = (size_t)sprintf(text, "%s<GantryAngle>", OPEN);
  memset(text + used, '1', 4096);
  strcpy(text + used + 4096, "</GantryAngle>" CLOSE);
  assert_fails(KVOX_ERROR_FORMAT, "longer than its numbers", load(text, &geometry));
  used = (size_t)sprintf(text, "%s", OPEN);
  for (int i = 0; i <= MANY; i++, used += 13) {
    memcpy(text + used, "<Projection/>", 13);
  }
  text[used] = '\0';
  assert_fails(KVOX_ERROR_FORMAT, "more than 1048576 projections", load(text, &geometry));
  free(text);
  assert_fails(KVOX_ERROR_FORMAT, "has 1073741824 bytes", load_with_size(context, "", (size_t)1 << 30, &geometry));
}

static const char whole[] = OPEN DISTANCES VIEW("0") VIEW("90") VIEW("180") VIEW("270") "</RTKThreeDCircularGeometry>";

static void truncated(void **state) {
  (void)state;
  for (size_t length = 0; length + 1 < sizeof whole && !without_expat(); length++) {
    kvox_ct_geometry *geometry = NULL;
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, whole, length);
    assert_fails(KVOX_ERROR_FORMAT, "file: ", load_with_size(context, copy, length, &geometry));
    free(copy);
  }
}

static kvox_status read_with(const kvox_context_options *options, void *data) {
  kvox_ct_geometry *geometry = NULL;
  kvox_context *made = NULL;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = load_with_size(made, data, strlen(data), &geometry);
  }
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(made);
  return status;
}

static kvox_status write_with(const kvox_context_options *options, void *data) {
  kvox_context *made = NULL;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = kvox_io_write_rtk_geometry(made, at("scarce.xml"), data);
  }
  kvox_context_destroy(made);
  return status;
}

static void scarce_memory(void **state) {
  (void)state;
  kvox_ct_geometry *geometry = NULL;
  if (without_expat()) {
    return;
  }
  char circle[sizeof whole];
  memcpy(circle, whole, sizeof whole);
  assert_true(failing_heap_try(read_with, circle) > 5);
  char views[] = OPEN "<InPlaneAngle>5</InPlaneAngle>" DISTANCES VIEW("0") VIEW("120") VIEW("240") CLOSE;
  assert_true(failing_heap_try(read_with, views) > 5);
  assert_ok(load(views, &geometry));
  count_files(true);
  assert_true(failing_heap_try(write_with, geometry) > 2);
  assert_int_equal(count_files(true), 1);
  kvox_ct_geometry_destroy(geometry);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts),   cmocka_unit_test(mistakes),      cmocka_unit_test(sizes),
      cmocka_unit_test(truncated), cmocka_unit_test(scarce_memory),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
