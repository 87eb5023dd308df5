/* The text of a twix header: few numbers of it, each judged. Nothing else of it is kept or put into a sentence. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/twix.h"

/* Sizes are counters of 16 bits in the readouts; lengths beyond 100 m and times beyond 100 s are none of a scanner. */
static const double most_size = 65535, most_mm = 1e5, most_us = 1e8;

typedef struct number {
  const char *name;
  double least;
  const double *most;
  bool whole, required;
} number;

static const number numbers[KVOX_IO_TWIX_NUMBERS] = {
    [KVOX_IO_TWIX_BASE] = {"sKSpace.lBaseResolution", 1, &most_size, true, true},
    [KVOX_IO_TWIX_LINES] = {"sKSpace.lPhaseEncodingLines", 1, &most_size, true, true},
    [KVOX_IO_TWIX_PARTITIONS] = {"sKSpace.lPartitions", 0, &most_size, true, false},
    [KVOX_IO_TWIX_IMAGES] = {"sKSpace.lImagesPerSlab", 0, &most_size, true, false},
    [KVOX_IO_TWIX_DIMENSION] = {"sKSpace.ucDimension", 0, &most_size, true, false},
    [KVOX_IO_TWIX_TRAJECTORY] = {"sKSpace.ucTrajectory", 0, &most_size, true, false},
    [KVOX_IO_TWIX_PHASE_OVERSAMPLING] = {"sKSpace.dPhaseOversamplingForDialog", 0, &most_size, false, false},
    [KVOX_IO_TWIX_SLICE_OVERSAMPLING] = {"sKSpace.dSliceOversamplingForDialog", 0, &most_size, false, false},
    [KVOX_IO_TWIX_READ_MM] = {"sSliceArray.asSlice[0].dReadoutFOV", 1e-3, &most_mm, false, true},
    [KVOX_IO_TWIX_PHASE_MM] = {"sSliceArray.asSlice[0].dPhaseFOV", 1e-3, &most_mm, false, true},
    [KVOX_IO_TWIX_THICKNESS_MM] = {"sSliceArray.asSlice[0].dThickness", 1e-3, &most_mm, false, true},
    [KVOX_IO_TWIX_DWELL_NS] = {"sRXSPEC.alDwellTime[0]", 0, &most_us, false, false},
    [KVOX_IO_TWIX_FIELD_T] = {"sProtConsistencyInfo.flNominalB0", 0, &most_size, false, false},
    [KVOX_IO_TWIX_ACCELERATION_1] = {"sPat.lAccelFactPE", 0, &most_size, false, false},
    [KVOX_IO_TWIX_ACCELERATION_2] = {"sPat.lAccelFact3D", 0, &most_size, false, false},
    [KVOX_IO_TWIX_EPI_FACTOR] = {"sFastImaging.lEPIFactor", 0, &most_size, false, false},
    [KVOX_IO_TWIX_ECHOES] = {"lContrasts", 0, &most_size, true, false},
    [KVOX_IO_TWIX_READ_OVERSAMPLING] = {"flReadoutOSFactor", 0, &most_size, false, false},
    [KVOX_IO_TWIX_RAMP_UP_US] = {"alRegridRampupTime", 0, &most_us, false, false},
    [KVOX_IO_TWIX_RAMP_FLAT_US] = {"alRegridFlattopTime", 0, &most_us, false, false},
    [KVOX_IO_TWIX_RAMP_DOWN_US] = {"alRegridRampdownTime", 0, &most_us, false, false},
    [KVOX_IO_TWIX_RAMP_DELAY_US] = {"alRegridDelaySamplesTime", 0, &most_us, false, false},
    [KVOX_IO_TWIX_RAMP_ADC_US] = {"aflRegridADCDuration", 0, &most_us, false, false},
};

/* ---- Numbers ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static const char *skip_blanks(const char *at) {
  while (is_blank(*at)) {
    at++;
  }
  return at;
}

/* Decimal, or hexadecimal after 0x; NULL: there is none. A copy first: digits without end are no number. */
static const char *take_number(const char *at, double *value) {
  char digits[48];
  size_t length = strspn(at, "+-.0123456789abcdefABCDEFxX");
  if (length == 0 || length >= sizeof digits) {
    return NULL;
  }
  memcpy(digits, at, length);
  digits[length] = '\0';
  const char *end = kvox_extend_parse(digits, value);
  return end == digits + length ? at + length : NULL;
}

static kvox_status judge(const kvox_io_file *file, int which, double value, kvox_io_twix_text *text) {
  const number *n = &numbers[which];
  char least[32], most[32];
  if (!(value >= n->least && value <= *n->most) || (n->whole && value != floor(value))) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "its header's %s must be a %snumber from %s to %s", n->name,
                             n->whole ? "whole " : "", kvox_extend_format(n->least, 6, least, sizeof least),
                             kvox_extend_format(*n->most, 6, most, sizeof most));
  }
  text->numbers[which] = value;
  return KVOX_OK;
}

