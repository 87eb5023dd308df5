/* What was done and chosen, in words. */
#include "mri/recon.h"

static void write_sizes(kvox_text *json, const char *name, const int64_t sizes[3]) {
  kvox_json_open(json, name, '[');
  for (int a = 0; a < 3; a++) {
    kvox_json_integer(json, NULL, sizes[a]);
  }
  kvox_json_close(json, ']');
}

static void write_choices(const kvox_mri_recon *r, kvox_text *json) {
  static const char *const combinations[] = {"root sum of squares", "adaptive", "separate"};
  static const char *const partials[] = {"zero-fill", "homodyne", "pocs"};
  static const char *const ghosts[] = {"auto", "navigators", "image", "left"};
  const kvox_mri_recon_options *o = &r->options;
  kvox_json_string(json, "combine", combinations[o->combine]);
  kvox_json_string(json, "partial", partials[o->partial]);
  kvox_json_bool(json, "snr_units", o->snr_units != 0);
  const kvox_mri_noise *noise = r->noise != NULL ? r->noise : r->edges_tell ? r->edge_noise : NULL;
  const char *measured = r->noise == NULL                    ? "edges of k-space"
                         : kvox_mri_noise_samples(noise) > 0 ? "measured"
                                                             : "given";
  kvox_json_string(json, "noise", noise != NULL ? measured : "none");
  kvox_json_integer(json, "noise_samples", kvox_mri_noise_samples(noise));
  if (r->matrix != NULL && kvox_mri_recon_images(r, r->coils) < r->coils) {
    kvox_json_integer(json, "virtual_coils", kvox_mri_recon_images(r, r->coils));
    kvox_json_number(json, "energy_kept", r->kept_energy);
  }
  if (r->protocol.trajectory == KVOX_MRI_EPI) {
    kvox_json_bool(json, "regridded", r->ramp != NULL);
    kvox_json_string(json, "ghost", ghosts[o->ghost]);
    kvox_json_bool(json, "navigators", kvox_mri_recon_saw_navigators(r));
  }
}

static const char *write_all(kvox_mri_recon *r) {
  kvox_text *json = &r->words;
  kvox_text_release(json);
  kvox_text_start(json, r->context->heap);
  kvox_json_open(json, NULL, '{');
  kvox_context_write_provenance(r->context, false, json);
  kvox_json_string(json, "method", r->protocol.trajectory == KVOX_MRI_EPI ? "epi" : "cartesian");
  write_sizes(json, "encoded_size", r->layout.encoded);
  write_sizes(json, "transform_size", r->layout.transform);
  write_sizes(json, "image_size", r->layout.image);
  kvox_json_integer(json, "coils", r->coils);
  kvox_json_integer(json, "frames", r->layout.frames);
  kvox_json_integer(json, "slices", r->layout.slices);
  kvox_json_integer(json, "lines", r->lines);
  kvox_json_integer(json, "lines_expected", r->layout.lines);
  kvox_json_integer(json, "readouts_left_out", r->left_out);
  write_choices(r, json);
  kvox_json_close(json, '}');
  return json->status == KVOX_OK ? json->bytes : "";
}

const char *kvox_mri_recon_provenance(kvox_mri_recon *recon) { return recon != NULL ? write_all(recon) : ""; }
