#include "ct/provenance.h"

static void write_grid(kvox_text *json, const char *name, const kvox_grid *grid) {
  kvox_json_open(json, name, '{');
  kvox_json_open(json, "size", '[');
  for (int a = 0; a < 3; a++) {
    kvox_json_integer(json, NULL, grid->size[a]);
  }
  kvox_json_close(json, ']');
  kvox_json_open(json, "spacing_mm", '[');
  for (int a = 0; a < 3; a++) {
    kvox_json_number(json, NULL, grid->spacing_mm[a]);
  }
  kvox_json_close(json, ']');
  kvox_json_open(json, "origin_mm", '[');
  for (int a = 0; a < 3; a++) {
    kvox_json_number(json, NULL, grid->origin_mm[a]);
  }
  kvox_json_close(json, ']');
  kvox_json_close(json, '}');
}

void kvox_ct_provenance_open(kvox_text *json, const kvox_context *context, bool on_device,
                             const kvox_ct_geometry *geometry, const char *method) {
  const kvox_ct_geometry *g = geometry;
  kvox_text_start(json, context->heap);
  kvox_json_open(json, NULL, '{');
  kvox_context_write_provenance(context, on_device, json);
  kvox_json_string(json, "method", method);
  kvox_json_integer(json, "views", g->views);
  kvox_json_integer(json, "rows", g->rows);
  kvox_json_integer(json, "columns", g->columns);
  kvox_json_number(json, "column_pitch_mm", g->pitch_known ? g->column_pitch_mm : 0);
  kvox_json_number(json, "row_pitch_mm", g->pitch_known ? g->row_pitch_mm : 0);
  kvox_json_number(json, "center_px", g->center_column_px);
  if (g->beam != KVOX_CT_PARALLEL) {
    kvox_json_number(json, "source_to_axis_mm", g->source_to_axis_mm);
    kvox_json_number(json, "source_to_detector_mm", g->source_to_detector_mm);
  }
  kvox_json_number(json, "first_angle_deg", g->angles_deg[0]);
  kvox_json_number(json, "last_angle_deg", g->angles_deg[g->views - 1]);
}

char *kvox_ct_provenance_close(kvox_text *json, const kvox_grid *grid) {
  write_grid(json, "grid", grid);
  kvox_json_close(json, '}');
  if (json->status != KVOX_OK) {
    kvox_text_release(json);
  }
  return json->bytes;
}