/* ---- MeasYaps: lines "name = number" ---- */

/* i of alTE[i], or -1. Echoes beyond those that are kept matter only where lContrasts says that there are so many. */
static int echo_of(const char *name, size_t length) {
  int echo = 0;
  if (length < 7 || length > 8 || strncmp(name, "alTE[", 5) != 0 || name[length - 1] != ']') {
    return -1;
  }
  for (size_t i = 5; i < length - 1; i++) {
    if (name[i] < '0' || name[i] > '9') {
      return -1;
    }
    echo = 10 * echo + (name[i] - '0');
  }
  return echo < KVOX_MRI_MOST_ECHOES ? echo : -1;
}

static kvox_status take_line(const kvox_io_file *file, const char *name, size_t length, const char *value,
                             kvox_io_twix_text *text) {
  const int echo = echo_of(name, length);
  double parsed = NAN;
  int which = 0;
  while (which < KVOX_IO_TWIX_YAPS &&
         (strlen(numbers[which].name) != length || memcmp(numbers[which].name, name, length) != 0)) {
    which++;
  }
  if (echo < 0 && which == KVOX_IO_TWIX_YAPS) {
    return KVOX_OK;
  }
  take_number(value, &parsed);
  if (echo < 0) {
    return judge(file, which, parsed, text);
  }
  if (!(parsed >= 0 && parsed <= most_us)) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "its header's alTE[%d] is no time in microseconds", echo);
  }
  text->echo_us[echo] = parsed;
  return KVOX_OK;
}

kvox_status kvox_io_twix_yaps(const kvox_io_file *file, const char *text, kvox_io_twix_text *out) {
  for (const char *line = text; *line != '\0';) {
    const char *name = line + strspn(line, " \t"), *end = line + strcspn(line, "\n");
    const size_t length = strcspn(name, " \t=\r\n");
    const char *equals = name + length + strspn(name + length, " \t");
    if (*equals == '=') {
      equals++;
      KVOX_TRY(take_line(file, name, length, equals + strspn(equals, " \t"), out));
    }
    line = *end == '\n' ? end + 1 : end;
  }
  for (int which = 0; which < KVOX_IO_TWIX_YAPS; which++) {
    if (numbers[which].required && out->numbers[which] == 0) {
      return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "its header's MeasYaps lacks %s", numbers[which].name);
    }
  }
  return KVOX_OK;
}

/* ---- Meas: <ParamLong."name"> { <Precision> 6 number ... } ---- */

/* The first number within the braces; false: none, or the name stands here for something else. */
static bool take_braces(const char *at, double *value) {
  at = skip_blanks(at);
  if (*at++ != '{') {
    return false;
  }
  at = skip_blanks(at);
  if (strncmp(at, "<Precision>", 11) == 0) {
    double digits;
    at = take_number(skip_blanks(at + 11), &digits);
    at = at != NULL ? skip_blanks(at) : "";
  }
  return take_number(at, value) != NULL;
}

kvox_status kvox_io_twix_meas(const kvox_io_file *file, const char *text, kvox_io_twix_text *out) {
  /* Names are looked for where one can begin: the text is read once, not once a name. */
  for (const char *at = strstr(text, ".\""); at != NULL; at = strstr(at, ".\"")) {
    at += 2;
    const size_t length = strcspn(at, "\"<>{}\n");
    const char *after = at + length;
    for (int which = KVOX_IO_TWIX_YAPS; which < KVOX_IO_TWIX_NUMBERS && after[0] == '"' && after[1] == '>'; which++) {
      double value = 0;
      if (strlen(numbers[which].name) == length && memcmp(numbers[which].name, at, length) == 0 &&
          out->numbers[which] == 0 && take_braces(after + 2, &value)) {
        KVOX_TRY(judge(file, which, value, out));
      }
    }
    at = after;
  }
  return KVOX_OK;
}

/* ---- The protocol ---- */

static void set_sizes(const kvox_io_twix_text *text, const kvox_io_twix_found *found, kvox_mri_protocol *p) {
  const double *n = text->numbers;
  /* Siemens' scanners sample twice as densely as asked for unless the header says otherwise. */
  const double oversampling = n[KVOX_IO_TWIX_READ_OVERSAMPLING] > 0 ? n[KVOX_IO_TWIX_READ_OVERSAMPLING] : 2;
  const bool slab = n[KVOX_IO_TWIX_DIMENSION] == 4 && n[KVOX_IO_TWIX_PARTITIONS] > 0;
  const double image_lines = round(n[KVOX_IO_TWIX_BASE] * n[KVOX_IO_TWIX_PHASE_MM] / n[KVOX_IO_TWIX_READ_MM]);
  const double columns = round(n[KVOX_IO_TWIX_BASE] * oversampling);
  p->encoded_size[0] = (int64_t)fmin(fmax(columns, found->samples), most_size);
  p->encoded_size[1] = (int64_t)n[KVOX_IO_TWIX_LINES];
  p->encoded_size[2] = slab ? (int64_t)n[KVOX_IO_TWIX_PARTITIONS] : 1;
  p->image_size[0] = (int64_t)n[KVOX_IO_TWIX_BASE];
  p->image_size[1] = (int64_t)fmin(fmax(image_lines, 1), most_size);
  p->image_size[2] = slab && n[KVOX_IO_TWIX_IMAGES] > 0 ? (int64_t)n[KVOX_IO_TWIX_IMAGES] : p->encoded_size[2];
  p->image_mm[0] = n[KVOX_IO_TWIX_READ_MM];
  p->image_mm[1] = n[KVOX_IO_TWIX_PHASE_MM];
  p->image_mm[2] = n[KVOX_IO_TWIX_THICKNESS_MM];
  p->encoded_mm[0] = p->image_mm[0] * (double)p->encoded_size[0] / n[KVOX_IO_TWIX_BASE];
  p->encoded_mm[1] = p->image_mm[1] * (1 + n[KVOX_IO_TWIX_PHASE_OVERSAMPLING]);
  p->encoded_mm[2] = p->image_mm[2] * (slab ? 1 + n[KVOX_IO_TWIX_SLICE_OVERSAMPLING] : 1);
}

/* A train of echoes has ramp times, or an EPI factor above 1. */
static int32_t trajectory_of(const double *n) {
  switch ((int)n[KVOX_IO_TWIX_TRAJECTORY]) {
    case 0:
    case 1: return n[KVOX_IO_TWIX_RAMP_UP_US] > 0 || n[KVOX_IO_TWIX_EPI_FACTOR] > 1 ? KVOX_MRI_EPI : KVOX_MRI_CARTESIAN;
    case 2: return KVOX_MRI_RADIAL;
    case 4: return KVOX_MRI_SPIRAL;
    default: return KVOX_MRI_OTHER;
  }
}

static void set_ramps(const double *n, const kvox_io_twix_found *found, kvox_mri_ramps *ramps) {
  const double adc_dwell_us = found->samples > 0 ? n[KVOX_IO_TWIX_RAMP_ADC_US] / found->samples : 0;
  ramps->navigators = found->navigators;
  if (!(n[KVOX_IO_TWIX_RAMP_UP_US] > 0)) {
    return;
  }
  ramps->up_us = n[KVOX_IO_TWIX_RAMP_UP_US];
  ramps->flat_us = n[KVOX_IO_TWIX_RAMP_FLAT_US];
  ramps->down_us = n[KVOX_IO_TWIX_RAMP_DOWN_US];
  ramps->delay_us = n[KVOX_IO_TWIX_RAMP_DELAY_US];
  ramps->dwell_us = n[KVOX_IO_TWIX_DWELL_NS] > 0 ? n[KVOX_IO_TWIX_DWELL_NS] / 1000 : adc_dwell_us;
  ramps->samples = found->samples;
}

/* k = 0 is where the readouts say, which counts what partial Fourier left out; of a 2D scan there is one partition,
 * whatever they say. */
static void set_limits(const kvox_io_twix_found *found, kvox_mri_protocol *p) {
  if (found->images > 0) {
    memcpy(p->limits, found->limits, sizeof p->limits);
  } else {
    for (int c = KVOX_MRI_STEP_1; c <= KVOX_MRI_STEP_2; c++) {
      const int32_t size = (int32_t)p->encoded_size[c + 1];
      p->limits[c] = (kvox_mri_limits){0, size - 1, size / 2};
    }
  }
  if (p->encoded_size[2] == 1) {
    p->limits[KVOX_MRI_STEP_2].center = 0;
  }
}

kvox_status kvox_io_twix_protocol(const kvox_io_file *file, const kvox_io_twix_text *text,
                                  const kvox_io_twix_found *found, kvox_mri_protocol *p) {
  const double *n = text->numbers;
  const double echoes = fmax(n[KVOX_IO_TWIX_ECHOES], 1);
  if (echoes > KVOX_MRI_MOST_ECHOES) {
    return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED, "its header has more than %d echo times",
                             KVOX_MRI_MOST_ECHOES);
  }
  set_sizes(text, found, p);
  set_limits(found, p);
  p->trajectory = trajectory_of(n);
  p->coils = found->coils;
  for (int e = 0; e < (int)echoes && text->echo_us[e] > 0; e++) {
    p->echo_ms[p->echoes++] = text->echo_us[e] / 1000;
  }
  p->acceleration[0] = n[KVOX_IO_TWIX_ACCELERATION_1];
  p->acceleration[1] = n[KVOX_IO_TWIX_ACCELERATION_2];
  p->field_t = n[KVOX_IO_TWIX_FIELD_T];
  if (p->trajectory == KVOX_MRI_EPI) {
    set_ramps(n, found, &p->ramps);
  }
  return KVOX_OK;
}
